// HdrHistogram's log-linear bucket layout (http://hdrhistogram.org) as a value type: 1 to 2^40, 2 significant
// digits kept (relative error under 1/128).
#pragma once

#include <array>
#include <cstdint>

namespace kith::actors {

class histogram {
 public:
  static constexpr unsigned sub_bucket_bits = 8;  ///< 256 buckets for the first octave, 128 for each that follows
  static constexpr std::uint64_t max_value = (1ULL << 40) - 1;

  void record(std::uint64_t value, std::uint64_t count = 1) noexcept;
  /// Also records the values that a client which waits for replies failed to send: `value - interval`,
  /// `value - 2 * interval`, … (coordinated omission).
  void record_corrected(std::uint64_t value, std::uint64_t expected_interval) noexcept;
  void add(const histogram& other) noexcept;
  /// What was recorded behind `before`, an earlier copy of this one. Min and max are those of their buckets.
  histogram since(const histogram& before) const noexcept;

  /// The highest value that is equivalent to the one at the percentile (0 to 100); 0 if empty.
  std::uint64_t percentile(double percent) const noexcept;
  std::uint64_t count() const noexcept { return count_; }
  std::uint64_t max() const noexcept { return max_; }
  std::uint64_t min() const noexcept { return count_ == 0 ? 0 : min_; }
  double mean() const noexcept;

 private:
  static constexpr std::size_t bucket_count = 256 + (40 - 8) * 128;
  static std::size_t index_of(std::uint64_t value) noexcept;
  static std::uint64_t highest_equivalent(std::size_t index) noexcept;

  std::array<std::uint32_t, bucket_count> buckets_{};
  std::uint64_t count_ = 0;
  std::uint64_t sum_ = 0;
  std::uint64_t max_ = 0;
  std::uint64_t min_ = ~0ULL;
};

}  // namespace kith::actors
