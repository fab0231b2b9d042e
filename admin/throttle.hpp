// A quota for each of many names, as long as they keep coming.
//
// Invariants: at most `most_names` are remembered; who is forgotten had its quota whole again, or asked longest ago.
// Thread safety: all of it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "net/token_bucket.hpp"

namespace kith::admin {

class throttle {
 public:
  static constexpr std::size_t most_names = 4096;

  /// 0: everything is granted.
  explicit throttle(double per_second) : rate_(per_second) {}

  void set_rate(double per_second) {
    const std::lock_guard lock(mutex_);
    if (per_second == rate_) return;
    rate_ = per_second;
    names_.clear();
  }

  /// As of net::token_bucket: 0, or the milliseconds to wait.
  std::uint64_t take(const std::string& name, net::token_bucket::time_point now) {
    const std::lock_guard lock(mutex_);
    if (rate_ <= 0) return 0;
    auto at = names_.find(name);
    if (at == names_.end()) {
      if (names_.size() >= most_names) forget(now);
      at = names_.try_emplace(name, rate_).first;
    }
    at->second.last = now;
    return at->second.bucket.take(1, now);
  }

 private:
  struct entry {
    explicit entry(double rate) : bucket(rate) {}
    net::token_bucket bucket;
    net::token_bucket::time_point last{};
  };

  void forget(net::token_bucket::time_point now) {
    std::erase_if(names_, [&](const auto& each) { return now - each.second.last > std::chrono::seconds(1); });
    if (names_.size() < most_names) return;
    names_.erase(std::min_element(names_.begin(), names_.end(),
                                  [](const auto& a, const auto& b) { return a.second.last < b.second.last; }));
  }

  std::mutex mutex_;
  double rate_;
  std::unordered_map<std::string, entry> names_;
};

}  // namespace kith::admin
