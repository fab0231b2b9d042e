#include "profile/cel/arithmetic.hpp"

#include <cstring>
#include <limits>

#include "profile/cel/civil.hpp"
#include "profile/cel/collections.hpp"

namespace kith::profile::cel {

namespace {

value overflow() noexcept { return value::error(failure::overflow); }

bool both(const value& left, const value& right, kind what) noexcept { return left.is(what) && right.is(what); }

value join_text(const value& left, const value& right, context& with) noexcept {
  const auto a = left.as_text();
  const auto b = right.as_text();
  if (!with.spend_bytes(a.size() + b.size())) return with.stop();
  auto* const joined = static_cast<char*>(with.memory.take(a.size() + b.size()));
  if (joined == nullptr) return with.out_of_memory();
  if (!a.empty()) std::memcpy(joined, a.data(), a.size());
  if (!b.empty()) std::memcpy(joined + a.size(), b.data(), b.size());
  const std::string_view text(joined, a.size() + b.size());
  return left.is(kind::string) ? value::string(text) : value::bytes(text);
}

value join_lists(const list_source& left, const list_source& right, context& with) noexcept {
  const auto size = left.size() + right.size();
  if (!with.spend(size)) return with.stop();
  auto* const elements = with.memory.make_array<value>(size);
  if (elements == nullptr) return with.out_of_memory();
  std::size_t filled = 0;
  for (const auto* const source : {&left, &right}) {
    std::uint64_t position = 0;
    for (auto rest = source->size(); rest > 0; --rest) elements[filled++] = source->next(position, with.memory);
  }
  const auto* const list = with.memory.make<array_list>(std::span<const value>(elements, size));
  return list == nullptr ? with.out_of_memory() : value::list(list);
}

value timestamp_or_error(const std::optional<instant>& at) noexcept {
  return at ? value::timestamp(*at) : value::error(failure::range, "timestamp");
}

value duration_or_error(const std::optional<std::int64_t>& nanos) noexcept {
  return nanos ? value::duration(*nanos) : value::error(failure::range, "duration");
}

}  // namespace

value add(const value& left, const value& right, context& with) noexcept {
  if (left.is() != right.is()) {
    if (left.is(kind::timestamp) && right.is(kind::duration))
      return timestamp_or_error(add(left.as_timestamp(), right.as_integer()));
    if (left.is(kind::duration) && right.is(kind::timestamp))
      return timestamp_or_error(add(right.as_timestamp(), left.as_integer()));
    return value::no_overload("+", left.is(), right.is());
  }
  std::int64_t sum = 0;
  std::uint64_t natural_sum = 0;
  switch (left.is()) {
    case kind::integer:
      return __builtin_add_overflow(left.as_integer(), right.as_integer(), &sum) ? overflow() : value::integer(sum);
    case kind::natural:
      if (__builtin_add_overflow(left.as_natural(), right.as_natural(), &natural_sum)) return overflow();
      return value::natural(natural_sum);
    case kind::real: return value::real(left.as_real() + right.as_real());
    case kind::string:
    case kind::bytes: return join_text(left, right, with);
    case kind::list: return join_lists(left.as_list(), right.as_list(), with);
    case kind::duration:
      if (__builtin_add_overflow(left.as_integer(), right.as_integer(), &sum)) return duration_or_error(std::nullopt);
      return value::duration(sum);
    default: return value::no_overload("+", left.is(), right.is());
  }
}

value subtract(const value& left, const value& right) noexcept {
  if (left.is() != right.is()) {
    if (left.is(kind::timestamp) && right.is(kind::duration))
      return timestamp_or_error(subtract(left.as_timestamp(), right.as_integer()));
    return value::no_overload("-", left.is(), right.is());
  }
  std::int64_t difference = 0;
  switch (left.is()) {
    case kind::integer:
      if (__builtin_sub_overflow(left.as_integer(), right.as_integer(), &difference)) return overflow();
      return value::integer(difference);
    case kind::natural:
      if (right.as_natural() > left.as_natural()) return overflow();
      return value::natural(left.as_natural() - right.as_natural());
    case kind::real: return value::real(left.as_real() - right.as_real());
    case kind::timestamp: return duration_or_error(subtract(left.as_timestamp(), right.as_timestamp()));
    case kind::duration:
      if (__builtin_sub_overflow(left.as_integer(), right.as_integer(), &difference))
        return duration_or_error(std::nullopt);
      return value::duration(difference);
    default: return value::no_overload("-", left.is(), right.is());
  }
}

value multiply(const value& left, const value& right) noexcept {
  std::int64_t product = 0;
  std::uint64_t natural_product = 0;
  if (both(left, right, kind::integer)) {
    const bool over = __builtin_mul_overflow(left.as_integer(), right.as_integer(), &product);
    return over ? overflow() : value::integer(product);
  }
  if (both(left, right, kind::natural)) {
    const bool over = __builtin_mul_overflow(left.as_natural(), right.as_natural(), &natural_product);
    return over ? overflow() : value::natural(natural_product);
  }
  if (both(left, right, kind::real)) return value::real(left.as_real() * right.as_real());
  return value::no_overload("*", left.is(), right.is());
}

value divide(const value& left, const value& right) noexcept {
  if (both(left, right, kind::integer)) {
    if (right.as_integer() == 0) return value::error(failure::division_by_zero);
    if (right.as_integer() == -1) return negate(left);
    return value::integer(left.as_integer() / right.as_integer());
  }
  if (both(left, right, kind::natural)) {
    if (right.as_natural() == 0) return value::error(failure::division_by_zero);
    return value::natural(left.as_natural() / right.as_natural());
  }
  if (both(left, right, kind::real)) return value::real(left.as_real() / right.as_real());
  return value::no_overload("/", left.is(), right.is());
}

value modulus(const value& left, const value& right) noexcept {
  if (both(left, right, kind::integer)) {
    if (right.as_integer() == 0) return value::error(failure::modulus_by_zero);
    // The quotient of the smallest int and -1 overflows, and so does its remainder by the language's rules.
    if (right.as_integer() == -1)
      return left.as_integer() == std::numeric_limits<std::int64_t>::min() ? overflow() : value::integer(0);
    return value::integer(left.as_integer() % right.as_integer());
  }
  if (both(left, right, kind::natural)) {
    if (right.as_natural() == 0) return value::error(failure::modulus_by_zero);
    return value::natural(left.as_natural() % right.as_natural());
  }
  return value::no_overload("%", left.is(), right.is());
}

value negate(const value& of) noexcept {
  switch (of.is()) {
    case kind::integer:
      if (of.as_integer() == std::numeric_limits<std::int64_t>::min()) return overflow();
      return value::integer(-of.as_integer());
    case kind::real: return value::real(-of.as_real());
    default: return value::no_overload("-", of.is());
  }
}

}  // namespace kith::profile::cel
