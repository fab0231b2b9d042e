// Who is in which segment, and how many each has, in two column families of the store's database.
//
// Invariants: a number changes in the same write as the memberships that it counts, by what these are and not by what a
// writer believes; so it is the same as counting them, and an entering that is told twice counts once.
// Thread safety: all of it, from any thread; a change belongs to one.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <rocksdb/db.h>
#include <rocksdb/write_batch.h>
#include <string>
#include <unordered_map>

#include "profile/hash.hpp"

namespace kith::persistence {

class member_book {
 public:
  member_book(rocksdb::DB& db, rocksdb::ColumnFamilyHandle* members, rocksdb::ColumnFamilyHandle* meta)
      : db_(db), members_(members), meta_(meta) {}

  /// To be called once, first. A directory that an earlier version wrote has no numbers: they are counted.
  rocksdb::Status load();
  /// By segment.
  std::unordered_map<std::uint64_t, std::uint64_t> counts() const;
  rocksdb::Status forget(std::uint64_t segment);

  /// What one batch changes; nobody else changes anything from the first change to written(), or its end.
  class change {
   public:
    change(member_book& of, rocksdb::WriteBatch& batch) : of_(of), batch_(batch) {}

    rocksdb::Status note(std::uint64_t segment, profile::hash128 address, std::int64_t since_ms, bool member);
    void add_counts();  ///< to the batch, just before it is written
    void written();     ///< it was

   private:
    member_book& of_;
    rocksdb::WriteBatch& batch_;
    std::unique_lock<std::mutex> lock_;
    std::map<std::string, bool> noted_;  ///< by key
    std::unordered_map<std::uint64_t, std::int64_t> by_;
  };

 private:
  rocksdb::DB& db_;
  rocksdb::ColumnFamilyHandle* const members_;
  rocksdb::ColumnFamilyHandle* const meta_;
  mutable std::mutex mutex_;
  std::unordered_map<std::uint64_t, std::uint64_t> counts_;
};

}  // namespace kith::persistence
