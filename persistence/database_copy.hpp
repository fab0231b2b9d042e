// A consistent copy of an open RocksDB database. For persistence/ alone.
#pragma once

#include <memory>
#include <rocksdb/utilities/checkpoint.h>
#include <string>
#include <string_view>

#include "profile/result.hpp"

namespace kith::persistence {

/// `directory` must not exist, its parent must. Unflushed entries are flushed, all column families at one moment.
/// Errors: resource_exhausted (disk full), internal (damaged), unavailable. `what` it is, for the message.
inline result<void> copy_database(rocksdb::DB& database, std::string_view what, const std::string& directory) {
  rocksdb::Checkpoint* made = nullptr;
  auto status = rocksdb::Checkpoint::Create(&database, &made);
  const std::unique_ptr<rocksdb::Checkpoint> copier(made);
  if (status.ok()) status = copier->CreateCheckpoint(directory);
  if (status.ok()) return {};
  const auto code = status.IsNoSpace()      ? errc::resource_exhausted
                    : status.IsCorruption() ? errc::internal
                                            : errc::unavailable;
  return fail(code, std::string(what) + ": copying to " + directory + ": " + status.ToString());
}

}  // namespace kith::persistence
