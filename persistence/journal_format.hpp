// The bytes of a journal segment. Numbers are little-endian.
//   segment head: magic "KITHJNL1", or "KITHJNL2" where all records are encrypted (8), shard (4), CRC32C of the other
//                 fields (4), segment (8), first sequence (8)
//   record head:  length of the payload (4), CRC32C of all that follows this field (4), sequence (8), synced (8)
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "persistence/journal.hpp"

namespace kith::persistence::format {

inline constexpr std::string_view magic = "KITHJNL1";
inline constexpr char plain_version = '1';
inline constexpr char sealed_version = '2';  ///< programs that know of no encryption refuse it, instead of passing over
inline constexpr std::size_t segment_head_bytes = 32;
inline constexpr std::size_t record_head_bytes = 24;
inline constexpr std::size_t max_payload_bytes = 64 * 1024 * 1024;

template <class T>
void put(char* at, T value) noexcept {
  for (std::size_t i = 0; i < sizeof(T); ++i) at[i] = static_cast<char>((value >> (8 * i)) & 0xff);
}

template <class T>
T get(const char* at) noexcept {
  T value = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i)
    value |= static_cast<T>(static_cast<T>(static_cast<unsigned char>(at[i])) << (8 * i));
  return value;
}

struct segment_head {
  unsigned shard = 0;
  std::uint64_t segment = 0;
  std::uint64_t first_sequence = 0;
  char version = plain_version;
};

inline bool has_known_magic(std::string_view bytes) {
  constexpr auto name = magic.size() - 1;
  return bytes.substr(0, name) == magic.substr(0, name) && bytes.size() > name &&
         (bytes[name] == plain_version || bytes[name] == sealed_version);
}

inline std::string encode(const segment_head& head) {
  std::string bytes(segment_head_bytes, '\0');
  std::memcpy(bytes.data(), magic.data(), magic.size());
  bytes[magic.size() - 1] = head.version;
  put<std::uint32_t>(bytes.data() + 8, head.shard);
  put<std::uint64_t>(bytes.data() + 16, head.segment);
  put<std::uint64_t>(bytes.data() + 24, head.first_sequence);
  put<std::uint32_t>(bytes.data() + 12, crc32c(bytes));
  return bytes;
}

inline bool decode(std::string_view bytes, segment_head& head) {
  if (bytes.size() < segment_head_bytes || !has_known_magic(bytes)) return false;
  std::string checked(bytes.substr(0, segment_head_bytes));
  put<std::uint32_t>(checked.data() + 12, 0);
  if (crc32c(checked) != get<std::uint32_t>(bytes.data() + 12)) return false;
  head = {get<std::uint32_t>(bytes.data() + 8), get<std::uint64_t>(bytes.data() + 16),
          get<std::uint64_t>(bytes.data() + 24), bytes[magic.size() - 1]};
  return true;
}

/// A whole head as this program would have written it, but for the version in its magic.
inline bool is_of_another_version(std::string_view bytes) {
  constexpr auto name = magic.size() - 1;
  if (bytes.size() < segment_head_bytes || bytes.substr(0, name) != magic.substr(0, name) || has_known_magic(bytes))
    return false;
  std::string checked(bytes.substr(0, segment_head_bytes));
  put<std::uint32_t>(checked.data() + 12, 0);
  return crc32c(checked) == get<std::uint32_t>(bytes.data() + 12);
}

struct record_head {
  std::uint32_t length = 0;
  std::uint32_t crc = 0;
  std::uint64_t sequence = 0;
  std::uint64_t synced = 0;
};

inline void encode(std::string_view payload, std::uint64_t sequence, std::uint64_t synced, char* at) noexcept {
  put(at, static_cast<std::uint32_t>(payload.size()));
  put(at + 8, sequence);
  put(at + 16, synced);
  put(at + 4, crc32c(payload, crc32c({at + 8, 16})));
}

inline record_head decode(const char* at) noexcept {
  return {get<std::uint32_t>(at), get<std::uint32_t>(at + 4), get<std::uint64_t>(at + 8), get<std::uint64_t>(at + 16)};
}

/// `bytes` begin with a whole record whose checksum is right.
inline bool is_record(std::string_view bytes, record_head& head) noexcept {
  if (bytes.size() < record_head_bytes) return false;
  head = decode(bytes.data());
  if (head.length > max_payload_bytes || bytes.size() - record_head_bytes < head.length || head.sequence == 0)
    return false;
  return crc32c(bytes.substr(record_head_bytes, head.length), crc32c(bytes.substr(8, 16))) == head.crc;
}

inline std::string file_name(unsigned shard, std::uint64_t segment) {
  std::array<char, 64> name{};
  std::snprintf(name.data(), name.size(), "journal-%03u-%012llu.log", shard, static_cast<unsigned long long>(segment));
  return name.data();
}

}  // namespace kith::persistence::format
