// How an actor learns of other identifiers of its person, and what it does about what other actors say.
#include <algorithm>
#include <caf/mailbox_element.hpp>

#include "actors/batch.hpp"
#include "actors/shard.hpp"

namespace kith::actors {

namespace identity = profile::identity;

namespace {

constexpr std::int64_t ask_again_ms = 60'000;  ///< behind a refusal

struct named_identifier {
  profile::identifier who;
  profile::hash128 address;
  std::uint32_t place;
};

profile::identifier identifier_of(profile::id_kind kind, std::string_view type, std::string_view value) {
  std::string buffer;
  return {kind, std::string(type), std::string(normalized(kind, type, value, buffer))};
}

identity::evidence evidence_of(const profile::event_view& event) {
  const bool explicitly = event.type == profile::event_type::alias;
  return {event.time_ms, std::string(event.message_id), explicitly ? event.time_ms : INT64_MIN};
}

}  // namespace

bool profile_actor::identity_busy() const noexcept {
  const auto& at = *identity_;
  return !at.mail.empty() || !at.awaited.empty() || !at.gathered || at.settling || at.pinned || at.gone;
}

identity_slot& profile_actor::slot() {
  if (!identity_) {
    identity_ = std::make_unique<identity_slot>();
    identity_->root = identity_->sole = address_;
  }
  return *identity_;
}

void profile_actor::own_facet() {
  auto& at = slot();
  if (forwards() || !at.facets.empty()) return;
  facet own;
  own.address = address_;
  own.kin.belong_to(address_);
  own.dirty = dirty_;
  at.add(std::move(own));
  at.sole = address_;
}

bool profile_actor::know(const profile::event_view& event) {
  const auto* const own = identity_ ? identity_->find(event.address) : nullptr;
  if (own == nullptr) return learn(event);
  const auto why = evidence_of(event);
  bool known = true;
  for_each_identifier(event, [&](profile::id_kind kind, std::string_view type, std::string_view value) {
    if (!known) return;
    const auto other = profile::address_of(kind, type, value);
    known = other == event.address || (own->kin.knows(other, why) && identity_->find(other) != nullptr);
  });
  return known || learn(event);
}

/// One identifier after another, the most telling first.
bool profile_actor::learn(const profile::event_view& event) {
  const auto& rules = home_.identity_rules();
  std::vector<named_identifier> others;
  profile::identifier self;
  for_each_identifier(event, [&](profile::id_kind kind, std::string_view type, std::string_view value) {
    named_identifier each{identifier_of(kind, type, value), profile::address_of(kind, type, value),
                          rules.place(kind, type)};
    if (each.address == event.address) {
      self = std::move(each.who);
    } else {
      others.push_back(std::move(each));
    }
  });
  const auto judged = [&](const profile::identifier& who) {
    const auto reason = rules.judge(who.kind, who.type, who.value);
    if (reason == identity::ignored::no) return true;
    home_.note_ignored(who, reason);
    return false;
  };
  if (!judged(self)) return true;
  std::erase_if(others, [&](const named_identifier& each) { return !judged(each.who); });
  if (others.empty()) return true;
  std::stable_sort(others.begin(), others.end(), [](const auto& a, const auto& b) { return a.place < b.place; });
  own_facet();
  identity_->name(*identity_->find(event.address), self);
  const auto why = evidence_of(event);
  return std::all_of(others.begin(), others.end(),
                     [&](const auto& each) { return link(event.address, each.address, each.who, why); });
}

/// False: it was asked to join.
bool profile_actor::link(profile::hash128 from, profile::hash128 other, const profile::identifier& who,
                         const identity::evidence& why) {
  auto& at = *identity_;
  auto& mine = *at.find(from);
  if (auto* theirs = at.find(other)) {
    at.name(*theirs, who);
    const bool new_to_me = mine.kin.add(other, who, why);
    const bool new_to_them = theirs->kin.add(from, mine.kin.self(), why);
    mine.dirty = mine.dirty || new_to_me;
    theirs->dirty = theirs->dirty || new_to_them;
    if (new_to_me || new_to_them) mark_dirty();
    return true;
  }
  if (mine.kin.parted(other, why.renewed_ms)) {
    home_.note_ignored(who, identity::ignored::unmerged);
    return true;
  }
  const auto refused = at.refused.find(other);
  const auto wait_ms = refused == at.refused.end() ? 0 : refused->second - home_.wall_ms();
  if ((wait_ms > 0 && wait_ms <= ask_again_ms) || exceeds({{who.kind, who.type, 1}})) {
    home_.note_ignored(who, identity::ignored::excess);
    return true;
  }
  at.awaited.insert(other);
  home_.tell(other, meet{rank(), other, who, {{from, other, mine.kin.self(), who, why}}, counts(), false});
  return false;
}

void profile_actor::hand_on(caf::mailbox_element_ptr mail) {
  auto& at = *identity_;
  if (std::exchange(at.fresh_copy, false)) at.clear();
  const auto to = [&](profile::hash128 address) {
    if (address == address_) {
      home_.hand_on(at.root, std::move(mail));
    } else {
      send_back(address, std::move(mail));
    }
  };
  auto& content = mail->content();
  if (content.match_element<refresh_standing>(0)) {
    // The root has a standing, and mail of its own.
    home_.tell_difference(*this);
    if (auto* credit = content.get_as<refresh_standing>(0).of) home_.refreshed(*credit);
  } else if (content.match_element<apply_event>(0)) {
    const auto& message = content.get_as<apply_event>(0);
    to(message.of->events[message.index].address);
  } else if (content.match_element<read_profile>(0)) {
    const auto& message = content.get_as<read_profile>(0);
    to(message.of->addresses[message.index]);
  } else {
    receive(mail);
  }
}

/// Mail for an identifier whose facet is not here.
void profile_actor::send_back(profile::hash128 address, caf::mailbox_element_ptr mail) {
  home_.tell(address, lost{});
  home_.hand_on(address, std::move(mail));
}

void profile_actor::load(profile::profile state, std::optional<identity::kin> kin) {
  loading_ = false;
  views_.clear();
  if (!identity_ && !kin) {
    state_ = std::move(state);
    return;
  }
  auto& at = slot();
  const bool as_root = std::exchange(at.becoming_root, false);
  at.clear();
  facet loaded;
  loaded.address = address_;
  loaded.dirty = false;
  if (kin) loaded.kin = std::move(*kin);
  auto& own = at.add(std::move(loaded));
  const bool elsewhere = !own.kin.alone() && own.kin.belongs_to() != address_;
  if (!forwards() && (as_root || !elsewhere)) {
    state_ = std::move(state);
    at.sole = address_;
    at.separate = false;
    at.basis = 0;
    if (own.kin.belongs_to() != address_) {
      own.kin.belong_to(address_);
      own.dirty = true;
      mark_dirty();
    }
    at.gathered = false;
    reach_out(own);
    gather();
    return;
  }
  if (!forwards()) at.root = own.kin.belongs_to();
  own.state = std::move(state);
  at.fresh_copy = true;
  standing_.reset();
}

void profile_actor::come_back_from_store() {
  auto& at = *identity_;
  at.fresh_copy = at.pinned = false;
  at.clear();
  at.becoming_root = true;
  at.root = address_;
  loading_ = true;
  home_.load_again(*this);
}

void profile_actor::wake() {
  if (!urgent_.empty() || (identity_ && !identity_->mail.empty())) home_.mail_arrived(*this, true);
  if (!normal_.empty()) home_.mail_arrived(*this, false);
}

void profile_actor::hear() {
  auto& at = *identity_;
  own_facet();
  auto message = std::move(at.mail.front());
  at.mail.pop_front();
  const bool was_fresh = at.fresh_copy;
  if (std::visit([this](auto& what) { return hear(what); }, *message)) {
    if (was_fresh && at.fresh_copy) {  // from here on somebody may hold what was loaded
      at.fresh_copy = false;
      at.clear();
    }
  } else {
    at.mail.push_front(std::move(message));
  }
}

/// To whoever holds the target's facet.
template <class Message>
bool profile_actor::pass_on(profile::hash128 target, Message& what) {
  if (target == address_) {
    what.moves = identity_->moves;
    home_.tell(identity_->root, std::move(what));
  } else {
    home_.tell(target, disclaim{what.moves});
    home_.tell(target, std::move(what));
  }
  return true;
}

template bool profile_actor::pass_on(profile::hash128 target, erase_facet& what);

/// Until all have come that it was linked to before: whom they counted events with is settled.
template <class Message>
bool profile_actor::postpone(Message& what) {
  identity_->later.push_back(std::make_unique<identity_message>(std::move(what)));
  return true;
}

bool profile_actor::hear(meet& what) {
  auto& at = *identity_;
  if (forwards()) {
    // Just loaded, and by the one that it belongs to: nobody else can hold it, or its actor would have been here.
    if (at.fresh_copy && what.target == address_ && what.asker.address == at.root) {
      return come_from_store(what.asker.address, what.links, what.established);
    }
    return pass_on(what.target, what);
  }
  auto* target = at.find(what.target);
  if (target == nullptr) return pass_on(what.target, what);
  if (at.find(what.asker.address) != nullptr) return true;  // they have met
  if (!what.established && !at.gathered) return postpone(what);
  at.name(*target, what.target_who);
  if (!what.established && exceeds(what.asker_has)) {
    home_.tell(what.asker.address, refuse{what.target});
    return true;
  }
  return contest(what.asker, what.links, what.established);
}

bool profile_actor::contest(const identity::rank& with, std::vector<made_link>& links, bool established) {
  if (with < rank()) return give_up(with.address, links, established);
  identity_->awaited.insert(with.address);
  home_.tell(with.address, give_way{rank(), with.address, std::move(links), established});
  return true;
}

bool profile_actor::hear(give_way& what) {
  auto& at = *identity_;
  if (forwards() || at.find(what.target) == nullptr) return pass_on(what.target, what);
  if (at.find(what.to.address) != nullptr) {  // they have met
    absorb({}, what.links, what.established);
    return true;
  }
  if (!what.established && !at.gathered) return postpone(what);
  return contest(what.to, what.links, what.established);
}

bool profile_actor::hear(surrender& what) {
  if (forwards()) {
    send_facets(identity_->root, std::move(what));
    return true;
  }
  absorb(std::move(what.facets), what.links, what.established);
  home_.facets_moved();
  return true;
}

bool profile_actor::hear(refuse& what) {
  auto& at = *identity_;
  if (forwards() || at.awaited.erase(what.target) == 0) return true;
  at.refused[what.target] = home_.wall_ms() + ask_again_ms;
  gather();
  return true;
}

bool profile_actor::hear(lost&) {
  if (forwards()) home_.tell(identity_->root, seek{address_, identity_->moves});
  return true;
}

bool profile_actor::hear(seek& what) {
  if (forwards() || identity_->find(what.target) == nullptr) home_.tell(what.target, disclaim{what.moves});
  return true;
}

bool profile_actor::hear(disclaim& what) {
  if (forwards() && identity_->moves == what.moves) come_back_from_store();
  return true;
}

bool profile_actor::hear(come_home& what) {
  auto& at = *identity_;
  at.root = address_;
  at.moves = what.own.moves;
  at.pinned = at.fresh_copy = at.gathered = false;
  at.clear();
  at.sole = address_;
  at.separate = false;
  facet_map own;
  own.emplace(what.own.address, std::move(what.own));
  absorb(std::move(own), {}, true);
  home_.facets_moved();
  return true;
}

bool profile_actor::hear(follow& what) {
  auto& at = *identity_;
  if (what.moves < at.moves) return true;
  at.root = what.root;
  at.moves = what.moves;
  at.pinned = true;
  if (std::exchange(at.fresh_copy, false)) at.clear();
  return true;
}

bool profile_actor::hear(kept& what) {
  if (forwards() && identity_->moves == what.moves) identity_->pinned = false;
  return true;
}

bool profile_actor::hear(take_apart& what) {
  auto& at = *identity_;
  const auto& sides = what.order->sides;
  profile::hash128 next;
  const bool any_left = what.next(next);
  if (any_left && (forwards() || at.find(next) == nullptr)) return pass_on(next, what);
  if (!home_.may_move(*this)) return false;
  bool any = false;
  for (int side = 0; side < 2; ++side) {
    for (std::size_t i = 0; i < sides[side].size(); ++i) {
      const auto& who = sides[side][i];
      profile::hash128 address;
      if (!profile::address_of(who, address)) continue;
      auto* of = at.find(address);
      if (of == nullptr) continue;
      what.told.insert(address);
      at.name(*of, who);
      at.parted = true;
      for (const auto& other : sides[1 - side]) {
        profile::hash128 from;
        if (profile::address_of(other, from)) any = of->kin.part(from, what.order->time_ms) || any;
      }
      const auto stay_with = [&](std::size_t neighbour) {
        profile::hash128 to;
        const auto& other = sides[side][neighbour];
        if (profile::address_of(other, to))
          any = of->kin.add(to, other, {what.order->time_ms, {}, what.order->time_ms}) || any;
      };
      if (i > 0) stay_with(i - 1);
      if (i + 1 < sides[side].size()) stay_with(i + 1);
      of->dirty = true;
    }
  }
  if (any) {
    mark_dirty();
    split();
    for (const auto& [key, each] : at.facets) reach_out(each);
    gather();
  }
  home_.facets_moved();
  home_.pass_order(std::move(what));
  return true;
}

}  // namespace kith::actors
