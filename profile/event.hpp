// One event about a person: Segment's tracking spec, as views into its MessagePack bytes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "profile/hash.hpp"
#include "profile/identifier.hpp"
#include "profile/limits.hpp"
#include "profile/msgpack.hpp"
#include "profile/result.hpp"

namespace kith::profile {

namespace identity {
class rules;
}

enum class event_type : std::uint8_t { track, identify, page, screen, group, alias };
enum class priority : std::uint8_t { normal, critical };

std::string_view name_of(event_type type) noexcept;

/// A validated event. All views point into the bytes it was parsed from, which must outlive it.
struct event_view {
  std::string_view encoded;  ///< the whole event, one MessagePack map, as the sender wrote it
  std::string_view message_id;
  std::string_view user_id;       ///< empty: absent
  std::string_view anonymous_id;  ///< empty: absent
  std::string_view name;          ///< what it is counted under: `event` of a track, else the type's name ("page", …)
  std::string_view
      traits;  ///< a MessagePack map; empty: absent (always for group and alias, whose traits are not the person's)
  std::string_view external_ids;  ///< a MessagePack array of {type, id}; empty: absent
  std::string_view consent;       ///< `context.consent`, a MessagePack map; empty: absent
  std::string_view previous_id;   ///< of an alias: the user or anonymous id that the person had; empty: absent
  hash128 id;                     ///< hash_of(message_id)
  hash128 address;                ///< of its primary identifier
  std::int64_t time_ms = 0;       ///< event time, milliseconds since 1970, corrected for the sender's clock
  event_type type = event_type::track;
  priority urgency = priority::normal;
  bool clamped = false;        ///< its time was over 5 minutes in the future and was set to `received_ms`
  bool names_several = false;  ///< more identifiers than the primary one
  bool opted_out = false;      ///< `context.globalPrivacyControl` is true
  /// The identifier that comes first by the rules: primary_user, primary_anonymous, or primary_external + its index.
  std::uint8_t primary = 0;

  bool says_consent() const noexcept { return opted_out || !consent.empty(); }
};
inline constexpr std::uint8_t primary_user = 0;
inline constexpr std::uint8_t primary_anonymous = 1;
inline constexpr std::uint8_t primary_external = 2;

/// The primary identifier without rules: userId, else the first external id, else anonymousId.
std::uint8_t usual_primary(const event_view& event) noexcept;
/// Sets primary and address. False if the event has no such identifier.
bool set_primary(event_view& event, std::uint8_t primary) noexcept;

/// Calls each(kind, type, value) for every identifier that the event names of its person: the user id, the external ids
/// in their order, the anonymous id, and for an alias the previous id, which may be either.
template <class F>
void for_each_identifier(const event_view& event, F each);

/// What the outside knows of an event that is being parsed.
struct reception {
  std::int64_t received_ms = 0;            ///< the server's clock
  std::int64_t retention_ms = 0;           ///< dedup.retention; 0: for ever. Older events are refused as too_late.
  const identity::rules* rules = nullptr;  ///< say which identifier comes first; null: usual_primary()
  limits::event bounds{};
};

/// Parses and validates one event. Errors name the field, what it holds and what is allowed, e.g.
/// "messageId: missing; give every event a unique id of 1 to 255 bytes". Codes: invalid_argument, too_large, too_late.
/// Unknown keys are kept. A field that is nil counts as absent. Duplicate keys: the last one counts.
result<event_view> parse_event(std::string_view msgpack, const reception& received);

/// Takes a good event from the front of `bytes`, in one pass. False, and `bytes` stays, if what is there is none or is
/// refused: parse_event() of it says why.
bool parse_front_event(std::string_view& bytes, const reception& received, event_view& event);

/// The same event as MessagePack, from JSON text. Errors say the byte offset. Validation is parse_event's.
result<std::string> event_from_json(std::string_view json);

/// ISO 8601 / RFC 3339 date-time (`T` or a space between date and time, optional fraction, `Z` or an offset; a date
/// alone is midnight UTC) as milliseconds since 1970. False if it is none, or not in the years 1 to 9999 by UTC.
bool parse_time(std::string_view text, std::int64_t& ms) noexcept;

/// RFC 3339 in UTC with milliseconds: "1997-01-01T12:00:00.000Z".
std::string format_time(std::int64_t ms);

/// Calls each(type, id) for every entry of a validated context.externalIds until it returns false.
template <class F>
void for_each_external_id(std::string_view external_ids, F each) {
  if (external_ids.empty()) return;
  msgpack::reader list(external_ids);
  for (auto left = list.next().size; left > 0; --left) {
    std::string_view type;
    std::string_view id;
    for (auto fields = list.next().size; fields > 0; --fields) {
      const auto key = list.next().bytes;
      const auto value = msgpack::reader(list.skip()).next().bytes;
      if (key == "type") type = value;
      if (key == "id") id = value;
    }
    if (!each(type, id)) return;
  }
}

template <class F>
void for_each_identifier(const event_view& event, F each) {
  constexpr std::string_view none;
  if (!event.user_id.empty()) each(id_kind::user, none, event.user_id);
  for_each_external_id(event.external_ids, [&](std::string_view type, std::string_view id) {
    each(id_kind::external, type, id);
    return true;
  });
  if (!event.anonymous_id.empty()) each(id_kind::anonymous, none, event.anonymous_id);
  if (!event.previous_id.empty()) {
    each(id_kind::user, none, event.previous_id);
    each(id_kind::anonymous, none, event.previous_id);
  }
}

}  // namespace kith::profile
