// Traits as a CRDT: whatever the order of arrival, the outcome is that of JSON Merge Patch (RFC 7396) applied event by
// event in the order of (event time, messageId).
//
// Each path has at most two facts: the newest *replacement* of what is there (a value, or nil for "removed") and the
// newest *assertion that it is a map*, where that is newer than the replacement. A replacement kills every fact below
// its path that is not newer. Facts of all paths, sorted, are the state; joining two states joins path by path.
//
// Encoding: `stamps`, the sorted table of (time, messageId) that own a fact: time (8), length (1), messageId;
// `facts`: length (2), path, flags (1), then for a replacement stamp (4), length (4), value; for a map stamp (4).
// A path is its keys one after another, each ended by 00 01, with 00 within a key written as 00 FF: sorted bytes put a
// path right before what is below it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "profile/msgpack.hpp"
#include "profile/state.hpp"

namespace kith::profile {

class privacy_rules;

/// When and by which event a fact was set. Later wins; at the same time the larger messageId wins.
struct stamp {
  std::int64_t time_ms = 0;
  std::string_view message_id;

  friend auto operator<=>(const stamp&, const stamp&) = default;
};

/// A profile's traits, in its part::stamps and part::facts.
namespace traits {

/// Joins what an event sets (a MessagePack map, checked by parse_event).
void apply(state& of, std::string_view map, const stamp& by);
void join(state& of, const state& other);

/// Where what a trait holds begins, as facts are sorted.
std::string path_of(std::string_view trait);
/// The first instant at which something is past the time that it is kept for; INT64_MAX: never.
std::int64_t next_end(const state& of, const privacy_rules& rules);
/// Takes out what is, and adds the traits that lost something to `lost`, each once. What was set by events of that age
/// is gone whatever comes later, so the outcome depends on the events and the time alone. False: nothing was.
bool forget(state& of, const privacy_rules& rules, std::int64_t now_ms, std::vector<std::string>& lost);

/// Writes the nested map that readers see.
void write(const state& of, msgpack::writer& out);

/// Writes each value that readers see with what set it: `[{path: [key, …], value, at: RFC 3339 time, messageId}, …]`. A
/// map with nothing in it is a value.
void write_sources(const state& of, msgpack::writer& out);

/// Are these bytes that apply() and join() leave?
bool valid(const state& of);

}  // namespace traits

}  // namespace kith::profile
