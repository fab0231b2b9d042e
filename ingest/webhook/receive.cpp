#include "ingest/webhook/receive.hpp"

#include "ingest/webhook/bounds.hpp"
#include "profile/from_json.hpp"
#include "profile/msgpack.hpp"

namespace kith::ingest::webhook {

namespace {

tl::unexpected<refusal> refuse(unsigned status, error why, std::string_view reason, letter keep) {
  return tl::make_unexpected(refusal{status, std::move(why), reason, keep});
}

tl::unexpected<refusal> unreadable(unsigned status, std::string message) {
  return refuse(status, {errc::invalid_argument, std::move(message)}, "invalid_argument", letter::kept);
}

bool begins_with(std::string_view text, std::string_view with) {
  return text.size() >= with.size() && net::same_field_name(text.substr(0, with.size()), with);
}

/// A text of the body's outermost map; empty: there is none.
std::string_view text_at(std::string_view body, std::string_view key) {
  profile::msgpack::reader in(body);
  const auto head = in.next();
  if (!head.is_map()) return {};
  for (auto left = head.size; left > 0; --left) {
    const auto name = in.next();
    const auto held = profile::msgpack::reader(in.skip()).next();
    if (name.bytes == key) return held.is_string() ? held.bytes : std::string_view();
  }
  return {};
}

}  // namespace

tl::expected<received, refusal> receive(const settings& of, const net::http_request& request, std::int64_t now_ms) {
  auto genuine = verify(of.scheme, request, now_ms);
  if (genuine) return map_request(of, request, std::move(genuine->delivery_id), now_ms);
  auto why = std::move(genuine.error());
  if (why.code == errc::invalid_argument) return unreadable(400, std::move(why.message));
  return refuse(401, std::move(why), "signature", letter::limited);
}

tl::expected<received, refusal> map_request(const settings& of, const net::http_request& request,
                                            std::string delivery_id, std::int64_t now_ms) {
  const auto encoding = request.field("Content-Encoding");
  if (!encoding.empty() && !net::same_field_name(encoding, "identity")) {
    return unreadable(415,
                      "Content-Encoding: webhooks are taken as they were signed; have the sender not compress them");
  }
  if (begins_with(request.field("Content-Type"), "application/x-www-form-urlencoded")) {
    return unreadable(415, "Content-Type: is a form; have the sender use application/json");
  }
  auto body = profile::msgpack_from_json(request.body, "body");
  if (!body) return unreadable(400, std::move(body.error().message));
  received made;
  made.delivery_id = std::move(delivery_id);
  if (of.scheme.kind == scheme::stripe) {
    // Its event's id is in the body, where it is signed, too.
    made.delivery_id = text_at(*body, "id").substr(0, bounds::delivery_bytes);
  }
  delivery what;
  what.source = of.source;
  what.id = made.delivery_id;
  what.raw_body = request.body;
  what.body = *body;
  what.headers = request.fields;
  what.query = request.query();
  what.now_ms = now_ms;
  auto events = of.map->map(what);
  if (!events) return refuse(413, std::move(events.error()), "mapping", letter::kept);
  made.events = std::move(*events);
  return made;
}

std::string letter_id(const settings& of, const net::http_request& request) {
  return "wh_" + digest_of(of.source, request.body);
}

}  // namespace kith::ingest::webhook
