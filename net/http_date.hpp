// Times in HTTP's fields (RFC 9110, section 5.6.7).
#pragma once

#include <cstdint>
#include <string>

namespace kith::net {

/// "Sun, 06 Nov 1994 08:49:37 GMT"; the thread keeps the last second's.
const std::string& http_date(std::int64_t ms);

}  // namespace kith::net
