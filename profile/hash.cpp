#include "profile/hash.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace kith::profile {

namespace {

constexpr std::string_view digits = "0123456789abcdef";

void put_big_endian(std::string& out, std::uint64_t value) {
  for (int shift = 56; shift >= 0; shift -= 8) out.push_back(static_cast<char>((value >> shift) & 0xff));
}

std::uint64_t get_big_endian(const char* bytes) noexcept {
  std::uint64_t value = 0;
  for (int i = 0; i < 8; ++i) value = (value << 8) | static_cast<unsigned char>(bytes[i]);
  return value;
}

bool parse_half(std::string_view text, std::uint64_t& value) noexcept {
  value = 0;
  for (const char c : text) {
    const auto digit = digits.find(c);
    if (digit == std::string_view::npos) return false;
    value = (value << 4) | digit;
  }
  return true;
}

}  // namespace

hash128 hash_of(std::string_view bytes) noexcept {
  const auto hash = XXH3_128bits(bytes.data(), bytes.size());
  return {hash.high64, hash.low64};
}

std::string to_hex(hash128 value) {
  std::string text;
  text.reserve(32);
  for (const auto half : {value.high, value.low}) {
    for (int shift = 60; shift >= 0; shift -= 4) text.push_back(digits[(half >> shift) & 0xf]);
  }
  return text;
}

bool from_hex(std::string_view text, hash128& value) noexcept {
  return text.size() == 32 && parse_half(text.substr(0, 16), value.high) && parse_half(text.substr(16), value.low);
}

std::string to_bytes(hash128 value) {
  std::string bytes;
  bytes.reserve(16);
  put_big_endian(bytes, value.high);
  put_big_endian(bytes, value.low);
  return bytes;
}

hash128 hash_from_bytes(const char* sixteen_bytes) noexcept {
  return {get_big_endian(sixteen_bytes), get_big_endian(sixteen_bytes + 8)};
}

}  // namespace kith::profile
