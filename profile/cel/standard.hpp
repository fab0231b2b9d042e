// The functions and operators of the language, with the types they take.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "profile/cel/ast.hpp"
#include "profile/cel/types.hpp"

namespace kith::profile::cel {

enum class standard : std::uint8_t {
  size,
  contains,
  starts_with,
  ends_with,
  matches,
  to_integer,
  to_natural,
  to_real,
  to_string,
  to_bytes,
  to_boolean,
  to_timestamp,
  to_duration,
  to_dyn,
  type,
  get_full_year,
  get_month,
  get_date,
  get_day_of_month,
  get_day_of_year,
  get_day_of_week,
  get_hours,
  get_minutes,
  get_seconds,
  get_milliseconds,
};

struct standard_function {
  standard which;
  signature shape;
};

/// All overloads. Thread safety: made once, then immutable.
const std::vector<standard_function>& standard_functions();

/// What an operator takes; empty for those that the checker treats by itself: && || ?: == != in [].
const std::vector<signature>& overloads_of(op operation);

}  // namespace kith::profile::cel
