#include "persistence/dead_letter_files.hpp"

#include <algorithm>
#include <array>
#include <rocksdb/utilities/table_properties_collectors.h>

#include "persistence/dead_letters.hpp"
#include "persistence/rocks_log.hpp"

namespace kith::persistence {

namespace {

using rocksdb::Slice;

constexpr std::array<const char*, letter_files::family_count> family_names = {"default", "heads", "bytes", "meta"};
constexpr std::string_view format_key = "format";
constexpr std::string_view format_version = "1";
constexpr std::size_t write_buffer_bytes = 16 * 1024 * 1024;
constexpr std::uint64_t log_bytes = 64 * 1024 * 1024;
// A file half of whose last entries are deletions is compacted, so that what left makes room.
constexpr std::size_t deletions_window = 4096;
constexpr std::size_t deletions_trigger = 2048;

Slice slice(std::string_view text) { return {text.data(), text.size()}; }

}  // namespace

tl::unexpected<error> letter_files::failed(const rocksdb::Status& status, std::string_view doing) {
  const auto code = status.IsNoSpace()      ? errc::resource_exhausted
                    : status.IsCorruption() ? errc::internal
                                            : errc::unavailable;
  return fail(code, "dead letters: " + std::string(doing) + ": " + status.ToString());
}

letter_files::~letter_files() {
  for (auto* each : families_) db_->DestroyColumnFamilyHandle(each);
}

result<bool> letter_files::is_there(file_system& files, const std::string& directory) {
  const auto there = files.exists(directory);
  if (!there) return tl::make_unexpected(there.error());
  if (!*there) return false;
  const auto names = files.list(directory);
  if (!names) return tl::make_unexpected(names.error());
  if (std::find(names->begin(), names->end(), "CURRENT") != names->end()) return true;
  const bool had_letters = std::any_of(names->begin(), names->end(), [](const auto& name) {
    return name.size() > 4 && name.compare(name.size() - 4, 4, ".sst") == 0;
  });
  if (!had_letters) return false;
  return fail(errc::internal, directory +
                                  ": its file CURRENT is missing; bring the directory back from a backup, or "
                                  "move it away to begin without dead letters");
}

result<void> letter_files::open(const std::string& directory, bool read_only, const logger& log) {
  rocksdb::DBOptions options;
  options.create_if_missing = !read_only;
  options.create_missing_column_families = !read_only;
  options.max_background_jobs = 2;
  options.max_open_files = 128;
  options.info_log = std::make_shared<rocks_log>("dead letters", log);
  options.max_total_wal_size = log_bytes;
  options.avoid_flush_during_shutdown = true;  // its log has it all
  // A write that a crash cut short is forgotten, it was not acknowledged; damage before it is told, not skipped.
  options.wal_recovery_mode = rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
  rocksdb::ColumnFamilyOptions each;
  each.write_buffer_size = write_buffer_bytes;
  each.compression = rocksdb::kLZ4Compression;
  each.table_properties_collector_factories.push_back(
      rocksdb::NewCompactOnDeletionCollectorFactory(deletions_window, deletions_trigger));
  std::vector<rocksdb::ColumnFamilyDescriptor> wanted;
  wanted.reserve(family_names.size());
  for (const auto* name : family_names) wanted.emplace_back(name, each);
  rocksdb::DB* opened = nullptr;
  const auto status = read_only ? rocksdb::DB::OpenForReadOnly(options, directory, wanted, &families_, &opened)
                                : rocksdb::DB::Open(options, directory, wanted, &families_, &opened);
  if (!status.ok()) {
    const bool locked = status.ToString().find("lock") != std::string::npos;
    return fail(locked ? errc::unavailable : failed(status, "").value().code,
                directory + ": cannot be opened: " + status.ToString() +
                    (locked ? "; is another kith running on this directory?"
                            : "; bring it back from a backup, or move it away to begin without dead letters"));
  }
  db_.reset(opened);
  return check_format(read_only);
}

result<void> letter_files::check_format(bool read_only) {
  std::string version;
  const auto status = db_->Get({}, families_[f_default], slice(format_key), &version);
  if (status.ok() && version == format_version) return {};
  if (status.ok()) {
    return fail(errc::unavailable, "dead letters: format version " + version + "; this program knows version " +
                                       std::string(format_version) + ", use the program that wrote it");
  }
  if (!status.IsNotFound()) return failed(status, "reading the format version");
  if (read_only) return {};
  rocksdb::WriteOptions durable;
  durable.sync = true;
  const auto written = db_->Put(durable, families_[f_default], slice(format_key), slice(format_version));
  return written.ok() ? result<void>() : failed(written, "writing the format version");
}

dead_letter letter_files::letter_of(std::uint64_t number, const Slice& head) {
  auto decoded = letters::decode_head(head.ToStringView());
  dead_letter made;
  if (decoded) {
    made = std::move(*decoded);
  } else {
    made.code = "damaged";
    made.message = decoded.error().message;
    made.truncated = true;
  }
  made.id = letters::id_of(number);
  return made;
}

result<void> letter_files::read_bytes(const rocksdb::ReadOptions& how, std::uint64_t number, dead_letter& into) {
  const auto status = db_->Get(how, families_[f_bytes], key_of(number), &into.bytes);
  if (status.IsNotFound()) {
    into.bytes.clear();
    into.truncated = true;
    return {};
  }
  return status.ok() ? result<void>() : failed(status, "reading a letter");
}

result<void> check(const dead_letter_options& options) {
  if (options.letter_bytes > options.bytes) {
    return fail(errc::invalid_argument, "dead_letters: letter_bytes (" + std::to_string(options.letter_bytes) +
                                            ") is more than bytes (" + std::to_string(options.bytes) +
                                            "), so that one letter could push out all others");
  }
  return {};
}

result<std::vector<std::string>> dead_letters::verify(file_system& files, const std::string& directory,
                                                      const progress_report& progress, std::uint64_t& found) {
  found = 0;
  std::vector<std::string> damages;
  const auto there = letter_files::is_there(files, directory);
  if (!there) return std::vector{there.error().message};
  if (!*there) return damages;
  letter_files opened;
  if (auto outcome = opened.open(directory, true); !outcome) return std::vector{outcome.error().message};
  rocksdb::ReadOptions how;
  how.verify_checksums = true;
  how.fill_cache = false;
  std::uint64_t about = 0;
  opened.db().GetIntProperty(opened[letter_files::f_heads], "rocksdb.estimate-num-keys", &about);
  std::string next;
  std::uint64_t behind = 0;
  const auto status = opened.db().Get(how, opened[letter_files::f_meta], "next", &next);
  if (status.ok() && next.size() == 8) {
    behind = keys::from_big_endian(next.data());
  } else if (!status.IsNotFound()) {
    damages.push_back("the number of the next letter cannot be read: " + status.ToString());
  }
  const std::unique_ptr<rocksdb::Iterator> head(opened.db().NewIterator(how, opened[letter_files::f_heads]));
  const std::unique_ptr<rocksdb::Iterator> bytes(opened.db().NewIterator(how, opened[letter_files::f_bytes]));
  head->SeekToFirst();
  bytes->SeekToFirst();
  for (; head->Valid(); head->Next()) {
    progress("dead letters", ++found, about);
    const auto number = letter_files::number_of(head->key());
    if (!number) {
      damages.push_back("a letter has no number");
      continue;
    }
    const auto letter = letter_files::letter_of(*number, head->value());
    const auto named = "letter " + letter.id + ": ";
    if (letter.code == "damaged") damages.push_back(named + letter.message);
    if (*number >= behind) damages.push_back(named + "its number was not given yet");
    for (; bytes->Valid() && bytes->key().compare(head->key()) < 0; bytes->Next()) {
      damages.push_back("the bytes of a letter are there, but not the letter");
    }
    if (!bytes->Valid() || bytes->key() != head->key()) {
      damages.push_back(named + "its bytes are missing");
      continue;
    }
    if (bytes->value().size() != letter.kept) damages.push_back(named + "its bytes are not as many as were kept");
    bytes->Next();
  }
  for (; bytes->Valid(); bytes->Next()) damages.emplace_back("the bytes of a letter are there, but not the letter");
  if (!head->status().ok()) damages.push_back(head->status().ToString());
  if (!bytes->status().ok()) damages.push_back(bytes->status().ToString());
  return damages;
}

result<void> dead_letters::for_each(const std::string& directory, const std::function<bool(const dead_letter&)>& each) {
  letter_files opened;
  if (auto outcome = opened.open(directory, true); !outcome) return outcome;
  const std::unique_ptr<rocksdb::Iterator> at(opened.db().NewIterator({}, opened[letter_files::f_heads]));
  for (at->SeekToFirst(); at->Valid(); at->Next()) {
    const auto number = letter_files::number_of(at->key()).value_or(0);
    auto letter = letter_files::letter_of(number, at->value());
    if (auto read = opened.read_bytes({}, number, letter); !read) return read;
    if (!each(letter)) return {};
  }
  return at->status().ok() ? result<void>() : letter_files::failed(at->status(), "reading letters");
}

}  // namespace kith::persistence
