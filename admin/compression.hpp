// Answers in gzip (RFC 9110, section 8.4.1.3), for those who take it.
//
// Thread safety: all of it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace kith::admin {

/// Does the header Accept-Encoding (RFC 9110, section 12.5.3) take gzip?
bool takes_gzip(std::string_view accept_encoding) noexcept;
/// Nothing: it is too small to be worth it, or does not become smaller.
std::optional<std::string> gzipped(std::string_view body);

}  // namespace kith::admin
