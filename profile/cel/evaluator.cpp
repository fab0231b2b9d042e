#include <array>

#include "profile/cel/arithmetic.hpp"
#include "profile/cel/compare.hpp"
#include "profile/cel/functions.hpp"
#include "profile/cel/instructions.hpp"

namespace kith::profile::cel {

namespace {

constexpr std::size_t few_arguments = 3;  // what the language's functions take, and most others

/// One evaluation. Recursion is as deep as the tree was high, which is bounded.
class machine {
 public:
  machine(const program::body& body, activation& from, arena& memory, const evaluation& with) noexcept
      : body_(body), from_(from), with_{memory, with.steps, with.zones} {}

  value run() noexcept {
    const auto result = run(body_.root);
    return with_.has_stopped() ? with_.stop() : result;
  }

 private:
  value run(std::uint32_t at) noexcept {
    if (!with_.spend(1)) return with_.stop();
    const auto& what = body_.code[at];
    switch (what.code) {
      case opcode::constant: return body_.constants[what.first];
      case opcode::variable: return from_.variable(what.first, with_.memory);
      case opcode::slot: return from_.slot(what.first, with_.memory);
      case opcode::local: return locals_[what.first];
      case opcode::select: return select(what);
      case opcode::presence: return presence(what);
      case opcode::logical_or: return logical(what, true);
      case opcode::logical_and: return logical(what, false);
      case opcode::conditional: return conditional(what);
      case opcode::unary: return unary(what);
      case opcode::binary: return binary(what);
      case opcode::list: return list(what);
      case opcode::map: return map(what);
      case opcode::comprehension: return comprehension(what);
      case opcode::standard_call: return standard_call(what);
      case opcode::match: {
        const auto text = run(what.first);
        return text.is_error() ? text : match(text, body_.patterns[what.second], with_);
      }
      case opcode::native_call: return native_call(what);
    }
    return value::error(failure::custom, "no such instruction");
  }

  std::uint32_t operand(const instruction& what, std::size_t index) const noexcept {
    return body_.operands[what.first + index];
  }

  value select(const instruction& what) noexcept {
    const auto of = run(what.first);
    if (of.is_error()) return of;
    if (!of.is(kind::map)) return value::no_overload("field selection", of.is());
    return at_index(of, body_.constants[what.second], with_);
  }

  value presence(const instruction& what) noexcept {
    const auto of = run(what.first);
    if (of.is_error()) return of;
    if (!of.is(kind::map)) return value::no_overload("has", of.is());
    return contains(body_.constants[what.second], of, with_);
  }

  /// `decisive`: the operand's value that settles it, true for || and false for &&. An error counts only if none does.
  value logical(const instruction& what, bool decisive) noexcept {
    value failed = value::boolean(!decisive);
    for (std::size_t i = 0; i < what.count; ++i) {
      const auto each = run(operand(what, i));
      if (each.is(kind::boolean)) {
        if (each.as_boolean() == decisive) return each;
      } else if (!failed.is_error()) {
        failed = each.is_error() ? each : value::no_overload(decisive ? "||" : "&&", each.is());
      }
    }
    return failed;
  }

  value conditional(const instruction& what) noexcept {
    const auto condition = run(what.first);
    if (condition.is(kind::boolean)) return run(condition.as_boolean() ? what.second : what.third);
    return condition.is_error() ? condition : value::no_overload("?:", condition.is());
  }

  value unary(const instruction& what) noexcept {
    const auto of = run(what.first);
    if (of.is_error()) return of;
    if (static_cast<op>(what.detail) == op::negate) return negate(of);
    return of.is(kind::boolean) ? value::boolean(!of.as_boolean()) : value::no_overload("!", of.is());
  }

  value binary(const instruction& what) noexcept {
    const auto left = run(what.first);
    if (left.is_error()) return left;
    const auto right = run(what.second);
    if (right.is_error()) return right;
    const auto operation = static_cast<op>(what.detail);
    switch (operation) {
      case op::equal: return value::boolean(equal(left, right, with_));
      case op::not_equal: return value::boolean(!equal(left, right, with_));
      case op::in: return contains(left, right, with_);
      case op::index: return at_index(left, right, with_);
      case op::add: return add(left, right, with_);
      case op::subtract: return subtract(left, right);
      case op::multiply: return multiply(left, right);
      case op::divide: return divide(left, right);
      case op::modulus: return modulus(left, right);
      default: return compared(operation, left, right);
    }
  }

  value compared(op operation, const value& left, const value& right) noexcept {
    if (!has_order(left, right)) return value::no_overload(symbol_of(operation), left.is(), right.is());
    if (!left.is_number() && !with_.spend_bytes(text_size(left))) return with_.stop();
    const auto found = order(left, right);
    switch (operation) {
      case op::less: return value::boolean(found < 0);
      case op::less_equal: return value::boolean(found <= 0);
      case op::greater: return value::boolean(found > 0);
      default: return value::boolean(found >= 0);
    }
  }
  static std::size_t text_size(const value& of) noexcept {
    return of.is(kind::string) || of.is(kind::bytes) ? of.as_text().size() : 0;
  }

  value list(const instruction& what) noexcept {
    auto* const elements = with_.memory.make_array<value>(what.count);
    if (elements == nullptr) return with_.out_of_memory();
    for (std::size_t i = 0; i < what.count; ++i) {
      elements[i] = run(operand(what, i));
      if (elements[i].is_error()) return elements[i];
    }
    return listed(elements, what.count);
  }
  value listed(const value* elements, std::size_t count) noexcept {
    const auto* const made = with_.memory.make<array_list>(std::span<const value>(elements, count));
    return made == nullptr ? with_.out_of_memory() : value::list(made);
  }

