#include "profile/event.hpp"

#include <array>

#include "profile/accepted_event.hpp"
#include "profile/consent.hpp"
#include "profile/identity/rules.hpp"
#include "profile/msgpack_scan.hpp"
#include "profile/time_range.hpp"
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

/// The fields as they stand in the event's map, before they are judged.
struct raw_fields {
  std::string_view type, message_id, user_id, anonymous_id, previous_id, event, properties, traits, context, timestamp,
      sent_at, priority;
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
    case 10:
      if (key == "properties") return &fields.properties;
      return key == "previousId" ? &fields.previous_id : nullptr;
    case 11: return key == "anonymousId" ? &fields.anonymous_id : nullptr;
    default: return nullptr;
  }
}

bool absent(std::string_view raw) noexcept { return raw.empty() || raw.front() == '\xc0'; }

/// A field's name for messages; put together only when one is written.
struct field_name {
  std::string_view text;
  int index = -1;           ///< of an array's entry
  std::string_view part{};  ///< of that entry

  std::string shown() const {
    auto name = std::string(text);
    if (index >= 0) name += "[" + std::to_string(index) + "]";
    return name += part;
  }
};

/// Reads one event, front to back. Each step is true, or false with `problem` set.
class parser {
 public:
  parser(const reception& received, event_view& event) noexcept : received_(received), event_(event) {}

  bool parse(std::string_view encoded) {
    if (!small_enough(encoded) || !read_fields(encoded)) return false;
    if (event_.encoded.size() != encoded.size()) return bad("event: has bytes behind its end");
    return judge_fields();
  }
  bool parse_front(std::string_view bytes) {
    return read_fields(bytes) && small_enough(event_.encoded) && judge_fields();
  }
  error problem;

 private:
  bool judge_fields() {
    return read_type() && must_be_map(raw_.properties, "properties") && must_be_map(raw_.traits, "traits") &&
           must_be_map(raw_.context, "context") && read_identity() && read_time() && read_name() && read_traits() &&
           read_priority();
  }
  bool bad(std::string message) {
    problem = {errc::invalid_argument, std::move(message)};
    return false;
  }
  bool bad_key(std::string_view of, std::string_view at) {
    const auto key = reader(at).next();
    if (key.broken()) return bad(std::string(of) + ": is not well-formed MessagePack");
    return bad(std::string(of) + ": has a key that is " + describe(key) + "; keys must be strings");
  }

  bool small_enough(std::string_view encoded) {
    if (encoded.size() <= received_.bounds.bytes) return true;
    problem = {errc::too_large, "event: has " + std::to_string(encoded.size()) + " bytes; at most " +
                                    std::to_string(received_.bounds.bytes) + " are allowed"};
    return false;
  }

  /// Of the event at the front.
  bool read_fields(std::string_view encoded) {
    reader in(encoded);
    const auto head = in.next();
    if (head.broken()) return bad("event: is not well-formed MessagePack");
    if (!head.is_map()) return bad("event: is " + describe(head) + "; it must be a map");
    const char* at = in.rest().data();
    const char* const end = at + in.rest().size();
    for (std::uint32_t i = 0; i < head.size; ++i) {
      std::string_view key;
      const auto offset = at - encoded.data();
      if (!msgpack::take_string(at, end, key)) {
        const auto found = reader({at, static_cast<std::size_t>(end - at)}).next();
        if (!found.broken()) return bad_key("event", {at, static_cast<std::size_t>(end - at)});
        return bad("event: is not well-formed MessagePack at byte " + std::to_string(offset));
      }
      const char* const behind = msgpack::end_of_value(at, end, received_.bounds.nesting - 1);
      if (behind == nullptr) {
        return bad(std::string(key.substr(0, 80)) + ": is not well-formed MessagePack or nests over " +
                   std::to_string(received_.bounds.nesting) + " levels, at byte " +
                   std::to_string(at - encoded.data()));
      }
      if (auto* place = place_of(raw_, key)) *place = {at, static_cast<std::size_t>(behind - at)};
      at = behind;
    }
    event_.encoded = encoded.substr(0, static_cast<std::size_t>(at - encoded.data()));
    return true;
  }

  /// A string of 1 to `most` bytes of UTF-8. Absent fields leave the view empty.
  bool text(std::string_view raw, const field_name& name, std::size_t most, std::string_view& value) {
    value = {};
    if (absent(raw)) return true;
    if (!msgpack::is_string(raw, value)) {
      return bad(name.shown() + ": is " + describe(reader(raw).next()) + "; send it as a string");
    }
    if (value.empty() || value.size() > most) {
      return bad(name.shown() + ": has " + std::to_string(value.size()) + " bytes; 1 to " + std::to_string(most) +
                 " are allowed");
    }
    return is_utf8(value) || bad(name.shown() + ": is not UTF-8");
  }

