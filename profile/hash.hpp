// 128-bit hashes: of event ids (the dedup set) and of identifiers (a profile's address).
#pragma once

#include <compare>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace kith::profile {

/// XXH3-128 of some bytes. Not a secret and not collision-proof against someone who may choose both inputs:
/// who can publish for a profile could at most get an event of their own taken for a duplicate.
struct hash128 {
  std::uint64_t high = 0;
  std::uint64_t low = 0;

  friend auto operator<=>(const hash128&, const hash128&) = default;
};

hash128 hash_of(std::string_view bytes) noexcept;

/// 32 lower-case hexadecimal digits, high half first. This is a profile's public id.
std::string to_hex(hash128 value);

/// The inverse of to_hex; false if `text` is not exactly 32 hexadecimal digits.
bool from_hex(std::string_view text, hash128& value) noexcept;

/// 16 bytes, big-endian, so that byte order is numeric order (RocksDB keys).
std::string to_bytes(hash128 value);
hash128 hash_from_bytes(const char* sixteen_bytes) noexcept;

/// For hash tables: the value is a hash already.
struct hash128_hasher {
  std::size_t operator()(const hash128& value) const noexcept { return static_cast<std::size_t>(value.low); }
};

}  // namespace kith::profile
