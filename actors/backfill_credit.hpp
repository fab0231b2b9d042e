// How many profiles may be on their way to being brought up to date, so that a backfill keeps out of live traffic's
// way.
//
// Thread safety: take() on the backfill's thread, give_back() from any.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>

namespace kith::actors {

class backfill_credit {
 public:
  explicit backfill_credit(std::size_t most) noexcept : most_(most) {}

  /// Waits for room; false once `stop` was called.
  bool take() {
    std::unique_lock lock(mutex_);
    moved_.wait(lock, [this] { return out_ < most_ || stopped_; });
    if (stopped_) return false;
    ++out_;
    return true;
  }
  void give_back() {
    const std::lock_guard lock(mutex_);
    --out_;
    ++done_;
    moved_.notify_all();
  }
  /// Waits until all are back, or stop().
  void settle() {
    std::unique_lock lock(mutex_);
    moved_.wait(lock, [this] { return out_ == 0 || stopped_; });
  }
  void stop() {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    moved_.notify_all();
  }
  std::uint64_t done() const {
    const std::lock_guard lock(mutex_);
    return done_;
  }

 private:
  const std::size_t most_;
  mutable std::mutex mutex_;
  std::condition_variable moved_;
  std::size_t out_ = 0;
  std::uint64_t done_ = 0;
  bool stopped_ = false;
};

}  // namespace kith::actors
