// Equality and order of values.
//
// Numbers of different types compare by their exact value, on one line: 1 == 1u == 1.0, and 9007199254740993 is not
// 9007199254740992.0. Two exceptions that CEL's own tests ask for: the largest int equals 2^63 as a double, the largest
// uint equals 2^64. NaN is equal to nothing and in no order. Values of different types are unequal, never an error.
#pragma once

#include <compare>

#include "profile/cel/context.hpp"
#include "profile/cel/value.hpp"

namespace kith::profile::cel {

/// REQUIRES: both are numbers. Unordered if one is NaN.
std::partial_ordering compare_numbers(const value& left, const value& right) noexcept;

/// Deep; costs a step an element. After the budget ran out the answer means nothing: see `context::has_stopped`.
bool equal(const value& left, const value& right, context& with) noexcept;
bool equal(const value& left, const value& right, arena& memory) noexcept;

/// Are they of types that have an order with one another?
bool has_order(const value& left, const value& right) noexcept;

/// REQUIRES: has_order(left, right).
std::partial_ordering order(const value& left, const value& right) noexcept;

/// `needle in haystack`; a bool or an error.
value contains(const value& needle, const value& haystack, context& with) noexcept;

}  // namespace kith::profile::cel
