// Runs expressions for the tests and says what came of them.
#pragma once

#include <initializer_list>
#include <map>
#include <string>
#include <string_view>

#include "profile/cel/check.hpp"
#include "profile/cel/parse.hpp"
#include "profile/cel/program.hpp"
#include "profile/cel/text.hpp"

namespace kith::tests {

namespace cel = kith::profile::cel;

/// Variables by index, slots by index.
class fixed_activation final : public cel::activation {
 public:
  std::map<std::uint32_t, cel::value> variables;
  std::map<std::uint32_t, cel::value> slots;

  cel::value variable(std::uint32_t index, cel::arena&) override {
    const auto found = variables.find(index);
    return found != variables.end() ? found->second : cel::value::error(cel::failure::no_such_variable, "unset");
  }
  cel::value slot(std::uint32_t index, cel::arena&) override { return slots.at(index); }
};

/// The value's text, `error: ...`, or `refused: ...` for what parse, check or compile say.
std::string evaluated(std::string_view text, const cel::environment& names, cel::activation& from,
                      const cel::evaluation& with = {});

/// Type-checked, without variables.
std::string evaluated(std::string_view text);

/// Only names resolved.
std::string unchecked(std::string_view text);

/// The type that the checker deduces, or `refused: ...`.
std::string deduced(std::string_view text, const cel::environment& names = {});

struct expectation {
  const char* text;
  const char* result;  ///< of evaluated(); a text that ends in "..." is a beginning
};
void check_all(std::initializer_list<expectation> table);
void check_all_unchecked(std::initializer_list<expectation> table);

}  // namespace kith::tests
