// What the configuration says of a source of webhooks.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace kith::ingest::webhook {

class mapping;

/// How a sender proves that a request is its own.
enum class scheme : std::uint8_t {
  stripe,             ///< Stripe-Signature: t=…,v1=hex over "t.body"
  github,             ///< X-Hub-Signature-256: sha256=hex over the body
  shopify,            ///< X-Shopify-Hmac-SHA256: base64 over the body
  standard_webhooks,  ///< webhook-signature: v1,base64 v1a,base64 over "id.timestamp.body"
  hmac,               ///< a header of one's own
  basic,              ///< Authorization: Basic (RFC 7617)
  bearer,             ///< Authorization: Bearer (RFC 6750), or a header that holds the token alone
};

enum class hmac_algorithm : std::uint8_t { sha256, sha512 };
enum class text_encoding : std::uint8_t { hex, base64 };
enum class signed_content : std::uint8_t { body, timestamp_body };

/// Of the scheme `hmac`.
struct hmac_settings {
  hmac_algorithm algorithm = hmac_algorithm::sha256;
  text_encoding encoding = text_encoding::hex;
  std::string prefix;            ///< in front of the signature in its header, e.g. "sha256="
  std::string timestamp_header;  ///< seconds or milliseconds since 1970; empty: there is none
  signed_content content = signed_content::body;
};

struct scheme_settings {
  scheme kind = scheme::standard_webhooks;
  /// Each is tried, so that a sender may change over. Keys of HMACs as bytes; basic: "user:password"; bearer: tokens.
  std::vector<std::string> secrets;
  std::vector<std::string> public_keys;  ///< of standard_webhooks: Ed25519, 32 bytes each
  /// How far from now the signed time of a request may be, either way; 0: as far as it likes.
  std::int64_t tolerance_ms = 300'000;
  std::string header;           ///< of hmac: the signature's; of bearer: the token's, empty: Authorization
  std::string delivery_header;  ///< the delivery's id, where the scheme has none of its own; empty: there is none
  hmac_settings hmac;
};

struct settings {
  std::string source;  ///< the name in [sources.NAME]
  scheme_settings scheme;
  std::shared_ptr<const mapping> map;  ///< never null once it is read
};

}  // namespace kith::ingest::webhook
