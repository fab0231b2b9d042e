// Takes identifiers out of the store's database, keys and bytes. For persistence/ alone.
//
// Thread safety: none of its own; the database and the book of members have theirs.
#pragma once

#include <cstdint>
#include <optional>
#include <rocksdb/db.h>
#include <rocksdb/write_batch.h>
#include <span>
#include <string>
#include <vector>

#include "persistence/member_book.hpp"
#include "profile/hash.hpp"

namespace kith::persistence {

class store_eraser {
 public:
  struct families {
    rocksdb::ColumnFamilyHandle* history;
    rocksdb::ColumnFamilyHandle* timers;
    std::vector<rocksdb::ColumnFamilyHandle*> by_address;  ///< others whose keys begin with an address
    std::vector<rocksdb::ColumnFamilyHandle*> by_others;   ///< whose keys do not
  };
  struct outcome {
    rocksdb::Status status;
    std::uint64_t events = 0;  ///< of the history
  };

  store_eraser(rocksdb::DB& db, const rocksdb::WriteOptions& how, families in, member_book& members)
      : db_(db), how_(how), in_(std::move(in)), members_(members) {}

  /// In several writes: who erases does it again after a crash. `standing`: as it is saved.
  outcome erase(profile::hash128 address, const std::optional<std::string>& standing);
  rocksdb::Status compact(std::span<const profile::hash128> addresses);

 private:
  /// Deletes every key that begins with the address.
  outcome erase_in(rocksdb::ColumnFamilyHandle* in, profile::hash128 address, rocksdb::WriteBatch& batch);

  rocksdb::DB& db_;
  const rocksdb::WriteOptions& how_;
  const families in_;
  member_book& members_;
};

}  // namespace kith::persistence
