// What a program is made of.
#pragma once

#include <cstdint>
#include <deque>
#include <re2/re2.h>
#include <re2/stringpiece.h>
#include <string>
#include <string_view>
#include <vector>

#include "profile/cel/collections.hpp"
#include "profile/cel/program.hpp"
#include "profile/cel/standard.hpp"

namespace kith::profile::cel {

enum class opcode : std::uint8_t {
  constant,       // first: constant
  variable,       // first: index
  slot,           // first: index
  local,          // first: index
  select,         // first: operand; second: constant, the key
  presence,       // as select
  logical_or,     // operands
  logical_and,    // operands
  conditional,    // first, second, third
  unary,          // detail: op; first
  binary,         // detail: op; first, second
  list,           // operands
  map,            // operands
  comprehension,  // detail: macro; count: its local; first: range, second: body, third: filter of map or `none`
  standard_call,  // detail: standard; operands
  match,          // first: text; second: pattern
  native_call,    // operands; second: native
};

inline constexpr std::uint32_t none = ~std::uint32_t{0};

struct instruction {
  opcode code = opcode::constant;
  std::uint8_t detail = 0;
  std::uint16_t count = 0;  ///< of operands, which begin at `first` in `operands`
  std::uint32_t first = 0;
  std::uint32_t second = 0;
  std::uint32_t third = 0;
};

/// Deques, since values view what they hold.
struct program::body {
  std::vector<instruction> code;
  std::vector<std::uint32_t> operands;
  std::vector<value> constants;
  std::vector<native> natives;
  std::deque<std::string> texts;
  std::deque<std::vector<value>> elements;
  std::deque<std::vector<map_entry>> entries;
  std::deque<array_list> lists;
  std::deque<array_map> maps;
  std::deque<RE2> patterns;
  std::uint32_t root = 0;
};

RE2::Options pattern_options();

/// Text as RE2 takes it: its own view or Abseil's, which need not be the standard's.
inline re2::StringPiece piece(std::string_view text) noexcept { return {text.data(), text.size()}; }

}  // namespace kith::profile::cel
