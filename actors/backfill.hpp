// Brings every profile up to date after definitions changed or the clock went back: first those in memory, then, in the
// order of their addresses, those on disk that are not, a bounded number at a time and no more a second than allowed.
//
// Invariants: `complete` is false from start() until every profile was brought up to date, whatever happens between.
// Thread safety: start() and stop() from one thread at a time; the rest from any.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "actors/backfill_credit.hpp"
#include "actors/clock.hpp"
#include "actors/service.hpp"
#include "persistence/store.hpp"

namespace kith::actors {

class shard;

class backfill {
 public:
  static constexpr std::size_t under_way = 512;  ///< profiles asked to refresh and not done
  static constexpr std::size_t looked_up_together = 1024;
  static constexpr std::size_t judged_by = 4096;              ///< of their addresses, how many there are
  static constexpr std::chrono::milliseconds most_late{100};  ///< of turns, that may be made up for
  /// While others are served, it pauses so many times as long as it worked: they keep three quarters of the time.
  static constexpr int pauses = 3;
  static constexpr std::chrono::milliseconds burst{5};  ///< of work, at least
  static constexpr std::chrono::seconds measured{5};    ///< at least, for the rate that is shown

  struct steps {
    std::function<result<void>()> complete_history;  ///< what was applied under other definitions is in the history
    std::function<result<void>()> finished;          ///< every profile was brought up to date
    std::function<void(const error&)> failed;
  };

  /// `rate`: profiles a second; 0: no limit.
  backfill(persistence::store& store, std::vector<std::unique_ptr<shard>>& shards, double rate,
           std::function<std::int64_t()> now_ms)
      : store_(store), shards_(shards), now_ms_(std::move(now_ms)), limit_(rate) {}
  ~backfill() { stop(); }

  /// Not all profiles are up to date. REQUIRES: start() follows.
  void announce() { complete_ = false; }
  /// REQUIRES: stopped.
  void start(std::shared_ptr<const profile::segments::catalog> definitions, steps with);
  void stop();
  /// Goes no further until resume(). False: there is nothing to cancel.
  bool cancel();
  /// False: nothing was cancelled.
  bool resume();
  void limit(double rate);
  backfill_progress progress() const;

 private:
  struct mark {
    time_point at;
    std::uint64_t done = 0;
  };

  void run(const steps& with);
  result<void> refresh_stored(const std::vector<profile::hash128>& in_memory);
  std::vector<profile::hash128> active();
  std::uint64_t estimate() const;
  bool refresh(profile::hash128 address);
  bool is_current(const std::optional<std::string>& standing) const;
  bool take_turn();
  bool make_way();
  std::uint64_t served() const;
  std::uint64_t done() const;
  void measure_anew();

  persistence::store& store_;
  std::vector<std::unique_ptr<shard>>& shards_;
  const std::function<std::int64_t()> now_ms_;
  std::shared_ptr<const profile::segments::catalog> definitions_;
  std::thread thread_;
  std::atomic<bool> stopping_{false};
  std::atomic<bool> running_{false};
  std::atomic<bool> complete_{true};
  std::atomic<std::uint64_t> total_{0};
  std::atomic<std::uint64_t> were_current_{0};  ///< of those on disk
  std::atomic<backfill_credit*> credit_{nullptr};
  std::vector<std::unique_ptr<backfill_credit>> credits_;  ///< a refresh under way may still name an earlier one

  time_point burst_began_;           ///< the thread's own
  std::uint64_t served_before_ = 0;  ///< the same

  mutable std::mutex mutex_;  ///< of what follows
  std::condition_variable moved_;
  bool walking_ = false;  ///< there are profiles that it has not come to
  bool cancelled_ = false;
  double limit_;
  time_point next_turn_;
  mark older_;
  mark newer_;
};

}  // namespace kith::actors
