// Carries events from the journal into the history store, off the hot path.
//
// Invariants: an event is fed only when it is durable; positions move with the events they stand for (store::feed).
// Thread safety: feed() may be called from any thread, one runs at a time; lag_bytes() from any. leave_out() goes
// before all others: an erasure does not wait until a backlog is fed.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <string>

#include "persistence/erasure_book.hpp"
#include "persistence/journal.hpp"
#include "persistence/sealed_record.hpp"
#include "persistence/store.hpp"

namespace kith::actors {

class history_feeder {
 public:
  /// `durable_end` of a shard's open journal; a position past every segment for shards that are not open.
  using durable_end_of = std::function<persistence::journal_position(unsigned shard)>;

  using damage_found =
      std::function<void(const persistence::segment_report& in, const persistence::segment_report::damage& what)>;

  /// `opener`: of encrypted records; null: there are no keys. `found`: damage of what was written since the start, once
  /// a place; of older journal the recovery tells.
  history_feeder(persistence::file_system& files, std::string journal_directory, persistence::store& store,
                 durable_end_of durable_end, std::unique_ptr<persistence::record_opener> opener, damage_found found);

  /// Reads where the last process stopped. To be called once, first.
  result<void> start();
  struct progress {
    std::uint64_t bytes = 0;  ///< of journal fed
    bool caught_up = true;    ///< nothing durable was left
  };
  /// Feeds up to about `most` bytes of journal, the shards' shares alike; fewer if leave_out() is called meanwhile.
  result<progress> feed(std::uint64_t most);
  /// Looks how much there is to feed: lag_bytes() afterwards.
  result<void> measure();
  /// Events of these are left out from now on; null: none are. Waits for what is being written of a feed().
  void leave_out(std::shared_ptr<const persistence::erased_addresses> erased);
  /// A leave_out() waits.
  bool is_wanted() const noexcept { return wanted_; }
  /// feed() returns soon, now and from now on.
  void cancel() noexcept { canceled_ = true; }
  /// All segments of the shard up to this one are in the history.
  std::uint64_t fed_through(unsigned shard);
  /// Events that were met and cannot be read any more, since their keys were destroyed.
  std::uint64_t destroyed() const noexcept { return destroyed_.load(std::memory_order_relaxed); }
  std::uint64_t lag_bytes() const noexcept { return lag_bytes_.load(std::memory_order_relaxed); }

 private:
  std::unique_lock<std::mutex> take_turn();
  result<progress> feed_segment(const persistence::segment_file& segment, std::uint64_t most);
  void tell_damages(const persistence::segment_report& in);
  std::uint64_t unfed_bytes(const std::vector<persistence::segment_file>& segments) const;

  persistence::file_system& files_;
  const std::string directory_;
  persistence::store& store_;
  const durable_end_of durable_end_;
  const std::unique_ptr<persistence::record_opener> opener_;
  const damage_found found_;
  std::mutex turn_;  ///< before mutex_: who waits for that is the next to have it
  std::mutex mutex_;
  std::atomic<bool> wanted_{false};  ///< by leave_out()
  std::map<unsigned, persistence::journal_position> fed_;
  std::map<unsigned, persistence::journal_position> told_;  ///< damage before it is known
  std::shared_ptr<const persistence::erased_addresses> left_out_;
  std::atomic<std::uint64_t> destroyed_{0};
  std::atomic<std::uint64_t> lag_bytes_{0};
  std::atomic<bool> canceled_{false};
};

}  // namespace kith::actors
