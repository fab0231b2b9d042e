// MessagePack-RPC envelopes: request [0, msgid, method, params], response [1, msgid, error, result], notification
// [2, method, params] (https://github.com/msgpack-rpc/msgpack-rpc/blob/master/spec.md).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "profile/result.hpp"

namespace kith::net {

/// An error as it stands on the wire.
struct rpc_error {
  errc code = errc::internal;
  std::string message;
  std::uint64_t retry_after_ms = 0;  ///< 0: absent
};

enum class envelope_kind : std::uint8_t { request = 0, response = 1, notification = 2 };

/// Views into the frame.
struct envelope {
  envelope_kind kind = envelope_kind::request;
  std::uint32_t msgid = 0;
  std::string_view method;
  std::string_view params;  ///< a MessagePack array: the whole of it
  std::string_view error;   ///< response: a MessagePack value
  std::string_view result;  ///< response: a MessagePack value
};

/// REQUIRES: `frame` is one whole MessagePack value. Errors: invalid_argument, saying what is not as it should be.
result<envelope> parse_envelope(std::string_view frame);

/// The msgid of a request that is otherwise malformed, where it can be told.
std::optional<std::uint32_t> msgid_of(std::string_view frame) noexcept;

/// The error of a response; nothing if it is nil. A map that is none of ours becomes `internal`.
std::optional<rpc_error> parse_error(std::string_view encoded);
/// False if there is no such code.
bool code_named(std::string_view name, errc& code) noexcept;

/// `[0, msgid, method, [` for `params` values that the caller appends. msgid takes five bytes, whatever its value, at
/// a fixed place, so that set_msgid() can give a prepared frame another one.
void begin_request(std::string& out, std::uint32_t msgid, std::string_view method, std::size_t params);
void set_msgid(char* frame, std::uint32_t msgid) noexcept;

/// `[1, msgid, nil, ` for one value that the caller appends.
void begin_response(std::string& out, std::uint32_t msgid);
void write_error_response(std::string& out, std::uint32_t msgid, const rpc_error& error);
/// `{code, message, retry_after_ms?}`
void write_error(std::string& out, const rpc_error& error);
/// `[2, method, [` for `params` values that the caller appends.
void begin_notification(std::string& out, std::string_view method, std::size_t params);

}  // namespace kith::net
