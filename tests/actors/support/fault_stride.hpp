#pragma once

#include <cstdint>
#include <cstdlib>
#include <string>

namespace kith::tests {

/// Of the points at which a disk or a store can fail every so manyth is tried: 1, or what KITH_FAULT_STRIDE says.
inline std::uint64_t fault_stride() {
  const auto* wanted = std::getenv("KITH_FAULT_STRIDE");
  return wanted == nullptr ? 1 : std::stoull(wanted);
}

}  // namespace kith::tests
