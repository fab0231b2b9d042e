#include "profile/cel/text.hpp"

#include <charconv>
#include <cmath>
#include <cstring>

#include "profile/cel/civil.hpp"
#include "profile/cel/collections.hpp"
#include "profile/utf8.hpp"

namespace kith::profile::cel {

namespace {

void append_escape(std::string& out, unsigned char c) {
  constexpr std::string_view hex = "0123456789abcdef";
  switch (c) {
    case '"': out += "\\\""; break;
    case '\\': out += "\\\\"; break;
    case '\n': out += "\\n"; break;
    case '\r': out += "\\r"; break;
    case '\t': out += "\\t"; break;
    default:
      out += "\\x";
      out += hex[c >> 4U];
      out += hex[c & 0xfU];
  }
}

std::string escaped(std::string_view text, bool only_ascii) {
  std::string out = "\"";
  for (const char each : text) {
    const auto c = static_cast<unsigned char>(each);
    const bool plain = c >= 0x20 && c != '"' && c != '\\' && c != 0x7f && (c < 0x80 || !only_ascii);
    if (plain) out += each;
    else append_escape(out, c);
  }
  return out += '"';
}

std::string real_text(double number) {
  char buffer[64];
  std::string text(format_double(number, buffer));
  if (!std::isfinite(number)) return "double(\"" + text + "\")";
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

std::string timestamp_text(const instant& at) {
  char buffer[32];
  return "timestamp(\"" + std::string(format_timestamp(at, buffer)) + "\")";
}

std::string duration_text(std::int64_t nanos) {
  char buffer[32];
  return "duration(\"" + std::string(format_duration(nanos, buffer)) + "\")";
}

void append(std::string& out, const value& of, arena& memory, std::size_t depth);

void append_list(std::string& out, const list_source& list, arena& memory, std::size_t depth) {
  out += '[';
  std::uint64_t position = 0;
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (i > 0) out += ", ";
    append(out, list.next(position, memory), memory, depth);
  }
  out += ']';
}

void append_map(std::string& out, const map_source& map, arena& memory, std::size_t depth) {
  out += '{';
  std::uint64_t position = 0;
  for (std::size_t i = 0; i < map.size(); ++i) {
    if (i > 0) out += ", ";
    const auto entry = map.next(position, memory);
    append(out, entry.key, memory, depth);
    out += ": ";
    append(out, entry.held, memory, depth);
  }
  out += '}';
}

void append(std::string& out, const value& of, arena& memory, std::size_t depth) {
  if (depth == 0) {
    out += "...";
    return;
  }
  switch (of.is()) {
    case kind::null: out += "null"; break;
    case kind::boolean: out += of.as_boolean() ? "true" : "false"; break;
    case kind::integer: out += std::to_string(of.as_integer()); break;
    case kind::natural: out += std::to_string(of.as_natural()) + "u"; break;
    case kind::real: out += real_text(of.as_real()); break;
    case kind::string: out += quoted(of.as_text()); break;
    case kind::bytes: out += quoted_bytes(of.as_text()); break;
    case kind::list: append_list(out, of.as_list(), memory, depth - 1); break;
    case kind::map: append_map(out, of.as_map(), memory, depth - 1); break;
    case kind::timestamp: out += timestamp_text(of.as_timestamp()); break;
    case kind::duration: out += duration_text(of.as_integer()); break;
    case kind::type: out += of.as_text(); break;
    case kind::error: out += "error: " + error_text(of); break;
    case kind::opaque: out += "<opaque>"; break;
  }
}

std::string overload_text(const value& of) {
  std::string text = "no such overload: \"" + std::string(of.as_text()) + "\" of ";
  const auto operands = of.extra();
  text += short_name(static_cast<kind>(operands & 0xfU));
  if ((operands & 0x200U) != 0) {
    text += " and ";
    text += short_name(static_cast<kind>(operands >> 4U & 0xfU));
  }
  return text;
}

}  // namespace

std::string_view type_name(kind of) noexcept {
  switch (of) {
    case kind::null: return "null_type";
    case kind::boolean: return "bool";
    case kind::integer: return "int";
    case kind::natural: return "uint";
    case kind::real: return "double";
    case kind::string: return "string";
    case kind::bytes: return "bytes";
    case kind::list: return "list";
    case kind::map: return "map";
    case kind::timestamp: return "google.protobuf.Timestamp";
    case kind::duration: return "google.protobuf.Duration";
    case kind::type: return "type";
    case kind::error: return "error";
    case kind::opaque: return "opaque";
  }
  return "error";
}

std::string_view short_name(kind of) noexcept {
  switch (of) {
    case kind::null: return "null";
    case kind::timestamp: return "timestamp";
    case kind::duration: return "duration";
    default: return type_name(of);
  }
}

std::string to_text(const value& of, arena& memory) {
  std::string out;
  append(out, of, memory, limits::value_nesting);
  return out;
}

std::string to_text(const value& of) {
  arena memory;
  return to_text(of, memory);
}

std::string quoted(std::string_view text) { return is_utf8(text) ? escaped(text, false) : quoted_bytes(text); }

std::string quoted_bytes(std::string_view octets) { return "b" + escaped(octets, true); }

std::string error_text(const value& of) {
  std::string detail(of.as_text());
  switch (of.code()) {
    case failure::no_such_overload: return overload_text(of);
    case failure::no_such_key: return "no such key '" + detail + "'";
    case failure::no_such_variable: return "no such variable '" + detail + "'";
    case failure::no_such_function: return "no such function '" + detail + "'";
    case failure::out_of_range: return "index " + detail + " is out of range";
    case failure::division_by_zero: return "division by zero";
    case failure::modulus_by_zero: return "modulus by zero";
    case failure::overflow: return "integer overflow";
    case failure::range: return "out of the range of " + detail;
    case failure::invalid_argument: return "invalid argument: " + detail;
    case failure::unsupported_key:
      return "unsupported key type: " + std::string(short_name(static_cast<kind>(of.extra())));
    case failure::repeated_key: return "repeated key '" + detail + "'";
    case failure::bad_encoding: return "not MessagePack that has a value here";
    case failure::cost: return "cost: the evaluation took too many steps";
    case failure::memory: return "memory: the evaluation made values that are too large";
    case failure::custom: return detail;
  }
  return detail;
}

std::string_view format_double(double number, char (&out)[64]) noexcept {
  if (std::isnan(number)) return "NaN";
  if (std::isinf(number)) return number > 0 ? "Infinity" : "-Infinity";
  char scientific[40];
  const auto made = std::to_chars(scientific, scientific + sizeof scientific, number, std::chars_format::scientific);
  const std::string_view text(scientific, static_cast<std::size_t>(made.ptr - scientific));
  int exponent = 0;
  const auto e = text.find('e');
  const char* const digits = scientific + e + (scientific[e + 1] == '+' ? 2 : 1);
  std::from_chars(digits, made.ptr, exponent);
  if (exponent < -4 || exponent >= 21) {
    std::memcpy(out, scientific, text.size());
    return {out, text.size()};
  }
  const auto fixed = std::to_chars(out, out + sizeof out, number, std::chars_format::fixed);
  return {out, static_cast<std::size_t>(fixed.ptr - out)};
}

}  // namespace kith::profile::cel
