// The set of a profile's recent event ids with the UTC day of each: a plain array in the profile's allocation while
// small, a hash table of its own when large, so that a quiet profile is compact and a hot one answers in constant time.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "profile/bytes.hpp"
#include "profile/hash.hpp"
#include "profile/state.hpp"

namespace kith::profile {

/// A way to look at, and change, a state's recent ids.
class recent_ids {
 public:
  explicit recent_ids(state& of) noexcept : of_(of) {}

  static bool contains(const state& of, hash128 id) noexcept;
  static std::size_t size(const state& of) noexcept;
  /// Sorted by day, then id.
  static std::vector<dated_id> sorted(const state& of);
  static void encode(const state& of, std::string& out);

  /// REQUIRES: it is not there.
  void insert(hash128 id, std::int32_t day);
  /// Removes those whose day is before `first_day` and calls `out(id, day)` for each.
  template <class F>
  void remove_before(std::int32_t first_day, F out) {
    const auto all = sorted(of_);
    std::size_t old = 0;
    for (; old < all.size() && all[old].day < first_day; ++old) out(all[old].id(), all[old].day);
    if (old > 0) assign({all.begin() + static_cast<std::ptrdiff_t>(old), all.end()});
  }
  /// Nothing happens if it is not there.
  void remove(hash128 id);
  void decode(taker& in);

 private:
  void assign(const std::vector<dated_id>& ids);

  state& of_;
};

}  // namespace kith::profile
