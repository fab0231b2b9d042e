#include "ingest/cloudevents.hpp"

#include <algorithm>
#include <optional>

#include "ingest/webhook/bounds.hpp"
#include "ingest/webhook/event_fields.hpp"
#include "profile/bytes.hpp"
#include "profile/encoding.hpp"
#include "profile/event.hpp"
#include "profile/from_json.hpp"
#include "profile/hash.hpp"
#include "profile/utf8.hpp"

namespace kith::ingest {

namespace {

namespace msgpack = profile::msgpack;
using webhook::event_fields;
using webhook::mapped;

constexpr std::string_view header_prefix = "ce-";

result<void> bad(std::string_view name, std::string_view why) {
  std::string message(name);
  return fail(errc::invalid_argument, message.append(": ").append(why));
}

std::string lower(std::string_view text) {
  std::string made(text);
  for (auto& c : made) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
  }
  return made;
}

/// A media type without its parameters, in lower case.
std::string media_type(std::string_view value) {
  auto type = value.substr(0, value.find(';'));
  while (!type.empty() && type.back() == ' ') type.remove_suffix(1);
  return lower(type);
}

bool is_json(std::string_view type) { return type.ends_with("/json") || type.ends_with("+json"); }

/// Control characters are in no attribute (spec.md, "Type System").
bool has_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) { return (c >= 0 && c < ' ') || c == '\x7f'; });
}

/// A CloudEvent as it is gathered; what it makes is its structured form.
class cloud_event {
 public:
  result<void> add_text(std::string_view name, std::string_view text) {
    if (auto good = check_name(name); !good) return good;
    if (!profile::is_utf8(text)) return bad(name, "is not UTF-8");
    if (has_control(text)) return bad(name, "holds a control character");
    if (text.empty()) return bad(name, "is empty; give it a value or leave it out");
    if (name == "id") id_ = text;
    if (name == "source") source_ = text;
    if (name == "type") type_ = text;
    if (name == "specversion") version_ = text;
    if (name == "datacontenttype") content_type_ = media_type(text);
    std::int64_t ms = 0;
    if (name == "time" && !profile::parse_time(text, ms))
      return bad(name, "is not RFC 3339, as 2026-01-31T12:00:00Z is");
    fields_.set_text(name, text);
    return {};
  }

  /// Of the JSON format: texts, and for extensions also booleans and integers. Null is absent.
  result<void> add_value(std::string_view name, std::string_view encoded) {
    const auto value = msgpack::reader(encoded).next();
    if (value.type == msgpack::kind::nil) return {};
    if (value.is_string()) return add_text(name, value.bytes);
    if (auto good = check_name(name); !good) return good;
    const bool scalar = value.type == msgpack::kind::boolean || value.type == msgpack::kind::integer;
    if (!scalar || is_own(name)) return bad(name, "must be a string");
    fields_.set(name, std::string(encoded));
    return {};
  }

  void set_data(std::string encoded) { fields_.set("data", std::move(encoded)); }

  /// Bytes as their media type says; none is taken for JSON in `structured` mode, else guessed.
  result<void> set_data_bytes(std::string_view bytes, bool structured) {
    const bool json = is_json(content_type_) || (structured && content_type_.empty());
    if (json || content_type_.empty()) {
      auto encoded = profile::msgpack_from_json(bytes, "data");
      if (encoded) set_data(std::move(*encoded));
      if (encoded || json) return encoded ? result<void>() : tl::make_unexpected(encoded.error());
    }
    if (profile::is_utf8(bytes) && (content_type_.empty() || content_type_.starts_with("text/"))) {
      fields_.set_text("data", bytes);
    } else {
      fields_.set_text("data_base64", profile::base64_of(bytes));
    }
    return {};
  }

  result<void> check() const {
    for (const auto* name : {"specversion", "id", "source", "type"}) {
      if (!fields_.has(name)) return bad(name, "missing; a CloudEvent has specversion, id, source and type");
    }
    if (version_ != "1.0") return bad("specversion", "is \"" + version_.substr(0, 40) + "\"; only \"1.0\" is known");
    if (source_.find(' ') != std::string::npos) return bad("source", "is no URI reference: it holds a blank");
    return {};
  }

  std::string message_id() const {
    std::string both;
    profile::put_text<std::uint32_t>(both, source_);
    both += id_;
    return "ce_" + to_hex(profile::hash_of(both));
  }
  std::string encoded() const { return fields_.encoded(); }

