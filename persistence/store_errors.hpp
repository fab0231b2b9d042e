// What RocksDB says, as errors of the store. For persistence/ alone.
#pragma once

#include <rocksdb/status.h>
#include <string>
#include <string_view>

#include "profile/result.hpp"

namespace kith::persistence {

inline tl::unexpected<error> failed(const rocksdb::Status& status, std::string_view doing) {
  const auto code = status.IsNoSpace()      ? errc::resource_exhausted
                    : status.IsCorruption() ? errc::internal
                                            : errc::unavailable;
  return fail(code, "store: " + std::string(doing) + ": " + status.ToString());
}

inline result<void> outcome_of(const rocksdb::Status& status, std::string_view doing) {
  return status.ok() ? result<void>() : failed(status, doing);
}

}  // namespace kith::persistence
