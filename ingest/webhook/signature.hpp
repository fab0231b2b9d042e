// Is a webhook from whom it says? Each scheme over the raw bytes of the body, in constant time.
//
// Invariants: every secret is tried against every signature, whichever holds. No error tells a secret, or a signature
// that would have been right.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ingest/webhook/settings.hpp"
#include "net/http_message.hpp"
#include "profile/result.hpp"

namespace kith::ingest::webhook {

/// Sources of the schemes: docs.stripe.com/webhooks (Verify manually), docs.github.com (Validating webhook deliveries),
/// shopify.dev (Verify webhook deliveries), Standard Webhooks 1.0, RFC 7617, RFC 6750.
std::optional<scheme> parse_scheme(std::string_view name);
std::string_view name_of(scheme kind) noexcept;

/// What a secret of the configuration holds, into `secrets` or `public_keys`. Errors: invalid_argument, without the
/// secret: what it must be for this scheme.
result<void> add_secret(scheme_settings& to, std::string_view text);

/// Errors: invalid_argument: what is missing, or does not go with the scheme.
result<void> check(const scheme_settings& settings);

struct verified {
  std::string delivery_id;  ///< the sender's; empty: it gave none in a header
};

/// Errors: unauthenticated: which header is missing, malformed or does not hold; too_late: the signature holds, but its
/// time is further from now than the tolerance (a replay, or clocks that differ); invalid_argument: a delivery's id
/// that is too long or no text.
result<verified> verify(const scheme_settings& settings, const net::http_request& request, std::int64_t now_ms);

/// The delivery's id alone, of a request that may not have been verified. Errors: as above.
result<std::string> delivery_id(const scheme_settings& settings, const net::http_request& request);

}  // namespace kith::ingest::webhook
