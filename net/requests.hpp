// Encoders of the public requests, for clients.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "actors/service.hpp"
#include "net/rpc.hpp"
#include "profile/identifier.hpp"

namespace kith::net {

/// What a forwarder says of a batch; `received_ms`: milliseconds since 1970.
struct forwarded {
  std::string_view source;
  std::int64_t received_ms = 0;
  actors::trace_context trace{};  ///< if it is sampled, the server is told
};
/// Ordered: the server takes it only if it refused none before it on this connection.
void write_forwarded(std::string& out, std::uint32_t msgid, std::string_view events, std::size_t count,
                     const forwarded& of);
/// `events`: MessagePack maps, `count` of them one after another. A whole frame is appended to `out`. If there is a
/// trace, the server is told, whether it is sampled or not.
void write_publish(std::string& out, std::uint32_t msgid, std::string_view events, std::size_t count,
                   actors::publish_options options = {});
/// `fields`: keys of a profile map; empty: all. `view`: in place of them; empty: none.
void write_get(std::string& out, std::uint32_t msgid, const profile::identifier& id,
               std::span<const std::string> fields = {}, std::string_view view = {});
void write_get_many(std::string& out, std::uint32_t msgid, std::span<const profile::identifier> ids,
                    std::span<const std::string> fields = {}, std::string_view view = {});
void write_segments(std::string& out, std::uint32_t msgid, const profile::identifier& id);
void write_explain(std::string& out, std::uint32_t msgid, const profile::identifier& id, std::string_view segment);
void write_hello(std::string& out, std::uint32_t msgid, std::string_view client, std::string_view token);

/// `{userId: …}` and so on, as `get` takes it.
void write_identifier(std::string& out, const profile::identifier& id);

/// The result of a publish.
result<actors::publish_outcome> parse_publish_outcome(std::string_view result);

}  // namespace kith::net
