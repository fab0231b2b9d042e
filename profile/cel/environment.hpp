// What an expression may name: variables and functions with their types.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "profile/cel/context.hpp"
#include "profile/cel/types.hpp"
#include "profile/cel/value.hpp"

namespace kith::profile::cel {

/// A function at run time. None of the arguments is an error. What it makes goes into `with.memory`.
using native = value (*)(std::span<const value> arguments, context& with);

struct variable {
  std::string name;  ///< may have dots
  type of;
};

/// Without `run` it can be checked, but its calls must be replaced by slots before compiling.
struct function {
  signature shape;
  native run = nullptr;
};

struct environment {
  std::vector<variable> variables;
  std::vector<function> functions;
  std::string container;    ///< names are looked up within it first, e.g. "a.b"
  bool check_types = true;  ///< false: only names are resolved; what fits nothing is an error at run time

  /// REQUIRES: `of` is a type, e.g. "map(string, dyn)".
  environment& with(std::string name, std::string_view of) {
    variables.push_back({std::move(name), parse_type(of).value()});
    return *this;
  }
  /// REQUIRES: `shape` is a signature, e.g. "in_segment(string) -> bool".
  environment& with_function(std::string_view shape, native run = nullptr) {
    functions.push_back({parse_signature(shape).value(), run});
    return *this;
  }
};

/// The names that `name` may stand for within the container, the innermost first.
std::vector<std::string> candidates(std::string_view container, const std::string& name, bool absolute);

}  // namespace kith::profile::cel
