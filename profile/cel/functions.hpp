// The language's functions on values. None of the arguments is an error.
#pragma once

#include <span>

#include "profile/cel/context.hpp"
#include "profile/cel/standard.hpp"
#include "profile/cel/value.hpp"

namespace re2 {
class RE2;
}

namespace kith::profile::cel {

/// REQUIRES: as many arguments as an overload of the function has.
value call_standard(standard which, std::span<const value> arguments, context& with) noexcept;

/// Does a part of the text match?
value match(const value& text, const re2::RE2& pattern, context& with) noexcept;

/// `of[key]`.
value at_index(const value& of, const value& key, context& with) noexcept;

/// The key as an error names it.
value no_such_key(const value& key, context& with) noexcept;

std::size_t count_code_points(std::string_view text) noexcept;

}  // namespace kith::profile::cel
