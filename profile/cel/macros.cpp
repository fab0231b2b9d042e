// has(), all(), exists(), exists_one(), map(), filter(): calls whose arguments are read as syntax.
#include "profile/cel/parser.hpp"

namespace kith::profile::cel {

namespace {

std::optional<macro> macro_of(std::string_view name) {
  for (const auto each : {macro::all, macro::exists, macro::exists_one, macro::map, macro::filter}) {
    if (name == name_of(each)) return each;
  }
  return std::nullopt;
}

}  // namespace

bool parser::is_macro(const std::string& name, std::size_t arguments) const {
  const auto which = macro_of(name);
  return which && (arguments == 2 || (arguments == 3 && *which == macro::map));
}

parser::part parser::macro_call(const token& name, const part& receiver, const std::vector<part>& arguments,
                                range where) {
  if (failed()) return {};
  const auto& variable = tree_.at(arguments.front().id);
  if (!variable.is(node_kind::identifier) || variable.absolute)
    return fault(variable.where, "the first argument of " + name.text + "() names its variable",
                 "write a simple name, e.g. x." + name.text + "(e, ...)");
  node made;
  made.kind = node_kind::comprehension;
  made.macro = *macro_of(name.text);
  made.name = variable.name;
  made.mark = name.where;
  std::vector<part> children(arguments.begin() + 1, arguments.end());
  children.insert(children.begin(), receiver);
  return add(std::move(made), children, where);
}

parser::part parser::has_call(const token& name, const std::vector<part>& arguments, range where) {
  if (failed()) return {};
  if (arguments.size() != 1 || !tree_.at(arguments.front().id).is(node_kind::select))
    return fault(arguments.empty() ? name.where : tree_.at(arguments.front().id).where, "has() takes one field",
                 "write has(e.f); for other keys \"f\" in e");
  auto& field = tree_.at(arguments.front().id);
  field.kind = node_kind::presence;
  field.where = where;
  return {arguments.front().id, where};
}

}  // namespace kith::profile::cel
