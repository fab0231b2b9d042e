#include "persistence/store.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/slice_transform.h>
#include <rocksdb/sst_file_reader.h>
#include <rocksdb/table.h>
#include <rocksdb/write_batch.h>

#include "persistence/database_copy.hpp"
#include "persistence/member_book.hpp"
#include "persistence/retention_filter.hpp"
#include "persistence/rocks_log.hpp"
#include "persistence/store_eraser.hpp"
#include "persistence/store_errors.hpp"
#include "persistence/store_history.hpp"
#include "persistence/store_keys.hpp"

namespace kith::persistence {

namespace {

using profile::hash128;
using rocksdb::Slice;

enum family : std::size_t {
  f_default,
  f_snapshots,
  f_spilled,
  f_history,
  f_history_ids,
  f_meta,
  f_standings,
  f_timers,
  f_members,
  f_identities,
  f_outgoing,
  family_count
};
constexpr std::array<const char*, family_count> family_names = {"default",     "snapshots",  "spilled",   "history",
                                                                "history_ids", "meta",       "standings", "timers",
                                                                "members",     "identities", "outgoing"};
/// How many families there were in each version of the directory that differs.
constexpr std::array<std::size_t, 3> families_before = {f_outgoing, f_identities, f_standings};
constexpr std::string_view format_key = "format";
constexpr std::string_view format_version = "1";
constexpr std::size_t batch_bytes = 4 * 1024 * 1024;

class rocks_store final : public store {
 public:
  explicit rocks_store(store_options options)
      : options_(std::move(options)),
        history_filter_(options_.history_retention_ms, options_.event_retention_ms, options_.now_ms),
        dedup_filter_(options_.dedup_retention_ms, options_.now_ms) {}
  ~rocks_store() override;

  result<void> open(const std::string& directory);

  bool may_have_snapshot(hash128 address) override {
    return !snapshots_empty_ && may_exist(f_snapshots, profile::to_bytes(address));
  }
  bool may_be_spilled(hash128 address, hash128 id) override {
    return !spilled_empty_ && may_exist(f_spilled, keys::pair(address, id));
  }
  result<std::vector<std::optional<std::string>>> load(std::span<const hash128> addresses) override;
  result<std::vector<std::optional<std::string>>> load_standings(std::span<const hash128> addresses) override;
  result<std::vector<std::optional<std::string>>> load_identities(std::span<const hash128> addresses) override;
  result<void> for_each_identity(const std::function<bool(hash128, std::string_view)>& each) override {
    return identities_empty_ ? result<void>() : walk(f_identities, each);
  }
  result<std::vector<hash128>> spilled_at_both(hash128 first, hash128 second) override;
  result<void> for_each_timer(const std::function<bool(std::int64_t, hash128)>& each) override;
  result<members_page> members(std::uint64_t segment, std::optional<hash128> behind, std::size_t limit) override;
  result<std::unordered_map<std::uint64_t, std::uint64_t>> count_members() override { return members_->counts(); }
  result<void> forget_members(std::uint64_t segment) override;
  result<bool> is_spilled(hash128 address, hash128 id) override;
  result<void> save(std::span<const snapshot_write> snapshots) override;
  result<std::vector<outgoing_item>> outgoing(std::string_view queue, outgoing_list list, const outgoing_item* behind,
                                              std::size_t limit) override;
  result<void> change_outgoing(std::span<const outgoing_change> changes) override;
  result<void> feed(std::span<const history_event> events, unsigned shard, journal_position fed_to) override {
    return history().feed(events, shard, fed_to);
  }
  result<std::vector<std::pair<unsigned, journal_position>>> fed() override { return history().fed(); }
  result<history_page> read_history(hash128 address, const history_query& query) override {
    return history().read(address, query);
  }
  result<std::optional<history_page::item>> find_in_history(hash128 address, hash128 id) override {
    return history().find(address, id);
  }
  result<std::uint64_t> erase(std::span<const hash128> addresses) override;
  result<void> compact(std::span<const hash128> addresses) override;
  result<void> flush() override { return outcome_of(db_->Flush({}, families_), "flushing"); }
  result<void> copy_to(const std::string& directory) override { return copy_database(*db_, "store", directory); }
  std::uint64_t estimated_snapshots() override;
  result<void> for_each_snapshot(const std::function<bool(hash128, std::string_view)>& each, hash128 from) override {
    return walk(f_snapshots, each, from);
  }
  result<std::vector<std::string>> verify(const progress_report& progress) override;

