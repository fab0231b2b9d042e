// The aggregates in a profile's part::aggregates.
//
// Encoding: groups sorted by the hash of the event's name: hash (8), bytes that follow (4), entries sorted by key:
// key (8), storage, plus 128 while it is built from history (1), length (4), the record or window list.
//
// Invariants
//   - An aggregate that is there and not being built holds all events of its name that the profile counted. Whoever
//     cannot promise that (an event came without a catalog that has it) takes it out; it is then missing and must be
//     built from history.
//   - With one catalog from the first event on, encoded() is a function of the set of events.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "profile/event.hpp"
#include "profile/segments/compiled.hpp"
#include "profile/state.hpp"

namespace kith::profile::segments::aggregates {

/// Counts the event, whose time last_seen() has in already. `first_of_name`: the profile had none of its name, so that
/// every aggregate of it begins here. Without a catalog the aggregates of its name are taken out.
void observe(state& of, const catalog* with, const event_view& event, bool first_of_name);

/// Counts the event in those of `keys` that are not whole yet; see profile::backfill.
void build(state& of, const catalog::body& with, std::span<const std::uint64_t> keys, const event_view& event);
void mark_built(state& of, const catalog::body& with, std::span<const std::uint64_t> keys);

/// Takes out those of the name: they are missing then.
void forget(state& of, std::string_view name);

/// Sorted. Those whose event name the profile has counted, and which are not there or being built.
std::vector<std::uint64_t> missing(const state& of, const catalog::body& with);

/// The part without what expired and what is being built.
std::string encoded(const state& of);
/// REQUIRES: the counters of `mine` are still those before the join. `last_seen`: after it.
std::string joined(const state& mine, const state& theirs, std::int64_t last_seen);
bool valid(std::string_view bytes) noexcept;

struct entry {
  std::uint64_t key = 0;
  storage held = storage::tally;
  bool building = false;
  std::string_view body;
};

/// One event name's.
struct group {
  std::uint64_t name_hash = 0;
  std::string_view entries;
};

/// Takes the first of a part's bytes, or of a group's; false if nothing is left.
bool take_group(std::string_view& bytes, group& taken) noexcept;
bool take_entry(std::string_view& entries, entry& taken) noexcept;

/// The entries of one event name, sorted by key; empty if there are none.
std::string_view entries_of(const state& of, std::uint64_t name_hash) noexcept;

}  // namespace kith::profile::segments::aggregates
