// What was built of a profile's views, encoded, so that serving one is a look-up and a copy. It takes no memory before
// the first view is read, and then one allocation: a profile out of the processor's caches costs one wait for memory.
//
// Invariants
//   - A view that is fresh is what the profile map would give. Whoever changes what it shows says so by outdate().
//   - Those of another generation of the configured views count for nothing.
// Thread safety: none; it belongs to its profile's actor.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

namespace kith::actors {

class built_views {
 public:
  bool empty() const noexcept { return block_ == nullptr; }
  bool is_fresh(std::uint32_t generation, std::uint32_t view) const noexcept;
  /// Nothing if it is not fresh.
  std::optional<std::string_view> find(std::uint32_t generation, std::uint32_t view) const noexcept;
  /// REQUIRES: view < limits::views.
  void keep(std::uint32_t generation, std::uint32_t view, std::string_view bytes);
  void outdate(std::uint32_t view) noexcept;
  void clear() noexcept { block_.reset(); }

  std::size_t heap_bytes() const noexcept;
  void prefetch() const noexcept;

 private:
  struct head {
    std::uint64_t fresh = 0;  ///< a bit each
    std::uint32_t generation = 0;
    std::uint32_t bytes = 0;  ///< of the entries behind it: view (4), length (4), bytes
  };
  head& of() const noexcept { return *reinterpret_cast<head*>(block_.get()); }
  std::string_view entries() const noexcept { return {block_.get() + sizeof(head), of().bytes}; }

  std::unique_ptr<char[]> block_;
};

}  // namespace kith::actors
