// What a chain `events("X")…` keeps in a profile: an aggregate, shared by every expression that says the same.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace kith::profile::segments {

/// How a chain ends.
enum class function : std::uint8_t { count, sum, min, max, avg, first, last, distinct, any, last_at, first_at };

/// What an aggregate's bytes hold. The numbers are part of the profile's encoding.
enum class storage : std::uint8_t {
  tally = 1,          ///< count, first and last time
  latest = 2,         ///< time and id of the newest; answers for every window, as the newest leaves last
  number = 3,         ///< count, sum, least and greatest
  first = 4,          ///< the oldest event's value
  last = 5,           ///< the newest event's value; as latest
  distinct = 6,       ///< hashes of values
  tally_list = 7,     ///< windowed: times and ids
  number_list = 8,    ///< windowed: and a number
  distinct_list = 9,  ///< windowed: and a value's hash
  first_list = 10,    ///< windowed: and the value
};

constexpr bool is_list(storage held) noexcept { return held >= storage::tally_list; }

constexpr storage storage_of(function ends, bool windowed) noexcept {
  switch (ends) {
    case function::count:
    case function::first_at: return windowed ? storage::tally_list : storage::tally;
    case function::any:
    case function::last_at: return storage::latest;
    case function::sum:
    case function::min:
    case function::max:
    case function::avg: return windowed ? storage::number_list : storage::number;
    case function::first: return windowed ? storage::first_list : storage::first;
    case function::last: return storage::last;
    case function::distinct: return windowed ? storage::distinct_list : storage::distinct;
  }
  return storage::tally;
}

inline constexpr std::uint32_t no_predicate = UINT32_MAX;

struct aggregate {
  std::uint64_t key = 0;        ///< hash of what it keeps, the same for ever
  std::uint64_t name_hash = 0;  ///< of the event's name
  storage held = storage::tally;
  std::int64_t window_ms = 0;  ///< of the lists
  std::vector<std::string> path;
  std::uint32_t predicate = no_predicate;  ///< index into the catalog's predicates
  std::vector<std::int64_t> windows;       ///< by which it is read; empty: time does not change it
  std::vector<std::uint32_t> timed;        ///< definitions that read it by a window, sorted
};

}  // namespace kith::profile::segments
