// An aggregate without entries: a few numbers, one value, or a set of hashes.
//
// Encoding by storage: tally: count (8), first (8), last (8). latest: time (8), id (8). number: skipped (4), count (8),
// sum (16), least (8), greatest (8). first, last: skipped (4), then, if there is a value, time (8), id (8),
// MessagePack. distinct: hashes (8 each), sorted, the 4,096 least. What holds nothing is no bytes at all.
//
// Invariants: a function of the set of added events.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "profile/cel/arena.hpp"
#include "profile/cel/value.hpp"
#include "profile/segments/aggregate.hpp"
#include "profile/segments/body_edit.hpp"

namespace kith::profile::segments::record {

/// What a record takes of an event.
struct sample {
  std::int64_t time_ms = 0;
  std::uint64_t id = 0;
  std::string_view payload;  ///< number: a double; distinct: a hash; first, last: a MessagePack value
  bool skipped = false;      ///< the value cannot be counted
};

void add(body_edit& to, storage held, const sample& added);
std::string joined(storage held, std::string_view left, std::string_view right);
bool valid(storage held, std::string_view bytes) noexcept;

/// `window_ms`: by which latest and last are read; 0: none.
cel::value evaluate(storage held, function ends, std::string_view bytes, std::int64_t window_ms, std::int64_t now_ms,
                    cel::arena& memory) noexcept;

/// Of latest, first and last: the event; false if there is none.
bool event_of(storage held, std::string_view bytes, std::int64_t& time_ms, std::uint64_t& id) noexcept;
/// How many events are behind it; false where that is not kept.
bool count_of(storage held, std::string_view bytes, std::uint64_t& count) noexcept;

}  // namespace kith::profile::segments::record
