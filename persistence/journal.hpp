// A shard's journal: append-only segment files, written and synced by a thread of its own (group commit).
//
// A segment file `journal-<shard>-<segment>.log` starts with a header (magic, format version, shard, segment number,
// first sequence). A record: length, CRC32C (over all that follows it), sequence number, `synced` (the last sequence
// that was durable when this one was written), payload. At recovery the first bad record of the last segment
// ends it, unless a later valid record's `synced` proves that the bad one had been durable: that is damage. Damage is
// reported and its bytes are copied to `quarantine/`; the valid records behind it are still replayed. In a segment
// whose records are encrypted, one that is not is damage too, wherever it is.
//
// Invariants
//   - `completed` is called once for every appended tag, in order: ok only after fdatasync of its bytes.
//   - After a failed write or sync nothing is written any more: every later append completes with that error.
//
// Thread safety: append(), seal(), remove_through(), bytes() from any thread; `completed` runs on the journal's thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "persistence/file.hpp"
#include "profile/result.hpp"

namespace kith::persistence {

/// One record to write. The payload's bytes stay valid until its tag is completed. REQUIRES: at most 64 MiB.
struct append_request {
  std::string_view payload;
  std::uint64_t tag = 0;
  bool awaited = true;  ///< somebody waits until it is durable; if not, it may wait for others to be written with
};

/// `tags` are durable, or, with an error, will never be (they may or may not reappear after a crash).
using completion = std::function<void(std::span<const std::uint64_t> tags, const result<void>& outcome)>;

struct journal_options {
  std::size_t segment_bytes = 64 * 1024 * 1024;
  std::size_t write_bytes = 8 * 1024 * 1024;  ///< at most this much in one write and sync
  std::chrono::milliseconds gathering{2};     ///< how long requests that nobody awaits may wait for company
  bool sealed = false;                        ///< all records are encrypted, which older programs cannot read
};

struct journal_position {
  std::uint64_t segment = 0;
  std::uint64_t offset = 0;
  friend auto operator<=>(const journal_position&, const journal_position&) = default;
};

class journal {
 public:
  /// Starts a new segment behind those that exist.
  /// REQUIRES: the directory exists and repair_journal() ran on it since the last journal wrote there.
  static result<std::unique_ptr<journal>> open(file_system& files, std::string directory, unsigned shard,
                                               journal_options options, completion completed);
  virtual ~journal() = default;  ///< completes what was appended, then stops the thread

  virtual void append(std::span<const append_request> requests) = 0;
  /// Ends the current segment; its number. Everything appended before the call is in segments up to it.
  /// Blocks for the write in progress: not to be called on a shard.
  virtual result<std::uint64_t> seal() = 0;
  /// Deletes the segments up to `segment`.
  virtual result<void> remove_through(std::uint64_t segment) = 0;
  /// All that is durable ends here.
  virtual journal_position durable_end() const = 0;
  /// Of all segment files of this shard that are still there.
  virtual std::uint64_t bytes() const = 0;
};

/// What a scan of one segment file found.
struct segment_report {
  unsigned shard = 0;
  std::uint64_t segment = 0;
  std::uint64_t records = 0;
  std::uint64_t bytes = 0;         ///< of valid records and header
  std::uint64_t torn_bytes = 0;    ///< an unsynced tail, cut at recovery
  std::uint64_t proven_bytes = 0;  ///< a record behind these knows that they were durable
  struct damage {
    std::uint64_t offset;
    std::uint64_t bytes;
    std::string what;
  };
  std::vector<damage> damages;       ///< durable data that is not readable
  std::uint64_t first_sequence = 0;  ///< by its head; 0: the head is not readable
  std::uint64_t last_sequence = 0;   ///< of its valid records; without any, the one before first_sequence
};

struct segment_file {
  std::string path;
  unsigned shard = 0;
  std::uint64_t segment = 0;
  std::uint64_t bytes = 0;
};

/// The journal's files in the directory, by shard, then segment.
result<std::vector<segment_file>> list_segments(file_system& files, const std::string& directory);

/// Calls `record` with the payload of each valid record from `from` on (an offset that a call returned or 0), and
/// with the offset behind it. Stops early if it returns false. Reads in bounded pieces. `last` says that it is the
/// shard's last segment, where a torn tail is no damage.
result<segment_report> read_segment(file_system& files, const segment_file& segment, bool last, std::uint64_t from,
                                    const std::function<bool(std::string_view payload, std::uint64_t end)>& record);

/// Reads all segments, without changing any. Records that are missing between two of them are damage of the first.
result<std::vector<segment_report>> scan_journal(file_system& files, const std::string& directory);

/// Cuts torn tails (not of damaged files), copies damaged ranges to `directory`/quarantine and makes all that can be
/// read durable, so that what a replay sees is there in the next one too; run once before replay.
result<std::vector<segment_report>> repair_journal(file_system& files, const std::string& directory);

/// CRC-32C (Castagnoli, RFC 3720 appendix B.4), with the processor's instruction where there is one.
std::uint32_t crc32c(std::string_view bytes, std::uint32_t seed = 0) noexcept;

}  // namespace kith::persistence
