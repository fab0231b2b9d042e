// Is it UTF-8? (RFC 3629: shortest forms only, no surrogates, up to U+10FFFF.)
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

namespace kith::profile {

inline bool is_utf8(std::string_view text) noexcept {
  const auto* at = reinterpret_cast<const unsigned char*>(text.data());
  const auto* const end = at + text.size();
  while (at != end) {
    std::uint64_t eight = 0;
    if (end - at >= 8) {
      std::memcpy(&eight, at, 8);
      if ((eight & 0x8080808080808080ULL) == 0) {
        at += 8;
        continue;
      }
    }
    const unsigned first = *at++;
    if (first < 0x80) continue;
    const int more = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : 1;
    if (first < 0xc2 || first > 0xf4 || end - at < more) return false;
    const unsigned second = *at;
    const unsigned lowest = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
    const unsigned highest = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
    if (second < lowest || second > highest) return false;
    for (int i = 1; i < more; ++i) {
      if ((at[i] & 0xc0U) != 0x80) return false;
    }
    at += more;
  }
  return true;
}

}  // namespace kith::profile
