// Which entries RocksDB leaves out when it compacts: those past their retention.
#pragma once

#include <cstdint>
#include <functional>
#include <rocksdb/compaction_filter.h>
#include <string>

#include "persistence/store.hpp"
#include "persistence/store_keys.hpp"
#include "profile/event_outline.hpp"

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

 protected:
  std::int64_t now_ms() const { return now_ms_(); }

 private:
  const std::int64_t retention_ms_;
  const std::function<std::int64_t()> now_ms_;
};

/// Of the history, where some events have a retention of their own.
class history_filter : public retention_filter {
 public:
  history_filter(std::int64_t retention_ms, event_retention by_name, std::function<std::int64_t()> now_ms)
      : retention_filter(retention_ms, std::move(now_ms)), by_name_(std::move(by_name)) {}
  bool Filter(int level, const rocksdb::Slice& key, const rocksdb::Slice& value, std::string* made,
              bool* changed) const override {
    if (retention_filter::Filter(level, key, value, made, changed)) return true;
    if (by_name_.empty() || key.size() != keys::history_bytes || value.size() < 9) return false;
    const auto source_bytes = static_cast<unsigned char>(value[8]);
    if (value.size() < 9U + source_bytes) return false;  // damaged: a reader says so
    return is_past(keys::time_of_history({key.data(), key.size()}),
                   {value.data() + 9 + source_bytes, value.size() - 9 - source_bytes});
  }
  /// May the event not be read any more?
  bool is_past(std::int64_t time_ms, std::string_view encoded) const {
    if (by_name_.empty()) return false;
    const auto found = by_name_.find(profile::counted_name(encoded));
    return found != by_name_.end() && time_ms + found->second <= now_ms();
  }

 private:
  const event_retention by_name_;
};

}  // namespace kith::persistence
