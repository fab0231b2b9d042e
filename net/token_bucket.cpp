#include "net/token_bucket.hpp"

#include <algorithm>
#include <cmath>

namespace kith::net {

token_bucket::token_bucket(double per_second) noexcept : rate_(per_second), saved_(per_second) {}

std::uint64_t token_bucket::take(double units, time_point now) {
  if (rate_ <= 0) return 0;
  const std::lock_guard lock(mutex_);
  if (last_ == time_point{}) last_ = now;
  if (now > last_) {
    saved_ = std::min(rate_, saved_ + rate_ * std::chrono::duration<double>(now - last_).count());
    last_ = now;
  }
  const double needed = std::min(units, rate_);
  // A rounding error must not turn the wait that was named into one a little too short.
  if (saved_ + 1e-6 < needed) {
    return std::max<std::uint64_t>(1, static_cast<std::uint64_t>(std::ceil((needed - saved_) / rate_ * 1000)));
  }
  saved_ -= units;
  return 0;
}

}  // namespace kith::net
