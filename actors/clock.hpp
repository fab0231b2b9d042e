// The runtime's clocks, in one place.
#pragma once

#include <chrono>
#include <cstdint>

namespace kith::actors {

using time_point = std::chrono::steady_clock::time_point;

inline time_point now() noexcept { return std::chrono::steady_clock::now(); }

/// Milliseconds since 1970.
inline std::int64_t wall_clock_ms() noexcept {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

}  // namespace kith::actors
