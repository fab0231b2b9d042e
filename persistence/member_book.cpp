#include "persistence/member_book.hpp"

#include <memory>

#include "persistence/store_keys.hpp"

namespace kith::persistence {

using rocksdb::Slice;
using rocksdb::Status;

namespace {

Slice slice_of(std::string_view text) { return {text.data(), text.size()}; }

}  // namespace

Status member_book::load() {
  std::string ignored;
  auto known = db_.Get({}, meta_, slice_of(keys::members_counted), &ignored);
  if (!known.ok() && !known.IsNotFound()) return known;
  const bool anew = known.IsNotFound();
  const auto prefix = slice_of(keys::member_counts);
  const std::unique_ptr<rocksdb::Iterator> at(db_.NewIterator({}, anew ? members_ : meta_));
  if (anew) {
    for (at->SeekToFirst(); at->Valid(); at->Next()) ++counts_[keys::from_big_endian(at->key().data())];
  } else {
    for (at->Seek(prefix); at->Valid() && at->key().starts_with(prefix); at->Next()) {
      if (at->key().size() != prefix.size() + 8 || at->value().size() != 8) {
        return Status::Corruption("a number of members is damaged; run `kith check`");
      }
      counts_[keys::from_big_endian(at->key().data() + prefix.size())] = keys::from_big_endian(at->value().data());
    }
  }
  if (!at->status().ok() || !anew) return at->status();
  rocksdb::WriteBatch batch;
  batch.Put(meta_, slice_of(keys::members_counted), "1");
  for (const auto& [segment, count] : counts_) batch.Put(meta_, keys::member_count(segment), keys::big_endian(count));
  rocksdb::WriteOptions options;
  options.disableWAL = true;
  return db_.Write(options, &batch);
}

std::unordered_map<std::uint64_t, std::uint64_t> member_book::counts() const {
  const std::lock_guard lock(mutex_);
  return counts_;
}

Status member_book::forget(std::uint64_t segment) {
  const auto from = keys::big_endian(segment);
  const auto behind = from + std::string(17, '\xff');
  const std::lock_guard lock(mutex_);
  rocksdb::WriteBatch batch;
  batch.DeleteRange(members_, from, behind);
  batch.Delete(meta_, keys::member_count(segment));
  rocksdb::WriteOptions options;
  options.disableWAL = true;
  auto status = db_.Write(options, &batch);
  if (status.ok()) counts_.erase(segment);
  return status;
}

Status member_book::change::note(std::uint64_t segment, profile::hash128 address, std::int64_t since_ms, bool member) {
  if (!lock_) lock_ = std::unique_lock(of_.mutex_);
  const auto key = keys::member(segment, address);
  bool before = false;
  if (const auto noted = noted_.find(key); noted != noted_.end()) {
    before = noted->second;
  } else {
    std::string since;
    auto status = of_.db_.Get({}, of_.members_, key, &since);
    if (!status.ok() && !status.IsNotFound()) return status;
    before = status.ok();
  }
  noted_[key] = member;
  by_[segment] += static_cast<int>(member) - static_cast<int>(before);
  if (member) {
    batch_.Put(of_.members_, key, keys::time(since_ms));
  } else {
    batch_.Delete(of_.members_, key);
  }
  return {};
}

void member_book::change::add_counts() {
  for (auto& [segment, by] : by_) {
    const auto found = of_.counts_.find(segment);
    if (found != of_.counts_.end()) by += static_cast<std::int64_t>(found->second);
    batch_.Put(of_.meta_, keys::member_count(segment), keys::big_endian(static_cast<std::uint64_t>(by)));
  }
}

void member_book::change::written() {
  for (const auto& [segment, now] : by_) of_.counts_[segment] = static_cast<std::uint64_t>(now);
  by_.clear();
  noted_.clear();
  if (lock_) lock_.unlock();
  lock_ = {};
}

}  // namespace kith::persistence
