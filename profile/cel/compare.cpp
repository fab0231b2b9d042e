#include "profile/cel/compare.hpp"

#include <cmath>
#include <limits>

#include "profile/cel/collections.hpp"

namespace kith::profile::cel {

namespace {

constexpr double two_to_63 = 9223372036854775808.0;
constexpr double two_to_64 = 18446744073709551616.0;

std::partial_ordering compare(std::int64_t left, double right) noexcept {
  if (std::isnan(right)) return std::partial_ordering::unordered;
  if (right == two_to_63 && left == std::numeric_limits<std::int64_t>::max()) return std::partial_ordering::equivalent;
  if (right >= two_to_63) return std::partial_ordering::less;
  if (right < -two_to_63) return std::partial_ordering::greater;
  const double whole = std::trunc(right);
  const auto as_integer = static_cast<std::int64_t>(whole);
  if (left != as_integer) return left <=> as_integer;
  return 0.0 <=> right - whole;
}

std::partial_ordering compare(std::uint64_t left, double right) noexcept {
  if (std::isnan(right)) return std::partial_ordering::unordered;
  if (right == two_to_64 && left == std::numeric_limits<std::uint64_t>::max()) return std::partial_ordering::equivalent;
  if (right >= two_to_64) return std::partial_ordering::less;
  if (right < 0) return std::partial_ordering::greater;
  const double whole = std::trunc(right);
  const auto as_natural = static_cast<std::uint64_t>(whole);
  if (left != as_natural) return left <=> as_natural;
  return 0.0 <=> right - whole;
}

std::partial_ordering compare(std::int64_t left, std::uint64_t right) noexcept {
  if (left < 0) return std::partial_ordering::less;
  return static_cast<std::uint64_t>(left) <=> right;
}

std::partial_ordering reversed(std::partial_ordering order) noexcept { return 0 <=> order; }

bool equal_at(const value& left, const value& right, context& with, std::size_t depth) noexcept;

bool equal_lists(const list_source& left, const list_source& right, context& with, std::size_t depth) noexcept {
  const auto size = left.size();
  if (size != right.size()) return false;
  std::uint64_t in_left = 0;
  std::uint64_t in_right = 0;
  for (std::size_t i = 0; i < size; ++i) {
    if (!with.spend(1)) return false;
    if (!equal_at(left.next(in_left, with.memory), right.next(in_right, with.memory), with, depth)) return false;
  }
  return true;
}

bool equal_maps(const map_source& left, const map_source& right, context& with, std::size_t depth) noexcept {
  const auto size = left.size();
  if (size != right.size()) return false;
  std::uint64_t position = 0;
  for (std::size_t i = 0; i < size; ++i) {
    if (!with.spend(1 + size / 16)) return false;
    const auto entry = left.next(position, with.memory);
    value found;
    if (!right.find(entry.key, with.memory, found) || !equal_at(entry.held, found, with, depth)) return false;
  }
  return true;
}

bool equal_at(const value& left, const value& right, context& with, std::size_t depth) noexcept {
  if (left.is_number() && right.is_number()) return compare_numbers(left, right) == 0;
  if (left.is() != right.is() || depth == 0) return false;
  switch (left.is()) {
    case kind::null: return true;
    case kind::boolean: return left.as_boolean() == right.as_boolean();
    case kind::string:
    case kind::bytes:
      return left.as_text().size() == right.as_text().size() && with.spend_bytes(left.as_text().size()) &&
             left.as_text() == right.as_text();
    case kind::type: return left.as_text() == right.as_text();
    case kind::list: return equal_lists(left.as_list(), right.as_list(), with, depth - 1);
    case kind::map: return equal_maps(left.as_map(), right.as_map(), with, depth - 1);
    case kind::timestamp: return left.as_timestamp() == right.as_timestamp();
    case kind::duration: return left.as_integer() == right.as_integer();
    case kind::opaque: return left.as_opaque() == right.as_opaque() && left.extra() == right.extra();
    default: return false;  // an error equals nothing
  }
}

}  // namespace

std::partial_ordering compare_numbers(const value& left, const value& right) noexcept {
  switch (left.is()) {
    case kind::integer:
      switch (right.is()) {
        case kind::integer: return left.as_integer() <=> right.as_integer();
        case kind::natural: return compare(left.as_integer(), right.as_natural());
        default: return compare(left.as_integer(), right.as_real());
      }
    case kind::natural:
      switch (right.is()) {
        case kind::integer: return reversed(compare(right.as_integer(), left.as_natural()));
        case kind::natural: return left.as_natural() <=> right.as_natural();
        default: return compare(left.as_natural(), right.as_real());
      }
    default:
      switch (right.is()) {
        case kind::integer: return reversed(compare(right.as_integer(), left.as_real()));
        case kind::natural: return reversed(compare(right.as_natural(), left.as_real()));
        default: return left.as_real() <=> right.as_real();
      }
  }
}

bool equal(const value& left, const value& right, context& with) noexcept {
  return equal_at(left, right, with, limits::value_nesting);
}

bool equal(const value& left, const value& right, arena& memory) noexcept {
  context with{memory};
  return equal(left, right, with) && !with.has_stopped();
}

bool has_order(const value& left, const value& right) noexcept {
  if (left.is_number() && right.is_number()) return true;
  if (left.is() != right.is()) return false;
  switch (left.is()) {
    case kind::boolean:
    case kind::string:
    case kind::bytes:
    case kind::timestamp:
    case kind::duration: return true;
    default: return false;
  }
}

std::partial_ordering order(const value& left, const value& right) noexcept {
  if (left.is_number()) return compare_numbers(left, right);
  switch (left.is()) {
    case kind::boolean: return left.as_boolean() <=> right.as_boolean();
    case kind::timestamp: return left.as_timestamp() <=> right.as_timestamp();
    case kind::duration: return left.as_integer() <=> right.as_integer();
    default: return left.as_text().compare(right.as_text()) <=> 0;  // UTF-8 sorts as its code points do
  }
}

value contains(const value& needle, const value& haystack, context& with) noexcept {
  if (haystack.is(kind::map)) {
    value found;
    if (!with.spend(1 + haystack.as_map().size() / 16)) return with.stop();
    return value::boolean(haystack.as_map().find(needle, with.memory, found));
  }
  if (!haystack.is(kind::list)) return value::no_overload("in", needle.is(), haystack.is());
  const auto& list = haystack.as_list();
  std::uint64_t position = 0;
  for (auto left = list.size(); left > 0; --left) {
    if (!with.spend(1)) return with.stop();
    if (equal(list.next(position, with.memory), needle, with)) return value::boolean(true);
    if (with.has_stopped()) return with.stop();
  }
  return value::boolean(false);
}

bool same_key(const value& left, const value& right) noexcept {
  if (left.is_number() && right.is_number()) return compare_numbers(left, right) == 0;
  if (left.is() != right.is()) return false;
  if (left.is(kind::string)) return left.as_text() == right.as_text();
  return left.is(kind::boolean) && left.as_boolean() == right.as_boolean();
}

bool array_map::find(const value& key, arena&, value& found) const noexcept {
  for (const auto& entry : entries_) {
    if (same_key(entry.key, key)) {
      found = entry.held;
      return true;
    }
  }
  return false;
}

}  // namespace kith::profile::cel
