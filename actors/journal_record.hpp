// What one journal record holds: a batch of events as they were received. Version 1:
// version (1 byte), received_ms (8, little-endian), number of events (4, little-endian), length of source (1), source,
// the events' MessagePack maps one after another.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "profile/result.hpp"

namespace kith::actors {

struct record_view {
  std::int64_t received_ms = 0;
  std::uint32_t count = 0;
  std::string_view source;
  std::string_view events;
};

/// Appends the head of a record to `out`; the events are to follow. Sources over 255 bytes are cut.
void begin_record(std::string& out, std::int64_t received_ms, std::uint32_t count, std::string_view source);

/// Errors: internal (too short, of a later version).
result<record_view> parse_record(std::string_view payload);

}  // namespace kith::actors
