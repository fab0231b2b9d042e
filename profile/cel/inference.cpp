#include "profile/cel/inference.hpp"

namespace kith::profile::cel {

namespace {

/// null may stand for these, and they for it.
bool takes_null(type_kind kind) {
  return kind == type_kind::timestamp || kind == type_kind::duration || kind == type_kind::abstract;
}

type general(const type& left, const type& right) {
  if (left.is(type_kind::dyn) || right.is(type_kind::dyn)) return {};
  if (left.is(type_kind::null)) return right;
  if (right.is(type_kind::null) || left.kind != right.kind || left.parts.size() != right.parts.size()) return left;
  type made = left;
  for (std::size_t i = 0; i < made.parts.size(); ++i) made.parts[i] = general(left.parts[i], right.parts[i]);
  return made;
}

}  // namespace

type inference::fresh() {
  variables_.emplace_back();
  return {type_kind::parameter, {}, static_cast<std::uint32_t>(variables_.size()), {}};
}

type inference::instantiate(const type& of, std::map<std::string, type>& made) {
  if (of.is(type_kind::parameter)) {
    const auto found = made.find(of.name);
    return found != made.end() ? found->second : made.emplace(of.name, fresh()).first->second;
  }
  type copy = of;
  for (auto& part : copy.parts) part = instantiate(part, made);
  return copy;
}

signature inference::instantiate(const signature& shape) {
  std::map<std::string, type> made;
  signature copy{shape.name, shape.receiver, {}, {}};
  for (const auto& each : shape.parameters) copy.parameters.push_back(instantiate(each, made));
  copy.result = instantiate(shape.result, made);
  return copy;
}

const type& inference::shallow(const type& of) const {
  const type* at = &of;
  while (at->is(type_kind::parameter) && at->number > 0 && variables_[at->number - 1].bound)
    at = &variables_[at->number - 1].to;
  return *at;
}

bool inference::occurs(std::uint32_t number, const type& in) const {
  const auto& of = shallow(in);
  if (of.is(type_kind::parameter)) return of.number == number;
  for (const auto& part : of.parts) {
    if (occurs(number, part)) return true;
  }
  return false;
}

bool inference::bind(const type& variable, const type& to) {
  const auto number = variable.number;
  if (number == 0 || occurs(number, to)) return number == 0;
  type copy = to;  // `to` may lie in what changes
  variables_[number - 1] = {true, std::move(copy)};
  trail_.push_back(number);
  return true;
}

bool inference::assignable(const type& to, const type& from, bool mix) {
  const type a = shallow(to);
  const type b = shallow(from);
  if (a.is(type_kind::parameter) && b.is(type_kind::parameter) && a.number == b.number) return true;
  if (a.is(type_kind::parameter)) return bind(a, b);
  if (b.is(type_kind::parameter)) return bind(b, a);
  if (a.is(type_kind::dyn) || b.is(type_kind::dyn)) return true;
  if (mix && a.is_number() && b.is_number()) return true;
  if (a.kind != b.kind) {
    return (a.is(type_kind::null) && takes_null(b.kind)) || (b.is(type_kind::null) && takes_null(a.kind));
  }
  if (a.is(type_kind::type)) return true;
  if (a.is(type_kind::abstract) && (a.name != b.name || a.parts.size() != b.parts.size())) return false;
  for (std::size_t i = 0; i < a.parts.size() && i < b.parts.size(); ++i) {
    if (!assignable(a.parts[i], b.parts[i], mix)) return false;
  }
  return true;
}

type inference::join(const type& left, const type& right) {
  const auto before = mark();
  if (!assignable(left, right)) {
    undo(before);
    return {};
  }
  return general(resolve(left), resolve(right));
}

type inference::replaced(const type& of, bool unbound_is_dyn) const {
  const auto& found = shallow(of);
  if (found.is(type_kind::parameter)) return unbound_is_dyn ? type{} : found;
  type copy = found;
  for (auto& part : copy.parts) part = replaced(part, unbound_is_dyn);
  return copy;
}

type inference::resolve(const type& of) const { return replaced(of, false); }

type inference::finish(const type& of) const { return replaced(of, true); }

void inference::undo(std::size_t mark) {
  for (; trail_.size() > mark; trail_.pop_back()) variables_[trail_.back() - 1] = {};
}

}  // namespace kith::profile::cel
