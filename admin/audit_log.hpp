// The audit log on disk: records that are appended, never changed, and each of which holds the hash of the one before.
//
// DATA/audit/audit-000001.log, …: a record a line, `HASH JSON`, where HASH is the SHA-256 of the JSON's bytes in
// hexadecimal digits, and the JSON's members `sequence` and `prev` are its number, from 1 on, and the hash of the
// record before (64 zeros for the first). A file is full at `file_bytes`; the chain goes on in the next one. `head`
// names the last record, so that an end that is cut off is missed; it may be a moment behind.
//
// Invariants
//   - append() succeeds only once the record is fsynced, or, if it may be `soon`, written to the file. Such a record
//     outlives the process at once, and a loss of power from the next fsync on: keep_head()'s, or that of a record
//     behind it. A record that was acknowledged and could not be fsynced is written again.
//   - Sequence numbers have no gaps; what a failed write left is cut off before the next record is written.
// Thread safety: all of it, from any thread but a shard's: it blocks for the disk. Records that come together are
// written together.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "persistence/file.hpp"
#include "profile/result.hpp"

namespace kith::admin {

struct audit_options {
  std::uint64_t file_bytes = 8ULL * 1024 * 1024;
  std::function<std::int64_t()> now_ms;
  std::function<void(std::string_view level, std::string_view message)> log;  ///< any thread; may be empty
};

/// A place in the chain: the record with this number has this hash.
struct audit_place {
  std::uint64_t sequence = 0;
  std::string hash = std::string(64, '0');

  friend bool operator==(const audit_place&, const audit_place&) = default;
};
/// "SEQUENCE:HASH". Nothing: it is something else.
std::optional<audit_place> parse_audit_place(std::string_view text);
std::string text_of(const audit_place& place);

/// A line of the log, taken apart. Nothing: it is none.
struct audit_line {
  audit_place place;
  std::string prev;
  nlohmann::json record;
  bool is_true = false;  ///< the hash is that of the JSON
};
std::optional<audit_line> parse_audit_line(std::string_view line);

struct audit_query {
  std::function<bool(const nlohmann::json& record)> wanted;  ///< empty: all are
  std::uint64_t behind = 0;                                  ///< a sequence number: on from there; 0: from the start
  bool newest_first = true;
  std::size_t limit = 100;
};
struct audit_page {
  std::vector<nlohmann::json> records;  ///< maybe fewer than the limit, although there are more
  std::uint64_t next = 0;               ///< `behind` of the next page; 0: no more
};

struct audit_counts {
  std::uint64_t records = 0;   ///< since the start
  std::uint64_t failures = 0;  ///< writes that failed
  bool damaged = false;        ///< the start found records missing or changed
  bool failed = false;         ///< the last write failed
};

enum class fsynced : std::uint8_t { now, soon };

class audit_log {
 public:
  static constexpr std::size_t record_bytes = 64 * 1024;  ///< of one; larger ones are refused
  static constexpr std::size_t files_a_page = 4;          ///< read for a page at most

  /// Creates the directory. What a crash left behind the record that `head` names, and is none, is cut off. Where the
  /// end is not what `head` says, the chain goes on. Both are logged, and recorded.
  /// Errors: those of the disk.
  static result<std::unique_ptr<audit_log>> open(persistence::file_system& files, std::string directory,
                                                 audit_options options);
  ~audit_log();
  audit_log(const audit_log&) = delete;
  audit_log& operator=(const audit_log&) = delete;

  /// Adds `sequence`, `prev` and `time`. After an error the record is not there, and the next append tries the disk
  /// again, once a second. Errors: unavailable, resource_exhausted, too_large.
  result<audit_place> append(nlohmann::json record, fsynced when = fsynced::now);
  /// Would an append have a chance? Errors: why the last one failed, within a second.
  result<void> usable() const;

  audit_place head() const;  ///< the last that is fsynced
  result<audit_page> list(const audit_query& query) const;
  audit_counts counts() const;

  /// To be called every second: fsyncs what was left for `soon`, and brings the file `head` up to date.
  result<void> keep_head();

 private:
  struct part {
    std::string name;
    std::uint64_t first = 0;  ///< its first record
  };

  audit_log(persistence::file_system& files, std::string directory, audit_options options);
  std::string path_of(const std::string& name) const { return directory_ + "/" + name; }
  void tell(std::string_view level, const std::string& message) const;
  result<void> find_files();
  result<std::uint64_t> read_end(const std::optional<audit_place>& head);
  result<std::optional<std::string>> find_damage(const std::optional<audit_place>& head) const;
  result<void> begin_file();
  result<void> mend();
  result<void> write_waiting(std::unique_lock<std::mutex>& lock);
  result<void> write(const std::string& lines, std::uint64_t first, bool again, bool sync);

  persistence::file_system& files_;
  const std::string directory_;
  const audit_options options_;

  std::mutex keeping_head_;   ///< taken before the other one
  mutable std::mutex mutex_;  ///< of what follows, but for the file, which belongs to the one who writes
  std::condition_variable progress_;
  std::vector<part> parts_;
  audit_place durable_;
  audit_place written_;      ///< and acknowledged, if it may be fsynced soon
  std::string unsynced_;     ///< the lines between these two
  audit_place last_;         ///< of those that wait to be written
  std::string waiting_;      ///< lines
  bool waits_sync_ = false;  ///< one of them is to be fsynced now
  bool writing_ = false;
  std::uint64_t batch_ = 0;  ///< counts failures: records that waited then know
  std::optional<error> why_failed_;
  std::int64_t failed_ms_ = 0;
  audit_place kept_head_;
  audit_counts counts_;

  std::unique_ptr<persistence::file> file_;
  std::uint64_t file_size_ = 0;       ///< that is durable
  std::uint64_t unsynced_bytes_ = 0;  ///< of the file, behind that
};

}  // namespace kith::admin
