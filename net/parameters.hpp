// The parameters of the public methods, read and validated. Errors name the parameter, what it holds and what is
// allowed; their code is invalid_argument unless said otherwise.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "actors/service.hpp"
#include "profile/hash.hpp"
#include "profile/limits.hpp"
#include "profile/profile.hpp"
#include "profile/result.hpp"

namespace kith::net {

struct publish_parameters {
  std::string_view events;  ///< the array, whole; a view into the params
  std::uint32_t count = 0;
  actors::publish_options options;
  std::string_view source;       ///< what a forwarder says; empty: the credential's. A view into the params
  bool ordered = false;          ///< not if one of these was refused before it on this connection
  std::string_view traceparent;  ///< of W3C Trace Context; empty: none. A view into the params
};
/// Errors: also too_large (more events than `bounds` allow).
result<publish_parameters> parse_publish(std::string_view params, const limits::connection& bounds);

struct read_parameters {
  std::vector<profile::hash128> addresses;
  profile::field_set fields;
  std::string_view view;  ///< in place of fields, whatever its name; empty: none. A view into the params
};
result<read_parameters> parse_get(std::string_view params);
/// Errors: also too_large (more ids than `bounds` allow).
result<read_parameters> parse_get_many(std::string_view params, const limits::connection& bounds);

struct hello_parameters {
  std::string_view client;
  std::optional<std::string_view> token;
};
result<hello_parameters> parse_hello(std::string_view params);

result<profile::hash128> parse_segments(std::string_view params);
struct explain_parameters {
  profile::hash128 address;
  std::string segment;
};
result<explain_parameters> parse_explain(std::string_view params);

struct erase_parameters {
  profile::hash128 address;
  std::string reason;
};
result<erase_parameters> parse_erase(std::string_view params);

result<actors::watch_filter> parse_watch(std::string_view params);
/// The number that watch gave.
result<std::uint64_t> parse_unwatch(std::string_view params);

}  // namespace kith::net
