// Static types, as the checker deduces them. `dyn` stands for any type that is known only at run time.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kith::profile::cel {

enum class type_kind : std::uint8_t {
  dyn,
  null,
  boolean,
  integer,
  natural,
  real,
  string,
  bytes,
  list,  ///< parts: the element
  map,   ///< parts: the key, the value
  timestamp,
  duration,
  type,       ///< parts: what it is the type of, if that is known
  abstract,   ///< the caller's own, by name; parts as declared
  parameter,  ///< of a generic function, by name, or a variable of the checker's, by number
};

struct type {
  type_kind kind = type_kind::dyn;
  std::string name;          ///< abstract, parameter
  std::uint32_t number = 0;  ///< parameter of the checker's
  std::vector<type> parts;

  bool is(type_kind what) const noexcept { return kind == what; }
  bool is_number() const noexcept { return kind >= type_kind::integer && kind <= type_kind::real; }
  /// E.g. "map(string, list(int))".
  std::string text() const;
  friend bool operator==(const type&, const type&) = default;
};

inline type simple(type_kind kind) { return {kind, {}, 0, {}}; }
inline type list_of(type element) { return {type_kind::list, {}, 0, {std::move(element)}}; }
inline type map_of(type key, type held) { return {type_kind::map, {}, 0, {std::move(key), std::move(held)}}; }
inline type abstract_type(std::string name, std::vector<type> parts = {}) {
  return {type_kind::abstract, std::move(name), 0, std::move(parts)};
}

/// Reads what `text` writes; a single capital letter is a parameter, an unknown name an abstract type. Nothing if the
/// text is none.
std::optional<type> parse_type(std::string_view text);

/// A function: name, whether its first parameter stands before the dot, types.
struct signature {
  std::string name;
  bool receiver = false;
  std::vector<type> parameters;  ///< the receiver first
  type result;
  /// E.g. "string.contains(string) -> bool".
  std::string text() const;
};

/// `"size(list(A)) -> int"`, `"string.contains(string) -> bool"`; nothing if the text is none.
std::optional<signature> parse_signature(std::string_view text);

/// The kind that an identifier denotes as a type, e.g. `int`, `google.protobuf.Timestamp`; with its name.
std::optional<type> denoted_type(std::string_view identifier);

}  // namespace kith::profile::cel
