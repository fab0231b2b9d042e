// JWT access tokens (RFC 9068), read and verified as RFC 8725 advises: an allow-list of algorithms, keys that belong to
// the issuer, the type of the token checked, and no key or address taken from the token itself (`jku`, `x5u`, `jwk`,
// `x5c` are not looked at).
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "ingest/oauth/claims.hpp"
#include "ingest/oauth/jwk.hpp"
#include "profile/result.hpp"

namespace kith::ingest::oauth {

inline constexpr std::size_t most_token_bytes = 16 * 1024;
/// Of a token without `kid`, so many keys that fit are tried.
inline constexpr std::size_t most_keys_tried = 4;

/// What is asked of an issuer's tokens.
struct jwt_rules {
  claim_rules claims;
  std::vector<algorithm> algorithms{algorithm::rs256, algorithm::ps256, algorithm::es256};
  bool accept_type_jwt = false;  ///< `typ` may be "JWT" or absent: an ID token could pass for an access token then
};

/// Nothing of it is proven.
struct parsed_jwt {
  std::string_view text;
  algorithm signed_with = algorithm::rs256;
  std::string type;    ///< `typ`
  std::string key_id;  ///< `kid`; empty: none
  std::string issuer;  ///< `iss`, to know whose keys to ask for
  std::size_t signature_bytes = 0;
  nlohmann::json claims;
};

/// Three parts, the first of them a JSON object with `alg`: so that other tokens are left to introspection.
bool looks_like_jwt(std::string_view token);

/// The view `text` is kept. Errors: unauthenticated, saying what is wrong.
result<parsed_jwt> parse_jwt(std::string_view text);

/// Who signed it: one of these keys, with one of these algorithms. Errors: unauthenticated, saying what is wrong.
result<void> check_signature(const parsed_jwt& token, const std::vector<algorithm>& allowed, const key_list& keys);

/// Errors: unauthenticated, naming the check that failed.
result<claims> verify_jwt(const parsed_jwt& token, const jwt_rules& rules, const key_list& keys, std::int64_t now_ms);

}  // namespace kith::ingest::oauth
