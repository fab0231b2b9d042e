#include "net/frame_finder.hpp"

#include <algorithm>

namespace kith::net {

namespace {

/// How a value begins.
struct header {
  std::uint8_t bytes = 1;       ///< before the payload; 0: no value begins like this
  std::uint8_t size_bytes = 0;  ///< of the declared size behind the first byte
  std::uint8_t per_entry = 0;   ///< values an entry: 1 array, 2 map, 0 no container
  std::uint8_t fixed = 0;       ///< payload bytes or entries where nothing is declared
};

constexpr header header_of(unsigned tag) noexcept {
  if (tag < 0x80 || tag >= 0xe0) return {};
  if (tag < 0x90) return {1, 0, 2, static_cast<std::uint8_t>(tag & 0x0fU)};
  if (tag < 0xa0) return {1, 0, 1, static_cast<std::uint8_t>(tag & 0x0fU)};
  if (tag < 0xc0) return {1, 0, 0, static_cast<std::uint8_t>(tag & 0x1fU)};
  switch (tag) {
    case 0xc0:
    case 0xc2:
    case 0xc3: return {};
    case 0xc1: return {0, 0, 0, 0};
    case 0xc4:
    case 0xd9: return {2, 1, 0, 0};
    case 0xc5:
    case 0xda: return {3, 2, 0, 0};
    case 0xc6:
    case 0xdb: return {5, 4, 0, 0};
    case 0xc7: return {3, 1, 0, 0};  // extensions: the type's byte follows the size
    case 0xc8: return {4, 2, 0, 0};
    case 0xc9: return {6, 4, 0, 0};
    case 0xcc:
    case 0xd0: return {1, 0, 0, 1};
    case 0xcd:
    case 0xd1: return {1, 0, 0, 2};
    case 0xca:
    case 0xce:
    case 0xd2: return {1, 0, 0, 4};
    case 0xcb:
    case 0xcf:
    case 0xd3: return {1, 0, 0, 8};
    case 0xd4:
    case 0xd5:
    case 0xd6:
    case 0xd7:
    case 0xd8: return {2, 0, 0, static_cast<std::uint8_t>(1U << (tag - 0xd4))};
    case 0xdc: return {3, 2, 1, 0};
    case 0xdd: return {5, 4, 1, 0};
    case 0xde: return {3, 2, 2, 0};
    default: return {5, 4, 2, 0};
  }
}

constexpr auto headers = [] {
  std::array<header, 256> table{};
  for (unsigned tag = 0; tag < table.size(); ++tag) table[tag] = header_of(tag);
  return table;
}();

std::uint64_t load_size(const char* at, unsigned bytes) noexcept {
  std::uint64_t value = 0;
  for (unsigned i = 0; i < bytes; ++i) value = value << 8 | static_cast<unsigned char>(at[i]);
  return value;
}

}  // namespace

frame_finder::frame_finder(frame_limits bounds) noexcept : bounds_(bounds) {
  bounds_.nesting = std::min(bounds_.nesting, deepest);
}

frame_finder::outcome frame_finder::refuse(errc code, std::string_view message) noexcept {
  failure_ = {status::failed, 0, code, message};
  return failure_;
}

frame_finder::outcome frame_finder::find(std::string_view buffer) noexcept {
  if (failure_.is == status::failed) return failure_;
  while (!whole_ && at_ < buffer.size()) {
    const header head = headers[static_cast<unsigned char>(buffer[at_])];
    if (head.bytes == 0) return refuse(errc::invalid_argument, "not MessagePack: the byte 0xc1 begins no value");
    if (buffer.size() - at_ < 1U + head.size_bytes) return {};
    const std::uint64_t declared = head.size_bytes == 0 ? head.fixed : load_size(&buffer[at_ + 1], head.size_bytes);

    // Every value inside takes a byte at least, and so does every value that the open containers still wait for.
    const std::uint64_t inner = declared * head.per_entry;
    const std::uint64_t payload = head.per_entry == 0 ? declared : 0;
    owed_ -= depth_ > 0 ? 1 : 0;
    if (at_ + head.bytes + payload + inner + owed_ > bounds_.frame_bytes) {
      return refuse(errc::too_large, "the declared size goes past the largest frame (frameBytes of hello's limits)");
    }
    if (inner > 0 && depth_ == bounds_.nesting) {
      return refuse(errc::too_large, "arrays and maps nest too deeply (nesting of hello's limits)");
    }
    at_ += head.bytes + static_cast<std::size_t>(payload);
    owed_ += inner;
    if (inner > 0) {
      left_[depth_++] = inner;
      continue;
    }
    while (depth_ > 0 && --left_[depth_ - 1] == 0) --depth_;
    whole_ = depth_ == 0;
  }
  if (!whole_ || at_ > buffer.size()) return {};
  const outcome found{status::found, at_, errc::internal, {}};
  at_ = 0;
  whole_ = false;
  return found;
}

}  // namespace kith::net
