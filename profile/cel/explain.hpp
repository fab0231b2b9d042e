// Looking into an expression: its boolean parts, so that each can be run and shown alone, and what it reads, so that a
// change of a trait finds the expressions that it touches.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "profile/cel/ast.hpp"

namespace kith::profile::cel {

struct boolean_part {
  node_id id = 0;         ///< compile it alone
  std::size_t depth = 0;  ///< 0: the whole
  std::string_view text;  ///< its source; views the tree
};

/// The whole, then the operands of && || ! ?: below it, recursively, from left to right. Bodies of macros are no parts.
std::vector<boolean_part> boolean_parts(const ast& tree, node_id id);
inline std::vector<boolean_part> boolean_parts(const ast& tree) { return boolean_parts(tree, tree.root); }

/// A variable and the keys behind it, as far as they are known: {"traits", "country"}.
using path = std::vector<std::string>;
std::string path_text(const path& of);  ///< `traits.country`, `traits["two words"]`

/// What is read below `id`, sorted, each once; `traits.x` and `traits["x"]` are the same, and where a key is not a
/// literal the path ends. Variables of macros are not variables.
std::vector<path> variable_paths(const ast& tree, node_id id);
inline std::vector<path> variable_paths(const ast& tree) { return variable_paths(tree, tree.root); }

}  // namespace kith::profile::cel
