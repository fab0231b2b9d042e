// What a payload becomes: rules written as expressions (docs/cel.md) over its body.
//
//   when = "body.type == 'order'"        is the rule meant? absent: always
//   each = "body.items"                  one event for each item, which is `item`, with its `index`; absent: one event
//   userId = "body.customer.id"          ... and so for each field of the event
//
// Expressions see `body`, `headers` (lower-case names; those that hold credentials are left out), `query`, `source`,
// `delivery` (the sender's id of it, empty if there is none), `digest` (of source and body, the same for each
// repetition), and `item` and `index` behind `each`.
//
// Invariants: immutable once made; the same payload makes the same bytes.
// Thread safety: all of it.
#pragma once

#include <utility>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "net/http_message.hpp"
#include "profile/result.hpp"

namespace kith::ingest::webhook {

/// Expressions; an empty one is absent.
struct rule {
  std::string name;  ///< what ids of events are made of; empty: its place in the list
  std::string when;
  std::string each;
  std::string base;  ///< a whole event, which the other fields add to
  std::string type;  ///< also one of the types itself, e.g. `identify`; absent: track
  std::string event;
  std::string user_id;
  std::string anonymous_id;
  std::string previous_id;
  std::string message_id;
  std::string timestamp;   ///< gives a text, a timestamp, or milliseconds
  std::string priority;    ///< also `critical` and `normal` themselves
  std::string context;     ///< gives a map
  std::string properties;  ///< gives a map, or:
  std::string traits;
  std::vector<std::pair<std::string, std::string>> property;  ///< name and expression
  std::vector<std::pair<std::string, std::string>> trait;
  std::vector<std::pair<std::string, std::string>> external_ids;  ///< type and expression
};

/// Where an expression stands in a rule, which says what it may give.
enum class place : std::uint8_t { when, each, base, type, event, id, timestamp, priority, map, any };

/// Checks one expression: names, types, patterns. `with_item`: the rule has `each`. Errors: invalid_argument,
/// "1:9: no such variable …; did you mean …?".
result<void> check_expression(place at, std::string_view text, bool with_item);

struct delivery {
  std::string_view source;
  std::string_view id;        ///< empty: the sender gave none
  std::string_view raw_body;  ///< what `digest` is of
  std::string_view body;      ///< one MessagePack value
  std::span<const net::http_field> headers;
  std::string_view query;
  std::int64_t now_ms = 0;
};

/// An event that was not made, and why.
struct skipped {
  std::string rule;
  std::optional<std::size_t> index;  ///< of the item
  std::string reason;
};

struct mapped {
  std::string events;  ///< a MessagePack array; each passes parse_event
  std::size_t count = 0;
  std::vector<skipped> skipped_events;
  std::string ignored;  ///< why no rule was meant; empty: one was
};

class mapping {
 public:
  /// `where`: in front of errors, e.g. "sources.shop.map". Errors: invalid_argument, one line for each wrong
  /// expression: "sources.shop.map[2].userId: 1:1: no such variable …".
  static result<mapping> make(const std::vector<rule>& rules, std::string_view where);

  /// Errors: too_large: more events or bytes than a payload may become.
  result<mapped> map(const delivery& of) const;

 private:
  struct body;
  explicit mapping(std::shared_ptr<const body> made) noexcept : body_(std::move(made)) {}
  std::shared_ptr<const body> body_;
};

/// Of source and body, 32 hexadecimal digits.
std::string digest_of(std::string_view source, std::string_view raw_body);

/// The id of an event that is given none: the same for each repetition of the delivery, told by the sender's id or, if
/// it gives none, by the bytes of the body.
std::string message_id_of(const delivery& of, std::string_view digest, std::string_view rule, std::size_t index);

}  // namespace kith::ingest::webhook
