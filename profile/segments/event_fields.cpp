#include "profile/segments/event_fields.hpp"

#include "profile/cel/collections.hpp"
#include "profile/cel/msgpack_view.hpp"
#include "profile/msgpack_scan.hpp"
#include "profile/segments/instants.hpp"

namespace kith::profile::segments {

using cel::value;

value event_map(const event_view& event, cel::arena& memory) noexcept {
  constexpr std::string_view empty_map = "\x80";
  std::string_view properties = empty_map;
  std::string_view traits = empty_map;
  std::string_view context = empty_map;
  msgpack::for_each_entry(event.encoded, [&](std::string_view key, std::string_view held) {
    if (held.front() == '\xc0') held = empty_map;  // nil is absent
    if (key == "properties") properties = held;
    if (key == "traits") traits = held;
    if (key == "context") context = held;
  });
  auto* const entries = memory.make_array<cel::map_entry>(event_field_names.size());
  if (entries == nullptr) return value::error(cel::failure::memory);
  std::size_t count = 0;
  const auto add = [&](std::string_view name, const value& held) { entries[count++] = {value::string(name), held}; };
  const auto add_text = [&](std::string_view name, std::string_view text) {
    if (!text.empty()) add(name, value::string(text));
  };
  add("properties", cel::from_msgpack(properties, memory));
  add("type", value::string(name_of(event.type)));
  add("event", value::string(event.name));
  add("messageId", value::string(event.message_id));
  add_text("userId", event.user_id);
  add_text("anonymousId", event.anonymous_id);
  add("timestamp", timestamp_value(event.time_ms));
  add("traits", cel::from_msgpack(traits, memory));
  add("context", cel::from_msgpack(context, memory));
  const auto* const map = memory.make<cel::array_map>(std::span<const cel::map_entry>(entries, count));
  return map == nullptr ? value::error(cel::failure::memory) : value::map(map);
}

value value_at(const value& event, std::span<const std::string> path, cel::arena& memory) noexcept {
  auto at = event;
  for (const auto& key : path) {
    if (!at.is(cel::kind::map)) return value::null();
    value found;
    if (!at.as_map().find(value::string(key), memory, found)) return value::null();
    at = found;
  }
  return at.is_error() ? value::null() : at;
}

}  // namespace kith::profile::segments
