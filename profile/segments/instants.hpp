// Milliseconds since 1970 as a timestamp of the expression language.
#pragma once

#include <cstdint>

#include "profile/cel/value.hpp"

namespace kith::profile::segments {

inline cel::value timestamp_value(std::int64_t ms) noexcept {
  auto seconds = ms / 1000;
  auto rest = ms % 1000;
  if (rest < 0) {
    rest += 1000;
    --seconds;
  }
  return cel::value::timestamp({seconds, static_cast<std::int32_t>(rest * 1'000'000)});
}

}  // namespace kith::profile::segments
