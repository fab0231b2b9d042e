// How many profiles would be in a segment that nobody has defined: looks at all of them, in memory and on disk, and
// changes nothing.
//
// First the shards are asked for copies of what they have in memory, some at a time; then the store's snapshots are
// walked, and those left out that were seen in memory. So a profile that is saved and let go meanwhile is seen, and one
// that is loaded meanwhile is seen as it was saved. What the store has of joined profiles is brought together by their
// links (decisions/0004). Aggregates that only this segment reads are filled from the history, in the copies.
//
// Thread safety: none; it belongs to one thread, which must not be a shard's.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <tsl/robin_set.h>
#include <vector>

#include "actors/clock.hpp"
#include "actors/profile_copy.hpp"
#include "actors/service.hpp"
#include "profile/identity/kin.hpp"
#include "profile/profile.hpp"

namespace kith::actors {

class shard;

class preview {
 public:
  static constexpr std::chrono::seconds most_time{10};
  static constexpr std::size_t snapshots_together = 256;
  static constexpr std::size_t events_a_page = 1000;

  struct means {
    persistence::store& store;
    std::vector<std::unique_ptr<shard>>& shards;
    std::function<result<bool>()> feed_some;  ///< the history takes in more of what is durable; true: all of it
    std::function<bool()> stopped;
    int recent_days = profile::profile::default_recent_days;
  };

  preview(means with, preview_question asked, std::int64_t now_ms);

  /// Errors: of the store; unavailable, if the runtime stops meanwhile.
  result<preview_outcome> run();

 private:
  struct relative {
    profile::hash128 address;
    profile::identity::kin kin;
    profile::id_kind kind;
  };
  struct stored {
    profile::hash128 address;
    std::string state;
  };

  bool out_of_time();
  result<void> look_at_active();
  result<void> look_at_stored();
  result<void> look_at(std::vector<stored> batch);
  /// All that links lead to from there; nothing, if they are looked at from another one of them.
  result<std::optional<std::vector<relative>>> relatives_of(profile::hash128 address, profile::identity::kin kin);
  result<void> judge(const profile_copy& one);
  result<bool> fill(profile::profile& state, const facet_copy& of);
  result<bool> is_counted(const profile::profile& state, const facet_copy& of, const profile::event_view& event);
  void keep_sample(const profile_copy& one, const profile::profile& whole);

  const means with_;
  const preview_question asked_;
  const std::int64_t now_ms_;
  const time_point until_;
  std::uint32_t segment_ = 0;
  bool history_current_ = false;  ///< it has all that the copies at hand have counted
  tsl::robin_set<profile::hash128, profile::hash128_hasher> seen_;
  std::vector<std::pair<profile::hash128, std::string>> sample_;  ///< a heap, the highest id first
  preview_outcome found_;
};

}  // namespace kith::actors
