// Watching changes. Each shard's hub keeps the changes of its own profiles (source) and the watches of its own
// connections (home); sources hand matching changes to homes at the end of a turn.
//
// A cursor is `<id of the change log>.<sequence at shard 0>.<sequence at shard 1>…`: what has been seen of each source.
//
// Invariants
//   - A change is told once it is durable in the change log, and the log holds all that a crash would have told again
//     (shard_environment::log_survives). So every cursor that was given leads on, in this process and the next.
//   - A source has its newest changes in memory, at most `kept_changes` and `kept_bytes` of what they hold; older ones
//     are read from the log, as far as it has them; a watch that needs still older ones ends with not_found. Nothing is
//     kept while nobody watches and no log is kept for those who did.
//   - A watch gets each change of a profile once, in the order in which they were applied.
// Thread safety: belongs to the shard's thread, but for logged_to(); hubs talk by posting.
#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "actors/change_log.hpp"
#include "actors/service.hpp"
#include "persistence/erasure_book.hpp"

namespace kith::actors {

class shard;
struct shard_environment;

class watch_hub {
 public:
  static constexpr std::size_t kept_changes = 65536;
  static constexpr std::size_t kept_bytes = 64 * 1024 * 1024;

  watch_hub(shard& home, shard_environment& environment) : home_(home), environment_(environment) {}

  /// Errors: invalid_argument (a cursor that is malformed, or not of this change log).
  result<watch_id> add(const watch_filter& filter, watch_callback callback);
  void remove(watch_id id);
  /// Ends every watch of this home with the error.
  void end_all(const error& why);

  /// A profile of this shard changed. To be called while somebody watches, or a log is kept.
  void record(watched_change change);
  void send();
  /// What changes of these profiles tell of traits is told nobody from now on.
  void forget(const persistence::erased_addresses& profiles);
  /// Once what was recorded before is in the log; at once, if none is kept.
  void when_logged(std::function<void()> then);

  /// From now on, and what is in memory, goes into this log. REQUIRES: it stays until end_log().
  void begin_log(persistence::journal& log, std::uint64_t generation);
  void begin_log(persistence::journal& log, std::uint64_t generation, std::uint64_t next);
  /// What the log may still be writing from.
  std::deque<std::string> end_log();
  /// The log's word, of that generation.
  void logged(std::uint64_t generation, std::size_t changes, const result<void>& outcome);
  bool logging() const noexcept { return log_ != nullptr; }
  std::size_t unlogged_bytes() const noexcept { return unlogged_bytes_; }
  /// Sequences below are durable. Any thread.
  std::uint64_t logged_to() const noexcept { return logged_to_.load(std::memory_order_acquire); }

 private:
  struct kept_change {
    watched_change what;
    std::size_t bytes;  ///< of traits, and of addresses that no change before held
  };
  struct subscription {
    shard_id home;
    watch_id id;
    std::optional<profile::hash128> profile;
    std::string segment;
    std::uint64_t next;
    persistence::journal_position at = {};  ///< of `next` in the log, once it was read from there
    bool told = false;                      ///< its home knows where it begins
    bool waits = false;                     ///< for what is being read for it, or for its end
  };
  struct watch {
    watch_callback callback;
    std::vector<std::optional<std::uint64_t>> seen;            ///< by source; nothing until the source has answered
    std::vector<std::pair<shard_id, sequenced_change>> early;  ///< came before every source had answered
  };

  void subscribe(shard_id home, watch_id id, const watch_filter& filter, std::optional<std::uint64_t> from);
  static bool wants(const subscription& to, const watched_change& change);
  void unsubscribe(shard_id home, watch_id id);
  void send_to(subscription& to);
  void hand_over(const subscription& to, std::vector<sequenced_change> changes);
  void read_for(subscription& to);
  void was_read(shard_id home, watch_id id, const result<changes_page>& page);
  void give_up(subscription& to, error why);
  void put_in_log(const watched_change& change, std::uint64_t sequence);
  void subscribed(watch_id id, shard_id source, std::uint64_t seen);
  void arrived(watch_id id, shard_id source, const std::vector<sequenced_change>& changes);
  void ended(watch_id id, const error& why);
  void hand_out(watch& to, shard_id source, const sequenced_change& change);
  std::string cursor_of(const watch& of) const;
  std::uint64_t end() const noexcept { return first_ + kept_.size(); }

  shard& home_;
  shard_environment& environment_;

  // As a source.
  std::deque<kept_change> kept_;
  std::uint64_t first_ = 1;  ///< sequence of kept_.front()
  std::size_t bytes_ = 0;
  std::vector<subscription> subscriptions_;
  bool changed_ = false;
  persistence::journal* log_ = nullptr;
  std::uint64_t generation_ = 0;
  std::deque<std::string> unlogged_;  ///< records that are not durable yet
  std::size_t unlogged_bytes_ = 0;
  std::vector<persistence::append_request> to_log_;  ///< of this turn
  std::deque<std::pair<std::uint64_t, std::function<void()>>> waiting_;
  std::atomic<std::uint64_t> logged_to_{1};

  // As a home.
  std::map<watch_id, watch> watches_;
  watch_id next_id_ = 1;
};

}  // namespace kith::actors
