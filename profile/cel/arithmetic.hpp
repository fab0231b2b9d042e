// + - * / % and unary minus. Integers that overflow are errors, doubles follow IEEE 754.
#pragma once

#include "profile/cel/context.hpp"
#include "profile/cel/value.hpp"

namespace kith::profile::cel {

/// Numbers of one type, strings, bytes, lists, durations, a timestamp and a duration.
value add(const value& left, const value& right, context& with) noexcept;
/// Numbers of one type, timestamps, durations, a duration from a timestamp.
value subtract(const value& left, const value& right) noexcept;
value multiply(const value& left, const value& right) noexcept;
value divide(const value& left, const value& right) noexcept;
value modulus(const value& left, const value& right) noexcept;
value negate(const value& of) noexcept;

}  // namespace kith::profile::cel
