// What a shard tells watchers: live of each change, and behind a replay of what they were not told before.
#include <algorithm>

#include "actors/shard.hpp"
#include "profile/segments/standing.hpp"

namespace kith::actors {

void shard::publish_change(profile_actor& actor, const profile::event_view* event) {
  if (!environment_.watched.load(std::memory_order_relaxed)) return;
  watched_change made;
  if (event != nullptr) made.event = event_key(*event);
  if (replaying_) {
    // Watchers begin at the end of the replay, but for those whom the log was kept for.
    if (event == nullptr || !watches_.logging()) return;
    const auto& told = environment_.told_events;
    if (std::binary_search(told.begin(), told.end(), made.event)) return;
  }
  made.profile = actor.address();
  made.version = actor.state().version();
  if (event != nullptr && !event->traits.empty()) made.traits = std::make_shared<const std::string>(event->traits);
  made.memberships = last_change_;
  actor.list_addresses();
  if (actor.identity_) made.addresses = actor.identity_->addresses;
  watches_.record(std::move(made));
}

std::vector<profile::hash128> shard::end_replay() {
  replaying_ = false;
  if (!definitions_) told_ = {};  // there is nothing to enter or leave
  return told_.profiles();
}

/// A membership changed of which nobody is told now: the replay goes on, or what was told before comes first.
void shard::pass_over(profile_actor& actor, std::string_view segment, bool entered) {
  if (watches_.logging()) told_.pass_over(actor.address(), profile::segments::segment_key(segment), entered);
}

void shard::tell_difference(profile_actor& actor) {
  if (replaying_ || !told_.contains(actor.address())) return;
  const auto is_in = [&](std::uint64_t segment) {
    if (!actor.standing_) return false;
    const auto& members = actor.standing_->now.members();
    return std::any_of(members.begin(), members.end(), [&](const auto& each) { return each.segment == segment; });
  };
  auto names = std::make_shared<membership_change>();
  for (const auto& told : told_.take(actor.address())) {
    const auto name = segment_names_.find(told.segment);
    if (name == segment_names_.end() || told.member == is_in(told.segment)) continue;
    (told.member ? names->left : names->entered).emplace_back(name->second);
  }
  if (names->entered.empty() && names->left.empty()) return;
  last_change_ = std::move(names);
  publish_change(actor);
  last_change_.reset();
}

}  // namespace kith::actors
