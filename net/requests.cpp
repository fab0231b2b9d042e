#include "net/requests.hpp"

#include <memory>

#include "profile/msgpack.hpp"

namespace kith::net {

namespace msgpack = profile::msgpack;

namespace {

void write_read_options(std::string& out, std::span<const std::string> fields, std::string_view view) {
  msgpack::writer to(out);
  to.map((fields.empty() ? 0U : 1U) + (view.empty() ? 0U : 1U));
  if (!fields.empty()) {
    to.string("fields");
    to.array(fields.size());
    for (const std::string& field : fields) to.string(field);
  }
  if (!view.empty()) {
    to.string("view");
    to.string(view);
  }
}

bool parse_names(msgpack::reader& in, std::vector<std::string>& out) {
  const msgpack::token list = in.next();
  if (!list.is_array()) return false;
  for (std::uint32_t i = 0; i < list.size; ++i) {
    const msgpack::token name = in.next();
    if (!name.is_string()) return false;
    out.emplace_back(name.bytes);
  }
  return true;
}

/// One of details: nil, or [profile hex, version, entered, left].
bool parse_detail(msgpack::reader& in, actors::detail& out) {
  const msgpack::token entry = in.next();
  if (entry.type == msgpack::kind::nil) {
    out.rejected = true;
    return true;
  }
  if (!entry.is_array() || entry.size != 4) return false;
  const msgpack::token profile = in.next();
  const msgpack::token version = in.next();
  if (!profile.is_string() || !profile::from_hex(profile.bytes, out.profile)) return false;
  if (version.type != msgpack::kind::integer || version.integer < 0) return false;
  out.version = static_cast<std::uint64_t>(version.integer);
  actors::membership_change change;
  if (!parse_names(in, change.entered) || !parse_names(in, change.left)) return false;
  if (change.entered.empty() && change.left.empty()) return true;
  out.memberships = std::make_shared<const actors::membership_change>(std::move(change));
  return true;
}

/// One of rejected: [index, code, message].
bool parse_rejection(msgpack::reader& in, actors::rejection& out) {
  const msgpack::token entry = in.next();
  if (!entry.is_array() || entry.size != 3) return false;
  const msgpack::token index = in.next();
  const msgpack::token code = in.next();
  const msgpack::token message = in.next();
  if (index.type != msgpack::kind::integer || index.integer < 0 || index.integer > UINT32_MAX) return false;
  if (!code.is_string() || !message.is_string()) return false;
  out.index = static_cast<std::uint32_t>(index.integer);
  // What schemas and guards hold back has a reason of its own.
  if (!code_named(code.bytes, out.code)) {
    out.code = errc::invalid_argument;
    out.reason = code.bytes;
  }
  out.message = message.bytes;
  return true;
}

template <class T, class Parse>
bool parse_list(msgpack::reader& in, std::vector<T>& out, Parse parse) {
  const msgpack::token list = in.next();
  if (!list.is_array()) return false;
  for (std::uint32_t i = 0; i < list.size; ++i) {
    if (!parse(in, out.emplace_back())) return false;
  }
  return true;
}

}  // namespace

void write_publish(std::string& out, std::uint32_t msgid, std::string_view events, std::size_t count,
                   actors::publish_options options) {
  msgpack::writer to(out);
  const bool memory = options.wait_for == actors::durability::memory;
  const bool traced = options.trace.exists();
  const auto said = (memory ? 1U : 0U) + (options.detail ? 1U : 0U) + (traced ? 1U : 0U);
  begin_request(out, msgid, "publish", said > 0 ? 2 : 1);
  to.array(count);
  to.raw(events);
  if (said == 0) return;
  to.map(said);
  if (memory) {
    to.string("durability");
    to.string("memory");
  }
  if (options.detail) {
    to.string("detail");
    to.boolean(true);
  }
  if (traced) {
    to.string("traceparent");
    to.string(traceparent_of(options.trace));
  }
}

void write_forwarded(std::string& out, std::uint32_t msgid, std::string_view events, std::size_t count,
                     const forwarded& of) {
  msgpack::writer to(out);
  begin_request(out, msgid, "publish", 2);
  to.array(count);
  to.raw(events);
  to.map(of.trace.sampled ? 4 : 3);
  if (of.trace.sampled) {
    to.string("traceparent");
    to.string(traceparent_of(of.trace));
  }
  to.string("ordered");
  to.boolean(true);
  to.string("source");
  to.string(of.source);
  to.string("receivedAt");
  to.integer(of.received_ms);
}

void write_identifier(std::string& out, const profile::identifier& id) {
  msgpack::writer to(out);
  to.map(1);
  switch (id.kind) {
    case profile::id_kind::user: to.string("userId"); break;
    case profile::id_kind::anonymous: to.string("anonymousId"); break;
    case profile::id_kind::profile: to.string("profile"); break;
    case profile::id_kind::external:
      to.string("externalId");
      to.map(2);
      to.string("type");
      to.string(id.type);
      to.string("id");
      break;
  }
  to.string(id.value);
}

void write_get(std::string& out, std::uint32_t msgid, const profile::identifier& id,
               std::span<const std::string> fields, std::string_view view) {
  begin_request(out, msgid, "get", 2);
  write_identifier(out, id);
  write_read_options(out, fields, view);
}

void write_get_many(std::string& out, std::uint32_t msgid, std::span<const profile::identifier> ids,
                    std::span<const std::string> fields, std::string_view view) {
  begin_request(out, msgid, "get_many", 2);
  msgpack::writer(out).array(ids.size());
  for (const profile::identifier& id : ids) write_identifier(out, id);
  write_read_options(out, fields, view);
}

void write_segments(std::string& out, std::uint32_t msgid, const profile::identifier& id) {
  begin_request(out, msgid, "segments", 1);
  write_identifier(out, id);
}

void write_explain(std::string& out, std::uint32_t msgid, const profile::identifier& id, std::string_view segment) {
  begin_request(out, msgid, "explain", 2);
  write_identifier(out, id);
  msgpack::writer(out).string(segment);
}

void write_hello(std::string& out, std::uint32_t msgid, std::string_view client, std::string_view token) {
  msgpack::writer to(out);
  begin_request(out, msgid, "hello", 1);
  to.map(token.empty() ? 2 : 3);
  to.string("client");
  to.string(client);
  to.string("version");
  to.string(KITH_VERSION);
  if (token.empty()) return;
  to.string("token");
  to.string(token);
}

result<actors::publish_outcome> parse_publish_outcome(std::string_view result) {
  const auto broken = [] { return fail(errc::internal, "the server's reply to publish is not as agreed"); };
  msgpack::reader in(result);
  const msgpack::token head = in.next();
  if (!head.is_map()) return broken();
  actors::publish_outcome out;
  for (std::uint32_t i = 0; i < head.size; ++i) {
    const msgpack::token key = in.next();
    msgpack::reader value(in.skip());
    if (!key.is_string() || value.done()) return broken();
    if (key.bytes == "applied") out.applied = static_cast<std::uint32_t>(value.next().integer);
    if (key.bytes == "duplicate") out.duplicate = static_cast<std::uint32_t>(value.next().integer);
    if (key.bytes == "rejected" && !parse_list(value, out.rejected, parse_rejection)) return broken();
    if (key.bytes == "details" && !parse_list(value, out.details, parse_detail)) return broken();
  }
  return out;
}

}  // namespace kith::net
