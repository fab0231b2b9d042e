// Memory for the temporary values of an evaluation: taken from the front of a block, given back all at once.
//
// Invariants: what was taken stays where it is until `reset`. After a `reset` there is one block, as large as all that
// was ever in use between two resets, so that evaluations of one kind stop asking the heap.
// Thread safety: none; one arena a thread.
#pragma once

#include <utility>
#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <new>
#include <string_view>
#include <type_traits>
#include <vector>

#include "profile/cel/limits.hpp"

namespace kith::profile::cel {

class arena {
 public:
  /// `most`: bytes that one evaluation may take; past it `take` gives null.
  explicit arena(std::size_t most = limits::arena_bytes) noexcept : most_(most) {}
  arena(const arena&) = delete;
  arena& operator=(const arena&) = delete;

  /// Aligned for any value; null past the bound.
  void* take(std::size_t bytes) noexcept {
    const auto rounded = (std::max<std::size_t>(bytes, 1) + alignment - 1) / alignment * alignment;
    if (rounded < bytes) return nullptr;
    if (rounded > left_) return more(rounded);
    char* const taken = at_;
    at_ += rounded;
    left_ -= rounded;
    return taken;
  }

  /// Null past the bound. Nothing runs destructors here.
  template <class T, class... Args>
  T* make(Args&&... args) noexcept {
    static_assert(std::is_trivially_destructible_v<T> && alignof(T) <= alignment);
    void* const place = take(sizeof(T));
    return place == nullptr ? nullptr : new (place) T(std::forward<Args>(args)...);
  }

  template <class T>
  T* make_array(std::size_t count) noexcept {
    static_assert(std::is_trivially_copyable_v<T> && alignof(T) <= alignment);
    if (count > most_ / sizeof(T)) return nullptr;
    void* const place = take(count * sizeof(T));
    return place == nullptr ? nullptr : new (place) T[count > 0 ? count : 1];
  }

  /// A copy of the text; one with null data if there is no room.
  std::string_view copy(std::string_view text) noexcept {
    auto* const place = static_cast<char*>(take(std::max<std::size_t>(text.size(), 1)));
    if (place == nullptr) return {};
    if (!text.empty()) std::memcpy(place, text.data(), text.size());
    return {place, text.size()};
  }

  /// Everything that was taken is gone.
  void reset() {
    if (blocks_.size() > 1) {
      std::size_t all = 0;
      for (const auto& each : blocks_) all += each.size;
      blocks_.clear();
      blocks_.push_back({std::make_unique<char[]>(all), all});
    }
    at_ = blocks_.empty() ? nullptr : blocks_.front().bytes.get();
    left_ = blocks_.empty() ? 0 : blocks_.front().size;
    held_ = left_;
  }

  std::size_t held() const noexcept { return held_; }  ///< bytes that it keeps from the heap

 private:
  static constexpr std::size_t alignment = alignof(std::max_align_t);
  static constexpr std::size_t first_block = 4096;
  struct block {
    std::unique_ptr<char[]> bytes;
    std::size_t size;
  };

  void* more(std::size_t bytes) noexcept {
    if (bytes > most_ || held_ > most_ - bytes) return nullptr;
    const auto size = std::max(bytes, std::min(std::max(held_, first_block), most_ - held_));
    blocks_.push_back({std::unique_ptr<char[]>(new (std::nothrow) char[size]), size});
    if (!blocks_.back().bytes) {
      blocks_.pop_back();
      return nullptr;
    }
    held_ += size;
    at_ = blocks_.back().bytes.get() + bytes;
    left_ = size - bytes;
    return blocks_.back().bytes.get();
  }

  std::vector<block> blocks_;
  char* at_ = nullptr;
  std::size_t left_ = 0;
  std::size_t held_ = 0;
  std::size_t most_;
};

}  // namespace kith::profile::cel
