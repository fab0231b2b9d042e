#include "profile/event_outline.hpp"

#include "profile/limits.hpp"
#include "profile/msgpack.hpp"

namespace kith::profile {

namespace {

/// Calls each(key, value's bytes) for the entries whose keys are strings, as far as the map is well-formed.
template <class F>
void for_each_entry(std::string_view map, F each) {
  msgpack::reader in(map);
  const auto head = in.next();
  if (!head.is_map()) return;
  for (std::uint32_t i = 0; i < head.size; ++i) {
    const auto key_bytes = in.skip();
    const auto value = in.skip();
    if (value.empty()) return;
    const auto key = msgpack::reader(key_bytes).next();
    if (key.is_string()) each(key.bytes, value);
  }
}

std::string_view text_of(std::string_view value) {
  const auto token = msgpack::reader(value).next();
  return token.is_string() ? token.bytes : std::string_view();
}

void add(std::string& ids, std::string_view kind, std::string_view id) {
  if (id.empty() || id.size() > limits::identifier_bytes || kind.size() > limits::identifier_type_bytes) return;
  if (!ids.empty()) ids += ' ';
  ids.append(kind).append(":").append(id);
}

std::string external_ids(std::string_view context) {
  std::string ids;
  for_each_entry(context, [&](std::string_view key, std::string_view value) {
    if (key != "externalIds") return;
    msgpack::reader list(value);
    const auto head = list.next();
    if (!head.is_array() || head.size > limits::external_ids_per_event) return;
    for (std::uint32_t i = 0; i < head.size; ++i) {
      std::string_view type;
      std::string_view id;
      for_each_entry(list.skip(), [&](std::string_view field, std::string_view text) {
        if (field == "type") type = text_of(text);
        if (field == "id") id = text_of(text);
      });
      if (!type.empty()) add(ids, type, id);
    }
  });
  return ids;
}

}  // namespace

std::string_view counted_name(std::string_view msgpack) {
  std::string_view type;
  std::string_view event;
  for_each_entry(msgpack, [&](std::string_view key, std::string_view value) {
    if (key == "type") type = text_of(value);
    if (key == "event") event = text_of(value);
  });
  return type == "track" ? event : type;
}

event_outline outline_of(std::string_view msgpack) {
  event_outline made;
  std::string_view type;
  std::string_view user;
  std::string_view anonymous;
  std::string external;
  for_each_entry(msgpack, [&](std::string_view key, std::string_view value) {
    if (key == "event") made.name = text_of(value);
    if (key == "type") type = text_of(value);
    if (key == "messageId") made.message_id = text_of(value);
    if (key == "userId") user = text_of(value);
    if (key == "anonymousId") anonymous = text_of(value);
    if (key == "context") external = external_ids(value);
  });
  if (made.name.empty()) made.name = type;
  add(made.ids, "user", user);
  if (!external.empty()) made.ids += (made.ids.empty() ? "" : " ") + external;
  add(made.ids, "anonymous", anonymous);
  return made;
}

}  // namespace kith::profile
