// Where watchers believe a shard's profiles to be, as far as that differs, or may differ, from where they are: after a
// crash a replay works memberships out again, at other moments than before, and tells nobody until it is done.
//
// Thread safety: none; belongs to the shard's thread.
#pragma once

#include <utility>
#include <algorithm>
#include <tsl/robin_map.h>
#include <vector>

#include "profile/hash.hpp"

namespace kith::actors {

class told_memberships {
 public:
  struct membership {
    std::uint64_t segment;  ///< segments::segment_key
    bool member;
  };

  /// This was told.
  void tell(profile::hash128 profile, std::uint64_t segment, bool member) {
    auto& of = by_profile_[profile];
    const auto known = find(of, segment);
    if (known == of.end()) {
      of.push_back({segment, member});
    } else {
      known->member = member;
    }
  }
  /// It entered, or left, and this is not told.
  void pass_over(profile::hash128 profile, std::uint64_t segment, bool member) {
    auto& of = by_profile_[profile];
    const auto known = find(of, segment);
    if (known == of.end()) {
      of.push_back({segment, !member});
    } else if (known->member == member) {
      of.erase(known);
      if (of.empty()) by_profile_.erase(profile);
    }
  }
  bool contains(profile::hash128 profile) const { return !by_profile_.empty() && by_profile_.contains(profile); }
  std::vector<membership> take(profile::hash128 profile) {
    auto taken = std::move(by_profile_[profile]);
    by_profile_.erase(profile);
    return taken;
  }
  std::vector<profile::hash128> profiles() const {
    std::vector<profile::hash128> all;
    all.reserve(by_profile_.size());
    for (const auto& each : by_profile_) all.push_back(each.first);
    return all;
  }

 private:
  static std::vector<membership>::iterator find(std::vector<membership>& in, std::uint64_t segment) {
    return std::find_if(in.begin(), in.end(), [&](const auto& each) { return each.segment == segment; });
  }

  tsl::robin_map<profile::hash128, std::vector<membership>, profile::hash128_hasher> by_profile_;
};

}  // namespace kith::actors
