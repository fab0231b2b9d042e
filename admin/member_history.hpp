// How many members each segment had during the last hour, for a chart.
//
// Counting has the server save the memberships that changed since it was counted last. So it is done often while
// somebody looks, and seldom else.
//
// Invariants: of at most `segments` segments, and at most `most_samples` samples, are held.
// Thread safety: all of it, from any thread that is no shard's; look() is called by one, and may block.
#pragma once

#include <utility>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <string_view>
#include <vector>

#include "actors/service.hpp"

namespace kith::admin {

class member_history {
 public:
  static constexpr std::chrono::milliseconds often = std::chrono::seconds(10);
  static constexpr std::chrono::milliseconds seldom = std::chrono::minutes(1);
  static constexpr std::chrono::milliseconds interest = std::chrono::minutes(2);  ///< of who has asked
  static constexpr std::chrono::milliseconds kept = std::chrono::hours(1);
  static constexpr std::size_t most_samples = static_cast<std::size_t>(kept / often) + 1;
  static constexpr std::size_t segments = 1000;  ///< the first to be evaluated; of others nothing is told

  explicit member_history(actors::service& service) : service_(service) {}

  /// Counts, if it is time to. To be called every second or so.
  void look(std::int64_t now_ms);
  /// Somebody looks at segments.
  void noticed(std::int64_t now_ms);

  struct point {
    std::int64_t at_ms = 0;
    std::uint64_t members = 0;
  };
  /// Oldest first; from the times at which the segment was there.
  std::vector<point> of(std::string_view segment, std::int64_t since_ms) const;

 private:
  struct sample {
    std::int64_t at_ms = 0;
    std::vector<std::pair<std::uint64_t, std::uint64_t>> members;  ///< by the segment's key, sorted
  };
  bool is_due(std::int64_t now_ms) const;

  actors::service& service_;
  mutable std::mutex mutex_;
  std::int64_t noticed_ms_ = 0;
  std::int64_t tried_ms_ = 0;
  std::deque<sample> samples_;
};

}  // namespace kith::admin
