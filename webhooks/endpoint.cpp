#include "webhooks/endpoint.hpp"

#include <algorithm>
#include <openssl/evp.h>

namespace kith::webhooks {

namespace {

constexpr std::string_view secret_prefix = "whsec_";
constexpr std::size_t least_secret_bytes = 24;
constexpr std::size_t most_secret_bytes = 64;

}  // namespace

result<std::string> parse_secret(std::string_view text) {
  const auto refused = fail(errc::invalid_argument,
                            "must be \"whsec_\" and 24 to 64 random bytes in base64, as of "
                            "`echo whsec_$(openssl rand -base64 32)`");
  if (!text.starts_with(secret_prefix)) return refused;
  text.remove_prefix(secret_prefix.size());
  if (text.empty() || text.size() % 4 != 0 || text.size() > 2 * most_secret_bytes) return refused;
  std::string bytes(text.size() / 4 * 3, '\0');
  const auto size = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
                                    reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
  if (size < 0) return refused;
  const auto padding = static_cast<std::size_t>(std::count(text.end() - 2, text.end(), '='));
  bytes.resize(static_cast<std::size_t>(size) - padding);
  if (bytes.size() < least_secret_bytes || bytes.size() > most_secret_bytes) return refused;
  return bytes;
}

}  // namespace kith::webhooks
