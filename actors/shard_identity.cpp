// What actors need of their shard to become one profile, or two: messages, the store's word on event ids, counters.
#include <algorithm>
#include <boost/asio/post.hpp>
#include <caf/mailbox_element.hpp>

#include "actors/shard.hpp"
#include "profile/accepted_event.hpp"

namespace kith::actors {

namespace identity = profile::identity;

namespace {

/// The name that an event of the history is counted under; empty if it is not readable.
std::string name_of_event(const persistence::history_page::item& item) {
  const auto received = profile::reception_of_accepted(item.received_ms, item.encoded.size());
  const auto event = profile::parse_event(item.encoded, received);
  return event ? std::string(event->name) : std::string();
}

result<std::vector<profile::hash128>> both_counted(persistence::store& store, const overlap_question::pair& pair) {
  auto both = pair.both;
  const auto add_spilled = [&](const overlap_question::side& side,
                               const std::vector<profile::hash128>& ids) -> result<void> {
    if (!side.in_store) return {};
    for (const auto id : ids) {
      if (!store.may_be_spilled(side.address, id)) continue;
      const auto spilled = store.is_spilled(side.address, id);
      if (!spilled) return tl::make_unexpected(spilled.error());
      if (*spilled) both.push_back(id);
    }
    return {};
  };
  if (auto looked = add_spilled(pair.forgets, pair.keeps.ids); !looked) return tl::make_unexpected(looked.error());
  if (auto looked = add_spilled(pair.keeps, pair.forgets.ids); !looked) return tl::make_unexpected(looked.error());
  if (pair.keeps.in_store && pair.forgets.in_store) {
    const auto spilled = store.spilled_at_both(pair.keeps.address, pair.forgets.address);
    if (!spilled) return tl::make_unexpected(spilled.error());
    both.insert(both.end(), spilled->begin(), spilled->end());
  }
  std::sort(both.begin(), both.end());
  both.erase(std::unique(both.begin(), both.end()), both.end());
  return both;
}

/// Blocking.
result<std::vector<counted_twice>> answer(const shard_environment& environment, const overlap_question& question) {
  auto& store = environment.store;
  std::vector<counted_twice> found;
  for (const auto& pair : question.pairs) {
    const auto both = both_counted(store, pair);
    if (!both) return tl::make_unexpected(both.error());
    for (const auto id : *both) {
      const bool known = std::any_of(found.begin(), found.end(), [&](const counted_twice& each) {
        return each.in == pair.forgets.address && each.id == id;
      });
      if (!known) found.push_back({pair.forgets.address, id, {}});
    }
  }
  const auto unnamed = [](const counted_twice& each) { return each.name.empty(); };
  for (const bool once_more : {false, true}) {
    if (std::none_of(found.begin(), found.end(), unnamed)) return found;
    // What was published with `memory` a moment ago may not be in the journal's files yet.
    if (auto durable = once_more ? environment.make_durable() : result<void>(); !durable) {
      return tl::make_unexpected(durable.error());
    }
    if (auto caught_up = environment.catch_up(); !caught_up) return tl::make_unexpected(caught_up.error());
    for (auto& each : found) {
      if (!unnamed(each)) continue;
      const auto item = store.find_in_history(each.in, each.id);
      if (!item) return tl::make_unexpected(item.error());
      if (*item) each.name = name_of_event(**item);
    }
  }
  return found;
}

}  // namespace

void shard::deliver(profile::hash128 address, identity_mail message) {
  const auto to = shard_of(address, environment_.shards.size());
  if (to != id_) {
    auto& there = *environment_.shards[to];
    there.post([&there, address, box = std::make_shared<identity_mail>(std::move(message))] {
      there.deliver(address, std::move(*box));
    });
    return;
  }
  auto& actor = activate(address);
  actor.slot().mail.push_back(std::move(message));
  mail_arrived(actor, true);
}

void shard::hand_on(profile::hash128 address, caf::mailbox_element_ptr mail) {
  const auto to = shard_of(address, environment_.shards.size());
  if (to == id_) return activate(address).enqueue(std::move(mail), this);
  handed_on_[to].push_back({address, std::move(mail)});
}

bool shard::may_move(profile_actor& actor) {
  facets_move();
  if (!actor.dirty() || !environment_.checkpointing) return true;
  facets_moved();
  save({&actor}, false, [](const result<void>&) {});
  return false;
}

/// Segments and watchers are to see that the profile is another one.
void shard::look_again(profile_actor& actor) {
  if (!definitions_) return publish_change(actor);
  actor.enqueue(caf::make_mailbox_element(nullptr, caf::make_message_id(caf::message_priority::high), {},
                                          refresh_standing{nullptr}),
                this);
}

void shard::left_all(profile_actor& actor) {
  const bool untold = replaying_ || told_.contains(actor.address());
  auto names = std::make_shared<membership_change>();
  look_at_consent(actor);
  for (const auto& each : actor.standing_->now.members()) {
    if (const auto name = segment_names_.find(each.segment); name != segment_names_.end()) {
      names->left.emplace_back(name->second);
      tell_membership(actor, names->left.back(), false, false);
      if (untold) pass_over(actor, name->second, false);
    }
  }
  if (names->left.empty()) return;
  shard_counters::add(counters_.left, names->left.size());
  if (untold) return;
  last_change_ = std::move(names);
  publish_change(actor);
  last_change_.reset();
}

void shard::ask_overlap(std::shared_ptr<const overlap_question> asked) {
  // In a turn of its own: what was applied in this one is with the journal then.
  post([this, asked = std::move(asked)] {
    boost::asio::post(environment_.pool, [this, asked] {
      auto found = answer(environment_, *asked);
      post([this, asked, found = std::move(found)] { settled(*asked, found); });
    });
  });
}

void shard::settled(const overlap_question& asked, const result<std::vector<counted_twice>>& found) {
  if (!found) return environment_.failed(found.error());  // it waits: an event might count twice
  std::vector<counted_twice> known;
  for (const auto& each : *found) {
    shard_counters::add(counters_.overlaps, 1);
    if (each.name.empty()) {
      shard_counters::add(counters_.overlaps_unresolved, 1);
      if (environment_.options.log) {
        environment_.options.log("warning", "profile " + to_hex(asked.address) +
                                                ": an event that two of its identifiers had counted before they were "
                                                "joined is not in the history any more, and counts twice");
      }
    } else {
      known.push_back(each);
    }
  }
  auto& actor = *find(asked.address);  // it is busy, so it is still there
  actor.settled(known);
  count_bytes(actor);
}

void shard::pass_order(take_apart what) {
  if (profile::hash128 address; what.next(address)) return tell(address, std::move(what));
  auto& home = *environment_.shards[what.of->home];
  home.post([&home, of = what.of] { home.finish(*of); });
}

void shard::note_ignored(const profile::identifier& who, identity::ignored reason) {
  shard_counters::add(counters_.ids_ignored[static_cast<std::size_t>(reason)], 1);
  const std::lock_guard lock(ignored_mutex_);
  auto known = std::find_if(ignored_.begin(), ignored_.end(), [&](const ignored_identifier& each) {
    return each.reason == reason && each.who.kind == who.kind && each.who.type == who.type &&
           each.who.value == who.value;
  });
  if (known == ignored_.end()) {
    if (ignored_.size() == ignored_shown) {
      ignored_.erase(std::min_element(ignored_.begin(), ignored_.end(),
                                      [](const auto& a, const auto& b) { return a.last_ms < b.last_ms; }));
    }
    known = ignored_.insert(ignored_.end(), {who, reason, 0, 0});
  }
  ++known->times;
  known->last_ms = wall_ms();
}

std::vector<ignored_identifier> shard::ignored_identifiers() const {
  const std::lock_guard lock(ignored_mutex_);
  return ignored_;
}

void shard::suppress(std::shared_ptr<const persistence::suppressed_ids> all,
                     std::shared_ptr<const persistence::erased_addresses> unfinished) {
  suppressed_ = all && !all->all().empty() ? std::move(all) : nullptr;
  unfinished_ = std::move(unfinished);
  for (auto each = vanished_.begin(); each != vanished_.end();) {
    each = suppressed_ && suppressed_->contains(*each) ? std::next(each) : vanished_.erase(each);
  }
  if (!unfinished_) return;
  watches_.forget(*unfinished_);
  const std::lock_guard lock(ignored_mutex_);
  std::erase_if(ignored_, [&](const ignored_identifier& each) {
    profile::hash128 address;
    return profile::address_of(each.who, address) && unfinished_->contains(address);
  });
}

void shard::forget(const profile_actor& actor) {
  timed_.erase(actor.address());
  if (told_.contains(actor.address())) told_.take(actor.address());
}

void shard::broken_identity(profile::hash128 facet) {
  environment_.failed({errc::internal, "identifier " + to_hex(facet) +
                                           ": two profiles hold its events; this is a fault of the program, please "
                                           "report it; a restart brings both together from the journal"});
}

}  // namespace kith::actors
