// A byte vector of 16 bytes that keeps its allocation tight: profiles hold several, by the million.
#pragma once

#include <utility>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string_view>

namespace kith::profile {

class blob {
 public:
  blob() noexcept = default;
  blob(blob&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)),
        size_(std::exchange(other.size_, 0)),
        capacity_(std::exchange(other.capacity_, 0)) {}
  blob& operator=(blob&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(capacity_, other.capacity_);
    return *this;
  }
  ~blob() { std::free(data_); }

  std::string_view view() const noexcept { return {data_, size_}; }
  char* data() noexcept { return data_; }
  std::size_t size() const noexcept { return size_; }
  bool empty() const noexcept { return size_ == 0; }
  std::size_t heap_bytes() const noexcept { return capacity_; }

  void assign(std::string_view bytes) { replace(0, size_, bytes); }

  /// Puts `bytes` in the place of `removed` bytes at `at`. `bytes` is not part of this blob.
  void replace(std::size_t at, std::size_t removed, std::string_view bytes) {
    const auto wanted = size_ - removed + bytes.size();
    if (wanted > capacity_) grow(wanted);
    if (wanted == 0) {
      size_ = 0;
      return;
    }
    std::memmove(data_ + at + bytes.size(), data_ + at + removed, size_ - at - removed);
    if (!bytes.empty()) std::memcpy(data_ + at, bytes.data(), bytes.size());
    size_ = static_cast<std::uint32_t>(wanted);
  }

 private:
  void grow(std::size_t wanted) {
    // Exact at first, an eighth to spare later: most profiles stop growing soon.
    const auto capacity = capacity_ == 0 ? wanted : wanted + wanted / 8;
    auto* grown = static_cast<char*>(std::realloc(data_, capacity));
    if (grown == nullptr) throw std::bad_alloc();
    data_ = grown;
    capacity_ = static_cast<std::uint32_t>(capacity);
  }

  char* data_ = nullptr;
  std::uint32_t size_ = 0;
  std::uint32_t capacity_ = 0;
};

}  // namespace kith::profile
