// Bytes of one aggregate that are changed in place, wherever they lie.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace kith::profile::segments {

class body_edit {
 public:
  virtual std::string_view view() const noexcept = 0;
  /// `added` is not within these bytes.
  virtual void replace(std::size_t at, std::size_t removed, std::string_view added) = 0;
  void assign(std::string_view bytes) { replace(0, view().size(), bytes); }

 protected:
  ~body_edit() = default;
};

class string_edit final : public body_edit {
 public:
  explicit string_edit(std::string_view bytes = {}) : bytes_(bytes) {}
  std::string_view view() const noexcept override { return bytes_; }
  void replace(std::size_t at, std::size_t removed, std::string_view added) override {
    bytes_.replace(at, removed, added);
  }
  std::string take() noexcept { return std::move(bytes_); }

 private:
  std::string bytes_;
};

}  // namespace kith::profile::segments
