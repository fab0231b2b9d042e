// Values and errors as people read them.
#pragma once

#include <string>
#include <string_view>

#include "profile/cel/arena.hpp"
#include "profile/cel/value.hpp"

namespace kith::profile::cel {

/// The value as a CEL literal, e.g. `[1, 2u, "x"]`, `timestamp("2009-02-13T23:31:30Z")`; an error as `error: ...`.
std::string to_text(const value& of);
std::string to_text(const value& of, arena& memory);

/// REQUIRES: the value is an error. E.g. `no such key 'x'`, `division by zero`.
std::string error_text(const value& of);

/// The text as a string literal with double quotes; what is no UTF-8 as \x.. in a bytes literal.
std::string quoted(std::string_view text);
std::string quoted_bytes(std::string_view octets);

/// The shortest text that reads back as the same double: "1.5", "6.02214e+23", "1" for 1.0, "NaN", "-Infinity".
std::string_view format_double(double number, char (&out)[64]) noexcept;

}  // namespace kith::profile::cel
