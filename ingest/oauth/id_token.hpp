// ID tokens (OpenID Connect Core, section 2): what a provider says of a person who signed in there.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ingest/oauth/claims.hpp"
#include "ingest/oauth/jwt.hpp"

namespace kith::ingest::oauth {

struct id_token_rules {
  std::string issuer;
  std::string client_id;  ///< ours: the only audience
  std::string nonce;      ///< as it was sent with the request; never empty
  std::chrono::seconds leeway{60};
  std::vector<algorithm> algorithms;
};

/// As section 3.1.3.7 asks: signature, `iss`, `aud`, `azp`, `exp`, `iat`, `nonce`. Errors: unauthenticated, naming the
/// check that failed.
result<claims> verify_id_token(const parsed_jwt& token, const id_token_rules& rules, const key_list& keys,
                               std::int64_t now_ms);

}  // namespace kith::ingest::oauth
