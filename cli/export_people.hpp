// Which identifiers of a data directory make one profile, read offline: from the store's identities and from what the
// journal's tail says on top.
//
// Thread safety: none.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <vector>

#include "actors/identity.hpp"
#include "persistence/store.hpp"
#include "profile/event.hpp"
#include "profile/identity/kin.hpp"

namespace kith::cli {

class people {
 public:
  /// Errors: of the store; internal, if an identity is damaged.
  result<void> read(persistence::store& store);
  void link(const profile::event_view& event);
  void take_apart(const actors::unmerge_order& order);
  /// From here on the answers below hold. The rules of joining are the defaults.
  void settle();

  /// The identifiers of the profile that this one belongs to, the one that gives it its id first.
  std::vector<profile::hash128> of(profile::hash128 address) const;
  /// The ids of the profiles that have several identifiers.
  const std::set<profile::hash128>& joined() const noexcept { return joined_; }
  bool is_joined(profile::hash128 address) const { return group_of_.contains(address); }

 private:
  profile::identity::kin& kin_of(profile::hash128 address, const profile::identifier& who);

  std::map<profile::hash128, profile::identity::kin> known_;
  std::map<profile::hash128, std::size_t> group_of_;
  std::vector<std::vector<profile::hash128>> groups_;
  std::set<profile::hash128> joined_;
};

}  // namespace kith::cli
