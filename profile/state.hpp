// Where a profile's state lies: one allocation of a few numbers and, behind them, eight byte ranges one after another.
// Profiles by the million cost one allocation each, and what an event touches is found together in memory.
//
// Thread safety: none.
#pragma once

#include <utility>
#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "profile/id_table.hpp"
#include "profile/prefetch.hpp"

namespace kith::profile {

/// The ranges, those that change least first: a range that grows moves what is behind it.
enum class part : unsigned { identifiers, consent, events, sessions, stamps, facts, aggregates, recent };
inline constexpr unsigned part_count = 8;

class state {
 public:
  /// What only large profiles have.
  struct large_parts {
    std::optional<id_table> recent;               ///< in place of part::recent
    std::vector<std::uint32_t> identifier_marks;  ///< offsets in part::identifiers, sorted
  };
  struct numbers {
    std::uint64_t version = 0;
    std::int64_t first_seen = INT64_MAX;
    std::int64_t last_seen = INT64_MIN;
    std::unique_ptr<large_parts> large;

    const id_table* many_recent() const noexcept { return large && large->recent ? &*large->recent : nullptr; }
  };

  state() noexcept = default;
  state(state&& other) noexcept : block_(std::exchange(other.block_, nullptr)) {}
  state& operator=(state&& other) noexcept {
    std::swap(block_, other.block_);
    return *this;
  }
  ~state();

  /// Nothing is allocated until make(); before it the numbers are a fresh profile's and every range is empty.
  bool absent() const noexcept { return block_ == nullptr; }
  void make();

  numbers& of() noexcept { return block_->head; }  ///< REQUIRES: !absent()
  const numbers& of() const noexcept { return block_ == nullptr ? fresh : block_->head; }
  std::string_view view(part which) const noexcept {
    if (block_ == nullptr) return {};
    return {bytes() + begin_of(which), block_->ends[index(which)] - begin_of(which)};
  }
  char* data(part which) noexcept { return bytes() + begin_of(which); }

  /// Puts `added` in the place of `removed` bytes at `at` of a range. `added` is not within this state.
  void replace(part which, std::size_t at, std::size_t removed, std::string_view added);

  std::size_t heap_bytes() const noexcept;

  /// Asks the processor to bring near what an event or a read is going to need: first the head, and once that has had
  /// the time to come, the rest, of which the head tells the size.
  void prefetch_head() const noexcept {
    if (block_ != nullptr) prefetch_bytes(block_, head_bytes);
  }
  void prefetch() const noexcept {
    if (block_ == nullptr) return;
    const auto used = sizeof(block) + block_->ends[part_count - 1];
    if (used > head_bytes) {
      prefetch_bytes(reinterpret_cast<const char*>(block_) + head_bytes, used - head_bytes);
    }
  }

 private:
  struct block {
    numbers head;
    std::array<std::uint32_t, part_count> ends{};
    std::uint32_t capacity = 0;  ///< bytes behind this struct
  };
  static const numbers fresh;
  static constexpr std::size_t head_bytes = 128;

  static constexpr unsigned index(part which) noexcept { return static_cast<unsigned>(which); }
  std::size_t begin_of(part which) const noexcept { return index(which) == 0 ? 0 : block_->ends[index(which) - 1]; }
  char* bytes() noexcept { return reinterpret_cast<char*>(block_ + 1); }
  const char* bytes() const noexcept { return reinterpret_cast<const char*>(block_ + 1); }
  void grow(std::size_t wanted);

  block* block_ = nullptr;
};

/// One range of a state, as a byte vector.
class state_part {
 public:
  state_part(state& of, part which) noexcept : of_(of), which_(which) {}

  std::string_view view() const noexcept { return std::as_const(of_).view(which_); }
  char* data() noexcept { return of_.data(which_); }
  void replace(std::size_t at, std::size_t removed, std::string_view added) { of_.replace(which_, at, removed, added); }
  void assign(std::string_view bytes) { replace(0, view().size(), bytes); }

 private:
  state& of_;
  part which_;
};

}  // namespace kith::profile
