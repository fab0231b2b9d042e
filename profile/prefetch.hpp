// Calling for memory before it is read.
#pragma once

#include <algorithm>
#include <cstddef>

namespace kith::profile {

inline constexpr std::size_t line_bytes = 64;        ///< of the processor's cache
inline constexpr std::size_t prefetched_lines = 24;  ///< at most, of one place

/// Asks the processor to bring these bytes near, or the first of them. `at` may be null if there are none.
inline void prefetch_bytes(const void* at, std::size_t size) noexcept {
  const auto* const bytes = static_cast<const char*>(at);
  const auto end = std::min(size, prefetched_lines * line_bytes);
  for (std::size_t from = 0; from < end; from += line_bytes) __builtin_prefetch(bytes + from);
}

}  // namespace kith::profile
