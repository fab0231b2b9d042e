// The times that events may have: the years 1 to 9999, as RFC 3339 can write them.
#pragma once

#include <cstdint>

namespace kith::profile {

inline constexpr std::int64_t earliest_ms = -62'135'596'800'000;  // 0001-01-01T00:00:00.000Z
inline constexpr std::int64_t latest_ms = 253'402'300'799'999;    // 9999-12-31T23:59:59.999Z

inline constexpr bool is_writable_time(std::int64_t ms) noexcept { return ms >= earliest_ms && ms <= latest_ms; }

}  // namespace kith::profile
