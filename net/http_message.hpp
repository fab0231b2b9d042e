// An HTTP request and a response as values (RFC 9110), whatever server or client carries them.
//
// Thread safety: none; a message belongs to one thread.
#pragma once

#include <utility>
#include <algorithm>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace kith::net {

/// Field names are compared without case (RFC 9110, section 5.1).
constexpr bool same_field_name(std::string_view a, std::string_view b) noexcept {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [&](char x, char y) { return lower(x) == lower(y); });
}

struct http_field {
  std::string_view name;
  std::string_view value;  ///< without blanks around it
};

/// All views point into what its server keeps until it is answered.
struct http_request {
  std::string_view method;  ///< "POST"
  std::string_view target;  ///< path and query as they were sent
  std::span<const http_field> fields;
  std::string_view body;  ///< as it was sent: Content-Encoding is not undone

  /// The first of that name; empty: there is none.
  std::string_view field(std::string_view name) const noexcept {
    const auto found =
        std::find_if(fields.begin(), fields.end(), [&](const auto& each) { return same_field_name(each.name, name); });
    return found == fields.end() ? std::string_view() : found->value;
  }
  std::string_view path() const noexcept { return target.substr(0, target.find('?')); }
  std::string_view query() const noexcept {
    const auto at = target.find('?');
    return at == std::string_view::npos ? std::string_view() : target.substr(at + 1);
  }
};

struct http_response {
  unsigned status = 200;
  std::string content_type;
  std::string body;
  std::vector<std::pair<std::string, std::string>> fields;  ///< beside Content-Type and Content-Length
};

}  // namespace kith::net
