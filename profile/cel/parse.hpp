// Text to syntax tree and back.
#pragma once

#include <string>
#include <string_view>

#include "profile/cel/ast.hpp"
#include "profile/cel/diagnostic.hpp"

namespace kith::profile::cel {

/// The whole text as one expression. Refuses what is over `limits`: bytes, nodes, nesting, height.
outcome<ast> parse(std::string_view text);

/// An expression that parses to the same tree, with as few parentheses as that takes. A slot is written `$index`,
/// which does not parse.
std::string unparse(const ast& tree, node_id id);
inline std::string unparse(const ast& tree) { return unparse(tree, tree.root); }

}  // namespace kith::profile::cel
