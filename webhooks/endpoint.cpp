#include "webhooks/endpoint.hpp"

#include <curl/curl.h>
#include <memory>

#include "profile/standard_webhooks.hpp"

namespace kith::webhooks {

namespace {

std::string part_of(CURLU* url, CURLUPart part) {
  char* found = nullptr;
  if (curl_url_get(url, part, &found, 0) != CURLUE_OK) return {};
  std::string text(found);
  curl_free(found);
  return text;
}

}  // namespace

result<std::string> parse_secret(std::string_view text) { return profile::parse_webhook_secret(text); }

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
