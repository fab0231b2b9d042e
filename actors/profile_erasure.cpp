// How a person's identifiers become nobody's: facets leave the profile that holds them, and their own actors stay empty
// until the store has nothing of them any more.
#include <algorithm>
#include <caf/mailbox_element.hpp>

#include "actors/batch.hpp"
#include "actors/shard.hpp"

namespace kith::actors {

bool profile_actor::hear(erase_facet& what) {
  auto& at = *identity_;
  if (forwards() || at.find(what.target) == nullptr) return pass_on(what.target, what);
  if (!home_.may_move(*this)) return false;
  vanish(*what.order);
  home_.facets_moved();
  return true;
}

/// All facets of the erased leave; those of others, if there are any, stay or find each other at home.
void profile_actor::vanish(erasure_order& order) {
  auto& at = *identity_;
  const bool stays = !order.addresses.contains(address_);
  list_addresses();
  const auto addresses = at.addresses;
  if (!stays && standing_) {
    home_.left_all(*this);
    const std::lock_guard lock(order.mutex);
    for (auto& each : standing_->untold) order.untold.push_back(std::move(each));
  }
  spread();
  auto before = std::exchange(at.facets, {});
  at.clear();
  std::vector<profile::hash128> erased;
  for (auto& [address, each] : before) {
    if (order.addresses.contains(address)) {
      erased.push_back(address);
      if (!each.standing_gone) continue;
      const std::lock_guard lock(order.mutex);
      for (auto& untold : each.standing_gone->outgoing) order.untold.push_back(std::move(untold));
      continue;
    }
    for (const auto gone : order.addresses) each.kin.forget(gone);
    each.dirty = true;
    if (stays) {
      at.add(std::move(each));
    } else {
      send_home(std::move(each));
    }
  }
  if (stays) {
    mark_dirty();
    arrange();
    changed();
  } else {
    state_ = profile::profile();
    spill_.reset();
    at.addresses = addresses;
    home_.publish_change(*this);  // version 0: it was erased
  }
  for (const auto address : erased) {
    if (address != address_) home_.tell(address, be_gone{order.shared_from_this()});
  }
  if (!stays) {
    be_gone own{order.shared_from_this()};
    hear(own);
  }
}

bool profile_actor::hear(be_gone& what) {
  if (what.order->finished) return true;
  auto& at = *identity_;
  if (!forwards() && !at.facets.empty()) {  // it came back from the store meanwhile, maybe with others
    if (!home_.may_move(*this)) return false;
    vanish(*what.order);
    home_.facets_moved();
    return true;
  }
  const auto waiting = std::exchange(at.later, {});
  at.clear();
  at.root = at.sole = address_;
  at.gathered = at.gone = true;
  at.separate = at.fresh_copy = at.becoming_root = at.pinned = false;
  at.awaited.clear();
  at.refused.clear();
  state_ = profile::profile();
  spill_.reset();
  standing_.reset();
  views_.clear();
  dirty_ = false;
  home_.forget(*this);
  for (const auto& each : waiting) at.mail.push_back(std::make_unique<identity_message>(std::move(*each)));
  {
    const std::lock_guard lock(what.order->mutex);
    what.order->gone.insert(address_);
  }
  what.order->changed.notify_all();
  wake();
  return true;
}

bool profile_actor::hear(be_free&) {
  if (!std::exchange(identity_->gone, false)) return true;
  home_.note_vanished(address_);
  return true;
}

namespace {

/// What an identifier that is gone says to each message.
class gone_ears {
 public:
  gone_ears(profile::hash128 own, shard& home) : own_(own), home_(home) {}

  void operator()(meet& what) { refuse_or_return(what, what.asker.address); }
  void operator()(give_way& what) { refuse_or_return(what, what.to.address); }
  void operator()(surrender& what) {
    for (auto& [address, each] : what.facets) {
      if (address == own_) continue;
      home_.facets_move();
      each.moves = home_.next_move();
      home_.tell(address, come_home{std::move(each)});
    }
    home_.facets_moved();
  }
  void operator()(come_home&) { home_.facets_moved(); }
  void operator()(seek& what) { home_.tell(what.target, disclaim{what.moves}); }
  void operator()(erase_facet& what) {
    if (what.target != own_) return send_back(what.target, what);
    home_.tell(own_, be_gone{what.order});  // a later erasure, while this one is not finished
  }
  void operator()(take_apart& what) {
    profile::hash128 next;
    if (what.next(next) && next != own_) return send_back(next, what);
    what.told.insert(own_);
    home_.pass_order(std::move(what));
  }
  template <class Message>
  void operator()(Message&) {}

 private:
  template <class Message>
  void refuse_or_return(Message& what, profile::hash128 asker) {
    if (what.target != own_) return send_back(what.target, what);
    home_.tell(asker, refuse{own_});
  }
  template <class Message>
  void send_back(profile::hash128 target, Message& what) {
    home_.tell(target, disclaim{what.moves});
    home_.tell(target, std::move(what));
  }

  const profile::hash128 own_;
  shard& home_;
};

}  // namespace

void profile_actor::hear_while_gone() {
  auto message = std::move(identity_->mail.front());
  identity_->mail.pop_front();
  if (auto* again = std::get_if<be_gone>(message.get())) {
    hear(*again);
  } else if (std::holds_alternative<be_free>(*message)) {
    be_free free;
    hear(free);
  } else {
    std::visit(gone_ears(address_, home_), *message);
  }
  if (!identity_->gone && identity_->mail.empty()) identity_.reset();
}

}  // namespace kith::actors