  value map(const instruction& what) noexcept {
    const std::size_t count = what.count / 2U;
    auto* const entries = with_.memory.make_array<map_entry>(count);
    if (entries == nullptr) return with_.out_of_memory();
    for (std::size_t i = 0; i < count; ++i) {
      entries[i].key = run(operand(what, 2 * i));
      if (entries[i].key.is_error()) return entries[i].key;
      if (!is_key(entries[i].key))
        return value::error(failure::unsupported_key, {}, static_cast<std::uint32_t>(entries[i].key.is()));
      if (!with_.spend(i / 16)) return with_.stop();
      for (std::size_t j = 0; j < i; ++j) {
        if (same_key(entries[j].key, entries[i].key))
          return value::error(failure::repeated_key, no_such_key(entries[i].key, with_).as_text());
      }
      entries[i].held = run(operand(what, 2 * i + 1));
      if (entries[i].held.is_error()) return entries[i].held;
    }
    const auto* const made = with_.memory.make<array_map>(std::span<const map_entry>(entries, count));
    return made == nullptr ? with_.out_of_memory() : value::map(made);
  }

  /// The elements of a list or the keys of a map, one after another.
  struct walk_over {
    const list_source* list = nullptr;
    const map_source* map = nullptr;
    std::size_t size = 0;
    std::uint64_t position = 0;

    value next(arena& memory) noexcept {
      return list != nullptr ? list->next(position, memory) : map->next(position, memory).key;
    }
  };

  value comprehension(const instruction& what) noexcept {
    const auto range = run(what.first);
    if (range.is_error()) return range;
    walk_over walk;
    if (range.is(kind::list)) {
      walk.list = &range.as_list();
      walk.size = walk.list->size();
    } else if (range.is(kind::map)) {
      walk.map = &range.as_map();
      walk.size = walk.map->size();
    } else {
      return value::no_overload(name_of(static_cast<macro>(what.detail)), range.is());
    }
    switch (static_cast<macro>(what.detail)) {
      case macro::all: return quantified(what, walk, false);
      case macro::exists: return quantified(what, walk, true);
      case macro::exists_one: return exists_one(what, walk);
      default: return collected(what, walk);
    }
  }

  value quantified(const instruction& what, walk_over& walk, bool decisive) noexcept {
    value failed = value::boolean(!decisive);
    for (std::size_t i = 0; i < walk.size; ++i) {
      locals_[what.count] = walk.next(with_.memory);
      const auto each = run(what.second);
      if (each.is(kind::boolean)) {
        if (each.as_boolean() == decisive) return each;
      } else if (!failed.is_error()) {
        failed = each.is_error() ? each : value::no_overload(decisive ? "exists" : "all", each.is());
      }
      if (with_.has_stopped()) return with_.stop();
    }
    return failed;
  }

  value exists_one(const instruction& what, walk_over& walk) noexcept {
    std::size_t found = 0;
    for (std::size_t i = 0; i < walk.size; ++i) {
      locals_[what.count] = walk.next(with_.memory);
      const auto each = run(what.second);
      if (!each.is(kind::boolean)) return each.is_error() ? each : value::no_overload("exists_one", each.is());
      found += each.as_boolean() ? 1 : 0;
    }
    return value::boolean(found == 1);
  }

  /// map() with or without a filter, filter().
  value collected(const instruction& what, walk_over& walk) noexcept {
    const bool maps = static_cast<macro>(what.detail) == macro::map;
    const auto filter = maps ? what.third : what.second;
    auto* const elements = with_.memory.make_array<value>(walk.size);
    if (elements == nullptr) return with_.out_of_memory();
    std::size_t count = 0;
    for (std::size_t i = 0; i < walk.size; ++i) {
      const auto element = walk.next(with_.memory);
      locals_[what.count] = element;
      if (filter != none) {
        const auto wanted = run(filter);
        if (!wanted.is(kind::boolean))
          return wanted.is_error() ? wanted : value::no_overload(maps ? "map" : "filter", wanted.is());
        if (!wanted.as_boolean()) continue;
      }
      elements[count] = maps ? run(what.second) : element;
      if (elements[count].is_error()) return elements[count];
      ++count;
    }
    return listed(elements, count);
  }

  value standard_call(const instruction& what) noexcept {
    std::array<value, few_arguments> arguments;
    for (std::size_t i = 0; i < what.count; ++i) {
      arguments[i] = run(operand(what, i));
      if (arguments[i].is_error()) return arguments[i];
    }
    return call_standard(static_cast<standard>(what.detail), {arguments.data(), what.count}, with_);
  }

  value native_call(const instruction& what) noexcept {
    auto* const arguments = with_.memory.make_array<value>(what.count);
    if (arguments == nullptr) return with_.out_of_memory();
    for (std::size_t i = 0; i < what.count; ++i) {
      arguments[i] = run(operand(what, i));
      if (arguments[i].is_error()) return arguments[i];
    }
    return body_.natives[what.second]({arguments, what.count}, with_);
  }

  const program::body& body_;
  activation& from_;
  context with_;
  std::array<value, limits::comprehension_nesting> locals_;
};

}  // namespace

value program::evaluate(activation& from, arena& memory, const evaluation& with) const noexcept {
  return machine(*body_, from, memory, with).run();
}

}  // namespace kith::profile::cel
