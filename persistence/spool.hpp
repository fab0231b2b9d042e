// What waits on disk to be sent on: two lanes, critical and normal, each a journal of its own in one directory, and the
// file `progress`, which says how much of each was acknowledged by who it was sent to.
//
// Invariants
//   - `done` of append() is called with success only once the record is durable.
//   - A record is read again, over restarts too, until it was acknowledged; one whose acknowledgement is not in
//     `progress` yet when the process dies, once more.
//   - Records of a lane are read in the order in which they were appended.
//   - What cannot be read is told with its place, and set aside (repair_journal()); what is behind it is read.
//   - After a failed write or sync nothing is taken any more; what is durable can still be read.
//
// Thread safety: append() and status() from any thread; read() and acknowledge() by one thread; `done` runs on a lane's
// thread and must not block.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "persistence/file.hpp"
#include "persistence/journal.hpp"
#include "profile/result.hpp"

namespace kith::persistence {

enum class lane : std::uint8_t { critical, normal };
inline constexpr std::size_t lane_count = 2;

constexpr std::string_view name_of(lane which) noexcept { return which == lane::critical ? "critical" : "normal"; }

struct spool_options {
  std::uint64_t bytes = 4ULL * 1024 * 1024 * 1024;  ///< of files; past it append() refuses
  std::uint64_t keep_free = 256ULL * 1024 * 1024;   ///< of the disk: below it append() refuses, too
  std::size_t segment_bytes = 0;                    ///< 0: a 32nd of `bytes`, from 64 KiB to 64 MiB
  /// How often `progress` is written, if there is some. 0: by save_progress() only.
  std::chrono::milliseconds progress_interval{200};
  std::function<void(std::string_view level, std::string_view message)> log;  ///< any thread; may be empty
};

struct spooled {
  std::string payload;
  journal_position end;     ///< to acknowledge it by
  std::uint64_t bytes = 0;  ///< that it takes on disk
};

struct spool_status {
  std::uint64_t bytes = 0;                          ///< of files, and of what is being written
  std::uint64_t limit = 0;                          ///< spool_options::bytes
  std::array<std::uint64_t, lane_count> backlog{};  ///< bytes by lane that are durable and not acknowledged
  std::uint64_t syncs = 0;                          ///< group commits
  std::uint64_t refused = 0;                        ///< records: the spool or the disk was full, or failed
  std::uint64_t damaged_bytes = 0;                  ///< that could not be read
  std::uint64_t progress_failures = 0;              ///< times that `progress` could not be written
  bool full = false;                                ///< by `bytes` or `keep_free`
  std::string failed;                               ///< why nothing is taken any more; empty: it did not fail
};

class spool {
 public:
  using appended = std::function<void(const result<void>&)>;

  /// Opens or creates, mends what a crash has left. Errors: unavailable, resource_exhausted.
  static result<std::unique_ptr<spool>> open(file_system& files, const std::string& directory, spool_options options);
  virtual ~spool() = default;  ///< writes what was appended, saves the progress

  /// Errors, after which `done` is not called: resource_exhausted (full: try later), unavailable (failed for good, or
  /// too much waits to be written).
  virtual result<void> append(lane to, std::string payload, appended done) = 0;

  /// Called when there is more to read, from now on; must not block. Once this returns, the one before is called no
  /// more.
  virtual void on_durable(std::function<void()> call) = 0;
  /// Records behind `at`, in order, about `most_bytes` of them but at least one if there is one; moves `at` behind
  /// them.
  virtual result<std::vector<spooled>> read(lane of, journal_position& at, std::size_t most_bytes) = 0;
  /// Where reading goes on after a start.
  virtual journal_position acknowledged(lane of) const = 0;
  /// Everything up to `end` need not be sent again; `bytes`: what it took since the last call.
  virtual void acknowledge(lane of, journal_position end, std::uint64_t bytes) = 0;
  /// Makes the progress durable, and deletes the segments that are not needed any more. From any thread.
  virtual result<void> save_progress() = 0;

  virtual void limit_to(std::uint64_t bytes) = 0;
  virtual spool_status status() const = 0;
};

}  // namespace kith::persistence
