// How many connections a server has, and when it has none any more.
//
// Thread safety: all of it.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

#include "net/probe.hpp"

namespace kith::net {

class open_connections {
 public:
  explicit open_connections(connection_counts& counts) : counts_(counts) {}

  /// False: there are `most` already.
  bool begin(std::size_t most) noexcept {
    if (counts_.connections_open.load() >= most) {
      add_one(counts_.connections_refused);
      return false;
    }
    add_one(counts_.connections_open);
    add_one(counts_.connections_total);
    return true;
  }
  void end() {
    const std::lock_guard lock(mutex_);
    if (counts_.connections_open.fetch_sub(1) == 1) none_open_.notify_all();
  }
  /// False if some were still open at the deadline.
  bool wait_for_none(std::chrono::steady_clock::time_point deadline) {
    std::unique_lock lock(mutex_);
    return none_open_.wait_until(lock, deadline, [this] { return counts_.connections_open.load() == 0; });
  }

 private:
  static void add_one(std::atomic<std::uint64_t>& to) noexcept { to.fetch_add(1, std::memory_order_relaxed); }

  connection_counts& counts_;
  std::mutex mutex_;
  std::condition_variable none_open_;
};

}  // namespace kith::net
