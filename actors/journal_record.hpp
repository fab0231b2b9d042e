// What one journal record holds: a batch of events as they were received, or an operator's order. All begin with
// version (1 byte), received_ms (8, little-endian), number of events (4, little-endian), length of source (1), source.
//   - Version 1: the events' MessagePack maps one after another follow.
//   - Version 2: a byte an event comes before them, its primary identifier (event_view::primary): the rules of its time
//     chose another one than usual_primary().
//   - Version 3: an unmerge. No events; the identifiers of both sides, each side as a number (4) and so many times
//     kind (1), length (1), type, length (2), value.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "actors/identity.hpp"
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

/// Errors: internal (too short, damaged, of a later version).
result<record_view> parse_record(std::string_view payload);

}  // namespace kith::actors
