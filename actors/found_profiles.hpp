// What a read found: the profile maps, as MessagePack bytes, in one buffer a shard.
//
// Thread safety: while it is filled, buffer(s) and found(s, …) belong to shard s; each index is set by one shard only.
// After that anybody may read.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kith::actors {

class found_profiles {
 public:
  found_profiles() = default;
  found_profiles(std::size_t asked, std::size_t shards) : places_(asked), buffers_(shards) {}

  std::size_t size() const noexcept { return places_.size(); }
  /// The map of the id that was asked for at `index`; nothing if there is no such profile.
  std::optional<std::string_view> at(std::size_t index) const noexcept {
    const auto& place = places_[index];
    if (place.bytes == 0) return std::nullopt;
    return std::string_view(buffers_[place.shard]).substr(place.offset, place.bytes);
  }

  /// Where the shard appends a map, and then says whose it was.
  std::string& buffer(std::size_t shard) noexcept { return buffers_[shard]; }
  void found(std::size_t shard, std::size_t index, std::size_t offset) noexcept {
    places_[index] = {offset, static_cast<std::uint32_t>(buffers_[shard].size() - offset),
                      static_cast<std::uint32_t>(shard)};
  }

 private:
  struct whereabouts {
    std::uint64_t offset = 0;
    std::uint32_t bytes = 0;  ///< 0: absent; no map is empty
    std::uint32_t shard = 0;
  };
  std::vector<whereabouts> places_;
  std::vector<std::string> buffers_;
};

}  // namespace kith::actors
