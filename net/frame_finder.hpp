// Finds where one MessagePack value ends in a buffer that is still growing.
//
// Invariants
//   - Nothing is allocated and no byte is looked at twice: each call goes on where the last one stopped.
//   - The answer depends on the bytes alone, not on how they were split into calls.
//   - A declared size that can not fit in a frame, or a value nested too deeply, is refused at its header, before any
//     byte behind it has come.
//
// Thread safety: none.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "profile/limits.hpp"
#include "profile/result.hpp"

namespace kith::net {

struct frame_limits {
  std::size_t frame_bytes = limits::connection{}.frame_bytes;
  /// Arrays and maps within one another. An event may nest limits::max_nesting deep and lies within the request, its
  /// params and the array of events.
  std::size_t nesting = limits::max_nesting + 3;
};

class frame_finder {
 public:
  static constexpr std::size_t deepest = 64;

  enum class status : std::uint8_t { need_more, found, failed };
  struct outcome {
    status is = status::need_more;
    std::size_t bytes = 0;       ///< found: the frame's length
    errc code = errc::internal;  ///< failed: too_large or invalid_argument
    std::string_view message;    ///< failed: what is wrong; a literal
  };

  explicit frame_finder(frame_limits bounds = {}) noexcept;

  /// `buffer`: the bytes of the frame that have come so far, from its first one on. REQUIRES: it begins with what the
  /// last call saw. After `found` the finder is ready for the next frame; after `failed` every call fails alike.
  outcome find(std::string_view buffer) noexcept;

  /// How many bytes of the frame are known to be part of it.
  std::size_t scanned() const noexcept { return at_; }

 private:
  outcome refuse(errc code, std::string_view message) noexcept;

  frame_limits bounds_;
  std::size_t at_ = 0;  ///< the next header starts here; may lie behind the buffer's end (a payload to come)
  std::size_t depth_ = 0;
  bool whole_ = false;      ///< all headers are seen, only payload may be missing
  std::uint64_t owed_ = 0;  ///< values that the open arrays and maps still wait for
  std::array<std::uint64_t, deepest> left_{};
  outcome failure_{};
};

}  // namespace kith::net
