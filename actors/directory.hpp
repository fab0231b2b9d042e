// Where a shard's actors are, by address: an open-addressing table of tagged pointers, 8 bytes a place. A look-up waits
// for memory twice, for the place and for the actor; both can be called for ahead, so that the look-ups of a batch wait
// together. (A general hash table hides its places.)
//
// Invariants: an actor is here once; its place is the first free one at or behind its address's home place when it
// came; at most 3/4 of the places are taken.
// Thread safety: none; it belongs to its shard.
#pragma once

#include <cstdint>
#include <vector>

#include "actors/profile_actor.hpp"

namespace kith::actors {

class directory {
 public:
  directory() : places_(least_places) {}

  /// Null if there is none.
  profile_actor* find(profile::hash128 address) const noexcept {
    for (auto at = home_of(address);; at = next(at)) {
      const auto place = places_[at];
      if (place == 0) return nullptr;
      if ((place & tag_bits) == tag_of(address) && actor_of(place)->address() == address) return actor_of(place);
    }
  }
  /// Calls for the place where find() begins.
  void prefetch_place(profile::hash128 address) const noexcept { __builtin_prefetch(&places_[home_of(address)]); }
  /// Calls for the actor, if the place says that it may be there. Some time behind prefetch_place().
  void prefetch_actor(profile::hash128 address) const noexcept {
    const auto place = places_[home_of(address)];
    if (place == 0) return;
    profile::prefetch_bytes(actor_of(place), sizeof(profile_actor));
  }

  /// REQUIRES: it is not here.
  void insert(profile_actor& added) {
    if (size_ + 1 > places_.size() / 4 * 3) grow();
    put(added);
    ++size_;
  }
  /// REQUIRES: it is here.
  void erase(const profile_actor& gone) noexcept {
    auto hole = home_of(gone.address());
    while (actor_of(places_[hole]) != &gone) hole = next(hole);
    --size_;
    // What stands behind the hole and may stand in it moves up.
    for (auto at = next(hole); places_[at] != 0; at = next(at)) {
      const auto home = home_of(actor_of(places_[at])->address());
      const auto mask = places_.size() - 1;
      if (((at - home) & mask) >= ((at - hole) & mask)) {
        places_[hole] = places_[at];
        hole = at;
      }
    }
    places_[hole] = 0;
  }
  std::size_t size() const noexcept { return size_; }

 private:
  // A pointer has 48 bits; those above them hold some of the address's.
  static constexpr std::uint64_t tag_bits = 0xffffULL << 48;
  static constexpr std::size_t least_places = 64;

  static std::uint64_t tag_of(profile::hash128 address) noexcept { return address.low & tag_bits; }
  static profile_actor* actor_of(std::uint64_t place) noexcept {
    return reinterpret_cast<profile_actor*>(place & ~tag_bits);  // NOLINT(performance-no-int-to-ptr): that is the point
  }
  std::size_t home_of(profile::hash128 address) const noexcept { return address.low & (places_.size() - 1); }
  std::size_t next(std::size_t at) const noexcept { return (at + 1) & (places_.size() - 1); }

  void put(profile_actor& added) noexcept {
    auto at = home_of(added.address());
    while (places_[at] != 0) at = next(at);
    places_[at] = reinterpret_cast<std::uint64_t>(&added) | tag_of(added.address());
  }
  void grow() {
    std::vector<std::uint64_t> before(places_.size() * 2);
    std::swap(before, places_);
    for (const auto place : before) {
      if (place != 0) put(*actor_of(place));
    }
  }

  std::vector<std::uint64_t> places_;  ///< a power of two of them; 0: free
  std::size_t size_ = 0;
};

}  // namespace kith::actors
