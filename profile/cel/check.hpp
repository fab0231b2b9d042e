// Types and names: what the checker adds to a tree.
#pragma once

#include "profile/cel/ast.hpp"
#include "profile/cel/diagnostic.hpp"
#include "profile/cel/environment.hpp"

namespace kith::profile::cel {

/// Resolves every name below `id` and deduces every type, into the nodes; gives the type of the whole. Gradual: where
/// a type is known only at run time it is dyn, and goes with everything.
outcome<type> check(ast& tree, node_id id, const environment& names);
inline outcome<type> check(ast& tree, const environment& names) { return check(tree, tree.root, names); }

}  // namespace kith::profile::cel
