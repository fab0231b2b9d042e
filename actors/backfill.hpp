// Brings every profile up to date after definitions changed: first those in memory, then, in the order of their
// addresses, those on disk, a bounded number at a time.
//
// Thread safety: start() and stop() from one thread at a time; progress() from any.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "actors/backfill_credit.hpp"
#include "actors/service.hpp"
#include "persistence/store.hpp"

namespace kith::actors {

class shard;

class backfill {
 public:
  static constexpr std::size_t under_way = 512;  ///< profiles asked to refresh and not done

  struct steps {
    std::function<result<void>()> complete_history;  ///< what was applied under other definitions is in the history
    std::function<result<void>()> finished;          ///< every profile was brought up to date
    std::function<void(const error&)> failed;
  };

  backfill(persistence::store& store, std::vector<std::unique_ptr<shard>>& shards) : store_(store), shards_(shards) {}
  ~backfill() { stop(); }

  /// REQUIRES: stopped.
  void start(steps with);
  void stop();
  backfill_progress progress() const;

 private:
  void run(const steps& with);
  result<void> refresh_stored();

  persistence::store& store_;
  std::vector<std::unique_ptr<shard>>& shards_;
  std::thread thread_;
  std::atomic<bool> stopping_{false};
  std::atomic<bool> running_{false};
  std::atomic<std::uint64_t> total_{0};
  std::atomic<backfill_credit*> credit_{nullptr};
  std::vector<std::unique_ptr<backfill_credit>> credits_;  ///< a refresh under way may still name an earlier one
};

}  // namespace kith::actors
