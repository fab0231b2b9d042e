#include "net/outgoing_url.hpp"

#include <algorithm>
#include <curl/curl.h>
#include <memory>
#include <string>

namespace kith::net {

namespace {

std::string part_of(CURLU* url, CURLUPart part, unsigned flags = 0) {
  char* found = nullptr;
  if (curl_url_get(url, part, &found, flags) != CURLUE_OK) return {};
  std::string text(found);
  curl_free(found);
  return text;
}

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; });
  return text;
}

bool matches(const std::vector<std::string>& patterns, const std::string& host) {
  return std::any_of(patterns.begin(), patterns.end(), [&](const std::string& each) {
    const auto pattern = lower(each);
    return pattern.starts_with("*.") ? host.size() > pattern.size() - 1 && host.ends_with(pattern.substr(1))
                                     : host == pattern;
  });
}

}  // namespace

bool outgoing_url::is_here() const {
  if (host == "localhost") return true;
  const auto address = parse_ip(host);
  return address && kind_of(*address) == address_kind::loopback;
}

result<outgoing_url> parse_outgoing_url(std::string_view text) {
  const std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> url(curl_url(), curl_url_cleanup);
  const auto rc = curl_url_set(url.get(), CURLUPART_URL, std::string(text).c_str(), 0);
  if (rc != CURLUE_OK) return fail(errc::invalid_argument, std::string("is no URL: ") + curl_url_strerror(rc));
  outgoing_url made;
  made.scheme = lower(part_of(url.get(), CURLUPART_SCHEME));
  made.host = lower(part_of(url.get(), CURLUPART_HOST));
  if (made.host.starts_with('[') && made.host.ends_with(']')) made.host = made.host.substr(1, made.host.size() - 2);
  if (made.host.size() > 1 && made.host.ends_with('.')) made.host.pop_back();
  if (made.host.empty() || (made.scheme != "https" && made.scheme != "http")) {
    return fail(errc::invalid_argument, "must be an https URL");
  }
  made.port = static_cast<unsigned>(std::stoul(part_of(url.get(), CURLUPART_PORT, CURLU_DEFAULT_PORT)));
  return made;
}

std::string shown_url(std::string_view text) {
  const std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> url(curl_url(), curl_url_cleanup);
  if (curl_url_set(url.get(), CURLUPART_URL, std::string(text).c_str(), 0) != CURLUE_OK) return "(no URL)";
  auto made = part_of(url.get(), CURLUPART_SCHEME) + "://" + part_of(url.get(), CURLUPART_HOST);
  if (const auto port = part_of(url.get(), CURLUPART_PORT); !port.empty()) made += ":" + port;
  const auto path = part_of(url.get(), CURLUPART_PATH);
  if (path.size() > 1 || !part_of(url.get(), CURLUPART_QUERY).empty()) made += "/…";
  return made;
}

result<void> check_outgoing_url(std::string_view text, const outgoing_rules& rules) {
  const auto url = parse_outgoing_url(text);
  if (!url) return tl::make_unexpected(url.error());
  if (url->scheme == "http" && !url->is_here()) {
    return fail(errc::invalid_argument,
                "must be an https URL, or http to 127.0.0.1: what is sent is not for everybody to read");
  }
  if (!rules.allow_hosts.empty() && !matches(rules.allow_hosts, url->host)) {
    return fail(errc::forbidden, "the host " + url->host + " is not among outgoing.allow_hosts");
  }
  if (const auto address = parse_ip(url->host)) return check_outgoing_address(*url, *address, rules);
  return {};
}

result<void> check_outgoing_address(const outgoing_url& url, const ip_address& address, const outgoing_rules& rules) {
  const auto kind = kind_of(address);
  if (kind == address_kind::global) return {};
  if (kind == address_kind::loopback && (rules.allow_loopback || url.is_here())) return {};
  const bool may_be_allowed = kind != address_kind::special;
  if (may_be_allowed && matches(rules.allow_private, url.host)) return {};
  auto message = url.host + " is " + to_text(address) + ", a " + std::string(name_of(kind)) + " address, ";
  message += may_be_allowed ? "which only hosts of outgoing.allow_private may have" : "where no request may go";
  return fail(errc::forbidden, std::move(message));
}

result<void> check_host_pattern(std::string_view pattern) {
  auto name = pattern;
  if (name.starts_with("*.")) name.remove_prefix(2);
  constexpr std::string_view allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._:";
  if (name.empty() || name.size() > 253 || name.find_first_not_of(allowed) != std::string_view::npos ||
      (name.find(':') != std::string_view::npos && !parse_ip(name))) {
    return fail(errc::invalid_argument,
                "\"" + std::string(pattern) +
                    "\" is no host: a name or an address without port and brackets, or \"*.\" and a name");
  }
  return {};
}

}  // namespace kith::net
