// What one journal record holds: a batch of events as they were received, or an operator's order. All begin with
// version (1 byte), received_ms (8, little-endian), number of events (4, little-endian), length of source (1), source.
//   - Version 1: the events' MessagePack maps one after another follow.
//   - Version 2: a byte an event comes before them, its primary identifier (event_view::primary): the rules of its time
//     chose another one than usual_primary().
//   - Version 3: an unmerge. No events; the identifiers of both sides, each side as a number (4) and so many times
//     kind (1), length (1), type, length (2), value.
//   - Version 4: one of these, encrypted (persistence/sealed_record.hpp): its head, and a piece for each event (under
//   its
//     primary identifier, which the piece's note tells) or identifier (whose note is its side).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "actors/identity.hpp"
#include "persistence/sealed_record.hpp"
#include "profile/event.hpp"
#include "profile/result.hpp"

namespace kith::actors {

struct record_view {
  std::int64_t received_ms = 0;
  std::uint32_t count = 0;
  std::string_view source;
  std::string_view events;
  std::string_view primaries;  ///< a byte an event; empty: the usual ones
  std::shared_ptr<const unmerge_order> order;
};

/// Appends the head of a record to `out`; the events are to follow. Sources over 255 bytes are cut.
void begin_record(std::string& out, std::int64_t received_ms, std::uint32_t count, std::string_view source,
                  std::string_view primaries = {});
std::string order_record(const unmerge_order& order, std::string_view source);

/// Encrypts a record, of these events or of that order, into `to`.
void seal_record(std::string_view record, const std::vector<profile::event_view>& events, const unmerge_order* order,
                 persistence::record_sealer& by, std::string& to);

struct plain_record {
  std::string payload;
  std::uint64_t destroyed = 0;  ///< events that were in it and cannot be read any more, since their keys were destroyed
};
/// The record as it was before seal_record(), without what is destroyed; of an unmerge's identifiers their addresses
/// stay. One that was not sealed is itself. `by`: null, there are no keys. Errors: internal, as record_opener::open().
result<plain_record> open_record(std::string_view payload, persistence::record_opener* by);

/// Errors: internal (too short, damaged, of a later version, encrypted).
result<record_view> parse_record(std::string_view payload);

}  // namespace kith::actors
