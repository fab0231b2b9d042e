// Keeps servers off a data directory while it is read: many may read it, one server may have it.
//
// It is a shared lock on the file that RocksDB locks for a server, so it changes nothing in the directory. Locks are a
// process's: within one, they keep nobody out.
#pragma once

#include <memory>
#include <string>

#include "profile/result.hpp"

namespace kith::persistence {

class directory_lock {
 public:
  virtual ~directory_lock() = default;  ///< lets go
};

/// Errors: unavailable, if a server has the directory (says which process) or it cannot be locked. A directory that no
/// server has had yet is not locked: null.
result<std::unique_ptr<directory_lock>> lock_for_reading(const std::string& data);

}  // namespace kith::persistence
