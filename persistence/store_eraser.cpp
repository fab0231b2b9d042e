#include "persistence/store_eraser.hpp"

#include <memory>

#include "persistence/store.hpp"
#include "persistence/store_keys.hpp"
#include "profile/segments/standing.hpp"

namespace kith::persistence {

using profile::hash128;
using rocksdb::Slice;
using rocksdb::Status;

namespace {

constexpr std::size_t batch_bytes = 4 * 1024 * 1024;

}  // namespace

store_eraser::outcome store_eraser::erase_in(rocksdb::ColumnFamilyHandle* in, hash128 address,
                                             rocksdb::WriteBatch& batch) {
  const auto prefix = profile::to_bytes(address);
  const std::unique_ptr<rocksdb::Iterator> at(db_.NewIterator({}, in));
  outcome found;
  for (at->Seek(prefix); at->Valid() && at->key().starts_with(prefix); at->Next()) {
    batch.Delete(in, at->key());
    ++found.events;
    if (batch.GetDataSize() < batch_bytes) continue;
    found.status = db_.Write(how_, &batch);
    if (!found.status.ok()) return found;
    batch.Clear();
  }
  found.status = at->status();
  return found;
}

store_eraser::outcome store_eraser::erase(hash128 address, const std::optional<std::string>& standing) {
  rocksdb::WriteBatch batch;
  auto made = erase_in(in_.history, address, batch);
  for (auto* family : in_.by_address) {
    if (made.status.ok()) made.status = erase_in(family, address, batch).status;
  }
  if (!made.status.ok()) return made;
  if (standing) {
    const auto decoded = profile::segments::standing::decode(*standing);
    if (decoded && decoded->due_ms() != no_timer) batch.Delete(in_.timers, keys::timer(decoded->due_ms(), address));
  }
  const auto segments = members_.counts();
  member_book::change members(members_, batch);
  for (const auto& [segment, count] : segments) {
    made.status = members.note(segment, address, 0, false);
    if (!made.status.ok()) return made;
  }
  members.add_counts();
  made.status = db_.Write(how_, &batch);
  if (made.status.ok()) members.written();
  return made;
}

Status store_eraser::compact(std::span<const hash128> addresses) {
  rocksdb::CompactRangeOptions how;
  how.exclusive_manual_compaction = false;
  how.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForce;
  Status status;
  const auto rewrite = [&](rocksdb::ColumnFamilyHandle* family, const Slice* begin, const Slice* end) {
    if (status.ok()) status = db_.CompactRange(how, family, begin, end);
  };
  for (const auto address : addresses) {
    const auto from = profile::to_bytes(address);
    const auto to = from + std::string(keys::history_bytes, '\xff');
    const Slice begin(from);
    const Slice end(to);
    rewrite(in_.history, &begin, &end);
    for (auto* family : in_.by_address) rewrite(family, &begin, &end);
  }
  for (auto* family : in_.by_others) rewrite(family, nullptr, nullptr);
  return status;
}

}  // namespace kith::persistence
