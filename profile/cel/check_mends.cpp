// What the checker says, and how it proposes to mend it.
#include <algorithm>
#include <charconv>

#include "profile/cel/checker.hpp"
#include "profile/cel/standard.hpp"
#include "profile/cel/text.hpp"

namespace kith::profile::cel {

namespace {

constexpr std::size_t most_shown = 12;

std::string joined(const std::vector<std::string>& names) {
  std::string out;
  for (std::size_t i = 0; i < names.size() && i < most_shown; ++i) out += (i > 0 ? ", " : "") + names[i];
  return out + (names.size() > most_shown ? ", ..." : "");
}

std::string with_nearest(std::string_view name, const std::vector<std::string>& known) {
  const std::string near(nearest(name, known));
  return near.empty() ? "" : "did you mean \"" + near + "\"?";
}

/// The literal as one of another type, e.g. 5 as "5", 5u or 5.0; empty if it cannot be.
std::string rewritten(const node& literal, const type& as) {
  const auto& constant = literal.constant;
  if (!literal.is(node_kind::literal)) return {};
  if (constant.is(kind::integer)) {
    const auto digits = std::to_string(constant.as_integer());
    if (as.is(type_kind::string)) return "\"" + digits + "\"";
    if (as.is(type_kind::real)) return digits + ".0";
    if (as.is(type_kind::natural) && constant.as_integer() >= 0) return digits + "u";
  }
  if (constant.is(kind::real) && as.is(type_kind::string)) return "\"" + to_text(constant) + "\"";
  if (constant.is(kind::boolean) && as.is(type_kind::string)) return constant.as_boolean() ? "\"true\"" : "\"false\"";
  if (constant.is(kind::string) && (as.is_number() || as.is(type_kind::boolean))) {
    double number = 0;
    const auto* const end = literal.name.data() + literal.name.size();
    const bool is_number = !literal.name.empty() && std::from_chars(literal.name.data(), end, number).ptr == end;
    if (as.is_number() ? is_number : literal.name == "true" || literal.name == "false") return literal.name;
  }
  if (constant.is(kind::string) && (as.is(type_kind::timestamp) || as.is(type_kind::duration)))
    return as.text() + "(" + quoted(literal.name) + ")";
  return {};
}

/// `int(...)` if a `from` converts to a `to`.
std::string converted(const type& to, const type& from) {
  for (const auto& each : standard_functions()) {
    const auto& shape = each.shape;
    if (!shape.receiver && shape.name == to.text() && shape.parameters.size() == 1 && shape.parameters[0] == from)
      return shape.name + "(...)";
  }
  return {};
}

std::string either(const std::string& first, const std::string& second) {
  if (first.empty() && second.empty()) return {};
  return "write " + first + (first.empty() || second.empty() ? "" : " or ") + second;
}

}  // namespace

type checker::no_variable(node& at) {
  if (!strict()) {
    at.binding = binding::unknown;
    return {};
  }
  std::vector<std::string> known;
  for (const auto& each : locals_) known.push_back(each.name);
  for (const auto& each : names_.variables) known.push_back(each.name);
  auto mend = with_nearest(at.name, known);
  if (!known.empty()) mend += (mend.empty() ? "known: " : " Known: ") + joined(known);
  return fault(at.mark, "no such variable \"" + at.name + "\"", std::move(mend));
}

type checker::no_function(const node& at) {
  std::vector<std::string> known;
  for (const auto& each : names_.functions) known.push_back(each.shape.name);
  for (const auto& each : standard_functions()) known.push_back(each.shape.name);
  for (const auto each : {macro::all, macro::exists, macro::exists_one, macro::map, macro::filter})
    known.emplace_back(name_of(each));
  known.emplace_back("has");
  const bool is_macro = known.end() != std::find(known.end() - 6, known.end(), at.name);
  if (is_macro) {
    const auto mend = at.name == "has" ? std::string("write has(e.f)") : "write list." + at.name + "(x, ...)";
    return fault(at.mark, "\"" + at.name + "\" is a macro with other arguments", mend);
  }
  return fault(at.mark, "no such function \"" + at.name + "\"", with_nearest(at.name, known));
}

type checker::no_overload(const node& at, const std::vector<const signature*>& shapes, const std::vector<type>& given) {
  std::string found;
  const std::size_t first = at.receiver && !given.empty() ? 1 : 0;
  for (auto i = first; i < given.size(); ++i) found += (i > first ? ", " : "") + types_.finish(given[i]).text();
  found = (first == 1 ? types_.finish(given[0]).text() + "." : "") + at.name + "(" + found + ")";
  std::vector<std::string> known;
  known.reserve(shapes.size());
  for (const auto* each : shapes) known.push_back(each->text());
  return fault(at.mark, "no such overload: " + found, "there is " + joined(known));
}

type checker::wrong_operands(node_id id, const std::string& needs) {
  const auto& node = tree_.at(id);
  std::string found;
  for (const auto each : node.children)
    found += (found.empty() ? "" : " and ") + types_.finish(tree_.at(each).deduced).text();
  const auto mend = node.children.size() == 2 ? conversion(node.children[0], node.children[1]) : "";
  return fault(node.mark, "\"" + std::string(symbol_of(node.operation)) + "\" needs " + needs + ", not " + found, mend);
}

std::string checker::conversion(node_id left, node_id right) const {
  const auto left_type = types_.finish(tree_.at(left).deduced);
  const auto right_type = types_.finish(tree_.at(right).deduced);
  if (const auto mend = rewritten(tree_.at(right), left_type); !mend.empty())
    return either(mend, converted(right_type, left_type));
  if (const auto mend = rewritten(tree_.at(left), right_type); !mend.empty())
    return either(mend, converted(left_type, right_type));
  if (left_type == right_type) return {};
  return either(converted(right_type, left_type), converted(left_type, right_type));
}

}  // namespace kith::profile::cel
