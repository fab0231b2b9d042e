// Snapshots, spilled event ids and history, in one RocksDB database.
//
// Column families: `snapshots` (profile address → state bytes), `spilled` (address + event id → time), `history`
// (address + event time, sign bit flipped + event id → received time, source, event bytes), `history_ids`
// (address + event id → event time; makes a retried event appear once), `standings` (address → segments and computed
// traits), `timers` (time + address: whose standing is due then), `members` (segment + address → since), `identities`
// (identifier address → its links), `outgoing` (queue + waiting or dead + time + id → what the outside is to be told),
// `meta` (format version, feeder positions, how many members each segment has).
// RocksDB's own log is off: save() and feed() are durable only after flush(), which writes all families atomically;
// the journal keeps what is not flushed.
//
// Thread safety: all of it, from any thread. Only may_have_snapshot() and may_be_spilled() never touch the disk.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "persistence/file.hpp"
#include "persistence/journal.hpp"
#include "persistence/progress_report.hpp"
#include "profile/hash.hpp"
#include "profile/profile.hpp"
#include "profile/result.hpp"

namespace kith::persistence {

/// By the name that an event is counted under: how long behind its own time it stays in the history. Each is over 0.
using event_retention = std::map<std::string, std::int64_t, std::less<>>;

struct store_options {
  std::int64_t history_retention_ms = 90LL * 24 * 3600 * 1000;  ///< by time received; 0: for ever
  event_retention event_retention_ms;                           ///< of some events; the shorter time counts
  std::int64_t dedup_retention_ms = 0;                          ///< by event time; 0: for ever
  std::size_t cache_bytes = 64 * 1024 * 1024;
  std::size_t write_buffer_bytes = 64 * 1024 * 1024;
  std::function<std::int64_t()> now_ms;                                       ///< for dropping what is past retention
  std::function<void(std::string_view level, std::string_view message)> log;  ///< any thread; may be empty
  bool must_exist = false;                                                    ///< do not create it
  bool read_only = false;  ///< for looking at a directory without changing it
};

inline constexpr std::int64_t no_timer = INT64_MAX;

/// What the outside is to be told: kept until it was.
struct outgoing_item {
  std::string queue;       ///< no zero byte in it
  std::int64_t at_us = 0;  ///< microseconds since 1970; orders the queue
  profile::hash128 id;
  std::string content;
};
/// Two lists a queue: what is to be sent, and what nobody tries to send any more.
enum class outgoing_list : char { waiting = 'w', dead = 'x' };
struct outgoing_change {
  outgoing_list list = outgoing_list::waiting;
  outgoing_item item;
  bool gone = false;  ///< taken away, whatever its content; else put there, or changed
};

/// What a profile's standing is now, and what of it changed since the last save.
struct standing_write {
  struct membership {
    std::uint64_t segment = 0;
    std::int64_t since_ms = 0;
    bool member = false;
  };
  std::string bytes;                      ///< empty: the profile was joined into another one, and what it had is to go
  std::int64_t due_before_ms = no_timer;  ///< as it was last saved
  std::int64_t due_ms = no_timer;
  std::vector<membership> changed;  ///< in the order of the changes
  std::vector<outgoing_item> outgoing;

  /// Takes in what came before it and was not saved.
  void follow(const standing_write& before) {
    due_before_ms = before.due_before_ms;
    changed.insert(changed.begin(), before.changed.begin(), before.changed.end());
    outgoing.insert(outgoing.begin(), before.outgoing.begin(), before.outgoing.end());
  }
};

/// An identifier's state to keep, with the event ids that left it since the last save. Kept together or not at all.
struct snapshot_write {
  profile::hash128 address;
  std::string state;
  std::vector<profile::spilled_id> spilled;
  std::vector<profile::hash128> unspilled;  ///< ids that are not to count as spilled any more
  std::optional<standing_write> standing;
  std::optional<std::string> identity;  ///< its links; nothing: as they were
  bool with_next = false;               ///< kept together with the one behind it, too
};

/// Who is in a segment, in the order of addresses.
struct members_page {
  struct item {
    profile::hash128 address;
    std::int64_t since_ms;
  };
  std::vector<item> items;
  std::optional<profile::hash128> next;  ///< the next page begins behind it; nothing: no more
};

struct history_event {
  profile::hash128 address;
  profile::hash128 id;
  std::int64_t time_ms = 0;
  std::int64_t received_ms = 0;
  std::string_view source;
  std::string_view encoded;  ///< the event's MessagePack map
};

/// One page of a timeline, oldest or newest first.
struct history_query {
  std::int64_t from_ms = INT64_MIN;  ///< inclusive
  std::int64_t to_ms = INT64_MAX;    ///< exclusive
  bool newest_first = true;
  std::size_t limit = 100;
  std::string cursor;  ///< of the page before; empty: from the start
};
struct history_page {
  struct item {
    std::int64_t time_ms;
    std::int64_t received_ms;
    profile::hash128 id;
    std::string source;
    std::string encoded;
  };
  std::vector<item> items;
  std::string next;  ///< empty: no more. Opaque, printable ASCII.
};

class store {
 public:
  /// Opens or creates. RocksDB does its own file calls; `files` makes the directory.
  static result<std::unique_ptr<store>> open(file_system& files, const std::string& directory, store_options options);
  virtual ~store() = default;

