// Operators and calls: which overload takes these types?
#include <algorithm>

#include "profile/cel/checker.hpp"
#include "profile/cel/standard.hpp"

namespace kith::profile::cel {

namespace {

std::vector<const signature*> pointers(const std::vector<signature>& shapes) {
  std::vector<const signature*> made;
  made.reserve(shapes.size());
  for (const auto& each : shapes) made.push_back(&each);
  return made;
}

std::string needs_of(op operation) {
  switch (operation) {
    case op::add: return "two numbers of one type, strings, bytes, lists, durations, or a time and a duration";
    case op::subtract: return "two numbers of one type, times, durations, or a time and a duration";
    case op::multiply:
    case op::divide: return "two numbers of one type";
    case op::modulus: return "two ints or two uints";
    case op::negate: return "an int or a double";
    default: return "two numbers, strings, bytes, bools, times or durations";
  }
}

}  // namespace

std::optional<type> checker::choose(const std::vector<const signature*>& shapes, const std::vector<type>& given,
                                    std::size_t* chosen) {
  std::optional<type> result;
  for (std::size_t i = 0; i < shapes.size(); ++i) {
    if (shapes[i]->parameters.size() != given.size()) continue;
    const auto before = types_.mark();
    const auto shape = types_.instantiate(*shapes[i]);
    bool fits = true;
    for (std::size_t j = 0; j < given.size() && fits; ++j) fits = types_.assignable(shape.parameters[j], given[j]);
    if (!fits) {
      types_.undo(before);
      continue;
    }
    if (!result && chosen != nullptr) *chosen = i;
    if (!result) result = types_.resolve(shape.result);
    else if (types_.resolve(shape.result) != *result) result = type{};
  }
  return result;
}

void checker::need_boolean(node_id id, std::string_view what) {
  const auto found = visit(id);
  if (failed() || !strict() || types_.assignable(simple(type_kind::boolean), found)) return;
  const auto text = types_.resolve(found).text();
  fault(tree_.at(id).where, "\"" + std::string(what) + "\" needs a bool, not " + text, "compare it, e.g. with ==");
}

type checker::operation(node_id id) {
  const auto operation = tree_.at(id).operation;
  const auto children = tree_.at(id).children;
  switch (operation) {
    case op::logical_or:
    case op::logical_and:
    case op::logical_not:
      for (const auto each : children) need_boolean(each, symbol_of(operation));
      return simple(type_kind::boolean);
    case op::conditional: return conditional(id);
    case op::equal:
    case op::not_equal: return equality(id);
    case op::in: return membership(id);
    case op::index: return index(id);
    default: break;
  }
  std::vector<type> given;
  given.reserve(children.size());
  for (const auto each : children) given.push_back(visit(each));
  if (failed()) return {};
  if (auto result = choose(pointers(overloads_of(operation)), given)) return *std::move(result);
  if (!strict()) return {};
  return wrong_operands(id, needs_of(operation));
}

type checker::conditional(node_id id) {
  const auto children = tree_.at(id).children;
  need_boolean(children[0], "?:");
  const auto then = visit(children[1]);
  const auto otherwise = visit(children[2]);
  if (failed()) return {};
  const auto before = types_.mark();
  if (types_.assignable(then, otherwise)) return types_.join(then, otherwise);
  types_.undo(before);
  if (!strict()) return {};
  return fault(tree_.at(id).mark,
               "\"?:\" needs two values of one type, not " + types_.finish(then).text() + " and " +
                   types_.finish(otherwise).text(),
               "write dyn(...) around one if both are meant");
}

type checker::equality(node_id id) {
  const auto children = tree_.at(id).children;
  const auto left = visit(children[0]);
  const auto right = visit(children[1]);
  const auto before = types_.mark();
  if (failed() || types_.assignable(left, right, true)) return simple(type_kind::boolean);
  types_.undo(before);
  if (!strict()) return simple(type_kind::boolean);
  return wrong_operands(id, "two numbers or the same type");
}

type checker::membership(node_id id) {
  const auto children = tree_.at(id).children;
  const auto needle = visit(children[0]);
  const auto haystack = types_.resolve(visit(children[1]));
  if (failed()) return {};
  const bool anything = haystack.is(type_kind::dyn) || haystack.is(type_kind::parameter);
  const bool holds = haystack.is(type_kind::list) || haystack.is(type_kind::map);
  if (!strict() || anything || (holds && types_.assignable(haystack.parts[0], needle, true)))
    return simple(type_kind::boolean);
  if (holds) return wrong_operands(id, "a value and a list or map of such values");
  const bool texts = haystack.is(type_kind::string) && types_.resolve(needle).is(type_kind::string);
  return fault(tree_.at(id).mark, "\"in\" needs a list or a map on its right, not " + types_.finish(haystack).text(),
               texts ? "write " + std::string(tree_.text(children[1])) + ".contains(...)" : "");
}

type checker::index(node_id id) {
  const auto children = tree_.at(id).children;
  const auto operand = types_.resolve(visit(children[0]));
  const auto key = visit(children[1]);
  if (failed() || operand.is(type_kind::dyn) || operand.is(type_kind::parameter)) return {};
  const auto where = tree_.at(children[1]).where;
  const auto key_text = types_.finish(key).text();
  if (operand.is(type_kind::list)) {
    if (strict() && !types_.assignable(simple(type_kind::integer), key))
      return fault(where, "a list's index is an int, not " + key_text);
    return operand.parts[0];
  }
  if (operand.is(type_kind::map)) {
    if (strict() && !types_.assignable(operand.parts[0], key, true))
      return fault(where, "the keys of a " + types_.finish(operand).text() + " are no " + key_text);
    return operand.parts[1];
  }
  if (!strict()) return {};
  return fault(tree_.at(id).mark, "\"[]\" needs a list or a map before it, not " + operand.text());
}

bool checker::resolve_qualified(node_id id) {
  auto& node = tree_.at(id);
  if (!node.receiver) return false;
  const auto prefix = qualified_name(tree_, node.children.front());
  if (prefix.empty() || is_local(prefix.substr(0, prefix.find('.')))) return false;
  const auto full = prefix + "." + node.name;
  for (const auto& name : candidates(names_.container, full, false)) {
    for (const auto& each : names_.functions) {
      if (each.shape.receiver || each.shape.name != name) continue;
      node.receiver = false;
      node.name = full;
      node.children.erase(node.children.begin());
      return true;
    }
  }
  return false;
}

type checker::call(node_id id) {
  resolve_qualified(id);
  const auto children = tree_.at(id).children;
  std::vector<type> given;
  std::vector<const signature*> shapes;
  std::vector<std::uint32_t> indexes;
  const auto own_names =
      candidates(names_.container, tree_.at(id).name, tree_.at(id).absolute || tree_.at(id).receiver);
  for (const auto& name : own_names) {
    for (std::size_t i = 0; i < names_.functions.size() && (shapes.empty() || shapes.front()->name == name); ++i) {
      const auto& shape = names_.functions[i].shape;
      if (shape.name != name || shape.receiver != tree_.at(id).receiver) continue;
      shapes.push_back(&shape);
      indexes.push_back(static_cast<std::uint32_t>(i));
    }
  }
  const bool is_own = !shapes.empty();
  const auto& all = standard_functions();
  const bool is_standard = std::any_of(
      all.begin(), all.end(), [&](const standard_function& each) { return each.shape.name == tree_.at(id).name; });
  if (!is_own && !is_standard && strict()) return no_function(tree_.at(id));
  given.reserve(children.size());
  for (const auto each : children) given.push_back(visit(each));
  if (failed()) return {};
  std::size_t chosen = 0;
  if (auto result = choose(shapes, given, &chosen)) {
    tree_.at(id).binding = binding::function;
    tree_.at(id).index = indexes[chosen];
    return *std::move(result);
  }
  if (is_standard) return standard_call(id, given);
  auto& node = tree_.at(id);
  if (strict()) return no_overload(node, shapes, given);
  node.binding = binding::unknown;
  for (std::size_t i = 0; i < shapes.size(); ++i) {
    if (shapes[i]->parameters.size() != given.size()) continue;
    node.binding = binding::function;
    node.index = indexes[i];
    break;
  }
  return {};
}

type checker::standard_call(node_id id, const std::vector<type>& given) {
  auto& node = tree_.at(id);
  std::vector<const signature*> shapes;
  std::vector<const signature*> any_style;
  for (const auto& each : standard_functions()) {
    if (each.shape.name != node.name) continue;
    any_style.push_back(&each.shape);
    if (each.shape.receiver != node.receiver) continue;
    node.index = static_cast<std::uint32_t>(each.which);
    shapes.push_back(&each.shape);
  }
  node.binding = binding::standard;
  if (auto result = choose(shapes, given)) return *std::move(result);
  if (strict()) return no_overload(node, any_style, given);
  const bool count_fits = std::any_of(shapes.begin(), shapes.end(), [&given](const signature* each) {
    return each->parameters.size() == given.size();
  });
  if (!count_fits) node.binding = binding::unknown;
  return {};
}

}  // namespace kith::profile::cel
