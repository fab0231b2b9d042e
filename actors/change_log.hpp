// What watchers are told, on disk, so that their cursors outlive the process: `DATA/changes`, with one journal a shard,
// a record a change, and the file `log`, which says that the changes behind the cursors of its id are all there.
//
// A record: format version (1), sequence (8), profile (16), event key (16; zeros: no event's), version (8), length (4)
// and MessagePack map of traits, number (4) of identifiers' addresses and these (16 each), then twice, for the segments
// entered and left, their number (2) and each name's length (1) and name. Numbers are little-endian.
//
// Thread safety: values and functions without state.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "actors/service.hpp"
#include "actors/told_memberships.hpp"
#include "persistence/file.hpp"
#include "persistence/journal.hpp"
#include "profile/event.hpp"

namespace kith::actors {

/// The same for the same event, whichever profile it comes to be counted in.
inline profile::hash128 event_key(const profile::event_view& event) noexcept {
  return {event.address.high ^ event.id.low, event.address.low ^ event.id.high};
}

struct watched_change {
  profile::hash128 profile;
  profile::hash128 event;  ///< its key; zeros: no event brought it about
  std::uint64_t version = 0;
  std::shared_ptr<const std::string> traits;             ///< MessagePack map; null: none
  std::shared_ptr<const membership_change> memberships;  ///< null: none
  /// Of the profile's identifiers, sorted; null: of its own alone.
  std::shared_ptr<const std::vector<profile::hash128>> addresses;
};
struct sequenced_change {
  std::uint64_t sequence = 0;
  watched_change what;

  std::string encode() const;
  /// Errors: internal (damaged, of a later format).
  static result<sequenced_change> decode(std::string_view bytes);
};

/// The file `log`.
struct change_log_head {
  struct mark {
    std::uint64_t saved = 0;  ///< what the segments up to this one tell of is in flushed snapshots
    std::uint64_t next = 1;   ///< sequences below were given to what is in those
  };
  std::uint64_t id = 0;         ///< begins cursors; 0: no log is kept
  std::map<unsigned, mark> at;  ///< by shard
};
result<void> write_head(persistence::file_system& files, const std::string& directory, const change_log_head& head);
/// No cursor is good from now on. REQUIRES: the directory exists.
result<void> remove_head(persistence::file_system& files, const std::string& directory);
result<void> remove_segments(persistence::file_system& files, const std::string& directory);

/// What a start finds.
struct found_changes {
  change_log_head head;
  std::vector<std::uint64_t> next;            ///< sequence, by shard
  std::vector<profile::hash128> events;       ///< keys, sorted, of those told that a replay may apply again
  std::vector<told_memberships> memberships;  ///< by shard, those told that the store may not have
};
/// Mends what a crash has left, and reads what a replay has to know; `id` is 0 if no log is kept. A log that is
/// damaged, or of another number of shards, is given up: `log` is told why.
result<found_changes> find_changes(persistence::file_system& files, const std::string& directory, unsigned shards,
                                   const std::function<void(std::string_view level, const std::string&)>& log);

struct changes_page {
  std::vector<sequenced_change> changes;  ///< those asked for
  std::uint64_t next = 0;                 ///< all before this one were looked at
  persistence::journal_position at;       ///< where it is
};
/// Looks at a bounded number of a shard's changes, from `page.next` up to `end`, which are all durable. Errors:
/// not_found, if they are not kept any more.
result<changes_page> read_changes(persistence::file_system& files, const std::string& directory, unsigned shard,
                                  changes_page page, std::uint64_t end,
                                  const std::function<bool(const watched_change&)>& wanted);

}  // namespace kith::actors
