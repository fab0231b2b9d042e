#include "profile/standard_webhooks.hpp"

#include "profile/encoding.hpp"

namespace kith::profile {

namespace {

constexpr std::string_view secret_prefix = "whsec_";
constexpr std::string_view public_key_prefix = "whpk_";
constexpr std::size_t least_secret_bytes = 24;
constexpr std::size_t most_secret_bytes = 64;
constexpr std::size_t public_key_bytes = 32;

/// Empty: the text is no such key.
std::string key_behind(std::string_view prefix, std::string_view text, std::size_t least, std::size_t most) {
  if (!text.starts_with(prefix) || text.size() > prefix.size() + 2 * most) return {};
  auto bytes = bytes_from_base64(text.substr(prefix.size()));
  return bytes && bytes->size() >= least && bytes->size() <= most ? std::move(*bytes) : std::string();
}

}  // namespace

result<std::string> parse_webhook_secret(std::string_view text) {
  auto bytes = key_behind(secret_prefix, text, least_secret_bytes, most_secret_bytes);
  if (!bytes.empty()) return bytes;
  return fail(errc::invalid_argument,
              "must be \"whsec_\" and 24 to 64 random bytes in base64, as of "
              "`echo whsec_$(openssl rand -base64 32)`");
}

result<std::string> parse_webhook_public_key(std::string_view text) {
  auto bytes = key_behind(public_key_prefix, text, public_key_bytes, public_key_bytes);
  if (!bytes.empty()) return bytes;
  return fail(errc::invalid_argument, "must be \"whpk_\" and the 32 bytes of an Ed25519 public key in base64");
}

}  // namespace kith::profile