  bool must_be_map(std::string_view raw, std::string_view name) {
    if (absent(raw) || msgpack::is_map(raw)) return true;
    return bad(std::string(name) + ": is " + describe(reader(raw).next()) + "; it must be a map");
  }

  bool read_type() {
    constexpr std::string_view allowed = "it must be one of track, identify, page, screen, group, alias";
    if (absent(raw_.type)) return bad("type: missing; " + std::string(allowed));
    std::string_view value;
    const bool is_text = msgpack::is_string(raw_.type, value);
    for (std::size_t i = 0; is_text && i < type_names.size(); ++i) {
      if (value == type_names[i]) {
        event_.type = static_cast<event_type>(i);
        return true;
      }
    }
    return bad(
        "type: " + (is_text ? "\"" + std::string(value.substr(0, 40)) + "\"" : describe(reader(raw_.type).next())) +
        " is not known; " + std::string(allowed));
  }

  /// What the event is counted under.
  bool read_name() {
    event_.name = type_names[static_cast<std::size_t>(event_.type)];
    if (event_.type == event_type::track) {
      if (!text(raw_.event, {"event"}, limits::event_name_bytes, event_.name)) return false;
      return !event_.name.empty() || bad("event: missing; a track event needs a name of 1 to 255 bytes");
    }
    std::string_view unused;
    if (absent(raw_.event) || msgpack::is_string(raw_.event, unused)) return true;
    return bad("event: is " + describe(reader(raw_.event).next()) + "; send it as a string");
  }

  bool read_identity() {
    if (!text(raw_.message_id, {"messageId"}, limits::message_id_bytes, event_.message_id)) return false;
    if (event_.message_id.empty()) return bad("messageId: missing; give every event a unique id of 1 to 255 bytes");
    if (!text(raw_.user_id, {"userId"}, limits::identifier_bytes, event_.user_id)) return false;
    if (!text(raw_.anonymous_id, {"anonymousId"}, limits::identifier_bytes, event_.anonymous_id)) return false;
    external_id first;
    if (!absent(raw_.context) && !read_context(first)) return false;
    if (event_.type == event_type::alias &&
        !text(raw_.previous_id, {"previousId"}, limits::identifier_bytes, event_.previous_id))
      return false;
    event_.id = hash_of(event_.message_id);
    const auto kinds = (event_.user_id.empty() ? 0 : 1) + (first.id.empty() ? 0 : 1) +
                       (event_.anonymous_id.empty() ? 0 : 1) + (event_.previous_id.empty() ? 0 : 1);
    event_.names_several = kinds > 1 || several_external_;
    const auto usual = !event_.user_id.empty() ? primary_user : first.id.empty() ? primary_anonymous : primary_external;
    if (received_.rules != nullptr) return set_primary(event_, best_primary(usual)) || no_identity();
    event_.primary = usual;
    if (usual == primary_user) {
      event_.address = address_of(id_kind::user, {}, event_.user_id);
    } else if (usual == primary_external) {
      event_.address = address_of(id_kind::external, first.type, first.id);
    } else {
      event_.address = address_of(id_kind::anonymous, {}, event_.anonymous_id);
    }
    return !event_.anonymous_id.empty() || usual != primary_anonymous || no_identity();
  }

  bool no_identity() {
    return bad(
        "userId: missing, and so are anonymousId and context.externalIds; one of them must say whose event it is");
  }

  /// The first by the rules of those that identify somebody; `usual` if none does.
  std::uint8_t best_primary(std::uint8_t usual) const {
    const auto& rules = *received_.rules;
    auto best = usual;
    auto best_place = UINT32_MAX;
    const auto consider = [&](id_kind kind, std::string_view type, std::string_view value, std::size_t primary) {
      const auto place = rules.place(kind, type);
      if (place >= best_place || rules.judge(kind, type, value) != identity::ignored::no) return;
      best = static_cast<std::uint8_t>(primary);
      best_place = place;
    };
    if (!event_.user_id.empty()) consider(id_kind::user, {}, event_.user_id, primary_user);
    std::size_t index = primary_external;
    for_each_external_id(event_.external_ids, [&](std::string_view type, std::string_view id) {
      consider(id_kind::external, type, id, index++);
      return true;
    });
    if (!event_.anonymous_id.empty()) consider(id_kind::anonymous, {}, event_.anonymous_id, primary_anonymous);
    return best;
  }

