// What can be told of bytes that were refused as an event: its name and ids, as far as they can be read.
#pragma once

#include <string>
#include <string_view>

namespace kith::profile {

struct event_outline {
  std::string name;  ///< `event`, else `type`; empty: not known, as all of these
  std::string message_id;
  std::string ids;  ///< "user:ada email:ada@example.com anonymous:a-17"
};

/// Of what should be one MessagePack map. Never fails: what is malformed is left out.
event_outline outline_of(std::string_view msgpack);

/// The name that an event is counted under: `event` of a track, else its type; empty: it is none.
std::string_view counted_name(std::string_view msgpack);

}  // namespace kith::profile
