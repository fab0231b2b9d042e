// The events of the past in the store's database: fed from the journal, read by profile and time. For persistence/
// alone.
//
// Invariants
//   - An event of an address and id is there once: the one that was fed first.
//   - How far the journal of a shard is fed is written with the last of what was fed, or behind it, never before.
// Thread safety: none of its own; the database has it. One feed() at a time.
#pragma once

#include <utility>
#include <optional>
#include <rocksdb/db.h>
#include <span>
#include <vector>

#include "persistence/retention_filter.hpp"
#include "persistence/store.hpp"

namespace kith::persistence {

class store_history {
 public:
  struct families {
    rocksdb::ColumnFamilyHandle* events;
    rocksdb::ColumnFamilyHandle* ids;  ///< address and id: the time under which the event is
    rocksdb::ColumnFamilyHandle* meta;
  };
  struct manner {
    const rocksdb::ReadOptions& read;
    const rocksdb::ReadOptions& memory_only;
    const rocksdb::WriteOptions& write;
  };

  /// `past`: which events are not shown any more, though they are there.
  store_history(rocksdb::DB& db, families in, manner how, const history_filter& past)
      : db_(db), in_(in), how_(how), past_(past) {}

  // As those of `store`.
  result<void> feed(std::span<const history_event> events, unsigned shard, journal_position fed_to);
  result<std::vector<std::pair<unsigned, journal_position>>> fed();
  result<history_page> read(profile::hash128 address, const history_query& query);
  result<std::optional<history_page::item>> find(profile::hash128 address, profile::hash128 id);

 private:
  rocksdb::DB& db_;
  const families in_;
  const manner how_;
  const history_filter& past_;
};

}  // namespace kith::persistence
