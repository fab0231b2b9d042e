// The values of a profile's computed traits, kept without their names: an entry is the key of the trait
// (segments::segment_key of its name), the value's size and its MessagePack bytes, ordered by key.
//
// Thread safety: none; a value.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "profile/bytes.hpp"

namespace kith::profile::segments {

class computed_values {
 public:
  struct entry {
    std::uint64_t key = 0;
    std::string_view value;
  };

  /// Empty: no value. Valid until the next change.
  std::string_view find(std::uint64_t key) const noexcept;
  void set(std::uint64_t key, std::string_view value);  ///< empty: none any more. Not of find().
  /// Drops all whose keys are not among these, which are sorted.
  void keep_only(std::span<const std::uint64_t> keys);

  /// Calls each(entry), by key.
  template <class F>
  void for_each(F each) const {
    for (taker in(bytes_); !in.done();) each(take(in));
  }

  std::string_view bytes() const noexcept { return bytes_; }
  std::size_t heap_bytes() const noexcept;
  /// False if the bytes are damaged.
  static bool decode(std::string_view bytes, computed_values& into);
  /// From what standings of format 1 have: a map of the values by name, sorted.
  static bool decode_named(std::string_view bytes, computed_values& into);

 private:
  static entry take(taker& in) noexcept {
    const auto key = in.number<std::uint64_t>();
    return {key, in.text<std::uint16_t>()};
  }
  struct place {
    std::size_t at;
    std::size_t size;  ///< of the value that is there; nothing is: 0
  };
  place look(std::uint64_t key) const noexcept;

  std::string bytes_;
};

}  // namespace kith::profile::segments
