#include "persistence/store_history.hpp"

#include <algorithm>
#include <memory>
#include <rocksdb/write_batch.h>

#include "persistence/store_errors.hpp"
#include "persistence/store_keys.hpp"

namespace kith::persistence {

namespace {

using profile::hash128;
using rocksdb::Slice;

constexpr std::size_t batch_bytes = 4 * 1024 * 1024;

}  // namespace

result<void> store_history::feed(std::span<const history_event> events, unsigned shard, journal_position fed_to) {
  std::vector<std::pair<std::string, const history_event*>> sorted;
  sorted.reserve(events.size());
  for (const auto& event : events) sorted.emplace_back(keys::pair(event.address, event.id), &event);
  // A retried event: the first that came in is the one that counted.
  std::stable_sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  rocksdb::WriteBatch batch;
  std::string value;
  const std::string* before = nullptr;
  for (const auto& [key, event] : sorted) {
    if (before != nullptr && *before == key) continue;
    before = &key;
    std::string known;
    if (db_.KeyMayExist(how_.memory_only, in_.ids, key, &known)) {
      const auto status = db_.Get(how_.read, in_.ids, key, &known);
      if (status.ok()) continue;
      if (!status.IsNotFound()) return failed(status, "looking up an event of the history");
    }
    value = keys::time(event->received_ms);
    value.push_back(static_cast<char>(event->source.size()));
    value.append(event->source);
    value.append(event->encoded);
    batch.Put(in_.events, keys::history(event->address, event->time_ms, event->id), value);
    batch.Put(in_.ids, key, keys::time(event->time_ms));
    if (batch.GetDataSize() > batch_bytes) {
      if (const auto status = db_.Write(how_.write, &batch); !status.ok()) return failed(status, "writing the history");
      batch.Clear();
    }
  }
  batch.Put(in_.meta, keys::fed(shard), keys::position(fed_to));
  if (const auto status = db_.Write(how_.write, &batch); !status.ok()) return failed(status, "writing the history");
  return {};
}

result<std::vector<std::pair<unsigned, journal_position>>> store_history::fed() {
  std::vector<std::pair<unsigned, journal_position>> found;
  const std::unique_ptr<rocksdb::Iterator> at(db_.NewIterator(how_.read, in_.meta));
  for (at->Seek("fed-"); at->Valid() && at->key().starts_with("fed-"); at->Next()) {
    journal_position position;
    unsigned shard = 0;
    if (keys::parse_fed({at->key().data(), at->key().size()}, shard) &&
        keys::parse_position({at->value().data(), at->value().size()}, position)) {
      found.emplace_back(shard, position);
    }
  }
  if (!at->status().ok()) return failed(at->status(), "reading how far the history goes");
  return found;
}

result<history_page> store_history::read(hash128 address, const history_query& query) {
  const auto prefix = profile::to_bytes(address);
  std::string cursor;
  if (!query.cursor.empty() &&
      (!keys::from_hex(query.cursor, cursor) || cursor.size() != keys::history_bytes || !cursor.starts_with(prefix))) {
    return fail(errc::invalid_argument,
                "cursor: is not one that this timeline gave out; take `next` of the page before");
  }
  const auto lowest = prefix + keys::ordered_time(query.from_ms);
  const auto highest = prefix + keys::ordered_time(query.to_ms);  // exclusive
  const std::unique_ptr<rocksdb::Iterator> at(db_.NewIterator(how_.read, in_.events));
  if (query.newest_first) {
    at->SeekForPrev(cursor.empty() ? highest : std::min(cursor, highest));
    if (at->Valid() && (at->key() == Slice(cursor) || at->key().compare(highest) >= 0)) at->Prev();
  } else {
    at->Seek(cursor.empty() ? lowest : std::max(cursor, lowest));
    if (at->Valid() && at->key() == Slice(cursor)) at->Next();
  }
  const auto within = [&] {
    return at->Valid() && at->key().starts_with(prefix) && at->key().compare(lowest) >= 0 &&
           at->key().compare(highest) < 0;
  };
  history_page page;
  std::string last;
  for (; within(); query.newest_first ? at->Prev() : at->Next()) {
    if (page.items.size() == query.limit) {
      page.next = keys::to_hex(last);
      break;
    }
    last = at->key().ToString();
    const std::string_view value(at->value().data(), at->value().size());
    const std::size_t source_bytes = value.size() > 8 ? static_cast<unsigned char>(value[8]) : 0;
    if (value.size() < 9 + source_bytes) return fail(errc::internal, "history: an entry is damaged; run `kith check`");
    if (past_.is_past(keys::time_of_history(last), value.substr(9 + source_bytes))) continue;
    page.items.push_back({keys::time_of_history(last), keys::get_time(value.data()),
                          profile::hash_from_bytes(last.data() + 24), std::string(value.substr(9, source_bytes)),
                          std::string(value.substr(9 + source_bytes))});
  }
  if (!at->status().ok()) return failed(at->status(), "reading the history");
  return page;
}

result<std::optional<history_page::item>> store_history::find(hash128 address, hash128 id) {
  std::string time;
  const auto known = db_.Get(how_.read, in_.ids, keys::pair(address, id), &time);
  if (known.IsNotFound() || (known.ok() && time.size() != 8)) return std::nullopt;
  if (!known.ok()) return failed(known, "looking up an event of the history");
  history_query exactly;
  exactly.from_ms = keys::get_time(time.data());
  exactly.to_ms = exactly.from_ms + 1;
  exactly.newest_first = false;
  for (;;) {
    auto page = read(address, exactly);
    if (!page) return tl::make_unexpected(page.error());
    for (auto& each : page->items) {
      if (each.id == id) return std::move(each);
    }
    if (page->next.empty()) return std::nullopt;
    exactly.cursor = page->next;
  }
}

}  // namespace kith::persistence
