// Bytes as text: base64 and hexadecimal digits (RFC 4648).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace kith::profile {

/// With padding (RFC 4648, section 4).
std::string base64_of(std::string_view bytes);
/// Strict: the alphabet of section 4, padded, no line breaks, no bits left over. Nothing if the text is something else.
std::optional<std::string> bytes_from_base64(std::string_view text);

/// Digits of either case, two a byte. Nothing if the text is something else.
std::optional<std::string> bytes_from_hex(std::string_view text);

/// %XX as bytes (RFC 3986, section 2.1); `plus_is_blank`: as forms write it. Nothing if an escape is broken.
std::optional<std::string> percent_decoded(std::string_view text, bool plus_is_blank = false);

}  // namespace kith::profile
