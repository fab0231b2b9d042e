// The set of recent event ids with the UTC day of each: a tight array while small, a hash table when large, so that a
// quiet profile is compact and a hot one answers in constant time.
//
// Invariants: each id once; a table's load is at most 3/4; free places of a table have the day `free_day`.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "profile/bytes.hpp"
#include "profile/hash.hpp"

namespace kith::profile {

class recent_ids {
 public:
  recent_ids() noexcept = default;
  recent_ids(const recent_ids&) = delete;
  recent_ids& operator=(const recent_ids&) = delete;
  ~recent_ids();

  bool contains(hash128 id) const noexcept;
  /// False if it is there already.
  bool insert(hash128 id, std::int32_t day);
  /// Removes those whose day is before `first_day` and calls `out(id, day)` for each.
  template <class F>
  void remove_before(std::int32_t first_day, F out) {
    for (const auto& [id, day] : entries()) {
      if (day < first_day) out(id, day);
    }
    drop_before(first_day);
  }
  /// Sorted by day, then id.
  std::vector<std::pair<hash128, std::int32_t>> entries() const;
  std::size_t size() const noexcept { return size_; }
  std::size_t heap_bytes() const noexcept;

  void encode(std::string& out) const;
  void decode(taker& in);

 private:
  struct entry {  // 20 bytes: no padding
    std::uint32_t words[4];
    std::int32_t day;
  };
  static constexpr std::uint32_t most_in_array = 48;
  static constexpr std::int32_t free_day = INT32_MIN;

  bool is_table() const noexcept { return capacity_ > most_in_array; }
  static entry make(hash128 id, std::int32_t day) noexcept;
  static hash128 id_of(const entry& of) noexcept;
  void drop_before(std::int32_t first_day);
  void rebuild(std::uint32_t capacity, std::int32_t first_day);
  entry* place_for(const entry& wanted) const noexcept;

  entry* entries_ = nullptr;
  std::uint32_t size_ = 0;
  std::uint32_t capacity_ = 0;
};

}  // namespace kith::profile
