// Definitions whose expressions come to nothing but errors: how often each did in a row, over all profiles of all
// shards. One that does so too often is told once, to be disabled by who keeps the definitions.
//
// Invariants: a value between two errors begins the count anew.
// Thread safety: all of it, from any thread. A definition that never errs costs its readers no writes.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "actors/service.hpp"
#include "profile/segments/standing.hpp"

namespace kith::actors {

class definition_errors {
 public:
  explicit definition_errors(std::shared_ptr<const profile::segments::catalog> of)
      : of_(std::move(of)), all_(of_->definitions().size()) {}

  /// True, once a definition: that were `most` in a row, and tell() is due. `most` 0: never.
  bool note(profile::segments::judgement one, std::uint64_t most) noexcept {
    auto& of = all_[one.definition];
    if (!one.is_error) {
      if (of.in_a_row.load(std::memory_order_relaxed) != 0) of.in_a_row.store(0, std::memory_order_relaxed);
      return false;
    }
    const auto times = of.in_a_row.fetch_add(1, std::memory_order_relaxed) + 1;
    return most != 0 && times >= most && !of.is_told.exchange(true);
  }
  void tell(std::uint32_t definition, std::string why) {
    const auto& what = of_->definitions()[definition];
    const std::lock_guard lock(mutex_);
    told_.push_back({what.kind, what.name, what.expression, all_[definition].in_a_row.load(), std::move(why)});
  }
  /// Those that were told.
  std::vector<failing_definition> failing() const {
    const std::lock_guard lock(mutex_);
    return told_;
  }

 private:
  struct errors {
    std::atomic<std::uint64_t> in_a_row{0};
    std::atomic<bool> is_told{false};
  };

  const std::shared_ptr<const profile::segments::catalog> of_;
  std::vector<errors> all_;  ///< by definition
  mutable std::mutex mutex_;
  std::vector<failing_definition> told_;
};

}  // namespace kith::actors