 private:
  rocksdb::ColumnFamilyOptions family_options(std::size_t family);
  result<void> check_format();
  bool may_exist(family in, const std::string& key) {
    std::string ignored;
    return db_->KeyMayExist(memory_only_, families_[in], key, &ignored);
  }
  bool empty(family in);
  result<std::vector<std::optional<std::string>>> load_from(family in, std::span<const hash128> addresses,
                                                            std::string_view doing);
  result<void> put_standing(rocksdb::WriteBatch& batch, member_book::change& members, hash128 address,
                            const standing_write& standing);
  store_eraser::families handles() const {
    return {families_[f_history],
            families_[f_timers],
            {families_[f_history_ids], families_[f_spilled], families_[f_standings], families_[f_identities],
             families_[f_snapshots]},
            {families_[f_timers], families_[f_members], families_[f_outgoing]}};
  }
  store_history history() const {
    return {*db_,
            {families_[f_history], families_[f_history_ids], families_[f_meta]},
            {read_, memory_only_, write_},
            history_filter_};
  }
  /// Every value of a family whose keys are addresses. The cache keeps what others read.
  result<void> walk(family in, const std::function<bool(hash128, std::string_view)>& each, hash128 from = {});

  store_options options_;
  history_filter history_filter_;
  retention_filter dedup_filter_;
  std::shared_ptr<rocksdb::Cache> cache_;
  std::unique_ptr<rocksdb::DB> db_;
  std::vector<rocksdb::ColumnFamilyHandle*> families_;
  rocksdb::ReadOptions read_;
  rocksdb::ReadOptions memory_only_;
  rocksdb::WriteOptions write_;
  std::atomic<bool> snapshots_empty_{true};
  std::atomic<bool> spilled_empty_{true};
  std::atomic<bool> standings_empty_{true};
  std::atomic<bool> identities_empty_{true};
  std::unique_ptr<member_book> members_;  ///< null, if read only
};

rocks_store::~rocks_store() {
  for (auto* each : families_) db_->DestroyColumnFamilyHandle(each);
}

rocksdb::ColumnFamilyOptions rocks_store::family_options(std::size_t family) {
  rocksdb::ColumnFamilyOptions made;
  made.write_buffer_size = options_.write_buffer_bytes;
  made.max_write_buffer_number = 3;
  made.compression = rocksdb::kLZ4Compression;
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = cache_;
  // Filters and indexes stay in memory, so that "certainly not there" never needs the disk.
  table.cache_index_and_filter_blocks = false;
  if (family != f_history) table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10, false));
  table.whole_key_filtering = true;
  table.format_version = 5;
  made.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  if (family == f_history) made.compaction_filter = &history_filter_;
  if (family == f_spilled || family == f_history_ids) made.compaction_filter = &dedup_filter_;
  return made;
}

