// Latencies per stage, over the last minute, five minutes, hour.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "actors/histogram.hpp"
#include "actors/trace_context.hpp"

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

/// Upper bounds of the buckets that are counted since the start, in microseconds.
inline constexpr std::array<std::uint64_t, 12> latency_bounds = {
    250, 500, 1'000, 2'500, 5'000, 10'000, 25'000, 50'000, 100'000, 250'000, 1'000'000, 5'000'000};

/// A measurement, and the trace that it is of, if that is sampled.
struct latency_sample {
  std::uint64_t microseconds = 0;
  std::int64_t at_ms = 0;  ///< since 1970; 0: there is none
  trace_context of{};
};

/// Since the start; the last of each is of what is over all bounds.
struct latency_buckets {
  std::array<std::uint64_t, latency_bounds.size() + 1> counts{};      ///< each without those below it
  std::array<latency_sample, latency_bounds.size() + 1> exemplars{};  ///< the newest of sampled traces
  std::uint64_t sum = 0;                                              ///< microseconds
};

/// Thread safety: all of it, from any thread; a lane of its own keeps a shard from waiting for others.
class latency_recorder {
 public:
  explicit latency_recorder(unsigned lanes);
  ~latency_recorder();

  void record(unsigned lane, stage stage, std::chrono::nanoseconds latency, const trace_context& of = {}) noexcept;
  /// In microseconds.
  histogram snapshot(stage stage, window window, std::chrono::steady_clock::time_point now) const;
  latency_buckets buckets(stage stage) const;
  /// Of the last minute or two, the slowest first; few.
  std::vector<latency_sample> slowest(stage stage) const;
  /// To be called about every 10 seconds: starts new slices.
  void rotate(std::chrono::steady_clock::time_point now);

 private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

}  // namespace kith::actors