 private:
  static bool is_own(std::string_view name) {
    constexpr std::string_view own[] = {"id",      "source", "specversion",     "type",
                                        "subject", "time",   "datacontenttype", "dataschema"};
    return std::find(std::begin(own), std::end(own), name) != std::end(own);
  }
  result<void> check_name(std::string_view name) const {
    const auto good = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
    if (name.empty() || !std::all_of(name.begin(), name.end(), good)) {
      return bad(name.substr(0, 40), "is no attribute's name: they are lower-case letters and digits");
    }
    if (name == "data") return bad(name, "is no attribute");
    if (fields_.has(name)) return bad(name, "is there twice");
    return {};
  }

  event_fields fields_;
  std::string id_;
  std::string source_;
  std::string type_;
  std::string version_;
  std::string content_type_;
};

result<cloud_event> from_structured(std::string_view encoded) {
  cloud_event made;
  msgpack::reader in(encoded);
  const auto head = in.next();
  if (!head.is_map()) return fail(errc::invalid_argument, "event: a CloudEvent in JSON is an object");
  std::string_view data;
  std::string_view data_base64;
  for (auto left = head.size; left > 0; --left) {
    const auto name = in.next();
    const auto held = in.skip();
    if (name.bytes == "data") {
      data = held;
    } else if (name.bytes == "data_base64") {
      data_base64 = held;
    } else if (auto good = made.add_value(name.bytes, held); !good) {
      return tl::make_unexpected(good.error());
    }
  }
  if (auto good = made.check(); !good) return tl::make_unexpected(good.error());
  const auto text = msgpack::reader(data_base64).next();
  if (data_base64.empty() || text.type == msgpack::kind::nil) {
    if (!data.empty()) made.set_data(std::string(data));
    return made;
  }
  if (!data.empty()) return fail(errc::invalid_argument, "data_base64: data is there, too; an event has one of them");
  const auto bytes = text.is_string() ? profile::bytes_from_base64(text.bytes) : std::nullopt;
  if (!bytes) return fail(errc::invalid_argument, "data_base64: is not base64");
  if (auto good = made.set_data_bytes(*bytes, true); !good) return tl::make_unexpected(good.error());
  return made;
}

/// HTTP binding, 3.1.3.2: a quoted string is unquoted, then %XX is decoded.
std::optional<std::string> header_text(std::string_view value) {
  std::string plain;
  if (value.size() < 2 || value.front() != '"' || value.back() != '"') {
    plain = value;
  } else {
    value = value.substr(1, value.size() - 2);
    for (std::size_t i = 0; i < value.size(); ++i) {
      if (value[i] == '\\' && i + 1 < value.size()) ++i;
      plain += value[i];
    }
  }
  return profile::percent_decoded(plain);
}

result<cloud_event> from_binary(const net::http_request& request) {
  cloud_event made;
  for (const auto& each : request.fields) {
    const auto name = lower(each.name);
    if (!name.starts_with(header_prefix)) continue;
    if (name == "ce-datacontenttype") {
      return fail(errc::invalid_argument, "ce-datacontenttype: must not be there: Content-Type says it");
    }
    const auto text = header_text(each.value);
    if (!text) return fail(errc::invalid_argument, name + ": holds a broken percent escape");
    if (auto good = made.add_text(name.substr(header_prefix.size()), *text); !good) {
      return fail(good.error().code, std::string(header_prefix) + good.error().message);
    }
  }
  if (const auto type = request.field("Content-Type"); !type.empty()) {
    if (auto good = made.add_text("datacontenttype", type); !good) return tl::make_unexpected(good.error());
  }
  if (auto good = made.check(); !good)
    return fail(good.error().code, std::string(header_prefix) + good.error().message);
  if (request.body.empty()) return made;
  if (auto good = made.set_data_bytes(request.body, false); !good) return tl::make_unexpected(good.error());
  return made;
}

/// What cloudevents.hpp says, as rules.
const webhook::mapping& usual_mapping() {
  static const auto made = [] {
    const std::string own =
        "has(body.data) && type(body.data) == map && has(body.data.type) && "
        "body.data.type in ['track', 'identify', 'page', 'screen', 'group', 'alias'] && (has(body.data.userId) || "
        "has(body.data.anonymousId) || (has(body.data.context) && has(body.data.context.externalIds)))";
    webhook::rule whole;
    whole.name = "event";
    whole.when = own;
    whole.base = "body.data";
    whole.message_id = "has(body.data.messageId) ? body.data.messageId : delivery";
    whole.timestamp = "has(body.data.timestamp) ? body.data.timestamp : body.time";
    webhook::rule track;
    track.name = "track";
    track.when = "!(" + own + ")";
    track.event = "body.type";
    track.user_id =
        "has(body.data) && type(body.data) == map && (has(body.data.userId) || has(body.data.anonymousId)) "
        "? body.data.userId : body.subject";
    track.anonymous_id = "type(body.data) == map ? body.data.anonymousId : null";
    track.message_id = "delivery";
    track.timestamp = "body.time";
    track.properties =
        "has(body.data) ? (type(body.data) == map ? body.data : {'data': body.data}) : "
        "has(body.data_base64) ? {'data_base64': body.data_base64} : {}";
    track.context = "{'cloudEvent': {'id': body.id, 'source': body.source}}";
    return webhook::mapping::make({std::move(whole), std::move(track)}, "cloudevents").value();
  }();
  return made;
}