result<void> rocks_store::open(const std::string& directory) {
  cache_ = rocksdb::NewLRUCache(options_.cache_bytes);
  memory_only_.read_tier = rocksdb::kBlockCacheTier;
  write_.disableWAL = true;
  rocksdb::DBOptions options;
  options.create_if_missing = !options_.read_only && !options_.must_exist;
  options.create_missing_column_families = !options_.read_only;
  options.atomic_flush = true;
  options.max_background_jobs = 2;
  options.max_open_files = 512;
  options.info_log = std::make_shared<rocks_log>("store", options_.log);
  std::vector<rocksdb::ColumnFamilyDescriptor> wanted;
  std::size_t families = family_count;
  if (options_.read_only) {
    // A directory that an earlier version wrote lacks the later families, and must not be changed.
    std::vector<std::string> present;
    rocksdb::DB::ListColumnFamilies(options, directory, &present);
    for (const auto before : families_before) {
      if (!present.empty() && present.size() < families) families = before;
    }
  }
  for (std::size_t i = 0; i < families; ++i) wanted.emplace_back(family_names[i], family_options(i));
  rocksdb::DB* opened = nullptr;
  const auto status = options_.read_only ? rocksdb::DB::OpenForReadOnly(options, directory, wanted, &families_, &opened)
                                         : rocksdb::DB::Open(options, directory, wanted, &families_, &opened);
  if (!status.ok()) {
    if (options_.must_exist && status.IsInvalidArgument() &&
        status.ToString().find("create_if_missing") != std::string::npos) {
      return fail(errc::internal, directory +
                                      ": there is no store, though the checkpoint says that profiles were saved in it; "
                                      "bring the directory back from a backup");
    }
    const bool locked = status.ToString().find("lock") != std::string::npos;
    return fail(locked ? errc::unavailable : failed(status, "").value().code,
                directory + ": cannot be opened: " + status.ToString() +
                    (locked ? "; is another kith running on this directory?" : ""));
  }
  db_.reset(opened);
  if (auto checked = check_format(); !checked) return checked;
  snapshots_empty_ = empty(f_snapshots);
  spilled_empty_ = empty(f_spilled);
  standings_empty_ = families <= f_standings || empty(f_standings);
  identities_empty_ = families <= f_identities || empty(f_identities);
  if (options_.read_only) return {};
  members_ = std::make_unique<member_book>(*db_, families_[f_members], families_[f_meta]);
  return outcome_of(members_->load(), "counting members");
}

result<void> rocks_store::check_format() {
  std::string version;
  const auto status = db_->Get(read_, families_[f_meta], Slice(format_key.data(), format_key.size()), &version);
  if (status.ok() && version == format_version) return {};
  if (status.ok()) {
    return fail(errc::unavailable, "store: format version " + version + "; this program knows version " +
                                       std::string(format_version) + ", use the program that wrote it");
  }
  if (!status.IsNotFound()) return failed(status, "reading the format version");
  if (options_.read_only) return {};
  const auto written = db_->Put(write_, families_[f_meta], Slice(format_key.data(), format_key.size()),
                                Slice(format_version.data(), format_version.size()));
  if (!written.ok()) return failed(written, "writing the format version");
  return {};
}

bool rocks_store::empty(family in) {
  const std::unique_ptr<rocksdb::Iterator> at(db_->NewIterator(read_, families_[in]));
  at->SeekToFirst();
  return !at->Valid();
}

result<std::vector<std::optional<std::string>>> rocks_store::load(std::span<const hash128> addresses) {
  return load_from(f_snapshots, addresses, "reading a snapshot");
}

result<std::vector<std::optional<std::string>>> rocks_store::load_standings(std::span<const hash128> addresses) {
  if (standings_empty_) return std::vector<std::optional<std::string>>(addresses.size());
  return load_from(f_standings, addresses, "reading a standing");
}

result<std::vector<std::optional<std::string>>> rocks_store::load_identities(std::span<const hash128> addresses) {
  if (identities_empty_) return std::vector<std::optional<std::string>>(addresses.size());
  return load_from(f_identities, addresses, "reading an identity");
}

result<std::vector<std::optional<std::string>>> rocks_store::load_from(family in, std::span<const hash128> addresses,
                                                                       std::string_view doing) {
  std::vector<std::string> wanted;
  wanted.reserve(addresses.size());
  for (const auto address : addresses) wanted.push_back(profile::to_bytes(address));
  const std::vector<Slice> slices(wanted.begin(), wanted.end());
  std::vector<std::string> values;
  const auto statuses = db_->MultiGet(read_, std::vector(slices.size(), families_[in]), slices, &values);
  std::vector<std::optional<std::string>> found(addresses.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    if (statuses[i].ok()) {
      found[i] = std::move(values[i]);
    } else if (!statuses[i].IsNotFound()) {
      return failed(statuses[i], doing);
    }
  }
  return found;
}