  /// False: there is certainly none. From memory only (bloom filters).
  virtual bool may_have_snapshot(profile::hash128 address) = 0;
  virtual bool may_be_spilled(profile::hash128 address, profile::hash128 id) = 0;

  virtual result<std::vector<std::optional<std::string>>> load(std::span<const profile::hash128> addresses) = 0;
  /// As they were last saved; nothing where none was.
  virtual result<std::vector<std::optional<std::string>>> load_standings(
      std::span<const profile::hash128> addresses) = 0;
  /// As they were last saved; nothing where an identifier has no links.
  virtual result<std::vector<std::optional<std::string>>> load_identities(
      std::span<const profile::hash128> addresses) = 0;
  virtual result<void> for_each_identity(
      const std::function<bool(profile::hash128 address, std::string_view identity)>& each) = 0;
  /// Every timer that was saved, the earliest first, until `each` returns false.
  virtual result<void> for_each_timer(
      const std::function<bool(std::int64_t due_ms, profile::hash128 address)>& each) = 0;
  /// As last saved.
  virtual result<members_page> members(std::uint64_t segment, std::optional<profile::hash128> behind,
                                       std::size_t limit) = 0;
  /// How many members each segment has, as last saved; kept with them. REQUIRES: not read only.
  virtual result<std::unordered_map<std::uint64_t, std::uint64_t>> count_members() = 0;
  virtual result<void> forget_members(std::uint64_t segment) = 0;
  virtual result<bool> is_spilled(profile::hash128 address, profile::hash128 id) = 0;
  /// Those of `first` that are spilled at `second` too. Reads the smaller part of both that it must.
  virtual result<std::vector<profile::hash128>> spilled_at_both(profile::hash128 first, profile::hash128 second) = 0;
  virtual result<void> save(std::span<const snapshot_write> snapshots) = 0;

  /// The oldest first, those behind `behind` (whose content does not matter).
  virtual result<std::vector<outgoing_item>> outgoing(std::string_view queue, outgoing_list list,
                                                      const outgoing_item* behind, std::size_t limit) = 0;
  /// All or nothing.
  virtual result<void> change_outgoing(std::span<const outgoing_change> changes) = 0;

  /// Adds events to the history, those that it has already left out, and remembers how far the journal `shard` was
  /// fed. Both or neither after a crash.
  virtual result<void> feed(std::span<const history_event> events, unsigned shard, journal_position fed_to) = 0;
  virtual result<std::vector<std::pair<unsigned, journal_position>>> fed() = 0;  ///< by shard
  virtual result<history_page> read_history(profile::hash128 address, const history_query& query) = 0;
  /// One event; nothing if the history does not have it (any more).
  virtual result<std::optional<history_page::item>> find_in_history(profile::hash128 address, profile::hash128 id) = 0;

  /// Nothing of these identifiers is left: neither state nor standing, timer, membership, links, event ids or history.
  /// How many events of the history went. Durable after flush(), as all else; the bytes go with compact().
  virtual result<std::uint64_t> erase(std::span<const profile::hash128> addresses) = 0;
  /// Blocking, maybe for long: rewrites the files that may still hold bytes of these, which were erased and flushed.
  virtual result<void> compact(std::span<const profile::hash128> addresses) = 0;

  /// Makes all that was saved and fed durable.
  virtual result<void> flush() = 0;

  /// A copy of all that was saved and fed, in a directory that is not there yet: hard links to files that do not change
  /// any more where the file system can, copies where not.
  virtual result<void> copy_to(const std::string& directory) = 0;

  virtual std::uint64_t estimated_snapshots() = 0;
  /// Every snapshot in address order, `from` there on, until `each` returns false.
  virtual result<void> for_each_snapshot(
      const std::function<bool(profile::hash128 address, std::string_view state)>& each,
      profile::hash128 from = {}) = 0;
  /// Reads every block and checks its checksum, then every entry; what is damaged.
  virtual result<std::vector<std::string>> verify(const progress_report& progress) = 0;
};

}  // namespace kith::persistence
