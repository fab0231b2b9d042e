#include "profile/event.hpp"

#include <array>

#include "profile/identifier.hpp"
#include "profile/msgpack.hpp"
#include "profile/utf8.hpp"

namespace kith::profile {

namespace {

using msgpack::kind;
using msgpack::reader;
using msgpack::token;

constexpr std::array<std::string_view, 6> type_names = {"track", "identify", "page", "screen", "group", "alias"};

std::string describe(const token& value) {
  switch (value.type) {
    case kind::nil: return "null";
    case kind::boolean: return "a boolean";
    case kind::integer:
    case kind::natural: return "an integer";
    case kind::real: return "a number";
    case kind::string: return "a string";
    case kind::binary: return "binary data";
    case kind::array: return "an array";
    case kind::map: return "a map";
    default: return "a MessagePack extension";
  }
}

tl::unexpected<error> bad(std::string message) { return fail(errc::invalid_argument, std::move(message)); }

/// The fields as they stand in the event's map, before they are judged.
struct raw_fields {
  std::string_view type, message_id, user_id, anonymous_id, event, properties, traits, context, timestamp, sent_at,
      priority;
};

std::string_view* place_of(raw_fields& fields, std::string_view key) noexcept {
  // Keys are told apart by length and first letter before they are compared whole.
  switch (key.size()) {
    case 4: return key == "type" ? &fields.type : nullptr;
    case 5: return key == "event" ? &fields.event : nullptr;
    case 6:
      if (key == "userId") return &fields.user_id;
      if (key == "traits") return &fields.traits;
      return key == "sentAt" ? &fields.sent_at : nullptr;
    case 7: return key == "context" ? &fields.context : nullptr;
    case 8: return key == "priority" ? &fields.priority : nullptr;
    case 9:
      if (key == "messageId") return &fields.message_id;
      return key == "timestamp" ? &fields.timestamp : nullptr;
    case 10: return key == "properties" ? &fields.properties : nullptr;
    case 11: return key == "anonymousId" ? &fields.anonymous_id : nullptr;
    default: return nullptr;
  }
}

bool absent(std::string_view raw) noexcept { return raw.empty() || raw.front() == '\xc0'; }

/// A string of 1 to `most` bytes of UTF-8. Absent fields give an empty view.
result<std::string_view> text(std::string_view raw, std::string_view name, std::size_t most) {
  if (absent(raw)) return std::string_view{};
  const auto value = reader(raw).next();
  if (!value.is_string()) {
    return bad(std::string(name) + ": is " + describe(value) + "; send it as a string");
  }
  if (value.bytes.empty() || value.bytes.size() > most) {
    return bad(std::string(name) + ": has " + std::to_string(value.bytes.size()) + " bytes; 1 to " +
               std::to_string(most) + " are allowed");
  }
  if (!is_utf8(value.bytes)) return bad(std::string(name) + ": is not UTF-8");
  return value.bytes;
}

result<void> must_be_map(std::string_view raw, std::string_view name) {
  if (absent(raw)) return {};
  const auto value = reader(raw).next();
  if (value.is_map()) return {};
  return bad(std::string(name) + ": is " + describe(value) + "; it must be a map");
}

/// Integer milliseconds, a MessagePack timestamp or an ISO 8601 string.
result<std::int64_t> time_of(std::string_view raw, std::string_view name) {
  constexpr std::int64_t latest = 253'402'300'799'999;  // 9999-12-31T23:59:59.999Z
  constexpr std::int64_t earliest = -62'135'596'800'000;
  const auto value = reader(raw).next();
  std::int64_t ms = 0;
  bool known = false;
  if (value.type == kind::integer) {
    ms = value.integer;
    known = true;
  } else if (value.is_string()) {
    known = parse_time(value.bytes, ms);
  } else {
    known = msgpack::timestamp_ms(value, ms);
  }
  if (!known || ms < earliest || ms > latest) {
    const auto shown = value.is_string() ? "\"" + std::string(value.bytes.substr(0, 40)) + "\"" : describe(value);
    return bad(
        std::string(name) + ": " + shown +
        " is no time; send ISO 8601 (\"2024-05-01T10:00:00Z\"), a MessagePack timestamp or milliseconds since 1970 "
        "as an integer, in the years 1 to 9999");
  }
  return ms;
}

/// context.externalIds, checked: an array of {type, id}. The first one's view into `first_type` and `first_id`.
result<std::string_view> external_ids_of(std::string_view context, std::string_view& first_type,
                                         std::string_view& first_id) {
  reader fields(context);
  const auto entries = fields.next().size;
  std::string_view ids;
  for (std::uint32_t i = 0; i < entries; ++i) {
    const auto key = fields.next();
    if (!key.is_string()) return bad("context: has a key that is " + describe(key) + "; keys must be strings");
    const auto value = fields.skip();
    if (key.bytes == "externalIds") ids = value;
  }
  if (absent(ids)) return std::string_view{};
  reader list(ids);
  const auto head = list.next();
  if (!head.is_array()) return bad("context.externalIds: is " + describe(head) + "; it must be an array of {type, id}");
  if (head.size > limits::external_ids_per_event) {
    return bad("context.externalIds: has " + std::to_string(head.size) + " entries; at most " +
               std::to_string(limits::external_ids_per_event) + " are allowed");
  }
  for (std::uint32_t i = 0; i < head.size; ++i) {
    const auto where = [i](std::string_view part) {
      return "context.externalIds[" + std::to_string(i) + "]" + std::string(part);
    };
    reader entry(list.skip());
    const auto map = entry.next();
    if (!map.is_map()) return bad(where("") + ": is " + describe(map) + "; it must be a map {type, id}");
    std::string_view type;
    std::string_view id;
    for (std::uint32_t field = 0; field < map.size; ++field) {
      const auto key = entry.next();
      const auto value = entry.skip();
      if (key.is_string() && key.bytes == "type") type = value;
      if (key.is_string() && key.bytes == "id") id = value;
    }
    auto type_text = text(type, where(".type"), limits::identifier_type_bytes);
    if (!type_text) return type_text;
    auto id_text = text(id, where(".id"), limits::identifier_bytes);
    if (!id_text) return id_text;
    if (type_text->empty() || id_text->empty()) return bad(where("") + ": needs both type and id");
    if (i == 0) {
      first_type = *type_text;
      first_id = *id_text;
    }
  }
  return head.size == 0 ? std::string_view{} : ids;
}

/// Every key within is a string, and no path is over the bound (its keys joined by one byte).
result<void> check_traits(std::string_view raw, std::string& path) {
  reader in(raw);
  const auto head = in.next();
  for (std::uint32_t i = 0; i < head.size; ++i) {
    const auto key = in.next();
    if (!key.is_string())
      return bad("traits" + path + ": has a key that is " + describe(key) + "; keys must be strings");
    if (!is_utf8(key.bytes)) return bad("traits" + path + ": has a key that is not UTF-8");
    const auto value = in.skip();
    if (path.size() + 1 + key.bytes.size() > limits::trait_path_bytes) {
      return bad("traits" + path.substr(0, 80) + "…: the path of keys is over " +
                 std::to_string(limits::trait_path_bytes) + " bytes; use shorter or fewer nested keys");
    }
    const auto tag = static_cast<unsigned char>(value.front());
    const bool is_map = (tag & 0xf0) == 0x80 || tag == 0xde || tag == 0xdf;
    if (!is_map) continue;
    const auto size = path.size();
    path += '.';
    path += key.bytes;
    if (auto inner = check_traits(value, path); !inner) return inner;
    path.resize(size);
  }
  return {};
}

result<raw_fields> read_fields(std::string_view encoded, const reception& received) {
  if (encoded.size() > received.bounds.bytes) {
    return fail(errc::too_large, "event: has " + std::to_string(encoded.size()) + " bytes; at most " +
                                     std::to_string(received.bounds.bytes) + " are allowed");
  }
  reader in(encoded);
  const auto head = in.next();
  if (!head.is_map()) return bad("event: is " + describe(head) + "; it must be a map");
  raw_fields fields;
  for (std::uint32_t i = 0; i < head.size; ++i) {
    const auto key = in.next();
    if (key.broken()) return bad("event: is not well-formed MessagePack at byte " + std::to_string(in.offset()));
    if (!key.is_string()) return bad("event: has a key that is " + describe(key) + "; keys must be strings");
    const auto at = in.offset();
    const auto value = in.skip(received.bounds.nesting - 1);
    if (value.empty()) {
      return bad(std::string(key.bytes.substr(0, 80)) + ": is not well-formed MessagePack or nests over " +
                 std::to_string(received.bounds.nesting) + " levels, at byte " + std::to_string(at));
    }
    if (auto* place = place_of(fields, key.bytes)) *place = value;
  }
  if (!in.done()) return bad("event: has bytes behind its end");
  return fields;
}

result<void> read_type(const raw_fields& raw, event_view& event) {
  if (absent(raw.type)) return bad("type: missing; it must be one of track, identify, page, screen, group, alias");
  const auto value = reader(raw.type).next();
  for (std::size_t i = 0; i < type_names.size(); ++i) {
    if (value.is_string() && value.bytes == type_names[i]) {
      event.type = static_cast<event_type>(i);
      event.name = type_names[i];
      return {};
    }
  }
  return bad("type: " + (value.is_string() ? "\"" + std::string(value.bytes.substr(0, 40)) + "\"" : describe(value)) +
             " is not known; it must be one of track, identify, page, screen, group, alias");
}

result<void> read_identity(const raw_fields& raw, event_view& event) {
  const auto message_id = text(raw.message_id, "messageId", limits::message_id_bytes);
  if (!message_id) return tl::make_unexpected(message_id.error());
  if (message_id->empty()) return bad("messageId: missing; give every event a unique id of 1 to 255 bytes");
  const auto user = text(raw.user_id, "userId", limits::identifier_bytes);
  if (!user) return tl::make_unexpected(user.error());
  const auto anonymous = text(raw.anonymous_id, "anonymousId", limits::identifier_bytes);
  if (!anonymous) return tl::make_unexpected(anonymous.error());
  std::string_view external_type;
  std::string_view external_id;
  if (!absent(raw.context)) {
    const auto external = external_ids_of(raw.context, external_type, external_id);
    if (!external) return tl::make_unexpected(external.error());
    event.external_ids = *external;
  }
  event.message_id = *message_id;
  event.user_id = *user;
  event.anonymous_id = *anonymous;
  event.id = hash_of(event.message_id);
  if (!user->empty()) {
    event.address = address_of(id_kind::user, {}, *user);
  } else if (!external_id.empty()) {
    event.address = address_of(id_kind::external, external_type, external_id);
  } else if (!anonymous->empty()) {
    event.address = address_of(id_kind::anonymous, {}, *anonymous);
  } else {
    return bad(
        "userId: missing, and so are anonymousId and context.externalIds; one of them must say whose event it is");
  }
  return {};
}

result<void> read_time(const raw_fields& raw, const reception& received, event_view& event) {
  event.time_ms = received.received_ms;
  if (!absent(raw.timestamp)) {
    const auto timestamp = time_of(raw.timestamp, "timestamp");
    if (!timestamp) return tl::make_unexpected(timestamp.error());
    event.time_ms = *timestamp;
  }
  if (!absent(raw.sent_at)) {
    const auto sent_at = time_of(raw.sent_at, "sentAt");
    if (!sent_at) return tl::make_unexpected(sent_at.error());
    if (!absent(raw.timestamp)) event.time_ms += received.received_ms - *sent_at;
  }
  if (event.time_ms > received.received_ms + limits::future_tolerance_ms) {
    event.time_ms = received.received_ms;
    event.clamped = true;
  }
  if (received.retention_ms > 0 && event.time_ms < received.received_ms - received.retention_ms) {
    return fail(errc::too_late,
                "timestamp: " + format_time(event.time_ms) +
                    " is older than dedup.retention, so it cannot be told whether it was counted before");
  }
  return {};
}

}  // namespace

std::string_view name_of(event_type type) noexcept { return type_names[static_cast<std::size_t>(type)]; }

result<event_view> parse_event(std::string_view encoded, const reception& received) {
  const auto raw = read_fields(encoded, received);
  if (!raw) return tl::make_unexpected(raw.error());
  event_view event;
  event.encoded = encoded;
  if (auto read = read_type(*raw, event); !read) return tl::make_unexpected(read.error());
  for (const auto& [field, name] :
       {std::pair{raw->properties, "properties"}, {raw->traits, "traits"}, {raw->context, "context"}}) {
    if (auto checked = must_be_map(field, name); !checked) return tl::make_unexpected(checked.error());
  }
  if (auto read = read_identity(*raw, event); !read) return tl::make_unexpected(read.error());
  if (auto read = read_time(*raw, received, event); !read) return tl::make_unexpected(read.error());
  if (event.type == event_type::track) {
    const auto name = text(raw->event, "event", limits::event_name_bytes);
    if (!name) return tl::make_unexpected(name.error());
    if (name->empty()) return bad("event: missing; a track event needs a name of 1 to 255 bytes");
    event.name = *name;
  }
  if (!absent(raw->traits)) {
    std::string path;
    if (auto checked = check_traits(raw->traits, path); !checked) return tl::make_unexpected(checked.error());
    if (event.type != event_type::group && event.type != event_type::alias) event.traits = raw->traits;
  }
  if (!absent(raw->priority)) {
    const auto value = reader(raw->priority).next();
    if (!value.is_string() || (value.bytes != "critical" && value.bytes != "normal")) {
      return bad("priority: must be \"critical\" or \"normal\"");
    }
    event.urgency = value.bytes == "critical" ? priority::critical : priority::normal;
  }
  return event;
}

}  // namespace kith::profile
