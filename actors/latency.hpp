// Latencies per stage, over the last minute, five minutes, hour.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string_view>

#include "actors/histogram.hpp"

namespace kith::actors {

enum class stage : std::uint8_t {
  ingest,      ///< a publish frame's last byte to its hand-over to the journal
  journal,     ///< hand-over to the journal to durable
  apply,       ///< durable to applied by every profile of the batch
  segment,     ///< a publish frame's last byte to its changes of memberships on their way to watchers
  read,        ///< a get's last byte to its reply
  end_to_end,  ///< a publish frame's last byte to its reply
};
inline constexpr std::size_t stage_count = 6;
std::string_view name_of(stage stage) noexcept;  ///< "ingest", …, "end_to_end"

enum class window : std::uint8_t { minute, five_minutes, hour, ever };

/// Thread safety: all of it, from any thread; a lane of its own keeps a shard from waiting for others.
class latency_recorder {
 public:
  explicit latency_recorder(unsigned lanes);
  ~latency_recorder();

  void record(unsigned lane, stage stage, std::chrono::nanoseconds latency) noexcept;
  /// In microseconds.
  histogram snapshot(stage stage, window window, std::chrono::steady_clock::time_point now) const;
  /// To be called about every 10 seconds: starts new slices.
  void rotate(std::chrono::steady_clock::time_point now);

 private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

}  // namespace kith::actors
