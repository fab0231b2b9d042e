// How facets change hands, and how their join is made and kept exact.
#include <algorithm>
#include <iterator>
#include <tuple>

#include "actors/batch.hpp"
#include "actors/shard.hpp"

namespace kith::actors {

namespace identity = profile::identity;

namespace {

using hash128_pair = std::pair<profile::hash128, profile::hash128>;

bool has_events(const facet& of) { return !of.state.empty() || of.spilled; }

}  // namespace

facet* identity_slot::find(profile::hash128 address) noexcept {
  const auto at = facets.find(address);
  return at != facets.end() ? &at->second : nullptr;
}

facet& identity_slot::add(facet what) {
  count(what, true);
  address_sum += profile::hash_of(profile::to_bytes(what.address)).low;
  parted = parted || !what.kin.partings().empty();
  const auto address = what.address;
  return facets.emplace(address, std::move(what)).first->second;
}

void identity_slot::clear() {
  facets.clear();
  by_type.clear();
  open_links.clear();
  addresses.reset();
  address_sum = 0;
  parted = false;
  uncounted_times_ = 0;
}

void identity_slot::name(facet& of, const profile::identifier& who) {
  if (!of.kin.self().value.empty()) return;
  count(of, false);
  of.kin.name(who);
  count(of, true);
}

void identity_slot::count(const facet& of, bool more) {
  const auto& self = of.kin.self();
  auto of_type = std::find_if(by_type.begin(), by_type.end(),
                              [&](const type_count& one) { return one.kind == self.kind && one.type == self.type; });
  if (of_type == by_type.end()) of_type = by_type.insert(of_type, {self.kind, self.type, 0});
  of_type->count += more ? 1U : -1U;
}

std::size_t identity_slot::heap_bytes() noexcept {
  constexpr std::size_t node_bytes = 48;  // of a tree, beside what it holds
  constexpr std::size_t counted_each_time = 16;
  if (uncounted_times_ > 0) {
    --uncounted_times_;
    return counted_bytes_;
  }
  auto bytes = facets.size() * (sizeof(facet) + node_bytes) + open_links.size() * (32 + node_bytes) +
               awaited.size() * 32 + refused.size() * 40;
  for (const auto& [address, each] : facets) {
    bytes += each.kin.heap_bytes() + each.state.heap_bytes() + each.unspilled.capacity() * 16;
    if (each.spilled) bytes += sizeof(spill) + 48 * (each.spilled->fresh.size() + each.spilled->saving.size());
  }
  counted_bytes_ = bytes;
  uncounted_times_ = facets.size() / counted_each_time;
  return bytes;
}

identity::rank profile_actor::rank() const { return {identity_->find(address_)->kin.self().kind, address_}; }

/// How many identifiers of each type it has, those that were linked within the type's window.
std::vector<type_count> profile_actor::counts() const {
  const auto& rules = home_.identity_rules();
  const auto now_ms = home_.wall_ms();
  auto made = identity_->by_type;
  for (auto& of_type : made) {
    const auto window = rules.limit(of_type.kind, of_type.type).window_ms;
    if (window == 0) continue;
    for (const auto& [address, each] : identity_->facets) {
      const auto& self = each.kin.self();
      if (self.kind != of_type.kind || self.type != of_type.type) continue;
      auto first = INT64_MAX;
      for (const auto& link : each.kin.links()) first = std::min(first, link.why.time_ms);
      if (first != INT64_MAX && first < now_ms - window) --of_type.count;
    }
  }
  std::erase_if(made, [](const type_count& of_type) { return of_type.count == 0; });
  return made;
}

bool profile_actor::exceeds(const std::vector<type_count>& more) const {
  const auto& rules = home_.identity_rules();
  const auto own = counts();
  return std::any_of(more.begin(), more.end(), [&](const type_count& each) {
    const auto of_type = std::find_if(
        own.begin(), own.end(), [&](const type_count& one) { return one.kind == each.kind && one.type == each.type; });
    const auto have = of_type == own.end() ? 0 : of_type->count;
    return have + each.count > rules.limit(each.kind, each.type).most;
  });
}

/// To a root, or to what was one: it hands them on. Then their own actors are told.
std::uint64_t profile_actor::send_facets(profile::hash128 root, surrender what) {
  const auto moves = home_.next_move();
  std::vector<profile::hash128> others;
  others.reserve(what.facets.size());
  for (auto& [address, each] : what.facets) {
    each.moves = moves;
    if (address != address_) others.push_back(address);
  }
  home_.tell(root, std::move(what));
  for (const auto address : others) home_.tell(address, follow{root, moves});
  return moves;
}

/// All that it has, its own facet among them: it becomes a forward.
void profile_actor::leave_for(profile::hash128 root, std::vector<made_link>& links, bool established) {
  auto& at = *identity_;
  at.root = root;
  at.moves = send_facets(root, {std::exchange(at.facets, {}), std::move(links), established});
  at.clear();
}

/// A forward whose facet only the store has gives it to the root that asks.
bool profile_actor::come_from_store(profile::hash128 root, std::vector<made_link>& links, bool established) {
  auto& at = *identity_;
  at.fresh_copy = false;
  at.pinned = at.facets.begin()->second.kin.belongs_to() != root;
  home_.facets_move();
  leave_for(root, links, established);
  return true;
}

/// A root becomes a forward.
bool profile_actor::give_up(profile::hash128 root, std::vector<made_link>& links, bool established) {
  auto& at = *identity_;
  if (!home_.may_move(*this)) return false;
  spread();
  leave_standing(*at.find(address_));
  at.pinned = true;
  at.gathered = true;
  at.separate = false;
  at.awaited.clear();
  at.refused.clear();
  views_.clear();
  dirty_ = false;
  leave_for(root, links, established);
  hear_later();
  wake();
  return true;
}

/// What was put off is heard now.
void profile_actor::hear_later() {
  auto& at = *identity_;
  std::move(at.later.begin(), at.later.end(), std::back_inserter(at.mail));
  at.later.clear();
}

void profile_actor::send_home(facet what) {
  home_.facets_move();
  what.moves = home_.next_move();
  const auto home = what.address;
  home_.tell(home, come_home{std::move(what)});
}

/// Who came for the sake of a facet that was taken out meanwhile is linked to nobody here.
void profile_actor::send_strangers_home(facet_map& came, const std::vector<made_link>& links) {
  auto& at = *identity_;
  if (!at.parted) return;
  std::vector<identity::kin> hinted;  // with the links that nobody has told them of yet
  hinted.reserve(came.size());
  std::vector<std::pair<profile::hash128, const identity::kin*>> all;
  for (const auto& [address, each] : at.facets) all.emplace_back(address, &each.kin);
  for (const auto& [address, each] : came) {
    auto& kin = hinted.emplace_back(each.kin);
    for (const auto& link : links) {
      if (link.from == each.address) kin.add(link.to, link.to_who, link.why);
      if (link.to == each.address) kin.add(link.from, link.from_who, link.why);
    }
    all.emplace_back(address, &kin);
  }
  std::vector<bool> strange(came.size());
  const auto here = at.facets.size();
  for (const auto& group : identity::groups(all)) {
    if (group.front() < here) continue;
    for (const auto index : group) strange[index - here] = true;
  }
  auto next = came.begin();
  for (const bool is_strange : strange) {
    if (!is_strange) {
      ++next;
      continue;
    }
    at.awaited.erase(next->first);
    send_home(std::move(next->second));
    next = came.erase(next);
  }
}

void profile_actor::absorb(facet_map facets, const std::vector<made_link>& links, bool established) {
  auto& at = *identity_;
  send_strangers_home(facets, links);
  const bool was_separate = at.separate;  // then the join takes in what comes
  std::vector<profile::spilled_id> in_the_facets;
  const bool alone =
      std::none_of(facets.begin(), facets.end(), [](const auto& each) { return has_events(each.second); });
  const bool again = !was_separate && !alone;  // the join is to be made again
  if (again) spread();
  std::vector<profile::hash128> fresh;
  std::vector<profile::hash128> doubtful;
  for (auto& [address, each] : facets) {
    if (at.find(address) != nullptr) {
      home_.broken_identity(address);
      continue;
    }
    each.kin.belong_to(address_);
    each.dirty = true;
    each.forward_waits = address != address_;
    if (each.standing_gone) home_.memberships_changed(*this);
    fresh.push_back(address);
    if (!was_separate || may_share(each)) doubtful.push_back(address);
    if (was_separate) state_.join(each.state, in_the_facets, home_.recent_days());
    at.awaited.erase(address);
    at.add(std::move(each));
  }
  for (const auto& each : links) {
    auto* from = at.find(each.from);
    auto* to = at.find(each.to);
    if (from != nullptr) {
      at.name(*from, each.from_who);
      from->dirty = from->kin.add(each.to, each.to_who, each.why) || from->dirty;
    }
    if (to != nullptr) {
      at.name(*to, each.to_who);
      to->dirty = to->kin.add(each.from, each.from_who, each.why) || to->dirty;
    }
    if (from != nullptr && to != nullptr) {
      at.awaited.erase(each.from);
      at.awaited.erase(each.to);
    } else if (from != nullptr || to != nullptr) {
      reach_out(from != nullptr ? *from : *to);
    }
  }
  for (const auto address : fresh) mirror_links(*at.find(address));
  mark_dirty();
  if (again) arrange();
  if (!fresh.empty()) {
    if (!established) {
      home_.count_merge();
      settle(fresh, doubtful);
    }
    changed();
  }
  for (const auto address : fresh) reach_out(*at.find(address));
  gather();
}

/// What one end knows of a link the other is to know too: a crash may have saved one end only, and a link may have been
/// told before its other end came.
void profile_actor::mirror_links(facet& of) {
  auto& at = *identity_;
  for (const auto& link : of.kin.links()) {
    auto* other = at.find(link.to);
    if (other != nullptr && other->kin.add(of.address, of.kin.self(), link.why)) other->dirty = true;
  }
  auto open = at.open_links.lower_bound({of.address, {}});
  for (; open != at.open_links.end() && open->first == of.address; open = at.open_links.erase(open)) {
    const auto& other = *at.find(open->second);
    const auto* link = other.kin.find(of.address);
    if (of.kin.add(other.address, other.kin.self(), link->why)) of.dirty = true;
  }
}

/// Asks all that the facet is linked to and that are not here.
void profile_actor::reach_out(const facet& from) {
  auto& at = *identity_;
  for (const auto& link : from.kin.links()) {
    if (at.find(link.to) != nullptr) continue;
    at.open_links.emplace(link.to, from.address);
    if (!from.kin.counts(link) || !at.awaited.insert(link.to).second) continue;
    home_.tell(
        link.to,
        meet{rank(), link.to, link.who, {{from.address, link.to, from.kin.self(), link.who, link.why}}, {}, true});
  }
}

/// All have come that were asked?
void profile_actor::gather() {
  auto& at = *identity_;
  if (!at.awaited.empty()) return;
  at.gathered = true;
  hear_later();
  if (standing_ && !home_.is_current(*standing_)) home_.look_again(*this);  // it was another one when that was saved
  wake();
}

/// Facets that are not linked with its own any more go home, where they find those again that they are linked to.
void profile_actor::split() {
  auto& at = *identity_;
  std::vector<std::pair<profile::hash128, const identity::kin*>> all;
  for (const auto& [address, each] : at.facets) all.emplace_back(address, &each.kin);
  const auto parts = identity::groups(all);
  if (parts.size() == 1) return;
  spread();
  auto before = std::exchange(at.facets, {});
  at.clear();
  for (const auto& part : parts) {
    const bool stays =
        std::any_of(part.begin(), part.end(), [&](std::size_t index) { return all[index].first == address_; });
    if (!stays) home_.count_split();
    for (const auto index : part) {
      auto& each = before.at(all[index].first);
      if (stays) {
        at.add(std::move(each));
      } else {
        send_home(std::move(each));
      }
    }
  }
  at.refused.clear();
  arrange();
  changed();
}

void overlap_question::compare(const side& a, const side& b) {
  pair made{a, b, {}};
  if (b.rank < a.rank) std::swap(made.keeps, made.forgets);
  std::set_intersection(a.ids.begin(), a.ids.end(), b.ids.begin(), b.ids.end(), std::back_inserter(made.both));
  if (!made.both.empty() || a.in_store || b.in_store) pairs.push_back(std::move(made));
}

void profile_actor::spread() {
  auto& at = *identity_;
  if (!at.separate) {
    if (auto* sole = at.find(at.sole)) {
      sole->state = std::move(state_);
      sole->spilled = std::move(spill_);
    }
  }
  state_ = profile::profile();
  spill_.reset();
  at.separate = true;
}

void profile_actor::arrange() {
  auto& at = *identity_;
  const auto with_events =
      std::count_if(at.facets.begin(), at.facets.end(), [&](const auto& each) { return has_events(each.second); });
  at.separate = with_events > 1;
  at.sole = address_;
  std::vector<profile::spilled_id> in_the_facets;
  for (auto& [address, each] : at.facets) {
    if (!has_events(each)) continue;
    if (at.separate) {
      state_.join(each.state, in_the_facets, home_.recent_days());
    } else {
      at.sole = address;
      state_ = std::move(each.state);
      each.state = profile::profile();
      spill_ = std::move(each.spilled);
    }
  }
}

void profile_actor::changed() {
  auto& at = *identity_;
  views_.clear();
  at.addresses.reset();
  at.basis = at.facets.size() > 1 ? at.address_sum : 0;
  if (standing_) {
    standing_->now.rest_on(at.basis);
    standing_->now.outdate();
  }
  home_.look_again(*this);
}

void profile_actor::list_addresses() {
  if (!identity_ || identity_->addresses || identity_->facets.size() < 2) return;
  auto addresses = std::make_shared<std::vector<profile::hash128>>();
  for (const auto& [address, each] : identity_->facets) addresses->push_back(address);
  identity_->addresses = std::move(addresses);
}

void profile_actor::leave_standing(facet& of) {
  if (!standing_) return;
  auto& at = *standing_;
  persistence::standing_write gone;
  gone.due_before_ms = at.saved_due_ms;
  for (const auto& each : at.now.members()) gone.changed.push_back({each.segment, 0, false});
  for (const auto& each : at.unsaved) gone.changed.push_back({each.segment, 0, false});
  home_.left_all(*this);
  gone.outgoing = std::move(at.untold);
  if (of.standing_gone) gone.follow(*of.standing_gone);  // of the time before
  of.standing_gone = std::move(gone);
  standing_.reset();
}

void profile_actor::write_identity(profile::msgpack::writer& out) const {
  std::vector<const facet*> all;
  if (identity_) {
    for (const auto& [address, each] : identity_->facets) all.push_back(&each);
  }
  out.map(4);
  out.string("profile");
  out.string(to_hex(address_));
  out.string("identifiers");
  out.array(all.size());
  for (const auto* each : all) {
    const auto& self = each->kin.self();
    identity::write_identifier(out, self, 2);
    out.string("profile");
    out.string(to_hex(each->address));
    out.string("version");
    out.natural(state_of(*each).version());
  }
  struct seen_link {
    const facet* from;
    const identity::link* what;
  };
  std::vector<seen_link> links;
  std::vector<std::pair<hash128_pair, std::int64_t>> partings;
  for (const auto* each : all) {
    for (const auto& link : each->kin.links()) {
      // Both ends know of it: the smaller tells.
      if (each->address < link.to || identity_->find(link.to) == nullptr) links.push_back({each, &link});
    }
    for (const auto& parting : each->kin.partings())
      partings.push_back({{each->address, parting.from}, parting.time_ms});
  }
  std::sort(links.begin(), links.end(), [](const auto& a, const auto& b) {
    const auto order = [](const seen_link& of) {
      return std::tuple(of.what->why.time_ms, of.from->address, of.what->to);
    };
    return order(a) < order(b);
  });
  out.string("links");
  out.array(links.size());
  for (const auto& each : links) {
    const auto& why = each.what->why;
    out.map(4);
    out.string("at");
    out.string(profile::format_time(why.time_ms));
    out.string("messageId");
    if (why.message_id.empty()) {
      out.nil();
    } else {
      out.string(why.message_id);
    }
    out.string("counts");
    out.boolean(each.from->kin.counts(*each.what));
    out.string("between");
    out.array(2);
    identity::write_identifier(out, each.from->kin.self());
    identity::write_identifier(out, each.what->who);
  }
  out.string("unmerged");
  out.array(partings.size());
  for (const auto& [between, time_ms] : partings) {
    out.map(2);
    out.string("at");
    out.string(profile::format_time(time_ms));
    out.string("between");
    out.array(2);
    out.string(to_hex(between.first));
    out.string(to_hex(between.second));
  }
}

bool profile_actor::may_share(const facet& with) const {
  if (with.state.empty()) return false;
  if (state_.has_spilled() || with.state.has_spilled()) return true;
  const auto ids = with.state.recent_event_ids();
  return std::any_of(ids.begin(), ids.end(), [&](profile::hash128 id) { return state_.recently_counted(id); });
}

/// Finds out which events facets that just came and those that were here both counted.
void profile_actor::settle(const std::vector<profile::hash128>& fresh, const std::vector<profile::hash128>& doubtful) {
  auto& at = *identity_;
  if (!at.separate || doubtful.empty()) return;
  auto question = std::make_shared<overlap_question>();
  question->address = address_;
  const auto view_of = [&](const facet& each) {
    overlap_question::side made{each.address, {each.kin.self().kind, each.address}, {}, false};
    const auto& state = state_of(each);
    made.ids = state.recent_event_ids();
    made.in_store = state.version() > made.ids.size();
    const auto& spilled = identity_->separate || each.address != identity_->sole ? each.spilled : spill_;
    if (spilled) {
      for (const auto& [id, time_ms] : spilled->fresh) made.ids.push_back(id);
      for (const auto& [id, time_ms] : spilled->saving) made.ids.push_back(id);
    }
    std::sort(made.ids.begin(), made.ids.end());
    return made;
  };
  std::vector<overlap_question::side> theirs;
  for (const auto address : doubtful) {
    if (const auto& each = *at.find(address); !state_of(each).empty()) theirs.push_back(view_of(each));
  }
  const auto concerns = [&](const profile::profile& ours) {
    if (theirs.empty() || ours.empty()) return false;
    if (ours.has_spilled()) return true;
    return std::any_of(theirs.begin(), theirs.end(), [&](const overlap_question::side& other) {
      return other.in_store || std::any_of(other.ids.begin(), other.ids.end(),
                                           [&](profile::hash128 id) { return ours.recently_counted(id); });
    });
  };
  for (const auto& [address, each] : at.facets) {
    if (!concerns(state_of(each)) || std::binary_search(fresh.begin(), fresh.end(), address)) continue;
    const auto ours = view_of(each);
    for (const auto& other : theirs) question->compare(ours, other);
  }
  if (!question->open()) return;
  at.settling = true;
  home_.ask_overlap(std::move(question));
}

void profile_actor::settled(const std::vector<counted_twice>& found) {
  auto& at = *identity_;
  at.settling = false;
  if (!found.empty()) {
    spread();
    for (const auto& each : found) {
      auto& of = *at.find(each.in);
      if (!of.state.recently_counted(each.id)) of.unspilled.push_back(each.id);
      if (of.spilled) {
        of.spilled->fresh.erase(each.id);
        of.spilled->saving.erase(each.id);
      }
      of.state.retract(each.id, each.name);
      of.dirty = true;
    }
    arrange();
    mark_dirty();
    changed();
  }
  wake();
}

}  // namespace kith::actors
