// Which entries RocksDB leaves out when it compacts: those past their retention.
#pragma once

#include <cstdint>
#include <functional>
#include <rocksdb/compaction_filter.h>
#include <string>

#include "persistence/store_keys.hpp"

namespace kith::persistence {

/// Values begin with a time.
class retention_filter : public rocksdb::CompactionFilter {
 public:
  retention_filter(std::int64_t retention_ms, std::function<std::int64_t()> now_ms)
      : retention_ms_(retention_ms), now_ms_(std::move(now_ms)) {}
  const char* Name() const override { return "kith.retention"; }
  bool Filter(int, const rocksdb::Slice&, const rocksdb::Slice& value, std::string*, bool*) const override {
    return retention_ms_ > 0 && value.size() >= 8 && keys::get_time(value.data()) < now_ms_() - retention_ms_;
  }

 private:
  const std::int64_t retention_ms_;
  const std::function<std::int64_t()> now_ms_;
};

}  // namespace kith::persistence
