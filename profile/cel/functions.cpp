#include "profile/cel/functions.hpp"

#include <charconv>
#include <cstring>

#include "profile/cel/civil.hpp"
#include "profile/cel/collections.hpp"
#include "profile/cel/convert.hpp"
#include "profile/cel/instructions.hpp"
#include "profile/cel/text.hpp"

namespace kith::profile::cel {

namespace {

constexpr std::uint64_t steps_a_pattern = 2000;  // that is compiled while evaluating
constexpr std::int64_t nanos_a_second = 1'000'000'000;

value whole(std::size_t number) noexcept { return value::integer(static_cast<std::int64_t>(number)); }

value size_of(const value& of, context& with) noexcept {
  switch (of.is()) {
    case kind::string:
      if (!with.spend_bytes(of.as_text().size())) return with.stop();
      return whole(count_code_points(of.as_text()));
    case kind::bytes: return whole(of.as_text().size());
    case kind::list: return whole(of.as_list().size());
    case kind::map: return whole(of.as_map().size());
    default: return value::no_overload("size", of.is());
  }
}

value search(standard which, const value& in, const value& part, context& with) noexcept {
  if (!in.is(kind::string) || !part.is(kind::string)) {
    const auto* const name = which == standard::contains      ? "contains"
                             : which == standard::starts_with ? "startsWith"
                                                              : "endsWith";
    return value::no_overload(name, in.is(), part.is());
  }
  const auto text = in.as_text();
  const auto sought = part.as_text();
  if (!with.spend_bytes(text.size())) return with.stop();
  if (which == standard::starts_with) return value::boolean(text.starts_with(sought));
  if (which == standard::ends_with) return value::boolean(text.ends_with(sought));
  // memmem is linear; string_view's find is not.
  return value::boolean(sought.empty() ||
                        (!text.empty() && memmem(text.data(), text.size(), sought.data(), sought.size()) != nullptr));
}

value matches(const value& text, const value& pattern, context& with) noexcept {
  if (!text.is(kind::string) || !pattern.is(kind::string))
    return value::no_overload("matches", text.is(), pattern.is());
  const auto source = pattern.as_text();
  if (source.size() > limits::pattern_bytes) return value::error(failure::invalid_argument, "the pattern is too long");
  if (!with.spend(steps_a_pattern)) return with.stop();
  const RE2 compiled(piece(source), pattern_options());
  if (!compiled.ok()) return value::error(failure::invalid_argument, "the pattern is no regular expression");
  return match(text, compiled, with);
}

std::string_view getter_name(standard which) noexcept {
  for (const auto& each : standard_functions()) {
    if (each.which == which) return each.shape.name;
  }
  return {};
}

value duration_part(standard which, const value& of) noexcept {
  const auto nanos = of.as_integer();
  switch (which) {
    case standard::get_hours: return value::integer(nanos / nanos_a_second / 3600);
    case standard::get_minutes: return value::integer(nanos / nanos_a_second / 60);
    case standard::get_seconds: return value::integer(nanos / nanos_a_second);
    case standard::get_milliseconds: return value::integer(nanos / 1'000'000 % 1000);
    default: return value::no_overload(getter_name(which), of.is());
  }
}

std::optional<int> offset_of(std::string_view zone, std::int64_t seconds, const context& with) noexcept {
  const auto fixed = fixed_offset(zone);
  if (fixed || with.zones == nullptr) return fixed;
  return with.zones->offset_at(zone, seconds);
}

value timestamp_part(standard which, const value& of, const value* zone, context& with) noexcept {
  auto at = of.as_timestamp();
  if (zone != nullptr) {
    if (!zone->is(kind::string)) return value::no_overload(getter_name(which), of.is(), zone->is());
    const auto offset = offset_of(zone->as_text(), at.seconds, with);
    if (!offset)
      return value::error(failure::invalid_argument,
                          "no such time zone; known are \"UTC\" and offsets such as \"+02:00\"");
    at.seconds += *offset;
  }
  const auto parts = civil(at.seconds);
  switch (which) {
    case standard::get_full_year: return value::integer(parts.year);
    case standard::get_month: return value::integer(parts.month);
    case standard::get_date: return value::integer(parts.day_of_month + 1);
    case standard::get_day_of_month: return value::integer(parts.day_of_month);
    case standard::get_day_of_year: return value::integer(parts.day_of_year);
    case standard::get_day_of_week: return value::integer(parts.day_of_week);
    case standard::get_hours: return value::integer(parts.hours);
    case standard::get_minutes: return value::integer(parts.minutes);
    case standard::get_seconds: return value::integer(parts.seconds);
    default: return value::integer(at.nanos / 1'000'000);
  }
}

value time_part(standard which, std::span<const value> arguments, context& with) noexcept {
  const auto& of = arguments[0];
  const auto* const zone = arguments.size() > 1 ? &arguments[1] : nullptr;
  if (of.is(kind::timestamp)) return timestamp_part(which, of, zone, with);
  if (of.is(kind::duration) && zone == nullptr) return duration_part(which, of);
  return value::no_overload(getter_name(which), of.is());
}

value out_of_range(const value& index, context& with) noexcept {
  return value::error(failure::out_of_range, no_such_key(index, with).as_text());
}

value element(const list_source& list, const value& index, context& with) noexcept {
  std::int64_t position = -1;
  switch (index.is()) {
    case kind::integer: position = index.as_integer(); break;
    case kind::natural:
      if (index.as_natural() < list.size()) position = static_cast<std::int64_t>(index.as_natural());
      break;
    case kind::real: {
      const auto converted = to_integer(index);
      if (converted.is_error() || static_cast<double>(converted.as_integer()) != index.as_real())
        return value::error(failure::invalid_argument, "a list's index is a whole number");
      position = converted.as_integer();
      break;
    }
    default: return value::no_overload("[]", kind::list, index.is());
  }
  if (position < 0 || static_cast<std::uint64_t>(position) >= list.size()) return out_of_range(index, with);
  if (!with.spend(1 + static_cast<std::uint64_t>(position) / 16)) return with.stop();
  return list.at(static_cast<std::size_t>(position), with.memory);
}

}  // namespace

std::size_t count_code_points(std::string_view text) noexcept {
  std::size_t count = 0;
  for (const char c : text) count += (static_cast<unsigned char>(c) & 0xc0U) != 0x80 ? 1U : 0U;
  return count;
}

value no_such_key(const value& key, context& with) noexcept {
  char digits[64];
  std::string_view name = short_name(key.is());
  switch (key.is()) {
    case kind::string: return value::error(failure::no_such_key, key.as_text());
    case kind::boolean: return value::error(failure::no_such_key, key.as_boolean() ? "true" : "false");
    case kind::integer:
      name = {digits,
              static_cast<std::size_t>(std::to_chars(digits, digits + sizeof digits, key.as_integer()).ptr - digits)};
      break;
    case kind::natural:
      name = {digits,
              static_cast<std::size_t>(std::to_chars(digits, digits + sizeof digits, key.as_natural()).ptr - digits)};
      break;
    case kind::real: name = format_double(key.as_real(), digits); break;
    default: return value::error(failure::no_such_key, name);
  }
  return value::error(failure::no_such_key, with.memory.copy(name));
}

value at_index(const value& of, const value& key, context& with) noexcept {
  if (of.is(kind::list)) return element(of.as_list(), key, with);
  if (!of.is(kind::map)) return value::no_overload("[]", of.is(), key.is());
  if (!with.spend(1 + of.as_map().size() / 16)) return with.stop();
  value found;
  return of.as_map().find(key, with.memory, found) ? found : no_such_key(key, with);
}

value match(const value& text, const RE2& pattern, context& with) noexcept {
  if (!text.is(kind::string)) return value::no_overload("matches", text.is(), kind::string);
  const auto bytes = text.as_text();
  if (!with.spend(1 + bytes.size() / 16)) return with.stop();
  return value::boolean(pattern.Match(piece(bytes), 0, bytes.size(), RE2::UNANCHORED, nullptr, 0));
}

value call_standard(standard which, std::span<const value> arguments, context& with) noexcept {
  const auto& first = arguments[0];
  switch (which) {
    case standard::size: return size_of(first, with);
    case standard::contains:
    case standard::starts_with:
    case standard::ends_with: return search(which, first, arguments[1], with);
    case standard::matches: return matches(first, arguments[1], with);
    case standard::to_integer: return to_integer(first);
    case standard::to_natural: return to_natural(first);
    case standard::to_real: return to_real(first);
    case standard::to_string: return to_string(first, with);
    case standard::to_bytes: return to_bytes(first);
    case standard::to_boolean: return to_boolean(first);
    case standard::to_timestamp: return to_timestamp(first);
    case standard::to_duration: return to_duration(first);
    case standard::to_dyn: return first;
    case standard::type: return type_of(first);
    default: return time_part(which, arguments, with);
  }
}

}  // namespace kith::profile::cel
