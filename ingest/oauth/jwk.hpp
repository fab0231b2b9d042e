// The keys that an authorization server signs with (JWK sets, RFC 7517), and the algorithms that we take (RFC 7518).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "profile/result.hpp"

struct _cjose_jwk_int;  // NOLINT(bugprone-reserved-identifier): cjose calls its key so

namespace kith::ingest::oauth {

/// Signatures of a key pair only: with an HMAC (HS256) whoever can check tokens could make them too.
enum class algorithm : std::uint8_t { rs256, rs384, rs512, ps256, ps384, ps512, es256, es384, es512 };

/// Nothing: another one, "none" among them.
std::optional<algorithm> parse_algorithm(std::string_view name) noexcept;
std::string_view name_of(algorithm of) noexcept;

enum class key_kind : std::uint8_t { rsa, p256, p384, p521 };

/// A public key. Thread safety: many threads may verify with one.
struct verification_key {
  std::string id;                 ///< `kid`; empty: it has none
  std::optional<algorithm> only;  ///< `alg`: it is for nothing else
  key_kind kind = key_kind::rsa;
  std::size_t signature_bytes = 0;  ///< each of its signatures has so many
  std::shared_ptr<const _cjose_jwk_int> key;

  bool fits(algorithm with) const noexcept;
};

using key_list = std::vector<verification_key>;

/// Of a key set, so many are kept at most; a larger one is refused.
inline constexpr std::size_t most_keys = 64;

/// What is there for something else than signatures, or of a kind that is not taken here (RSA under 2048 or over 8192
/// bits, symmetric, EdDSA), is left out, as RFC 7517 (section 5) says. Errors: invalid_argument: it is no key set, or
/// nothing in it can be used.
result<key_list> parse_key_set(std::string_view json);

}  // namespace kith::ingest::oauth
