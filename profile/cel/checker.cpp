#include "profile/cel/checker.hpp"

#include "profile/cel/limits.hpp"

namespace kith::profile::cel {

namespace {

type literal_type(const node& literal) {
  switch (literal.constant.is()) {
    case kind::boolean: return simple(type_kind::boolean);
    case kind::integer: return simple(type_kind::integer);
    case kind::natural: return simple(type_kind::natural);
    case kind::real: return simple(type_kind::real);
    case kind::string: return simple(type_kind::string);
    case kind::bytes: return simple(type_kind::bytes);
    default: return simple(type_kind::null);
  }
}

/// The identifier that a chain of selections begins with; null if it does not.
const node* root_of(const ast& tree, node_id id) {
  while (tree.at(id).is(node_kind::select)) id = tree.at(id).children.front();
  return tree.at(id).is(node_kind::identifier) ? &tree.at(id) : nullptr;
}

}  // namespace

outcome<type> check(ast& tree, node_id id, const environment& names) { return checker(tree, names).run(id); }

std::vector<std::string> candidates(std::string_view container, const std::string& name, bool absolute) {
  std::vector<std::string> made;
  while (!absolute && !container.empty()) {
    made.push_back(std::string(container) + "." + name);
    const auto dot = container.rfind('.');
    container = container.substr(0, dot == std::string_view::npos ? 0 : dot);
  }
  made.push_back(name);
  return made;
}

outcome<type> checker::run(node_id id) {
  visit(id);
  if (failed()) return tl::make_unexpected(*std::move(fault_));
  for (const auto each : walk(tree_, id)) tree_.at(each).deduced = types_.finish(tree_.at(each).deduced);
  return tree_.at(id).deduced;
}

type checker::fault(range where, std::string message, std::string mend) {
  if (!failed()) fault_ = diagnose(tree_.source, where, std::move(message), std::move(mend));
  return {};
}

type checker::visit(node_id id) {
  if (failed()) return {};
  auto deduced = deduce(id);
  tree_.at(id).deduced = deduced;
  return deduced;
}

type checker::deduce(node_id id) {
  const auto& node = tree_.at(id);
  switch (node.kind) {
    case node_kind::literal: return literal_type(node);
    case node_kind::slot: return node.deduced;
    case node_kind::identifier: return identifier(id);
    case node_kind::select:
    case node_kind::presence: return select(id);
    case node_kind::operation: return operation(id);
    case node_kind::call: return call(id);
    case node_kind::list: return list(id);
    case node_kind::map: return map(id);
    case node_kind::comprehension: return comprehension(id);
  }
  return {};
}

bool checker::is_local(const std::string& name, std::uint32_t* index) const {
  for (auto i = locals_.size(); i > 0; --i) {
    if (locals_[i - 1].name != name) continue;
    if (index != nullptr) *index = static_cast<std::uint32_t>(i - 1);
    return true;
  }
  return false;
}

bool checker::bind_name(node& at, const std::string& name, bool absolute) {
  for (const auto& each : candidates(names_.container, name, absolute)) {
    for (std::size_t i = 0; i < names_.variables.size(); ++i) {
      if (names_.variables[i].name != each) continue;
      at.binding = binding::variable;
      at.index = static_cast<std::uint32_t>(i);
      at.deduced = names_.variables[i].of;
      return true;
    }
    if (auto denoted = denoted_type(each)) {
      at.binding = binding::type_name;
      at.deduced = {type_kind::type, {}, 0, {*std::move(denoted)}};
      return true;
    }
  }
  return false;
}

type checker::identifier(node_id id) {
  auto& node = tree_.at(id);
  std::uint32_t index = 0;
  if (!node.absolute && is_local(node.name, &index)) {
    node.binding = binding::local;
    node.index = index;
    return locals_[index].of;
  }
  if (bind_name(node, node.name, node.absolute)) return node.deduced;
  return no_variable(node);
}

type checker::select(node_id id) {
  auto& node = tree_.at(id);
  const auto operand_id = node.children.front();
  node.binding = binding::none;
  if (node.is(node_kind::select)) {
    const auto* root = root_of(tree_, id);
    const bool names_nothing_near = root != nullptr && (root->absolute || !is_local(root->name));
    if (names_nothing_near && bind_name(node, qualified_name(tree_, id), root->absolute)) return node.deduced;
  }
  const auto operand = types_.resolve(visit(operand_id));
  if (failed()) return {};
  auto field = field_of(tree_.at(id), operand);
  return tree_.at(id).is(node_kind::presence) ? simple(type_kind::boolean) : field;
}

type checker::field_of(const node& at, const type& operand) {
  if (operand.is(type_kind::map)) {
    if (strict() && !types_.assignable(operand.parts[0], simple(type_kind::string)))
      return fault(at.mark,
                   "the keys of a " + operand.text() + " are no strings, so \"" + at.name + "\" is none of them",
                   "write [...] with a key of its type");
    return operand.parts[1];
  }
  if (!strict() || operand.is(type_kind::dyn) || operand.is(type_kind::parameter)) return {};
  return fault(at.mark, "no such field \"" + at.name + "\": a value of type " + operand.text() + " has no fields");
}

type checker::list(node_id id) {
  const auto elements = tree_.at(id).children;
  if (elements.empty()) return list_of(types_.fresh());
  auto element = visit(elements.front());
  for (std::size_t i = 1; i < elements.size() && !failed(); ++i) element = types_.join(element, visit(elements[i]));
  return list_of(std::move(element));
}

type checker::map(node_id id) {
  const auto entries = tree_.at(id).children;
  if (entries.empty()) return map_of(types_.fresh(), types_.fresh());
  type key;
  type held;
  for (std::size_t i = 0; i + 1 < entries.size() && !failed(); i += 2) {
    const auto next_key = visit(entries[i]);
    const auto next = visit(entries[i + 1]);
    const auto known = types_.resolve(next_key);
    const bool fits = known.is(type_kind::dyn) || known.is(type_kind::parameter) || known.is(type_kind::string) ||
                      known.is(type_kind::integer) || known.is(type_kind::natural) || known.is(type_kind::boolean);
    if (strict() && !fits)
      return fault(tree_.at(entries[i]).where, "a map's key is an int, uint, bool or string, not " + known.text());
    key = i == 0 ? next_key : types_.join(key, next_key);
    held = i == 0 ? next : types_.join(held, next);
  }
  return map_of(std::move(key), std::move(held));
}

type checker::element_of(const node& at, const type& range) {
  if (range.is(type_kind::list) || range.is(type_kind::map)) return range.parts[0];
  if (!strict() || range.is(type_kind::dyn) || range.is(type_kind::parameter)) return {};
  return fault(at.mark, std::string(name_of(at.macro)) + "() goes over a list or a map, not " + range.text());
}

type checker::comprehension(node_id id) {
  const auto children = tree_.at(id).children;
  const auto element = element_of(tree_.at(id), types_.resolve(visit(children.front())));
  const auto& node = tree_.at(id);
  if (locals_.size() == limits::comprehension_nesting)
    return fault(node.mark, "macros nest over " + std::to_string(limits::comprehension_nesting) + " levels");
  if (failed()) return {};
  const auto which = node.macro;
  const auto name = std::string(name_of(which)) + "()";
  tree_.at(id).index = static_cast<std::uint32_t>(locals_.size());
  locals_.push_back({node.name, element});
  if (which != macro::map || children.size() == 3) need_boolean(children[1], name);
  const auto body = which == macro::map ? visit(children.back()) : type{};
  locals_.pop_back();
  switch (which) {
    case macro::map: return list_of(body);
    case macro::filter: return list_of(element);
    default: return simple(type_kind::boolean);
  }
}

}  // namespace kith::profile::cel
