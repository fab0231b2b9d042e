#include "profile/cel/convert.hpp"

#include <charconv>
#include <cmath>
#include <limits>

#include "profile/cel/civil.hpp"
#include "profile/cel/text.hpp"
#include "profile/utf8.hpp"

namespace kith::profile::cel {

namespace {

constexpr double two_to_63 = 9223372036854775808.0;
constexpr double two_to_64 = 18446744073709551616.0;

template <class Number>
value parse_whole(std::string_view text, std::string_view name, value (*make)(Number) noexcept) noexcept {
  Number number{};
  const auto digits = text.starts_with('+') && !text.starts_with("+-") ? text.substr(1) : text;
  const auto* const end = digits.data() + digits.size();
  const auto read = std::from_chars(digits.data(), end, number);
  if (read.ptr != end || read.ec == std::errc::invalid_argument)
    return value::error(failure::invalid_argument, "the text is no number");
  return read.ec == std::errc() ? make(number) : value::error(failure::range, name);
}

value parse_real(std::string_view text) noexcept {
  double number = 0;
  const auto digits = text.starts_with('+') && !text.starts_with("+-") ? text.substr(1) : text;
  const auto* const end = digits.data() + digits.size();
  const auto read = std::from_chars(digits.data(), end, number);
  if (read.ptr != end || read.ec == std::errc::invalid_argument || digits.find('(') != std::string_view::npos)
    return value::error(failure::invalid_argument, "the text is no number");
  return read.ec == std::errc() ? value::real(number) : value::error(failure::range, "double");
}

template <class Number>
value number_text(Number number, context& with) noexcept {
  char digits[24];
  const auto made = std::to_chars(digits, digits + sizeof digits, number);
  return with.keep({digits, static_cast<std::size_t>(made.ptr - digits)});
}

}  // namespace

value to_integer(const value& from) noexcept {
  switch (from.is()) {
    case kind::integer: return from;
    case kind::natural:
      if (from.as_natural() > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
        return value::error(failure::range, "int");
      return value::integer(static_cast<std::int64_t>(from.as_natural()));
    case kind::real:
      // -2^63 is left out as well: a double there may stand for a number below it.
      if (!(from.as_real() > -two_to_63 && from.as_real() < two_to_63)) return value::error(failure::range, "int");
      return value::integer(static_cast<std::int64_t>(from.as_real()));
    case kind::string: return parse_whole<std::int64_t>(from.as_text(), "int", value::integer);
    case kind::timestamp: return value::integer(from.as_timestamp().seconds);
    default: return value::no_overload("int", from.is());
  }
}

value to_natural(const value& from) noexcept {
  switch (from.is()) {
    case kind::natural: return from;
    case kind::integer:
      if (from.as_integer() < 0) return value::error(failure::range, "uint");
      return value::natural(static_cast<std::uint64_t>(from.as_integer()));
    case kind::real:
      if (!(from.as_real() >= 0 && from.as_real() < two_to_64)) return value::error(failure::range, "uint");
      return value::natural(static_cast<std::uint64_t>(from.as_real()));
    case kind::string: return parse_whole<std::uint64_t>(from.as_text(), "uint", value::natural);
    default: return value::no_overload("uint", from.is());
  }
}

value to_real(const value& from) noexcept {
  switch (from.is()) {
    case kind::real: return from;
    case kind::integer: return value::real(static_cast<double>(from.as_integer()));
    case kind::natural: return value::real(static_cast<double>(from.as_natural()));
    case kind::string: return parse_real(from.as_text());
    default: return value::no_overload("double", from.is());
  }
}

value to_string(const value& from, context& with) noexcept {
  switch (from.is()) {
    case kind::string: return from;
    case kind::boolean: return value::string(from.as_boolean() ? "true" : "false");
    case kind::integer: return number_text(from.as_integer(), with);
    case kind::natural: return number_text(from.as_natural(), with);
    case kind::real: {
      char digits[64];
      return with.keep(format_double(from.as_real(), digits));
    }
    case kind::bytes:
      if (!with.spend_bytes(from.as_text().size())) return with.stop();
      if (!is_utf8(from.as_text())) return value::error(failure::invalid_argument, "the bytes are no UTF-8");
      return value::string(from.as_text());
    case kind::timestamp: {
      char text[32];
      return with.keep(format_timestamp(from.as_timestamp(), text));
    }
    case kind::duration: {
      char text[32];
      return with.keep(format_duration(from.as_integer(), text));
    }
    case kind::type: return value::string(from.as_text());
    default: return value::no_overload("string", from.is());
  }
}

value to_bytes(const value& from) noexcept {
  if (from.is(kind::bytes)) return from;
  return from.is(kind::string) ? value::bytes(from.as_text()) : value::no_overload("bytes", from.is());
}

value to_boolean(const value& from) noexcept {
  if (from.is(kind::boolean)) return from;
  if (!from.is(kind::string)) return value::no_overload("bool", from.is());
  const auto text = from.as_text();
  for (const auto yes : {"true", "True", "TRUE", "t", "1"}) {
    if (text == yes) return value::boolean(true);
  }
  for (const auto no : {"false", "False", "FALSE", "f", "0"}) {
    if (text == no) return value::boolean(false);
  }
  return value::error(failure::invalid_argument, "the text is neither true nor false");
}

value to_timestamp(const value& from) noexcept {
  instant at;
  switch (from.is()) {
    case kind::timestamp: return from;
    case kind::integer:
      at.seconds = from.as_integer();
      return in_range(at) ? value::timestamp(at) : value::error(failure::range, "timestamp");
    case kind::string: break;
    default: return value::no_overload("timestamp", from.is());
  }
  switch (parse_timestamp(from.as_text(), at)) {
    case text_fault::none: return value::timestamp(at);
    case text_fault::out_of_range: return value::error(failure::range, "timestamp");
    default: return value::error(failure::invalid_argument, "the text is no RFC 3339 time");
  }
}

value to_duration(const value& from) noexcept {
  if (from.is(kind::duration)) return from;
  if (!from.is(kind::string)) return value::no_overload("duration", from.is());
  std::int64_t nanos = 0;
  switch (parse_duration(from.as_text(), nanos)) {
    case text_fault::none: return value::duration(nanos);
    case text_fault::out_of_range: return value::error(failure::range, "duration");
    default: return value::error(failure::invalid_argument, "the text is no duration");
  }
}

}  // namespace kith::profile::cel
