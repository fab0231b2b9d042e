// An event that an edge could not take, on its way to the dead letters.
#pragma once

#include <cstdint>
#include <string>

namespace kith::ingest {

struct refused_event {
  std::uint32_t index = 0;   ///< in what the sender sent
  std::string code;          ///< a reason code: "invalid_argument", "schema", …
  std::string message;       ///< for people
  std::string content_type;  ///< of the bytes: application/json or application/msgpack
  std::string bytes;         ///< one event
};

}  // namespace kith::ingest
