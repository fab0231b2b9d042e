// MessagePack, as the specification says (https://github.com/msgpack/msgpack/blob/master/spec.md): a reader that hands
// out views into the bytes and a writer that appends to a string. Neither allocates for reading.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace kith::profile::msgpack {

enum class kind : std::uint8_t {
  nil,
  boolean,
  integer,  ///< fits std::int64_t
  natural,  ///< an unsigned integer over INT64_MAX
  real,
  string,
  binary,
  array,
  map,
  extension,
  truncated,  ///< the bytes end within the value
  invalid,    ///< byte 0xc1
};

/// One header with its scalar or payload. For array and map `size` is the number of entries (a map's entry is a key
/// and a value), which follow as values of their own.
struct token {
  kind type = kind::nil;
  std::int8_t extension_type = 0;
  std::uint32_t size = 0;
  std::int64_t integer = 0;  ///< boolean (0 or 1), integer
  std::uint64_t natural = 0;
  double real = 0;
  std::string_view bytes;  ///< payload of string, binary, extension

  bool is_string() const noexcept { return type == kind::string; }
  bool is_map() const noexcept { return type == kind::map; }
  bool is_array() const noexcept { return type == kind::array; }
  bool broken() const noexcept { return type >= kind::truncated; }
};

/// Reads values one after another. Every read is checked against the end of the bytes; declared sizes are never
/// trusted and nothing is allocated.
class reader {
 public:
  explicit reader(std::string_view bytes) noexcept : begin_(bytes.data()), at_(begin_), end_(begin_ + bytes.size()) {}

  /// The next header. After `truncated` or `invalid` the reader stays where it was.
  token next() noexcept;

  /// The bytes of the whole next value, nested ones included; empty if they are broken or nest over `max_depth`.
  std::string_view skip(std::size_t max_depth = 64) noexcept;

  bool done() const noexcept { return at_ == end_; }
  std::size_t offset() const noexcept { return static_cast<std::size_t>(at_ - begin_); }
  std::string_view rest() const noexcept { return {at_, static_cast<std::size_t>(end_ - at_)}; }

 private:
  const char* begin_;
  const char* at_;
  const char* end_;
};

/// Appends values in their shortest form.
class writer {
 public:
  explicit writer(std::string& out) noexcept : out_(out) {}

  void nil() { out_.push_back('\xc0'); }
  void boolean(bool value) { out_.push_back(value ? '\xc3' : '\xc2'); }
  void integer(std::int64_t value);
  void natural(std::uint64_t value);
  void real(double value);
  void string(std::string_view value);
  void binary(std::string_view value);
  void array(std::size_t entries);
  void map(std::size_t entries);
  void raw(std::string_view encoded) { out_.append(encoded); }

 private:
  void head(unsigned char tag, std::uint64_t value, int bytes);
  std::string& out_;
};

/// The msgpack extension type -1 as milliseconds since 1970; false if the payload is no timestamp.
bool timestamp_ms(const token& value, std::int64_t& ms) noexcept;

}  // namespace kith::profile::msgpack
