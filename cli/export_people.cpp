#include "cli/export_people.hpp"

#include <algorithm>

#include "profile/identity/rules.hpp"

namespace kith::cli {

namespace identity = profile::identity;

result<void> people::read(persistence::store& store) {
  result<void> outcome;
  const auto walked = store.for_each_identity([&](profile::hash128 address, std::string_view bytes) {
    auto kin = identity::kin::decode(bytes);
    if (!kin) {
      outcome = fail(kin.error().code, "identifier " + to_hex(address) + ": " + kin.error().message);
      return false;
    }
    known_[address] = std::move(*kin);
    return true;
  });
  return walked ? outcome : walked;
}

identity::kin& people::kin_of(profile::hash128 address, const profile::identifier& who) {
  auto& kin = known_[address];
  kin.name(who);
  return kin;
}

void people::link(const profile::event_view& event) {
  if (!event.names_several) return;
  const auto& rules = *identity::default_rules();
  std::vector<std::pair<profile::hash128, profile::identifier>> named;
  for_each_identifier(event, [&](profile::id_kind kind, std::string_view type, std::string_view value) {
    if (rules.judge(kind, type, value) != identity::ignored::no) return;
    std::string buffer;
    named.emplace_back(
        profile::address_of(kind, type, value),
        profile::identifier{kind, std::string(type), std::string(normalized(kind, type, value, buffer))});
  });
  const auto own =
      std::find_if(named.begin(), named.end(), [&](const auto& each) { return each.first == event.address; });
  if (own == named.end()) return;
  const bool explicitly = event.type == profile::event_type::alias;
  const identity::evidence why{event.time_ms, std::string(event.message_id), explicitly ? event.time_ms : INT64_MIN};
  for (const auto& [address, who] : named) {
    if (address == event.address) continue;
    kin_of(event.address, own->second).add(address, who, why);
    kin_of(address, who).add(event.address, own->second, why);
  }
}

void people::take_apart(const actors::unmerge_order& order) {
  for (int side = 0; side < 2; ++side) {
    const auto& ours = order.sides[side];
    for (std::size_t i = 0; i < ours.size(); ++i) {
      profile::hash128 address;
      if (!profile::address_of(ours[i], address)) continue;
      auto& kin = kin_of(address, ours[i]);
      for (const auto& other : order.sides[1 - side]) {
        profile::hash128 from;
        if (profile::address_of(other, from)) kin.part(from, order.time_ms);
      }
      profile::hash128 next;
      if (i + 1 < ours.size() && profile::address_of(ours[i + 1], next)) {
        kin.add(next, ours[i + 1], {order.time_ms, {}, order.time_ms});
      }
    }
  }
}

void people::settle() {
  std::vector<std::pair<profile::hash128, const identity::kin*>> all;
  for (const auto& [address, kin] : known_) all.emplace_back(address, &kin);
  for (const auto& indexes : identity::groups(all)) {
    if (indexes.size() < 2) continue;
    std::vector<profile::hash128> group;
    group.reserve(indexes.size());
    for (const auto index : indexes) group.push_back(all[index].first);
    std::sort(group.begin(), group.end(), [&](profile::hash128 a, profile::hash128 b) {
      return identity::rank{known_[a].self().kind, a} < identity::rank{known_[b].self().kind, b};
    });
    for (const auto address : group) group_of_[address] = groups_.size();
    joined_.insert(group.front());
    groups_.push_back(std::move(group));
  }
}

std::vector<profile::hash128> people::of(profile::hash128 address) const {
  const auto found = group_of_.find(address);
  return found == group_of_.end() ? std::vector{address} : groups_[found->second];
}

}  // namespace kith::cli
