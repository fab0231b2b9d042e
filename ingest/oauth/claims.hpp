// What an access token says, once it is known who signed it: the claims that a JWT (RFC 9068) and the answer of an
// introspection (RFC 7662) have in common, and the checks of them.
#pragma once

#include <chrono>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "profile/result.hpp"

namespace kith::ingest::oauth {

/// What a token must say.
struct claim_rules {
  std::string issuer;                  ///< exactly
  std::vector<std::string> audiences;  ///< one of these; never empty
  std::chrono::seconds leeway{60};     ///< clocks may differ by so much
};

struct claims {
  std::string subject;
  std::string client_id;
  std::vector<std::string> scopes;
  std::int64_t until_ms = 0;  ///< from then on it is good no more (`exp` and the leeway); 0: it does not say
  nlohmann::json all;
};

inline constexpr std::size_t most_scopes = 256;

enum class token_form : std::uint8_t {
  jwt,           ///< `iss`, `exp`, `sub`, `client_id`, `iat`, `jti` must be there (RFC 9068, section 2.2)
  introspected,  ///< they may be missing (RFC 7662, section 2.2), all but `aud`
  identity       ///< `iss`, `exp`, `sub`, `iat` must be there (OpenID Connect Core, section 2)
};

/// Errors: unauthenticated, naming the claim.
result<claims> read_claims(nlohmann::json all, const claim_rules& rules, token_form form, std::int64_t now_ms);

}  // namespace kith::ingest::oauth
