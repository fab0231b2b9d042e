#include "profile/cel/ast.hpp"

#include <bit>

namespace kith::profile::cel {

namespace {

bool same_constant(const value& left, const value& right) {
  if (left.is() != right.is()) return false;
  switch (left.is()) {
    case kind::boolean: return left.as_boolean() == right.as_boolean();
    case kind::integer: return left.as_integer() == right.as_integer();
    case kind::natural: return left.as_natural() == right.as_natural();
    case kind::real:
      return std::bit_cast<std::uint64_t>(left.as_real()) == std::bit_cast<std::uint64_t>(right.as_real());
    default: return true;
  }
}

bool same_node(const node& left, const node& right) {
  return left.kind == right.kind && left.operation == right.operation && left.macro == right.macro &&
         left.receiver == right.receiver && left.absolute == right.absolute && left.name == right.name &&
         left.children.size() == right.children.size() &&
         (left.kind != node_kind::literal || same_constant(left.constant, right.constant)) &&
         (left.kind != node_kind::slot || left.index == right.index);
}

}  // namespace

std::string_view symbol_of(op operation) noexcept {
  switch (operation) {
    case op::logical_or: return "||";
    case op::logical_and: return "&&";
    case op::conditional: return "?:";
    case op::equal: return "==";
    case op::not_equal: return "!=";
    case op::less: return "<";
    case op::less_equal: return "<=";
    case op::greater: return ">";
    case op::greater_equal: return ">=";
    case op::in: return "in";
    case op::add: return "+";
    case op::subtract: return "-";
    case op::multiply: return "*";
    case op::divide: return "/";
    case op::modulus: return "%";
    case op::logical_not: return "!";
    case op::negate: return "-";
    case op::index: return "[]";
  }
  return "";
}

std::string_view name_of(macro which) noexcept {
  switch (which) {
    case macro::all: return "all";
    case macro::exists: return "exists";
    case macro::exists_one: return "exists_one";
    case macro::map: return "map";
    case macro::filter: return "filter";
  }
  return "";
}

std::string_view ast::text(node_id id) const {
  const auto& where = nodes[id].where;
  return std::string_view(source).substr(where.begin, where.end - where.begin);
}

void ast::replace(node_id id, std::uint32_t index, type of) {
  node made;
  made.kind = node_kind::slot;
  made.index = index;
  made.where = nodes[id].where;
  made.mark = made.where;
  made.deduced = std::move(of);
  nodes[id] = std::move(made);
}

std::vector<node_id> walk(const ast& tree, node_id id) {
  std::vector<node_id> found;
  std::vector<node_id> waiting{id};
  while (!waiting.empty()) {
    const auto next = waiting.back();
    waiting.pop_back();
    found.push_back(next);
    const auto& children = tree.at(next).children;
    waiting.insert(waiting.end(), children.rbegin(), children.rend());
  }
  return found;
}

bool same(const ast& left, node_id in_left, const ast& right, node_id in_right) {
  const auto ours = walk(left, in_left);
  const auto theirs = walk(right, in_right);
  if (ours.size() != theirs.size()) return false;
  for (std::size_t i = 0; i < ours.size(); ++i) {
    if (!same_node(left.at(ours[i]), right.at(theirs[i]))) return false;
  }
  return true;
}

std::string qualified_name(const ast& tree, node_id id) {
  std::string name;
  for (;;) {
    const auto& node = tree.at(id);
    if (node.is(node_kind::identifier)) return node.name + name;
    if (!node.is(node_kind::select)) return {};
    name.insert(0, "." + node.name);
    id = node.children.front();
  }
}

}  // namespace kith::profile::cel
