// What a definition would come to at another time, with all that it depends on evaluated for that time.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "profile/segments/evaluator.hpp"

namespace kith::profile::segments {

/// Thread safety: none; one a thread at a time, as the evaluator.
class what_if final : private results {
 public:
  what_if(const profile& of, const catalog::body& with) : with_(with), run_(of, with, *this) {}

  /// Evaluates the definition and what it depends on.
  bool holds_at(std::uint32_t segment, std::int64_t now_ms);
  /// Whether the segment's own expression came to an error, in the last holds_at().
  bool erred() const noexcept { return erred_; }
  /// When time alone changes the membership, if one of the next 64 instants at which something stops counting does it.
  std::optional<std::int64_t> changes_after(std::uint32_t segment, std::int64_t now_ms);

  evaluator& run() noexcept { return run_; }

 private:
  bool member(std::uint32_t segment) override { return holds_[segment] != 0; }
  std::string_view computed(std::uint32_t definition) override { return values_[definition]; }
  const std::vector<std::uint32_t>& closure_of(std::uint32_t definition);

  const catalog::body& with_;
  evaluator run_;
  bool erred_ = false;
  std::uint32_t closed_ = UINT32_MAX;
  std::vector<std::uint32_t> closure_;  ///< of closed_, itself last
  std::vector<char> holds_;
  std::vector<std::string_view> values_;
};

}  // namespace kith::profile::segments