  struct external_id {
    std::string_view type;
    std::string_view id;
  };

  bool read_context(external_id& first) {
    std::string_view ids;
    std::string_view said;
    std::string_view opted_out;
    reader in(raw_.context);
    for (auto left = in.next().size; left > 0; --left) {
      const auto rest = in.rest();
      const auto key = in.next();
      if (!key.is_string()) return bad_key("context", rest);
      const auto value = in.skip();
      if (key.bytes == "externalIds") ids = value;
      if (key.bytes == "consent") said = value;
      if (key.bytes == "globalPrivacyControl") opted_out = value;
    }
    return (absent(ids) || read_external_ids(ids, first)) && (absent(said) || read_consent(said)) &&
           (absent(opted_out) || read_opt_out(opted_out));
  }

  bool accepted() const noexcept { return received_.retention_ms == accepted_before; }

  bool read_consent(std::string_view said) {
    thread_local std::vector<consent::decision> decisions;
    decisions.clear();
    std::string why;
    if (!consent::read(said, decisions, why)) return accepted() || bad(std::move(why));
    if (!decisions.empty()) event_.consent = said;
    return true;
  }

  bool read_opt_out(std::string_view raw) {
    const auto value = reader(raw).next();
    event_.opted_out = value.type == kind::boolean && value.integer != 0;
    return value.type == kind::boolean || accepted() ||
           bad("context.globalPrivacyControl: is " + describe(value) + "; it must be true or false");
  }

  /// An array of {type, id}.
  bool read_external_ids(std::string_view ids, external_id& first) {
    reader list(ids);
    const auto head = list.next();
    if (!head.is_array()) {
      return bad("context.externalIds: is " + describe(head) + "; it must be an array of {type, id}");
    }
    if (head.size > limits::external_ids_per_event) {
      return bad("context.externalIds: has " + std::to_string(head.size) + " entries; at most " +
                 std::to_string(limits::external_ids_per_event) + " are allowed");
    }
    for (std::uint32_t i = 0; i < head.size; ++i) {
      external_id each;
      if (!read_external_id(list.skip(), static_cast<int>(i), each)) return false;
      if (i == 0) first = each;
    }
    if (head.size > 0) event_.external_ids = ids;
    several_external_ = head.size > 1;
    return true;
  }

  bool read_external_id(std::string_view raw, int index, external_id& into) {
    constexpr std::string_view all = "context.externalIds";
    reader entry(raw);
    const auto map = entry.next();
    if (!map.is_map()) return bad(field_name{all, index}.shown() + ": is " + describe(map) + "; it must be {type, id}");
    external_id fields;
    for (std::uint32_t field = 0; field < map.size; ++field) {
      const auto rest = entry.rest();
      const auto key = entry.next();
      if (!key.is_string()) return bad_key(field_name{all, index}.shown(), rest);
      const auto value = entry.skip();
      if (key.bytes == "type") fields.type = value;
      if (key.bytes == "id") fields.id = value;
    }
    if (!text(fields.type, {all, index, ".type"}, limits::identifier_type_bytes, into.type)) return false;
    if (!text(fields.id, {all, index, ".id"}, limits::identifier_bytes, into.id)) return false;
    return (!into.type.empty() && !into.id.empty()) || bad(field_name{all, index}.shown() + ": needs both type and id");
  }

  /// Integer milliseconds, a MessagePack timestamp or an ISO 8601 string.
  bool time_of(std::string_view raw, std::string_view name, std::int64_t& ms) {
    const auto value = reader(raw).next();
    bool known = false;
    if (value.type == kind::integer) {
      ms = value.integer;
      known = true;
    } else if (value.is_string()) {
      known = parse_time(value.bytes, ms);
    } else {
      known = msgpack::timestamp_ms(value, ms);
    }
    if (known && is_writable_time(ms)) return true;
    const auto shown = value.is_string() ? "\"" + std::string(value.bytes.substr(0, 40)) + "\"" : describe(value);
    return bad(
        std::string(name) + ": " + shown +
        " is no time; send ISO 8601 (\"2024-05-01T10:00:00Z\"), a MessagePack timestamp or milliseconds since 1970 "
        "as an integer, in the years 1 to 9999");
  }

