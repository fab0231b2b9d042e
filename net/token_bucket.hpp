// A quota of so many a second, of which one second's worth may be saved up.
//
// Invariants: over any time t at most rate * (t + 1 s) units, and one take past that, are granted.
// Thread safety: all of it.
#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>

namespace kith::net {

class token_bucket {
 public:
  using time_point = std::chrono::steady_clock::time_point;

  /// 0: everything is granted.
  explicit token_bucket(double per_second) noexcept;

  /// Takes `units` and returns 0, or takes nothing and returns the milliseconds (1 or more) after which it is worth
  /// another try. More than a second's worth at once is granted from a full bucket, which is then in debt.
  std::uint64_t take(double units, time_point now);

 private:
  double rate_;
  std::mutex mutex_;
  double saved_;
  time_point last_{};
};

}  // namespace kith::net
