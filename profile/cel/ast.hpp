// The syntax tree of an expression. Public and mutable: a caller may walk it, and replace a subtree by a slot whose
// value the activation gives at run time.
//
// Invariants: children have lower ids than their parents, so that no walk can go round; `root` is a node. Nodes that a
// replacement cut off stay in `nodes` and are not reached.
// Thread safety: none; a tree belongs to who defines an expression.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "profile/cel/diagnostic.hpp"
#include "profile/cel/types.hpp"
#include "profile/cel/value.hpp"

namespace kith::profile::cel {

using node_id = std::uint32_t;

enum class node_kind : std::uint8_t {
  literal,        ///< constant; name: what a string or bytes literal holds
  identifier,     ///< name; absolute
  select,         ///< children: operand; name: the field
  presence,       ///< has(): as select
  operation,      ///< operation; children: the operands (|| and && two or more, ?: three)
  call,           ///< name; receiver; children: the receiver if there is one, then the arguments
  list,           ///< children: the elements
  map,            ///< children: key, value, key, value, ...
  comprehension,  ///< macro; name: its variable; children: the range, then [filter of map,] body
  slot,           ///< index, deduced: what the activation gives
};

enum class op : std::uint8_t {
  logical_or,
  logical_and,
  conditional,
  equal,
  not_equal,
  less,
  less_equal,
  greater,
  greater_equal,
  in,
  add,
  subtract,
  multiply,
  divide,
  modulus,
  logical_not,
  negate,
  index,
};
std::string_view symbol_of(op operation) noexcept;  ///< e.g. "&&"

enum class macro : std::uint8_t { all, exists, exists_one, map, filter };
std::string_view name_of(macro which) noexcept;

/// What a name turned out to be. The checker fills it in.
enum class binding : std::uint8_t {
  none,
  variable,   ///< index: of the environment's variables
  local,      ///< index: of a comprehension's variable, counted from the outermost
  type_name,  ///< a type, e.g. `int`
  function,   ///< of a call: index of the environment's functions of that name
  standard,   ///< of a call: a function of the language; index: which
  unknown,    ///< an error when it is reached (only with type checks off)
};

struct node {
  node_kind kind = node_kind::literal;
  op operation = op::logical_or;
  cel::macro macro = cel::macro::all;
  cel::binding binding = cel::binding::none;
  bool receiver = false;    ///< call: the first child stands before the dot
  bool absolute = false;    ///< identifier, call: begins with a dot
  std::uint32_t index = 0;  ///< slot; what `binding` says; comprehension: the number of its variable
  range where;              ///< the source of the whole subtree, without parentheses around it
  range mark;               ///< the operator, the field's or function's name
  std::string name;
  value constant;  ///< literal; of a string or bytes only the kind counts
  std::vector<node_id> children;
  type deduced;  ///< by the checker; of a slot: by who made it

  bool is(node_kind what) const noexcept { return kind == what; }
  bool is(op what) const noexcept { return kind == node_kind::operation && operation == what; }
};

struct ast {
  std::string source;
  std::vector<node> nodes;
  node_id root = 0;

  node& at(node_id id) { return nodes[id]; }
  const node& at(node_id id) const { return nodes[id]; }
  std::string_view text(node_id id) const;  ///< the source of a subtree

  /// The subtree becomes slot `index` of a type that the caller knows.
  void replace(node_id id, std::uint32_t index, type of);
};

/// Nodes from `id` down, parents before children, from left to right.
std::vector<node_id> walk(const ast& tree, node_id id);
inline std::vector<node_id> walk(const ast& tree) { return walk(tree, tree.root); }

/// Do the subtrees say the same? (Ranges and what the checker found do not count.)
bool same(const ast& left, node_id in_left, const ast& right, node_id in_right);

/// `a.b.c` for selections of names; empty for anything else.
std::string qualified_name(const ast& tree, node_id id);

}  // namespace kith::profile::cel
