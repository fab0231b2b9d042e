// What an evaluation has left: steps and memory. Once either is used up the whole evaluation is an error.
#pragma once

#include <cstdint>
#include <string_view>

#include "profile/cel/arena.hpp"
#include "profile/cel/value.hpp"

namespace kith::profile::cel {

class zone_source;

struct context {
  arena& memory;
  std::uint64_t steps = limits::steps;
  const zone_source* zones = nullptr;  ///< named time zones; null: none are known
  failure stopped = failure::custom;   ///< cost or memory once it stopped

  bool has_stopped() const noexcept { return stopped != failure::custom; }

  /// Pays; false, and the evaluation stops, if there is not enough left.
  bool spend(std::uint64_t price) noexcept {
    if (price <= steps) {
      steps -= price;
      return true;
    }
    steps = 0;
    if (!has_stopped()) stopped = failure::cost;
    return false;
  }
  bool spend_bytes(std::size_t bytes) noexcept {
    return bytes < limits::bytes_a_step || spend(bytes / limits::bytes_a_step);
  }

  value out_of_memory() noexcept {
    stopped = failure::memory;
    steps = 0;
    return value::error(failure::memory);
  }
  value stop() const noexcept { return value::error(has_stopped() ? stopped : failure::cost); }

  /// The text in the arena, as a string value or an error.
  value keep(std::string_view text) noexcept {
    const auto kept = memory.copy(text);
    return kept.data() == nullptr ? out_of_memory() : value::string(kept);
  }
};

}  // namespace kith::profile::cel
