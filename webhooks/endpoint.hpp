// Who is told when profiles enter and leave segments: an HTTP endpoint of the operator's.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "profile/result.hpp"

namespace kith::webhooks {

struct endpoint {
  std::string name;  ///< of its queue, too
  std::string url;
  std::vector<std::string> secrets;   ///< bytes; each signs, so that a receiver may change over
  std::vector<std::string> segments;  ///< sorted; empty: all
  std::string purpose{};              ///< of consent, without which it is told of nobody; empty: none
  std::string ca;                     ///< PEM file of those that may have signed its certificate; empty: the system's
  std::chrono::milliseconds timeout{15'000};  ///< for the whole exchange
  std::chrono::milliseconds retry_for{std::chrono::hours(72)};
  unsigned concurrency = 8;  ///< requests under way at once
};

/// A secret of Standard Webhooks: "whsec_" and 24 to 64 bytes in base64. Errors: invalid_argument.
result<std::string> parse_secret(std::string_view text);

}  // namespace kith::webhooks