result<bool> rocks_store::is_spilled(hash128 address, hash128 id) {
  std::string value;
  const auto status = db_->Get(read_, families_[f_spilled], keys::pair(address, id), &value);
  if (status.ok() || status.IsNotFound()) return status.ok();
  return failed(status, "looking up an event id");
}

result<void> rocks_store::save(std::span<const snapshot_write> snapshots) {
  rocksdb::WriteBatch batch;
  member_book::change members(*members_, batch);
  const auto write = [&]() -> result<void> {
    members.add_counts();
    if (const auto status = db_->Write(write_, &batch); !status.ok()) return failed(status, "saving snapshots");
    members.written();
    batch.Clear();
    return {};
  };
  for (const auto& snapshot : snapshots) {
    batch.Put(families_[f_snapshots], profile::to_bytes(snapshot.address), snapshot.state);
    for (const auto& spilled : snapshot.spilled) {
      batch.Put(families_[f_spilled], keys::pair(snapshot.address, spilled.id), keys::time(spilled.time_ms));
      spilled_empty_ = false;
    }
    for (const auto id : snapshot.unspilled) batch.Delete(families_[f_spilled], keys::pair(snapshot.address, id));
    if (snapshot.standing) {
      if (auto put = put_standing(batch, members, snapshot.address, *snapshot.standing); !put) return put;
    }
    if (snapshot.identity) {
      batch.Put(families_[f_identities], profile::to_bytes(snapshot.address), *snapshot.identity);
      identities_empty_ = false;
    }
    // Between profiles a batch may end: a profile's snapshot and its ids stay together.
    if (batch.GetDataSize() > batch_bytes && !snapshot.with_next) {
      if (auto written = write(); !written) return written;
    }
  }
  if (!snapshots.empty()) snapshots_empty_ = false;
  return write();
}

result<void> rocks_store::put_standing(rocksdb::WriteBatch& batch, member_book::change& members, hash128 address,
                                       const standing_write& standing) {
  if (standing.bytes.empty()) {
    batch.Delete(families_[f_standings], profile::to_bytes(address));
  } else {
    batch.Put(families_[f_standings], profile::to_bytes(address), standing.bytes);
    standings_empty_ = false;
  }
  if (standing.due_before_ms != standing.due_ms) {
    if (standing.due_before_ms != no_timer) {
      batch.Delete(families_[f_timers], keys::timer(standing.due_before_ms, address));
    }
    if (standing.due_ms != no_timer) batch.Put(families_[f_timers], keys::timer(standing.due_ms, address), Slice());
  }
  for (const auto& each : standing.changed) {
    const auto noted = members.note(each.segment, address, each.since_ms, each.member);
    if (!noted.ok()) return failed(noted, "looking up a member");
  }
  for (const auto& each : standing.outgoing) {
    batch.Put(families_[f_outgoing],
              keys::outgoing(each.queue, static_cast<char>(outgoing_list::waiting), each.at_us, each.id), each.content);
  }
  return {};
}

result<std::vector<outgoing_item>> rocks_store::outgoing(std::string_view queue, outgoing_list list,
                                                         const outgoing_item* behind, std::size_t limit) {
  const auto prefix = keys::outgoing_list_of(queue, static_cast<char>(list));
  const std::unique_ptr<rocksdb::Iterator> at(db_->NewIterator(read_, families_[f_outgoing]));
  if (behind == nullptr) {
    at->Seek(prefix);
  } else {
    const auto key = keys::outgoing(queue, static_cast<char>(list), behind->at_us, behind->id);
    at->Seek(key);
    if (at->Valid() && at->key() == key) at->Next();
  }
  std::vector<outgoing_item> found;
  for (; at->Valid() && at->key().starts_with(prefix) && found.size() < limit; at->Next()) {
    const auto rest = at->key().ToStringView().substr(prefix.size());
    if (rest.size() != 8 + 16) return fail(errc::internal, "store: a key of the family outgoing is damaged");
    found.push_back({std::string(queue), keys::time_of_timer(rest.data()), profile::hash_from_bytes(rest.data() + 8),
                     at->value().ToString()});
  }
  if (!at->status().ok()) return failed(at->status(), "reading what is to be sent");
  return found;
}

