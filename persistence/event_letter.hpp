// The dead letter of one event.
#pragma once

#include <string>
#include <string_view>

#include "persistence/dead_letter.hpp"
#include "profile/event_outline.hpp"

namespace kith::persistence {

/// Of a MessagePack map; `edge`, `code`: as of dead_letter.
inline dead_letter letter_of_event(std::string encoded, std::string_view source, std::string_view edge,
                                   std::string_view code, std::string message) {
  auto outline = profile::outline_of(encoded);
  dead_letter made;
  made.source = source;
  made.edge = edge;
  made.code = code;
  made.message = std::move(message);
  made.ids = std::move(outline.ids);
  made.event = std::move(outline.name);
  made.message_id = std::move(outline.message_id);
  made.content_type = "application/msgpack";
  made.bytes = std::move(encoded);
  return made;
}

}  // namespace kith::persistence
