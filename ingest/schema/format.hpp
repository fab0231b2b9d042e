// The values of the keyword `format` that Kith checks (JSON Schema 2020-12 Validation, section 7.3).
#pragma once

#include <array>
#include <optional>
#include <string_view>

namespace kith::ingest::schema {

inline constexpr std::array<std::string_view, 8> known_formats = {"date-time", "date", "time", "email",
                                                                  "uuid",      "ipv4", "ipv6", "uri"};

/// date-time, date, time: RFC 3339, section 5.6; email: a mailbox of RFC 5321 without quoted parts or comments; uuid:
/// RFC 4122; ipv4, ipv6: RFC 2673 and RFC 4291, section 2.2; uri: an absolute URI's scheme, and no character that RFC
/// 3986 has not. Linear in the text. REQUIRES: `format` is a known one.
bool has_format(std::string_view text, std::string_view format) noexcept;

}  // namespace kith::ingest::schema
