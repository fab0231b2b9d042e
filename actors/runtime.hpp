// The runtime: shards, their journals, the store, recovery, checkpoints.
//
// Invariants
//   - With durability `fsync` a batch changes state only after its journal record is durable: what a reader sees, a
//     crash can not take back (docs/decisions/0001). With `memory` it changes state at once.
//   - A journal segment is deleted only when every event in it is in flushed snapshots and in the history.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "actors/service.hpp"
#include "actors/tracing.hpp"
#include "persistence/file.hpp"
#include "persistence/journal.hpp"
#include "persistence/key_ring.hpp"
#include "persistence/store.hpp"
#include "profile/limits.hpp"

namespace kith::actors {

struct runtime_options {
  unsigned shards = 0;                                   ///< 0: one a core
  std::string data;                                      ///< directory; journal/, store/, changes/ inside
  std::size_t memory_bytes = 4ULL * 1024 * 1024 * 1024;  ///< of profiles in memory, over all shards
  std::chrono::seconds idle{600};                        ///< passivate a profile nobody asked for, for so long
  std::size_t checkpoint_bytes =
      2ULL * 1024 * 1024 * 1024;  ///< of journal, past which profiles are saved and it is cut
  std::chrono::seconds checkpoint_interval{600};
  /// Of journal that the history has not taken in yet; past it the shards stop reading sockets until it has.
  std::uint64_t history_lag_bytes = 8ULL * 1024 * 1024 * 1024;
  bool accept_missing_journal = false;                ///< start though segments are missing: what they held is given up
  std::size_t in_flight_bytes = 64ULL * 1024 * 1024;  ///< a shard's, past which it stops reading sockets
  std::chrono::milliseconds watch_keep{3'600'000};    ///< changes go on being logged so long behind the last watch
  std::uint64_t watch_bytes = 256ULL * 1024 * 1024;   ///< of changes on disk, past which the oldest go
  persistence::journal_options journal;
  persistence::encryption_settings encryption;
  persistence::store_options store;
  std::function<result<std::unique_ptr<persistence::store>>(persistence::file_system&, const std::string& directory,
                                                            persistence::store_options)>
      open_store = persistence::store::open;
  limits::event event;
  std::shared_ptr<const profile::identity::rules> identity = profile::identity::default_rules();
  std::shared_ptr<const profile::segments::catalog> definitions;  ///< null: none
  std::shared_ptr<const profile::view_set> views = std::make_shared<const profile::view_set>();
  std::shared_ptr<const std::vector<outgoing_rule>> outgoing;  ///< null: none
  std::uint64_t error_limit = 10'000;                          ///< of a definition's errors in a row; 0: none
  double backfill_rate = 0;                                    ///< profiles brought up to date a second; 0: no limit
  int recent_days = profile::profile::default_recent_days;
  std::int64_t dedup_retention_ms = 0;  ///< 0: for ever
  /// An erasure's bytes begin to go from the disk so long behind it; several go together.
  std::chrono::seconds purge_after{60};
  std::chrono::seconds purge_within{3600};  ///< what receipts promise
  /// Blocking: takes what names these identifiers from what is kept beside the profiles; how much. Empty: nothing is.
  std::function<result<std::uint64_t>(const std::vector<profile::identifier>&)> erase_elsewhere;
  std::function<result<void>()> compact_elsewhere;  ///< blocking: and its bytes
  std::function<std::int64_t()> now_ms;             ///< milliseconds since 1970; the system's clock if empty
  std::shared_ptr<tracer> traces;                   ///< null: nothing is traced
  std::function<void(std::string_view level, std::string_view message)> log;  ///< any thread
};

class runtime : public service {
 public:
  /// Opens the data directory and starts; recovery goes on in the background, state() tells.
  /// Errors: of the file system and the store; unavailable if another process has the directory; internal if parts of
  /// it are missing.
  static result<std::unique_ptr<runtime>> start(runtime_options options, persistence::file_system& files);

  /// Refuses new work, finishes what is in flight, saves every dirty profile, stops. Past the deadline it stops
  /// without saving: the journal has it all.
  virtual void stop(std::chrono::steady_clock::duration deadline) = 0;

  /// Copies journal, store and what belongs to them into a directory that is not there yet, so that a start from there
  /// has all that was acknowledged before the call. Cursors of watches end there. Blocks; others are served meanwhile.
  /// Between two files it gives up if `cancelled` says so. Errors: unavailable (recovering, failed, cancelled, or the
  /// target cannot be written), resource_exhausted (the target is full).
  virtual result<void> copy_to(const std::string& directory, const std::function<bool()>& cancelled) = 0;

  /// Other keys wrap the journal's from now on (docs/privacy.md); whether records are encrypted stays as it is. Errors:
  /// of files; then the key before still does.
  virtual result<void> wrap_keys(const persistence::encryption_settings& by) = 0;
};

}  // namespace kith::actors