  bool read_time() {
    std::int64_t sent_at = 0;
    event_.time_ms = received_.received_ms;
    if (!absent(raw_.timestamp) && !time_of(raw_.timestamp, "timestamp", event_.time_ms)) return false;
    if (!absent(raw_.sent_at)) {
      if (!time_of(raw_.sent_at, "sentAt", sent_at)) return false;
      if (!absent(raw_.timestamp)) event_.time_ms += received_.received_ms - sent_at;
      if (event_.time_ms < earliest_ms) {
        return bad(
            "timestamp: corrected by the time of receipt less sentAt it is before the year 1; "
            "send the sender's own clock in both");
      }
    }
    if (event_.time_ms > received_.received_ms + limits::future_tolerance_ms) {
      event_.time_ms = received_.received_ms;
      event_.clamped = true;
    }
    if (received_.retention_ms > 0 && event_.time_ms < received_.received_ms - received_.retention_ms) {
      problem = {errc::too_late,
                 "timestamp: " + format_time(event_.time_ms) +
                     " is older than dedup.retention, so it cannot be told whether it was counted before"};
      return false;
    }
    return true;
  }

  bool read_traits() {
    if (absent(raw_.traits)) return true;
    if (std::string path; !check_traits(raw_.traits, 0, path)) {
      problem.message.insert(0, "traits" + path);
      return false;
    }
    if (event_.type != event_type::group && event_.type != event_type::alias) event_.traits = raw_.traits;
    return true;
  }

  /// Every key within is a string, and no path is over the bound (its keys joined by one byte). If not, `path` says
  /// where.
  bool check_traits(std::string_view map, std::size_t path_bytes, std::string& path) {
    const char* const end = map.data() + map.size();
    reader head(map);
    auto left = head.next().size;
    for (const char* at = head.rest().data(); left > 0; --left) {
      std::string_view key;
      if (!msgpack::take_string(at, end, key)) return bad_key("", {at, static_cast<std::size_t>(end - at)});
      if (!is_utf8(key)) return bad(": has a key that is not UTF-8");
      const char* const behind = msgpack::end_of_value(at, end, msgpack::deepest_skip);
      const std::string_view value(at, static_cast<std::size_t>(behind - at));
      const auto bytes = path_bytes + 1 + key.size();
      if (bytes > limits::trait_path_bytes) {
        return bad(": has a key whose path is over " + std::to_string(limits::trait_path_bytes) +
                   " bytes; use shorter or fewer nested keys");
      }
      if (msgpack::is_map(value) && !check_traits(value, bytes, path)) {
        path.insert(0, "." + std::string(key.substr(0, 80)));
        return false;
      }
      at = behind;
    }
    return true;
  }

  bool read_priority() {
    if (absent(raw_.priority)) return true;
    std::string_view value;
    const bool is_text = msgpack::is_string(raw_.priority, value);
    if (!is_text || (value != "critical" && value != "normal")) {
      return bad("priority: must be \"critical\" or \"normal\"");
    }
    event_.urgency = value == "critical" ? priority::critical : priority::normal;
    return true;
  }

  const reception& received_;
  event_view& event_;
  raw_fields raw_;
  bool several_external_ = false;
};

}  // namespace

std::uint8_t usual_primary(const event_view& event) noexcept {
  if (!event.user_id.empty()) return primary_user;
  return event.external_ids.empty() ? primary_anonymous : primary_external;
}

bool set_primary(event_view& event, std::uint8_t primary) noexcept {
  std::string_view type;
  std::string_view value;
  auto kind = id_kind::external;
  if (primary == primary_user || primary == primary_anonymous) {
    kind = primary == primary_user ? id_kind::user : id_kind::anonymous;
    value = primary == primary_user ? event.user_id : event.anonymous_id;
  } else {
    int left = primary - primary_external;
    for_each_external_id(event.external_ids, [&](std::string_view each_type, std::string_view id) {
      if (left-- > 0) return true;
      type = each_type;
      value = id;
      return false;
    });
  }
  if (value.empty()) return false;
  event.primary = primary;
  event.address = address_of(kind, type, value);
  return true;
}

std::string_view name_of(event_type type) noexcept { return type_names[static_cast<std::size_t>(type)]; }

bool parse_front_event(std::string_view& bytes, const reception& received, event_view& event) {
  if (!parser(received, event).parse_front(bytes)) return false;
  bytes.remove_prefix(event.encoded.size());
  return true;
}

result<event_view> parse_event(std::string_view encoded, const reception& received) {
  result<event_view> event;
  parser reading(received, *event);
  if (!reading.parse(encoded)) return tl::make_unexpected(std::move(reading.problem));
  return event;
}

}  // namespace kith::profile
