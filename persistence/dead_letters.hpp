// The dead letters on disk, in a RocksDB database of their own: DATA/dead-letters.
//
// Column families: `default` (`format`: the version), `heads` (number of arrival → a letter without its bytes), `bytes`
// (number of arrival → its bytes), `meta` (`next`: the number of the next letter). Unlike the store of profiles, this
// one has its own log: what put() acknowledged is synced.
//
// Invariants
//   - `done` of put() is called with success only once the letters are durable, all of them.
//   - A number is given once, also over restarts and after its letter was dropped.
//   - Counts and bytes are those of the letters that are there; they are counted at the start and kept with each write.
//   - Nothing leaves but by drop() and by the bounds; what these push out is counted and logged.
// Thread safety: all of it, from any thread; all but put() and status() read or write the disk.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "persistence/dead_letter.hpp"
#include "persistence/file.hpp"
#include "persistence/progress_report.hpp"

namespace kith::persistence {

struct dead_letter_options {
  std::uint64_t bytes = 1024ULL * 1024 * 1024;     ///< of letters, past which the oldest go; files may take twice that
  std::int64_t keep_ms = 30LL * 24 * 3600 * 1000;  ///< since they came; 0: for ever
  std::size_t letter_bytes = 1024 * 1024;          ///< kept of what came; no more than `bytes`
  std::size_t queue_bytes = 64 * 1024 * 1024;      ///< waiting to be written; past it put() refuses
  std::function<std::int64_t()> now_ms;            ///< milliseconds since 1970; any thread
  std::function<void(std::string_view level, std::string_view message)> log;  ///< any thread; may be empty
};

/// Errors: invalid_argument, with what is wrong.
result<void> check(const dead_letter_options& options);

struct dead_letter_query {
  dead_letter_filter filter;
  bool newest_first = true;
  bool with_bytes = true;
  std::size_t limit = 100;
  std::string cursor;  ///< `next` of the page before; empty: from the start
};
struct dead_letter_page {
  std::vector<dead_letter> letters;  ///< maybe fewer than the limit, although there are more
  /// Empty: no more. With the oldest first, letters that came since the first page are not among the next ones.
  std::string next;
};

struct dead_letter_drop {
  std::uint64_t dropped = 0;
  std::string next;  ///< as of a page
};

/// A letter that was tried and stays.
struct replay_mark {
  std::string id;
  std::string code;     ///< empty: as it was
  std::string message;  ///< empty: as it was
};

struct dead_letter_count {
  std::string source;
  std::string code;
  std::uint64_t letters = 0;  ///< that are there
  std::uint64_t bytes = 0;    ///< of them
  std::uint64_t taken = 0;    ///< since the start, also those that have gone
};
struct dead_letter_status {
  std::vector<dead_letter_count> counts;  ///< by source, then code
  std::uint64_t letters = 0;
  std::uint64_t bytes = 0;
  // Since the start:
  std::uint64_t pushed_out_by_bytes = 0;
  std::uint64_t pushed_out_by_age = 0;
  std::uint64_t refused = 0;    ///< letters that put() did not take: queue full, disk full or failed
  std::uint64_t truncated = 0;  ///< letters that were cut
  std::uint64_t dropped = 0;
  std::uint64_t replayed = 0;       ///< with success
  std::uint64_t again_refused = 0;  ///< replays
};

/// Why letters are taken away.
enum class leaving : std::uint8_t { dropped, replayed };

class dead_letters {
 public:
  /// Opens or creates. Errors: invalid_argument (the options), unavailable (in use, not readable), internal (damaged),
  /// resource_exhausted (disk full).
  static result<std::unique_ptr<dead_letters>> open(file_system& files, const std::string& directory,
                                                    dead_letter_options options);
  /// Reads every letter without changing anything; what is damaged. `found`: gets their number.
  static result<std::vector<std::string>> verify(file_system& files, const std::string& directory,
                                                 const progress_report& progress, std::uint64_t& found);
  /// Every letter, the oldest first, from a directory that no server has, until `each` returns false.
  static result<void> for_each(const std::string& directory, const std::function<bool(const dead_letter&)>& each);

  virtual ~dead_letters() = default;  ///< writes what waits, then stops

  /// Keeps them, in their order, together. `done` runs on the store's thread and must not block, or, if they are
  /// refused at once, within this call. Errors: resource_exhausted (too much waits to be written, or the disk is full:
  /// the sender is to try again), unavailable (the disk failed: that is final, and the next start reads what is really
  /// there).
  virtual void put(std::vector<dead_letter> letters, std::function<void(result<void>)> done) = 0;

  /// A letter that cannot be read is listed with the code `damaged`. Errors: invalid_argument (the cursor).
  virtual result<dead_letter_page> list(const dead_letter_query& query) = 0;
  /// Errors: invalid_argument (no id), not_found.
  virtual result<dead_letter> get(std::string_view id) = 0;
  /// How many of them were there. Durable when it returns. Errors: invalid_argument (no id).
  virtual result<std::uint64_t> drop(std::span<const std::string> ids, leaving why) = 0;
  /// Those on this page of the query. Durable when it returns.
  virtual result<dead_letter_drop> drop(const dead_letter_query& query) = 0;
  /// Every letter that `meant` says yes to, bytes and all; how many. Durable when it returns.
  virtual result<std::uint64_t> erase(const std::function<bool(const dead_letter&)>& meant) = 0;
  /// Blocking, maybe for long: rewrites the files, so that no bytes of what has gone are left in them.
  virtual result<void> compact() = 0;
  /// One more attempt, now, for those that are still there.
  virtual result<void> mark_replayed(std::span<const replay_mark> marks) = 0;

  /// As store::copy_to.
  virtual result<void> copy_to(const std::string& directory) = 0;

  virtual dead_letter_status status() const = 0;
};

}  // namespace kith::persistence
