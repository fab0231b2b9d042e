// How facets change hands, and how their join is made and kept exact.
#include <algorithm>
#include <iterator>

#include "actors/batch.hpp"
#include "actors/shard.hpp"

namespace kith::actors {

namespace identity = profile::identity;

namespace {

using hash128_pair = std::pair<profile::hash128, profile::hash128>;

}  // namespace

facet* identity_slot::find(profile::hash128 address) noexcept {
  const auto at = std::lower_bound(facets.begin(), facets.end(), address,
                                   [](const facet& each, profile::hash128 wanted) { return each.address < wanted; });
  return at != facets.end() && at->address == address ? &*at : nullptr;
}

std::size_t identity_slot::heap_bytes() const noexcept {
  auto bytes = facets.capacity() * sizeof(facet) + awaited.size() * 32 + refused.size() * 40;
  for (const auto& each : facets) {
    bytes += each.kin.heap_bytes() + each.state.heap_bytes() + each.unspilled.capacity() * 16;
    if (each.spilled) bytes += sizeof(spill) + 48 * (each.spilled->fresh.size() + each.spilled->saving.size());
  }
  return bytes;
}

identity::rank profile_actor::rank() const { return {identity_->find(address_)->kin.self().kind, address_}; }

/// How many identifiers of each type it has, those that were linked within the type's window.
std::vector<type_count> profile_actor::counts() const {
  const auto& rules = home_.identity_rules();
  const auto now_ms = home_.wall_ms();
  std::vector<type_count> made;
  for (const auto& each : identity_->facets) {
    const auto& self = each.kin.self();
    const auto window = rules.limit(self.kind, self.type).window_ms;
    if (window > 0) {
      auto first = INT64_MAX;
      for (const auto& link : each.kin.links()) first = std::min(first, link.why.time_ms);
      if (first != INT64_MAX && first < now_ms - window) continue;
    }
    const auto of_type = std::find_if(made.begin(), made.end(), [&](const type_count& one) {
      return one.kind == self.kind && one.type == self.type;
    });
    if (of_type == made.end()) {
      made.push_back({self.kind, self.type, 1});
    } else {
      ++of_type->count;
    }
  }
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
  for (auto& each : what.facets) {
    each.moves = moves;
    if (each.address != address_) others.push_back(each.address);
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
}

/// A forward whose facet only the store has gives it to the root that asks.
bool profile_actor::come_from_store(profile::hash128 root, std::vector<made_link>& links, bool established) {
  auto& at = *identity_;
  at.fresh_copy = false;
  at.pinned = at.facets.front().kin.belongs_to() != root;
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
  at.addresses.reset();
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
void profile_actor::send_strangers_home(std::vector<facet>& came, const std::vector<made_link>& links) {
  auto& at = *identity_;
  const auto taken_apart = [](const facet& each) { return !each.kin.partings().empty(); };
  if (std::none_of(at.facets.begin(), at.facets.end(), taken_apart)) return;
  std::vector<identity::kin> hinted;  // with the links that nobody has told them of yet
  hinted.reserve(came.size());
  std::vector<std::pair<profile::hash128, const identity::kin*>> all;
  for (const auto& each : at.facets) all.emplace_back(each.address, &each.kin);
  for (const auto& each : came) {
    auto& kin = hinted.emplace_back(each.kin);
    for (const auto& link : links) {
      if (link.from == each.address) kin.add(link.to, link.to_who, link.why);
      if (link.to == each.address) kin.add(link.from, link.from_who, link.why);
    }
    all.emplace_back(each.address, &kin);
  }
  std::vector<bool> strange(came.size());
  const auto here = at.facets.size();
  for (const auto& group : identity::groups(all)) {
    if (group.front() < here) continue;
    for (const auto index : group) strange[index - here] = true;
  }
  std::vector<facet> staying;
  for (std::size_t i = 0; i < came.size(); ++i) {
    if (strange[i]) {
      at.awaited.erase(came[i].address);
      send_home(std::move(came[i]));
    } else {
      staying.push_back(std::move(came[i]));
    }
  }
  came = std::move(staying);
}

void profile_actor::absorb(std::vector<facet> facets, const std::vector<made_link>& links, bool established) {
  auto& at = *identity_;
  send_strangers_home(facets, links);
  const bool was_separate = at.separate;  // then the join takes in what comes
  std::vector<profile::spilled_id> in_the_facets;
  if (!was_separate) spread();
  std::vector<profile::hash128> fresh;
  for (auto& each : facets) {
    if (at.find(each.address) != nullptr) {
      home_.broken_identity(each.address);
      continue;
    }
    each.kin.belong_to(address_);
    each.dirty = true;
    each.forward_waits = each.address != address_;
    if (each.standing_gone) home_.memberships_changed(*this);
    if (was_separate) state_.join(each.state, in_the_facets, home_.recent_days());
    fresh.push_back(each.address);
    at.awaited.erase(each.address);
    const auto place = std::lower_bound(at.facets.begin(), at.facets.end(), each.address,
                                        [](const facet& one, profile::hash128 wanted) { return one.address < wanted; });
    at.facets.insert(place, std::move(each));
  }
  for (const auto& each : links) {
    auto* from = at.find(each.from);
    auto* to = at.find(each.to);
    if (from != nullptr) {
      from->kin.name(each.from_who);
      from->dirty = from->kin.add(each.to, each.to_who, each.why) || from->dirty;
    }
    if (to != nullptr) {
      to->kin.name(each.to_who);
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
  if (!was_separate) arrange();
  if (!fresh.empty()) {
    if (!established) {
      home_.count_merge();
      settle(fresh);
    }
    changed();
  }
  for (const auto address : fresh) reach_out(*at.find(address));
  gather();
}

/// What one end knows of a link the other is to know too: a crash may have saved one end only, and a link may have been
/// told before its other end came.
void profile_actor::mirror_links(facet& of) {
  for (const auto& link : of.kin.links()) {
    auto* other = identity_->find(link.to);
    if (other != nullptr && other->kin.add(of.address, of.kin.self(), link.why)) other->dirty = true;
  }
  for (const auto& other : identity_->facets) {
    const auto* link = other.kin.find(of.address);
    if (link != nullptr && of.kin.add(other.address, other.kin.self(), link->why)) of.dirty = true;
  }
}

/// Asks all that the facet is linked to and that are not here.
void profile_actor::reach_out(const facet& from) {
  auto& at = *identity_;
  for (const auto& link : from.kin.links()) {
    if (at.find(link.to) != nullptr || !from.kin.counts(link) || !at.awaited.insert(link.to).second) continue;
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
  for (const auto& each : at.facets) all.emplace_back(each.address, &each.kin);
  const auto parts = identity::groups(all);
  if (parts.size() == 1) return;
  spread();
  std::vector<facet> staying;
  for (const auto& part : parts) {
    const bool stays =
        std::any_of(part.begin(), part.end(), [&](std::size_t index) { return at.facets[index].address == address_; });
    if (!stays) home_.count_split();
    for (const auto index : part) {
      auto& each = at.facets[index];
      if (stays) {
        staying.push_back(std::move(each));
      } else {
        send_home(std::move(each));
      }
    }
  }
  at.facets = std::move(staying);
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
  const auto has_events = [](const facet& each) { return !each.state.empty() || each.spilled; };
  const auto with_events = std::count_if(at.facets.begin(), at.facets.end(), has_events);
  at.separate = with_events > 1;
  at.sole = address_;
  std::vector<profile::spilled_id> in_the_facets;
  for (auto& each : at.facets) {
    if (!has_events(each)) continue;
    if (at.separate) {
      state_.join(each.state, in_the_facets, home_.recent_days());
    } else {
      at.sole = each.address;
      state_ = std::move(each.state);
      each.state = profile::profile();
      spill_ = std::move(each.spilled);
    }
  }
}

void profile_actor::changed() {
  auto& at = *identity_;
  views_.clear();
  auto addresses = std::make_shared<std::vector<profile::hash128>>();
  std::string all;
  for (const auto& each : at.facets) {
    addresses->push_back(each.address);
    all += profile::to_bytes(each.address);
  }
  at.addresses = std::move(addresses);
  at.basis = at.facets.size() > 1 ? profile::hash_of(all).low : 0;
  if (standing_) {
    standing_->now.rest_on(at.basis);
    standing_->now.outdate();
  }
  home_.look_again(*this);
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
    for (const auto& each : identity_->facets) all.push_back(&each);
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
  std::stable_sort(links.begin(), links.end(),
                   [](const auto& a, const auto& b) { return a.what->why.time_ms < b.what->why.time_ms; });
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

/// Finds out which events the facets that just came and those that were here both counted.
void profile_actor::settle(const std::vector<profile::hash128>& fresh) {
  auto& at = *identity_;
  auto question = std::make_shared<overlap_question>();
  question->address = address_;
  const auto came = [&](const facet& each) {
    return std::find(fresh.begin(), fresh.end(), each.address) != fresh.end();
  };
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
  if (!at.separate) return;
  std::vector<overlap_question::side> here;
  for (const auto& each : at.facets) {
    if (!state_of(each).empty() && !came(each)) here.push_back(view_of(each));
  }
  for (const auto& each : at.facets) {
    if (state_of(each).empty() || !came(each)) continue;
    const auto theirs = view_of(each);
    for (const auto& ours : here) question->compare(ours, theirs);
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
