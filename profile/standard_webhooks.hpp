// Keys of Standard Webhooks
// (https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md), for those that Kith
// sends and those that it receives.
#pragma once

#include <string>
#include <string_view>

#include "profile/result.hpp"

namespace kith::profile {

/// The bytes of "whsec_" and 24 to 64 bytes in base64. Errors: invalid_argument, without the secret.
result<std::string> parse_webhook_secret(std::string_view text);

/// The 32 bytes of an Ed25519 public key: "whpk_" and base64. Errors: invalid_argument.
result<std::string> parse_webhook_public_key(std::string_view text);

}  // namespace kith::profile