class reader {
 public:
  reader(const net::http_request& request, std::string_view source, const webhook::mapping* map, std::int64_t now_ms)
      : request_(request), source_(source), map_(map == nullptr ? usual_mapping() : *map), now_ms_(now_ms) {}

  result<mapped> one(const result<cloud_event>& event) const {
    if (!event) return tl::make_unexpected(event.error());
    const auto id = event->message_id();
    const auto body = event->encoded();
    webhook::delivery what;
    what.source = source_;
    what.id = id;
    what.raw_body = body;
    what.body = body;
    what.headers = request_.fields;
    what.query = request_.query();
    what.now_ms = now_ms_;
    return map_.map(what);
  }

  result<mapped> batch() const {
    const auto encoded = profile::msgpack_from_json(request_.body, "batch");
    if (!encoded) return tl::make_unexpected(encoded.error());
    msgpack::reader in(*encoded);
    const auto head = in.next();
    if (!head.is_array()) return fail(errc::invalid_argument, "batch: a batch of CloudEvents is a JSON array");
    if (head.size > webhook::bounds::events) return too_large(head.size);
    mapped all;
    std::string events;
    for (std::size_t i = 0; i < head.size; ++i) {
      auto each = one(from_structured(in.skip()));
      if (!each && each.error().code != errc::invalid_argument) return each;
      if (!each) {
        all.skipped_events.push_back({"batch", i, each.error().message});
        continue;
      }
      msgpack::reader made(each->events);
      made.next();
      events += made.rest();
      all.count += each->count;
      for (auto& skipped : each->skipped_events) {
        all.skipped_events.push_back({std::move(skipped.rule), i, std::move(skipped.reason)});
      }
      if (all.ignored.empty()) all.ignored = std::move(each->ignored);
      if (all.count > webhook::bounds::events || events.size() > webhook::bounds::bytes) return too_large(all.count);
    }
    if (all.count > 0 || !all.skipped_events.empty()) all.ignored.clear();
    msgpack::writer(all.events).array(all.count);
    all.events += events;
    return all;
  }

 private:
  static result<mapped> too_large(std::size_t events) {
    return fail(errc::too_large, "batch: makes " + std::to_string(events) + " events; at most " +
                                     std::to_string(webhook::bounds::events) + ", of " +
                                     std::to_string(webhook::bounds::bytes) + " bytes together, are allowed");
  }

  const net::http_request& request_;
  std::string_view source_;
  const webhook::mapping& map_;
  std::int64_t now_ms_;
};

}  // namespace

cloud_event_mode mode_of(const net::http_request& request) {
  const auto type = media_type(request.field("Content-Type"));
  if (type == "application/cloudevents-batch+json") return cloud_event_mode::batched;
  if (type == "application/cloudevents+json" || type == "application/cloudevents") return cloud_event_mode::structured;
  if (type.starts_with("application/cloudevents")) return cloud_event_mode::unsupported;
  const auto is_attribute = [](const net::http_field& each) { return lower(each.name).starts_with(header_prefix); };
  const auto& fields = request.fields;
  return std::any_of(fields.begin(), fields.end(), is_attribute) ? cloud_event_mode::binary : cloud_event_mode::none;
}

result<mapped> read_cloud_events(const net::http_request& request, std::string_view source, const webhook::mapping* map,
                                 std::int64_t now_ms) {
  const reader with(request, source, map, now_ms);
  switch (mode_of(request)) {
    case cloud_event_mode::binary: return with.one(from_binary(request));
    case cloud_event_mode::batched: return with.batch();
    case cloud_event_mode::structured: {
      const auto encoded = profile::msgpack_from_json(request.body, "event");
      return encoded ? with.one(from_structured(*encoded)) : tl::make_unexpected(encoded.error());
    }
    case cloud_event_mode::unsupported:
      return fail(errc::invalid_argument,
                  "Content-Type: of the formats of CloudEvents, application/cloudevents+json and "
                  "application/cloudevents-batch+json are read");
    case cloud_event_mode::none: break;
  }
  return fail(errc::invalid_argument,
              "Content-Type: the request is no CloudEvent: it is neither application/cloudevents+json, nor has it the "
              "headers ce-specversion, ce-id, ce-source and ce-type");
}

}  // namespace kith::ingest
