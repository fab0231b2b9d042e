#include "net/rpc.hpp"

#include "profile/msgpack.hpp"

namespace kith::net {

namespace msgpack = profile::msgpack;

namespace {

/// The first byte of an array of so many.
constexpr char array_of(int entries) { return static_cast<char>(0x90 | entries); }
constexpr std::size_t msgid_at = 3;  ///< array, kind, 0xce, then four bytes

bool read_msgid(const msgpack::token& value, std::uint32_t& msgid) noexcept {
  if (value.type != msgpack::kind::integer || value.integer < 0 || value.integer > UINT32_MAX) return false;
  msgid = static_cast<std::uint32_t>(value.integer);
  return true;
}

void append_msgid(std::string& out, std::uint32_t msgid) {
  const std::size_t at = out.size();
  out.append("\xce    ", 5);
  for (std::size_t i = 0; i < 4; ++i) out[at + 1 + i] = static_cast<char>(msgid >> (24 - 8 * i));
}

}  // namespace

result<envelope> parse_envelope(std::string_view frame) {
  const auto refuse = [](const char* what) { return fail(errc::invalid_argument, std::string("request: ") + what); };
  msgpack::reader in(frame);
  const msgpack::token outer = in.next();
  if (!outer.is_array()) return refuse("not an array; send [0, msgid, method, params]");
  const msgpack::token kind = in.next();
  if (kind.type != msgpack::kind::integer || kind.integer < 0 || kind.integer > 2) {
    return refuse("its first element is not 0 (request), 1 (response) or 2 (notification)");
  }
  envelope out;
  out.kind = static_cast<envelope_kind>(kind.integer);
  if (outer.size != (out.kind == envelope_kind::notification ? 3U : 4U)) {
    return refuse("wrong number of elements; send [0, msgid, method, params]");
  }
  if (out.kind != envelope_kind::notification && !read_msgid(in.next(), out.msgid)) {
    return refuse("msgid: not an integer of 0 to 4294967295");
  }
  if (out.kind == envelope_kind::response) {
    out.error = in.skip();
    out.result = in.skip();
    return out;
  }
  const msgpack::token method = in.next();
  if (!method.is_string()) return refuse("method: not a string");
  out.method = method.bytes;
  out.params = in.rest();
  if (!msgpack::reader(out.params).next().is_array()) return refuse("params: not an array");
  return out;
}

std::optional<std::uint32_t> msgid_of(std::string_view frame) noexcept {
  msgpack::reader in(frame);
  std::uint32_t msgid = 0;
  if (!in.next().is_array()) return {};
  const msgpack::token kind = in.next();
  if (kind.type != msgpack::kind::integer || kind.integer != 0 || !read_msgid(in.next(), msgid)) return {};
  return msgid;
}

bool code_named(std::string_view name, errc& code) noexcept {
  for (int i = 0; i <= static_cast<int>(errc::internal); ++i) {
    code = static_cast<errc>(i);
    if (name_of(code) == name) return true;
  }
  return false;
}

std::optional<rpc_error> parse_error(std::string_view encoded) {
  msgpack::reader in(encoded);
  const msgpack::token head = in.next();
  if (head.type == msgpack::kind::nil) return {};
  rpc_error out;
  out.message = "the server's error is not the map {code, message}";
  if (!head.is_map()) return out;
  for (std::uint32_t i = 0; i < head.size; ++i) {
    const msgpack::token key = in.next();
    msgpack::reader value(in.skip());
    const msgpack::token token = value.next();
    if (!key.is_string() || token.broken()) return out;
    if (key.bytes == "code" && token.is_string() && !code_named(token.bytes, out.code)) out.code = errc::internal;
    if (key.bytes == "message" && token.is_string()) out.message = token.bytes;
    if (key.bytes == "retry_after_ms" && token.type == msgpack::kind::integer && token.integer > 0) {
      out.retry_after_ms = static_cast<std::uint64_t>(token.integer);
    }
  }
  return out;
}

void begin_request(std::string& out, std::uint32_t msgid, std::string_view method, std::size_t params) {
  msgpack::writer to(out);
  out.push_back(array_of(4));
  out.push_back('\0');
  append_msgid(out, msgid);
  to.string(method);
  to.array(params);
}

void set_msgid(char* frame, std::uint32_t msgid) noexcept {
  for (std::size_t i = 0; i < 4; ++i) frame[msgid_at + i] = static_cast<char>(msgid >> (24 - 8 * i));
}

void begin_response(std::string& out, std::uint32_t msgid) {
  msgpack::writer to(out);
  out.push_back(array_of(4));
  out.push_back('\1');
  to.natural(msgid);
  to.nil();
}

void write_error_response(std::string& out, std::uint32_t msgid, const rpc_error& error) {
  msgpack::writer to(out);
  out.push_back(array_of(4));
  out.push_back('\1');
  to.natural(msgid);
  write_error(out, error);
  to.nil();
}

void write_error(std::string& out, const rpc_error& error) {
  msgpack::writer to(out);
  to.map(error.retry_after_ms > 0 ? 3 : 2);
  to.string("code");
  to.string(name_of(error.code));
  to.string("message");
  to.string(error.message);
  if (error.retry_after_ms > 0) {
    to.string("retry_after_ms");
    to.natural(error.retry_after_ms);
  }
}

void begin_notification(std::string& out, std::string_view method, std::size_t params) {
  msgpack::writer to(out);
  out.push_back(array_of(3));
  out.push_back('\2');
  to.string(method);
  to.array(params);
}

}  // namespace kith::net
