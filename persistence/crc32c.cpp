#include <array>

#include "persistence/journal.hpp"

#if defined(__x86_64__)
#include <cstring>
#include <nmmintrin.h>
#endif

namespace kith::persistence {

namespace {

constexpr std::array<std::uint32_t, 256> make_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) value = (value >> 1) ^ ((value & 1) != 0 ? 0x82f63b78U : 0U);
    table[i] = value;
  }
  return table;
}

constexpr auto table = make_table();

std::uint32_t portable(std::string_view bytes, std::uint32_t crc) noexcept {
  for (const char c : bytes) crc = (crc >> 8) ^ table[(crc ^ static_cast<unsigned char>(c)) & 0xff];
  return crc;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) std::uint32_t accelerated(std::string_view bytes, std::uint32_t crc) noexcept {
  std::uint64_t wide = crc;
  while (bytes.size() >= 8) {
    std::uint64_t eight = 0;
    std::memcpy(&eight, bytes.data(), 8);
    wide = _mm_crc32_u64(wide, eight);
    bytes.remove_prefix(8);
  }
  return portable(bytes, static_cast<std::uint32_t>(wide));
}
#endif

}  // namespace

std::uint32_t crc32c(std::string_view bytes, std::uint32_t seed) noexcept {
#if defined(__x86_64__)
  static const bool has_instruction = __builtin_cpu_supports("sse4.2") != 0;
  if (has_instruction) return ~accelerated(bytes, ~seed);
#endif
  return ~portable(bytes, ~seed);
}

}  // namespace kith::persistence
