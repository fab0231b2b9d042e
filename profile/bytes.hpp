// Little-endian numbers and length-prefixed texts in the profile's encoding; readers check every bound.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace kith::profile {

template <class T>
void put(std::string& out, T value) {
  char bytes[sizeof(T)];
  std::memcpy(bytes, &value, sizeof(T));
  out.append(bytes, sizeof(T));
}

template <class T>
T get(const char* at) noexcept {
  T value;
  std::memcpy(&value, at, sizeof(T));
  return value;
}

template <class Length>
void put_text(std::string& out, std::string_view text) {
  put(out, static_cast<Length>(text.size()));
  out.append(text);
}

/// Takes from the front; once it failed it stays failed and gives zeros.
class taker {
 public:
  explicit taker(std::string_view bytes) noexcept : rest_(bytes) {}

  template <class T>
  T number() noexcept {
    const auto bytes = take(sizeof(T));
    return failed_ ? T{} : get<T>(bytes.data());
  }
  template <class Length>
  std::string_view text() noexcept {
    return take(number<Length>());
  }
  std::string_view take(std::size_t size) noexcept {
    if (failed_ || rest_.size() < size) {
      failed_ = true;
      return {};
    }
    const auto taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
  }
  void fail() noexcept { failed_ = true; }
  bool failed() const noexcept { return failed_; }
  bool done() const noexcept { return failed_ || rest_.empty(); }
  std::string_view rest() const noexcept { return rest_; }

 private:
  std::string_view rest_;
  bool failed_ = false;
};

}  // namespace kith::profile
