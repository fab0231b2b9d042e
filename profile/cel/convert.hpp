// The conversions int(), uint(), double(), string(), bytes(), bool(), timestamp(), duration(). Each gives the converted
// value, an error that says what does not fit, or "no such overload".
#pragma once

#include "profile/cel/context.hpp"
#include "profile/cel/value.hpp"

namespace kith::profile::cel {

value to_integer(const value& from) noexcept;  ///< doubles are cut towards zero; a timestamp gives its seconds
value to_natural(const value& from) noexcept;
value to_real(const value& from) noexcept;
value to_string(const value& from, context& with) noexcept;
value to_bytes(const value& from) noexcept;
value to_boolean(const value& from) noexcept;
value to_timestamp(const value& from) noexcept;  ///< text, or an int of seconds since 1970
value to_duration(const value& from) noexcept;

}  // namespace kith::profile::cel