result<void> rocks_store::change_outgoing(std::span<const outgoing_change> changes) {
  rocksdb::WriteBatch batch;
  for (const auto& each : changes) {
    const auto key = keys::outgoing(each.item.queue, static_cast<char>(each.list), each.item.at_us, each.item.id);
    if (each.gone) {
      batch.Delete(families_[f_outgoing], key);
    } else {
      batch.Put(families_[f_outgoing], key, each.item.content);
    }
  }
  if (const auto status = db_->Write(write_, &batch); !status.ok()) return failed(status, "saving what was sent");
  return {};
}

result<std::vector<hash128>> rocks_store::spilled_at_both(hash128 first, hash128 second) {
  std::vector<hash128> both;
  if (spilled_empty_) return both;
  const auto ours = profile::to_bytes(first);
  const auto theirs = profile::to_bytes(second);
  const std::unique_ptr<rocksdb::Iterator> a(db_->NewIterator(read_, families_[f_spilled]));
  const std::unique_ptr<rocksdb::Iterator> b(db_->NewIterator(read_, families_[f_spilled]));
  const auto id_of = [](const rocksdb::Iterator& at) { return Slice(at.key().data() + 16, at.key().size() - 16); };
  // Both are sorted by id: each leaps to where the other stands.
  a->Seek(ours);
  b->Seek(theirs);
  while (a->Valid() && b->Valid() && a->key().starts_with(ours) && b->key().starts_with(theirs)) {
    const auto order = id_of(*a).compare(id_of(*b));
    if (order < 0) {
      a->Seek(ours + id_of(*b).ToString());
    } else if (order > 0) {
      b->Seek(theirs + id_of(*a).ToString());
    } else {
      both.push_back(profile::hash_from_bytes(id_of(*a).data()));
      a->Next();
      b->Next();
    }
  }
  if (!a->status().ok()) return failed(a->status(), "comparing event ids");
  if (!b->status().ok()) return failed(b->status(), "comparing event ids");
  return both;
}

result<void> rocks_store::for_each_timer(const std::function<bool(std::int64_t, hash128)>& each) {
  const std::unique_ptr<rocksdb::Iterator> at(db_->NewIterator(read_, families_[f_timers]));
  for (at->SeekToFirst(); at->Valid(); at->Next()) {
    if (at->key().size() != 24) return fail(errc::internal, "store: a timer's key is damaged; run `kith check`");
    const char* key = at->key().data();
    if (!each(keys::time_of_timer(key), profile::hash_from_bytes(key + 8))) return {};
  }
  if (!at->status().ok()) return failed(at->status(), "reading timers");
  return {};
}

result<members_page> rocks_store::members(std::uint64_t segment, std::optional<hash128> behind, std::size_t limit) {
  const auto prefix = keys::big_endian(segment);
  const std::unique_ptr<rocksdb::Iterator> at(db_->NewIterator(read_, families_[f_members]));
  if (behind) {
    const auto last = keys::member(segment, *behind);
    at->Seek(last);
    if (at->Valid() && at->key() == Slice(last)) at->Next();
  } else {
    at->Seek(prefix);
  }
  members_page page;
  for (; at->Valid() && at->key().starts_with(prefix); at->Next()) {
    if (page.items.size() == limit) {
      if (!page.items.empty()) page.next = page.items.back().address;
      break;
    }
    if (at->key().size() != 24 || at->value().size() != 8) {
      return fail(errc::internal, "store: a membership is damaged; run `kith check`");
    }
    page.items.push_back({profile::hash_from_bytes(at->key().data() + 8), keys::get_time(at->value().data())});
  }
  if (!at->status().ok()) return failed(at->status(), "reading members");
  return page;
}

