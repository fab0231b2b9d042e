// The inner loops of reading MessagePack, for where a whole token would be too much: how long is a value, what does a
// string hold. Every read is checked against the end.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace kith::profile::msgpack {

inline constexpr std::size_t deepest_skip = 64;

/// `bytes` (1, 2, 4 or 8) big-endian bytes.
inline std::uint64_t load_big_endian(const char* at, unsigned bytes) noexcept {
  switch (bytes) {
    case 1: return static_cast<unsigned char>(*at);
    case 2: {
      std::uint16_t value;
      std::memcpy(&value, at, sizeof value);
      return __builtin_bswap16(value);
    }
    case 4: {
      std::uint32_t value;
      std::memcpy(&value, at, sizeof value);
      return __builtin_bswap32(value);
    }
    default: {
      std::uint64_t value;
      std::memcpy(&value, at, sizeof value);
      return __builtin_bswap64(value);
    }
  }
}

/// What a header of 0xc0 to 0xdf says: its own bytes (scalars included), how many of them are the declared length, and
/// how many values follow for each one declared (0: the length is of a payload).
struct header_form {
  std::uint8_t bytes;
  std::uint8_t length_bytes;
  std::uint8_t values_each;
};

inline constexpr std::array<header_form, 32> header_forms = {{
    {1, 0, 0}, {0, 0, 0}, {1, 0, 0}, {1, 0, 0},               // nil, invalid, false, true
    {2, 1, 0}, {3, 2, 0}, {5, 4, 0},                          // bin
    {3, 1, 0}, {4, 2, 0}, {6, 4, 0},                          // ext: the type is a byte more
    {5, 0, 0}, {9, 0, 0},                                     // float
    {2, 0, 0}, {3, 0, 0}, {5, 0, 0}, {9, 0, 0},               // uint
    {2, 0, 0}, {3, 0, 0}, {5, 0, 0}, {9, 0, 0},               // int
    {3, 0, 0}, {4, 0, 0}, {6, 0, 0}, {10, 0, 0}, {18, 0, 0},  // fixext
    {2, 1, 0}, {3, 2, 0}, {5, 4, 0},                          // str
    {3, 2, 1}, {5, 4, 1}, {3, 2, 2}, {5, 4, 2},               // array, map
}};

/// Behind the value that begins at `at`, nested ones included; null if it is broken or nests over `max_depth`.
inline const char* end_of_value(const char* at, const char* end, std::size_t max_depth) noexcept {
  std::uint64_t left[deepest_skip];  // values still to come at each depth; only those below `depth` are read
  std::size_t depth = 0;
  const auto deepest = max_depth < deepest_skip ? max_depth : deepest_skip;
  for (;;) {
    if (at == end) return nullptr;
    const auto tag = static_cast<unsigned char>(*at);
    std::uint64_t size = 1;
    std::uint64_t inner = 0;
    bool holds_values = false;
    if (tag >= 0x80 && tag < 0xe0) {
      if (tag >= 0xc0) {
        const auto& form = header_forms[tag - 0xc0U];
        if (form.bytes == 0) return nullptr;
        size = form.bytes;
        if (form.length_bytes > 0) {
          if (static_cast<std::size_t>(end - at) < size) return nullptr;
          const auto declared = load_big_endian(at + 1, form.length_bytes);
          holds_values = form.values_each > 0;
          (holds_values ? inner : size) += holds_values ? declared * form.values_each : declared;
        }
      } else if (tag >= 0xa0) {
        size += tag & 0x1fU;
      } else {
        holds_values = true;
        inner = tag < 0x90 ? (tag & 0x0fU) * 2 : tag & 0x0fU;
      }
    }
    if (static_cast<std::size_t>(end - at) < size) return nullptr;
    at += size;
    if (holds_values) {
      if (depth == deepest) return nullptr;
      if (inner > 0) {
        left[depth++] = inner;
        continue;
      }
    }
    while (depth > 0 && --left[depth - 1] == 0) --depth;
    if (depth == 0) return at;
  }
}

/// Takes a string from the front; false, and `at` stays, if there is none.
inline bool take_string(const char*& at, const char* end, std::string_view& text) noexcept {
  if (at == end) return false;
  const auto tag = static_cast<unsigned char>(*at);
  std::uint64_t head = 1;
  std::uint64_t size = tag & 0x1fU;
  if (tag < 0xa0 || tag >= 0xc0) {
    if (tag < 0xd9 || tag > 0xdb) return false;
    const auto& form = header_forms[tag - 0xc0U];
    head = form.bytes;
    if (static_cast<std::size_t>(end - at) < head) return false;
    size = load_big_endian(at + 1, form.length_bytes);
  }
  if (static_cast<std::size_t>(end - at) < head + size) return false;
  text = {at + head, static_cast<std::size_t>(size)};
  at += head + size;
  return true;
}

/// The string that `value`, one whole value, is; false if it is none.
inline bool is_string(std::string_view value, std::string_view& text) noexcept {
  const char* at = value.data();
  return take_string(at, at + value.size(), text);
}

/// REQUIRES: `value` is not empty.
inline bool is_map(std::string_view value) noexcept {
  const auto tag = static_cast<unsigned char>(value.front());
  return (tag & 0xf0U) == 0x80 || tag == 0xde || tag == 0xdf;
}

/// Walks the entries of a map that was checked to be well-formed, its keys to be strings.
template <class F>
void for_each_entry(std::string_view map, F each) {
  const char* at = map.data();
  const char* const end = at + map.size();
  const auto tag = static_cast<unsigned char>(*at);
  auto entries = static_cast<std::uint64_t>(tag & 0x0fU);
  if (tag >= 0xde) {
    const unsigned bytes = tag == 0xde ? 2 : 4;
    entries = load_big_endian(at + 1, bytes);
    at += bytes;
  }
  ++at;
  for (; entries > 0; --entries) {
    std::string_view key;
    if (!take_string(at, end, key)) return;
    const char* const behind = end_of_value(at, end, deepest_skip);
    if (behind == nullptr) return;
    each(key, std::string_view(at, static_cast<std::size_t>(behind - at)));
    at = behind;
  }
}

}  // namespace kith::profile::msgpack
