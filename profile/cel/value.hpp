// A value of the expression language: small, trivially copyable, with views of what others own.
//
// Invariants: strings are UTF-8 where they come from expressions; bytes that came in from outside are taken as they
// are. An error is a value too, with a code and what it is about.
// Lifetime: a value is valid as long as what it views: the program's constants, the arena, the caller's bytes.
// Thread safety: immutable; shared freely.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>

namespace kith::profile::cel {

class arena;
class list_source;
class map_source;

enum class kind : std::uint8_t {
  null,
  boolean,
  integer,  ///< int
  natural,  ///< uint
  real,     ///< double
  string,
  bytes,
  list,
  map,
  timestamp,
  duration,
  type,
  error,
  opaque,  ///< the caller's own
};

/// The language's name of the type, e.g. "int", "google.protobuf.Timestamp".
std::string_view type_name(kind of) noexcept;
/// The name for people, e.g. "timestamp".
std::string_view short_name(kind of) noexcept;

/// What went wrong; `error_text` says it with its detail.
enum class failure : std::uint8_t {
  no_such_overload,  ///< detail: the operator or function; the kinds of its operands
  no_such_key,       ///< detail: the key
  no_such_variable,  ///< detail: its name
  no_such_function,  ///< detail: its name
  out_of_range,      ///< an index; detail: the index
  division_by_zero,  ///< of `/`
  modulus_by_zero,   ///< of `%`
  overflow,          ///< integer arithmetic
  range,             ///< detail: what does not fit, e.g. "int"
  invalid_argument,  ///< detail: what is wrong
  unsupported_key,   ///< a map literal's key is no int, uint, bool or string
  repeated_key,      ///< detail: the key
  bad_encoding,      ///< bytes that are no MessagePack
  cost,              ///< the step budget is used up
  memory,            ///< the arena is full
  custom,            ///< detail: the whole message
};

/// A moment from 0001-01-01T00:00:00Z to 9999-12-31T23:59:59.999999999Z; `nanos` from 0 to 999,999,999.
struct instant {
  std::int64_t seconds = 0;  ///< since 1970
  std::int32_t nanos = 0;
  friend auto operator<=>(const instant&, const instant&) = default;
};

class value {
 public:
  value() noexcept : value(kind::null) {}

  static value null() noexcept { return {}; }
  static value boolean(bool b) noexcept {
    value v(kind::boolean);
    v.of_.boolean = b;
    return v;
  }
  static value integer(std::int64_t i) noexcept {
    value v(kind::integer);
    v.of_.integer = i;
    return v;
  }
  static value natural(std::uint64_t n) noexcept {
    value v(kind::natural);
    v.of_.natural = n;
    return v;
  }
  static value real(double d) noexcept {
    value v(kind::real);
    v.of_.real = d;
    return v;
  }
  static value string(std::string_view text) noexcept { return value(kind::string, text); }
  static value bytes(std::string_view octets) noexcept { return value(kind::bytes, octets); }
  static value list(const list_source* source) noexcept {
    value v(kind::list);
    v.of_.list = source;
    return v;
  }
  static value map(const map_source* source) noexcept {
    value v(kind::map);
    v.of_.map = source;
    return v;
  }
  static value timestamp(instant at) noexcept {
    value v(kind::timestamp);
    v.of_.integer = at.seconds;
    v.extra_ = static_cast<std::uint32_t>(at.nanos);
    return v;
  }
  static value duration(std::int64_t nanos) noexcept {
    value v(kind::duration);
    v.of_.integer = nanos;
    return v;
  }
  /// A type itself; `name` must outlive the value.
  static value type(std::string_view name) noexcept { return value(kind::type, name); }
  static value error(failure code, std::string_view detail = {}, std::uint32_t extra = 0) noexcept {
    value v(kind::error, detail);
    v.code_ = code;
    v.extra_ = extra;
    return v;
  }
  /// No overload of `name` takes these operands.
  static value no_overload(std::string_view name, kind first) noexcept {
    return error(failure::no_such_overload, name, 0x100U | static_cast<std::uint32_t>(first));
  }
  static value no_overload(std::string_view name, kind first, kind second) noexcept {
    return error(failure::no_such_overload, name,
                 0x200U | static_cast<std::uint32_t>(first) | static_cast<std::uint32_t>(second) << 4U);
  }
  static value opaque(const void* what, std::uint32_t tag) noexcept {
    value v(kind::opaque);
    v.of_.opaque = what;
    v.extra_ = tag;
    return v;
  }

  kind is() const noexcept { return kind_; }
  bool is(kind what) const noexcept { return kind_ == what; }
  bool is_error() const noexcept { return kind_ == kind::error; }
  bool is_true() const noexcept { return kind_ == kind::boolean && of_.boolean; }
  bool is_false() const noexcept { return kind_ == kind::boolean && !of_.boolean; }
  bool is_number() const noexcept { return kind_ >= kind::integer && kind_ <= kind::real; }

  // REQUIRES: the value is of this kind.
  bool as_boolean() const noexcept { return of_.boolean; }
  std::int64_t as_integer() const noexcept { return of_.integer; }  ///< integer; duration in nanoseconds
  std::uint64_t as_natural() const noexcept { return of_.natural; }
  double as_real() const noexcept { return of_.real; }
  std::string_view as_text() const noexcept { return {of_.text.data, of_.text.size}; }  ///< string, bytes, type, error
  const list_source& as_list() const noexcept { return *of_.list; }
  const map_source& as_map() const noexcept { return *of_.map; }
  instant as_timestamp() const noexcept { return {of_.integer, static_cast<std::int32_t>(extra_)}; }
  failure code() const noexcept { return code_; }
  const void* as_opaque() const noexcept { return of_.opaque; }
  std::uint32_t extra() const noexcept { return extra_; }  ///< opaque: the tag

 private:
  explicit value(kind is) noexcept : kind_(is) { of_.text = {nullptr, 0}; }
  value(kind is, std::string_view text) noexcept : kind_(is) { of_.text = {text.data(), text.size()}; }

  kind kind_;
  failure code_ = failure::custom;
  std::uint32_t extra_ = 0;
  struct view {
    const char* data;
    std::size_t size;
  };
  union {
    bool boolean;
    std::int64_t integer;
    std::uint64_t natural;
    double real;
    view text;
    const list_source* list;
    const map_source* map;
    const void* opaque;
  } of_;
};

static_assert(sizeof(value) <= 32 && std::is_trivially_copyable_v<value>);

/// The runtime type of a value, as a value.
inline value type_of(const value& of) noexcept { return value::type(type_name(of.is())); }

}  // namespace kith::profile::cel
