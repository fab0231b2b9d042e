#include "actors/histogram.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

namespace kith::actors {

namespace {

constexpr std::uint64_t first_octave = 256;
constexpr std::uint64_t buckets_an_octave = 128;

}  // namespace

std::size_t histogram::index_of(std::uint64_t value) noexcept {
  value = std::min(value, max_value);
  if (value < first_octave) return static_cast<std::size_t>(value);
  // The octave keeps the value's 8 highest bits, of which the first is always set.
  const auto octave = static_cast<std::uint64_t>(std::bit_width(value)) - sub_bucket_bits;
  return static_cast<std::size_t>(first_octave + (octave - 1) * buckets_an_octave +
                                  ((value >> octave) - buckets_an_octave));
}

std::uint64_t histogram::highest_equivalent(std::size_t index) noexcept {
  if (index < first_octave) return index;
  const auto octave = (index - first_octave) / buckets_an_octave + 1;
  const auto sub_bucket = (index - first_octave) % buckets_an_octave + buckets_an_octave;
  return ((sub_bucket + 1) << octave) - 1;
}

void histogram::record(std::uint64_t value, std::uint64_t count) noexcept {
  buckets_[index_of(value)] += static_cast<std::uint32_t>(count);
  count_ += count;
  sum_ += value * count;
  max_ = std::max(max_, value);
  min_ = std::min(min_, value);
}

void histogram::record_corrected(std::uint64_t value, std::uint64_t expected_interval) noexcept {
  record(value);
  if (expected_interval == 0) return;
  for (auto missed = value; missed > expected_interval;) {
    missed -= expected_interval;
    record(missed);
  }
}

void histogram::add(const histogram& other) noexcept {
  for (std::size_t i = 0; i < bucket_count; ++i) buckets_[i] += other.buckets_[i];
  count_ += other.count_;
  sum_ += other.sum_;
  max_ = std::max(max_, other.max_);
  min_ = std::min(min_, other.min_);
}

histogram histogram::since(const histogram& before) const noexcept {
  histogram made;
  for (std::size_t i = 0; i < bucket_count; ++i) {
    made.buckets_[i] = buckets_[i] - before.buckets_[i];
    if (made.buckets_[i] == 0) continue;
    made.max_ = highest_equivalent(i);
    made.min_ = std::min(made.min_, highest_equivalent(i));
  }
  made.count_ = count_ - before.count_;
  made.sum_ = sum_ - before.sum_;
  return made;
}

std::uint64_t histogram::percentile(double percent) const noexcept {
  if (count_ == 0) return 0;
  const auto wanted =
      static_cast<std::uint64_t>(std::ceil(std::clamp(percent, 0.0, 100.0) / 100.0 * static_cast<double>(count_)));
  std::uint64_t passed = 0;
  for (std::size_t i = 0; i < bucket_count; ++i) {
    passed += buckets_[i];
    if (passed >= std::max<std::uint64_t>(wanted, 1)) return std::min(highest_equivalent(i), max_);
  }
  return max_;
}

double histogram::mean() const noexcept {
  return count_ == 0 ? 0.0 : static_cast<double>(sum_) / static_cast<double>(count_);
}

}  // namespace kith::actors
