#include "admin/dead_letter_json.hpp"

#include "admin/json.hpp"
#include "profile/limits.hpp"
#include "profile/utf8.hpp"

namespace kith::admin {

using nlohmann::json;

namespace {

json text_or_null(const std::string& text) { return text.empty() ? json(nullptr) : json(text); }

/// One value, and not nested deeper than an event may be.
bool is_good_msgpack(std::string_view bytes) {
  return !bytes.empty() && profile::msgpack::reader(bytes).skip(limits::max_nesting).size() == bytes.size();
}

}  // namespace

json letter_json(const persistence::dead_letter& letter) {
  auto headers = json::array();
  for (const auto& [name, value] : letter.headers) headers.push_back({name, value});
  const bool text = profile::is_utf8(letter.bytes);
  json made = {{"id", letter.id},
               {"at", profile::format_time(letter.at_ms)},
               {"source", letter.source},
               {"edge", letter.edge},
               {"code", letter.code},
               {"message", letter.message},
               {"ids", text_or_null(letter.ids)},
               {"event", text_or_null(letter.event)},
               {"messageId", text_or_null(letter.message_id)},
               {"contentType", text_or_null(letter.content_type)},
               {"headers", std::move(headers)},
               {"size", letter.size},
               {"truncated", letter.truncated},
               {"attempts", letter.attempts},
               {"replayed", letter.replayed_ms == 0 ? json(nullptr) : json(profile::format_time(letter.replayed_ms))},
               {"encoding", text ? "utf-8" : "base64"},
               {"bytes", text ? letter.bytes : base64(letter.bytes)}};
  if (letter.content_type == "application/msgpack" && is_good_msgpack(letter.bytes)) {
    made["decoded"] = to_json(letter.bytes);
  }
  return made;
}

}  // namespace kith::admin
