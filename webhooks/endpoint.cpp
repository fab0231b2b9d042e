#include "webhooks/endpoint.hpp"

#include <algorithm>
#include <curl/curl.h>
#include <memory>
#include <openssl/evp.h>

namespace kith::webhooks {

namespace {

constexpr std::string_view secret_prefix = "whsec_";
constexpr std::size_t least_secret_bytes = 24;
constexpr std::size_t most_secret_bytes = 64;

std::string part_of(CURLU* url, CURLUPart part) {
  char* found = nullptr;
  if (curl_url_get(url, part, &found, 0) != CURLUE_OK) return {};
  std::string text(found);
  curl_free(found);
  return text;
}

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

result<void> check_url(std::string_view text) {
  const std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> url(curl_url(), curl_url_cleanup);
  const auto rc = curl_url_set(url.get(), CURLUPART_URL, std::string(text).c_str(), 0);
  if (rc != CURLUE_OK) return fail(errc::invalid_argument, std::string("is no URL: ") + curl_url_strerror(rc));
  const auto scheme = part_of(url.get(), CURLUPART_SCHEME);
  const auto host = part_of(url.get(), CURLUPART_HOST);
  const bool here = host == "localhost" || host == "[::1]" || host.starts_with("127.");
  if (scheme == "https" || (scheme == "http" && here)) return {};
  return fail(errc::invalid_argument,
              "must be an https URL, or http to 127.0.0.1: who is in which segment is not for "
              "everybody to read");
}

}  // namespace kith::webhooks
