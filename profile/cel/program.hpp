// A checked expression in the form that runs: a flat array of small instructions that refer to one another by index,
// with its constants and compiled patterns.
//
// Invariants: immutable once made; an instruction's operands come before it. Copies share one body.
// Thread safety: a program may run on any number of threads at once, each with its own activation and arena.
// Cost: evaluating takes nothing from the heap, but for an arena that still grows, a pattern that is not a literal, and
// RE2's own caches while they fill.
#pragma once

#include <cstdint>
#include <memory>

#include "profile/cel/arena.hpp"
#include "profile/cel/ast.hpp"
#include "profile/cel/civil.hpp"
#include "profile/cel/diagnostic.hpp"
#include "profile/cel/environment.hpp"
#include "profile/cel/limits.hpp"
#include "profile/cel/value.hpp"

namespace kith::profile::cel {

/// Where an evaluation gets its variables and slots from. What they view must live as long as the result.
class activation {
 public:
  virtual ~activation() = default;
  /// `index`: of the environment's variables. May be an error, e.g. `no_such_variable`.
  virtual value variable(std::uint32_t index, arena& memory) = 0;
  virtual value slot(std::uint32_t index, arena& memory) = 0;
};

struct evaluation {
  std::uint64_t steps = limits::steps;
  const zone_source* zones = nullptr;  ///< null: only "UTC" and fixed offsets are known
};

class program {
 public:
  struct body;
  explicit program(std::shared_ptr<const body> made) noexcept : body_(std::move(made)) {}

  /// The value or an error; it views the program, the arena and what the activation gave. The arena is not reset.
  value evaluate(activation& from, arena& memory, const evaluation& with = {}) const noexcept;

  std::size_t size() const noexcept;   ///< instructions
  std::size_t bytes() const noexcept;  ///< of memory, about

 private:
  std::shared_ptr<const body> body_;
};

/// REQUIRES: the subtree was checked against the same names. Refuses regular expressions that are invalid, and calls
/// of functions that have no `run` (a caller replaces those by slots).
outcome<program> compile(const ast& tree, node_id id, const environment& names);
inline outcome<program> compile(const ast& tree, const environment& names) { return compile(tree, tree.root, names); }

}  // namespace kith::profile::cel
