// Every bound of the expression language. The first group is checked when an expression is defined, the second while it
// runs.
#pragma once

#include <cstddef>
#include <cstdint>

namespace kith::profile::cel::limits {

inline constexpr std::size_t expression_bytes = 16 * 1024;
inline constexpr std::size_t nodes = 4096;               ///< of the syntax tree, after macros are expanded
inline constexpr std::size_t nesting = 128;              ///< parentheses, lists, maps, arguments within one another
inline constexpr std::size_t tree_height = 512;          ///< e.g. the terms of a sum, the fields of a selection
inline constexpr std::size_t comprehension_nesting = 4;  ///< macros within the bodies of macros
inline constexpr std::size_t pattern_bytes = 1024;       ///< of a regular expression
inline constexpr std::int64_t pattern_memory = 1 << 20;  ///< that RE2 may use for one, bytes

inline constexpr std::uint64_t steps = 100'000;  ///< of one evaluation: a node, an element, or `bytes_a_step` of text
inline constexpr std::size_t bytes_a_step = 64;
inline constexpr std::size_t arena_bytes = 4 * 1024 * 1024;  ///< temporary values of one evaluation
inline constexpr std::size_t value_nesting = 600;            ///< of values that are compared, shown or written

}  // namespace kith::profile::cel::limits