result<void> rocks_store::forget_members(std::uint64_t segment) {
  const auto gone = members_->forget(segment);
  return gone.ok() ? result<void>() : failed(gone, "forgetting a segment's members");
}

result<std::uint64_t> rocks_store::erase(std::span<const hash128> addresses) {
  const auto standings = load_standings(addresses);
  if (!standings) return tl::make_unexpected(standings.error());
  std::uint64_t events = 0;
  for (std::size_t i = 0; i < addresses.size(); ++i) {
    const auto erased = store_eraser(*db_, write_, handles(), *members_).erase(addresses[i], (*standings)[i]);
    if (!erased.status.ok()) return failed(erased.status, "erasing");
    events += erased.events;
  }
  return events;
}

result<void> rocks_store::compact(std::span<const hash128> addresses) {
  const auto status = store_eraser(*db_, write_, handles(), *members_).compact(addresses);
  return status.ok() ? result<void>() : failed(status, "rewriting files");
}

std::uint64_t rocks_store::estimated_snapshots() {
  std::uint64_t keys = 0;
  db_->GetIntProperty(families_[f_snapshots], rocksdb::DB::Properties::kEstimateNumKeys, &keys);
  return keys;
}

result<void> rocks_store::walk(family in, const std::function<bool(hash128, std::string_view)>& each, hash128 from) {
  auto once = read_;
  once.fill_cache = false;
  const std::unique_ptr<rocksdb::Iterator> at(db_->NewIterator(once, families_[in]));
  for (at->Seek(profile::to_bytes(from)); at->Valid(); at->Next()) {
    if (at->key().size() != 16)
      return fail(errc::internal, std::string("store: a key of the family ") + family_names[in] + " is damaged");
    if (!each(profile::hash_from_bytes(at->key().data()), {at->value().data(), at->value().size()})) return {};
  }
  if (!at->status().ok()) return failed(at->status(), std::string("reading ") + family_names[in]);
  return {};
}

result<std::vector<std::string>> rocks_store::verify(const progress_report& progress) {
  std::vector<std::string> damaged;
  std::vector<rocksdb::LiveFileMetaData> tables;
  db_->GetLiveFilesMetaData(&tables);
  std::uint64_t total = 0;
  for (const auto& table : tables) total += table.size;
  std::uint64_t done = 0;
  for (const auto& table : tables) {
    rocksdb::SstFileReader reader{rocksdb::Options(db_->GetDBOptions(), rocksdb::ColumnFamilyOptions())};
    auto status = reader.Open(table.db_path + table.name);
    if (status.ok()) status = reader.VerifyChecksum();
    if (!status.ok()) damaged.push_back(table.db_path + table.name + ": " + status.ToString());
    progress("store, blocks", done += table.size, total);
  }
  for (std::size_t i = 0; i < families_.size() && damaged.empty(); ++i) {
    const auto what = std::string("store, ") + family_names[i];
    std::uint64_t entries = 0;
    std::uint64_t seen = 0;
    db_->GetIntProperty(families_[i], rocksdb::DB::Properties::kEstimateNumKeys, &entries);
    const std::unique_ptr<rocksdb::Iterator> at(db_->NewIterator(read_, families_[i]));
    for (at->SeekToFirst(); at->Valid(); at->Next()) progress(what, ++seen, entries);
    if (!at->status().ok()) damaged.push_back(std::string(family_names[i]) + ": " + at->status().ToString());
  }
  return damaged;
}

}  // namespace

result<std::unique_ptr<store>> store::open(file_system& files, const std::string& directory, store_options options) {
  if (!options.now_ms) return fail(errc::internal, "store: options.now_ms is missing");
  if (!options.read_only) {
    if (auto made = files.make_directory(directory); !made) return tl::make_unexpected(made.error());
  }
  auto made = std::make_unique<rocks_store>(std::move(options));
  if (auto opened = made->open(directory); !opened) return tl::make_unexpected(opened.error());
  return made;
}

}  // namespace kith::persistence
