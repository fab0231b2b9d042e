// Bytes received and not consumed yet, in one piece.
//
// Invariants: holds no memory until the first space(); grows only while nothing can be compacted.
// Thread safety: none.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>

namespace kith::net {

class receive_buffer {
 public:
  std::string_view bytes() const noexcept { return {data_.get() + begin_, end_ - begin_}; }
  bool empty() const noexcept { return begin_ == end_; }
  std::size_t capacity() const noexcept { return capacity_; }

  void consume(std::size_t n) noexcept {
    begin_ += n;
    if (begin_ == end_) begin_ = end_ = 0;
  }

  /// Where `n` bytes at least can be written; say with commit() how many were. Views into bytes() become stale.
  char* space(std::size_t n) {
    if (capacity_ - end_ < n) make_room(n);
    return data_.get() + end_;
  }
  std::size_t space_left() const noexcept { return capacity_ - end_; }
  void commit(std::size_t n) noexcept { end_ += n; }

  /// Gives the memory back. REQUIRES: empty.
  void release() noexcept {
    data_.reset();
    capacity_ = begin_ = end_ = 0;
  }

 private:
  void make_room(std::size_t n) {
    const std::size_t held = end_ - begin_;
    // Moving is worth it only where it frees at least as much as it moves.
    if (held + n <= capacity_ && held <= begin_) {
      std::memmove(data_.get(), data_.get() + begin_, held);
    } else {
      const std::size_t larger = std::max(held + n, capacity_ * 2);
      std::unique_ptr<char[]> moved(new char[larger]);  // uninitialized, unlike make_unique
      if (held > 0) std::memcpy(moved.get(), data_.get() + begin_, held);
      data_ = std::move(moved);
      capacity_ = larger;
    }
    begin_ = 0;
    end_ = held;
  }

  std::unique_ptr<char[]> data_;
  std::size_t capacity_ = 0;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

}  // namespace kith::net
