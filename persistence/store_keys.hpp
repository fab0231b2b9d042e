// The bytes of keys and values in the store. Keys sort as what they stand for.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "persistence/journal.hpp"
#include "profile/hash.hpp"

namespace kith::persistence::keys {

inline constexpr std::size_t history_bytes = 16 + 8 + 16;

inline std::string big_endian(std::uint64_t value) {
  std::string bytes;
  for (int shift = 56; shift >= 0; shift -= 8) bytes.push_back(static_cast<char>((value >> shift) & 0xff));
  return bytes;
}

inline std::uint64_t from_big_endian(const char* bytes) noexcept {
  std::uint64_t value = 0;
  for (int i = 0; i < 8; ++i) value = (value << 8) | static_cast<unsigned char>(bytes[i]);
  return value;
}

/// Values begin with a time: retention filters find it there.
inline std::string time(std::int64_t ms) { return big_endian(static_cast<std::uint64_t>(ms)); }
inline std::int64_t get_time(const char* bytes) noexcept { return static_cast<std::int64_t>(from_big_endian(bytes)); }

/// In keys the sign bit is flipped, so that times before 1970 sort first.
inline std::string ordered_time(std::int64_t ms) { return big_endian(static_cast<std::uint64_t>(ms) ^ (1ULL << 63)); }

inline std::string pair(profile::hash128 address, profile::hash128 id) {
  return profile::to_bytes(address) + profile::to_bytes(id);
}
inline std::string history(profile::hash128 address, std::int64_t time_ms, profile::hash128 id) {
  return profile::to_bytes(address) + ordered_time(time_ms) + profile::to_bytes(id);
}
inline std::int64_t time_of_history(std::string_view key) noexcept {
  return static_cast<std::int64_t>(from_big_endian(key.data() + 16) ^ (1ULL << 63));
}

inline std::string timer(std::int64_t due_ms, profile::hash128 address) {
  return ordered_time(due_ms) + profile::to_bytes(address);
}
inline std::int64_t time_of_timer(const char* key) noexcept {
  return static_cast<std::int64_t>(from_big_endian(key) ^ (1ULL << 63));
}
inline std::string member(std::uint64_t segment, profile::hash128 address) {
  return big_endian(segment) + profile::to_bytes(address);
}

inline constexpr std::string_view members_counted = "members";  ///< there are counts of all segments
inline constexpr std::string_view member_counts = "members-";
inline std::string member_count(std::uint64_t segment) { return std::string(member_counts) + big_endian(segment); }

inline std::string outgoing_list_of(std::string_view queue, char list) {
  std::string key(queue);
  key.push_back('\0');
  key.push_back(list);
  return key;
}
inline std::string outgoing(std::string_view queue, char list, std::int64_t at_us, profile::hash128 id) {
  return outgoing_list_of(queue, list) + ordered_time(at_us) + profile::to_bytes(id);
}

inline std::string fed(unsigned shard) { return "fed-" + std::to_string(shard); }
inline bool parse_fed(std::string_view key, unsigned& shard) {
  key.remove_prefix(4);
  shard = 0;
  for (const char c : key) {
    if (c < '0' || c > '9') return false;
    shard = shard * 10 + static_cast<unsigned>(c - '0');
  }
  return !key.empty();
}
inline std::string position(journal_position at) { return big_endian(at.segment) + big_endian(at.offset); }
inline bool parse_position(std::string_view bytes, journal_position& at) {
  if (bytes.size() != 16) return false;
  at = {from_big_endian(bytes.data()), from_big_endian(bytes.data() + 8)};
  return true;
}

inline std::string to_hex(std::string_view bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  for (const char c : bytes) {
    text.push_back(digits[static_cast<unsigned char>(c) >> 4]);
    text.push_back(digits[static_cast<unsigned char>(c) & 0xf]);
  }
  return text;
}
inline bool from_hex(std::string_view text, std::string& bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  if (text.size() % 2 != 0) return false;
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const auto high = digits.find(text[i]);
    const auto low = digits.find(text[i + 1]);
    if (high == std::string_view::npos || low == std::string_view::npos) return false;
    bytes.push_back(static_cast<char>(high << 4 | low));
  }
  return true;
}

}  // namespace kith::persistence::keys
