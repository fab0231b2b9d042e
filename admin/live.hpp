// What the console shows of the last minutes: a point a second, the same for all who look, so that many of them cost
// no more than one.
//
// Invariants: at most `kept` points are held. Thread safety: all of it, from any thread; take() is called by one.
#pragma once

#include <array>
#include <chrono>
#include <deque>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>

#include "actors/histogram.hpp"
#include "actors/service.hpp"
#include "admin/parts.hpp"

namespace kith::admin {

class live {
 public:
  static constexpr std::chrono::seconds pace{1};
  static constexpr std::size_t kept = 600;  ///< ten minutes

  live(actors::service& service, parts with);

  /// Looks at the server. To be called every `pace`.
  void take();

  /// Events of text/event-stream for who has heard up to `heard`, of which 0 is nothing: all points that are kept and
  /// the newest sample; later the newest sample alone, or a comment if there is none that is newer.
  std::string told(std::uint64_t& heard) const;
  /// The newest sample, a JSON object; empty: there is none yet.
  std::string newest() const;

 private:
  using histograms = std::array<actors::histogram, actors::stage_count>;
  struct totals {
    std::uint64_t applied = 0;
    std::uint64_t duplicate = 0;
    std::uint64_t refused = 0;
    std::uint64_t reads = 0;
  };

  totals totals_of(const actors::counters& stats) const;
  nlohmann::json latencies();
  nlohmann::json point_of(const actors::counters& stats);
  nlohmann::json sample_of(const actors::counters& stats) const;

  actors::service& service_;
  const parts with_;
  const std::chrono::steady_clock::time_point started_;

  // Of take() alone:
  std::unique_ptr<histograms> before_ = std::make_unique<histograms>();
  totals totals_before_;
  std::chrono::steady_clock::time_point taken_;
  nlohmann::json webhooks_;  ///< looked at less often: their queues are on disk

  mutable std::mutex mutex_;  // of what follows
  std::uint64_t count_ = 0;   ///< of points so far
  std::deque<std::string> points_;
  std::string newest_;  ///< as JSON
};

}  // namespace kith::admin
