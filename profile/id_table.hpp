// A hash table of event ids with the UTC day of each, 20 bytes a place: where recent ids are kept once they are many.
//
// Invariants: each id once; at most 3/4 of the places are taken; a free place has the day `free_day`.
#pragma once

#include <cstdint>
#include <vector>

#include "profile/hash.hpp"

namespace kith::profile {

/// An event id and the day it happened on, without padding.
struct dated_id {
  std::uint32_t words[4];  ///< of the hash128
  std::int32_t day;        ///< since 1970, UTC

  static dated_id of(hash128 id, std::int32_t day) noexcept {
    dated_id made;
    std::memcpy(made.words, &id, sizeof id);
    made.day = day;
    return made;
  }
  hash128 id() const noexcept {
    hash128 made;
    std::memcpy(&made, words, sizeof made);
    return made;
  }
};
static_assert(sizeof(dated_id) == 20);

class id_table {
 public:
  static constexpr std::int32_t free_day = INT32_MIN;

  /// Makes room for `ids` of them.
  explicit id_table(std::size_t ids);

  bool contains(hash128 id) const noexcept { return place_for(dated_id::of(id, 0)).day != free_day; }
  /// REQUIRES: it is not there.
  void insert(const dated_id& added);
  std::size_t size() const noexcept { return size_; }
  template <class F>
  void for_each(F each) const {
    for (const auto& place : places_) {
      if (place.day != free_day) each(place);
    }
  }
  std::size_t heap_bytes() const noexcept { return sizeof(*this) + places_.capacity() * sizeof(dated_id); }

 private:
  const dated_id& place_for(const dated_id& wanted) const noexcept;

  std::vector<dated_id> places_;  ///< a power of two
  std::size_t size_ = 0;
};

}  // namespace kith::profile
