// The writer: a thread that gathers letters, writes and syncs them together, and pushes out what is over the bounds.
#include "persistence/dead_letters.hpp"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <rocksdb/snapshot.h>
#include <rocksdb/write_batch.h>
#include <set>
#include <thread>

#include "persistence/database_copy.hpp"
#include "persistence/dead_letter_files.hpp"
#include "persistence/thread_name.hpp"

namespace kith::persistence {

namespace {

using rocksdb::Slice;
using rocksdb::WriteBatch;

constexpr std::size_t group_bytes = 8 * 1024 * 1024;       ///< written and synced together, at least one call's
constexpr std::size_t pushed_out_at_once = 1000;           ///< letters, in one write
constexpr std::size_t examined_a_page = 100'000;           ///< letters
constexpr std::size_t searched_a_page = 64 * 1024 * 1024;  ///< bytes
constexpr std::size_t page_bytes = 4 * 1024 * 1024;        ///< after the first letter
constexpr std::size_t counted_apart = 4096;                ///< pairs of source and code of which no letter is left
constexpr std::size_t overhead = 256;                      ///< of a letter in the queue
constexpr std::int64_t told_every_ms = 60'000;             ///< what was pushed out
constexpr std::chrono::seconds looked_every{10};           ///< at ages
constexpr std::string_view next_key = "next";

std::size_t size_of(const dead_letter& letter) {
  std::size_t size = overhead + letter.bytes.size() + letter.message.size() + letter.ids.size();
  for (const auto& [name, value] : letter.headers) size += name.size() + value.size();
  return size;
}

struct tally {
  std::uint64_t letters = 0;
  std::uint64_t bytes = 0;
  std::uint64_t taken = 0;
};

struct waiting_put {
  std::vector<dead_letter> letters;
  std::function<void(result<void>)> done;
  std::size_t bytes = 0;
};

/// Where a walk stands: behind `number`; not past `last`.
struct place {
  std::uint64_t number = 0;
  std::uint64_t last = 0;
};

std::string encode(place at) { return letters::id_of(at.number) + letters::id_of(at.last); }

bool decode(std::string_view cursor, place& at) {
  return cursor.size() == 32 && letters::parse_id(cursor.substr(0, 16), at.number) &&
         letters::parse_id(cursor.substr(16), at.last);
}

class letter_store final : public dead_letters {
 public:
  explicit letter_store(dead_letter_options options) : options_(std::move(options)) {}
  ~letter_store() override;

  result<void> start(file_system& files, const std::string& directory);

  void put(std::vector<dead_letter> letters, std::function<void(result<void>)> done) override;
  result<dead_letter_page> list(const dead_letter_query& query) override;
  result<dead_letter> get(std::string_view id) override;
  result<std::uint64_t> drop(std::span<const std::string> ids, leaving why) override;
  result<dead_letter_drop> drop(const dead_letter_query& query) override;
  result<std::uint64_t> erase(const std::function<bool(const dead_letter&)>& meant) override;
  result<void> compact() override;
  result<void> mark_replayed(std::span<const replay_mark> marks) override;
  result<void> copy_to(const std::string& directory) override {
    return copy_database(files_.db(), "dead letters", directory);
  }
  dead_letter_status status() const override;

 private:
  using change = std::pair<letter_weight, std::int64_t>;  ///< and how many letters more; 0: only their bytes changed

  result<void> count_all();
  void refuse(const waiting_put& put);
  void run();
  result<void> keep(std::vector<waiting_put>& group);
  void push_out();
  bool push_out_some();
  void tell_pushed_out(bool at_once);
  result<void> write(WriteBatch& batch, bool sync, std::string_view doing);
  /// REQUIRES: write_mutex_ is held.
  void take_away(WriteBatch& batch, std::uint64_t number, const Slice& head, std::vector<change>& changes);
  void count(const std::vector<change>& changes, bool taken);
  void log(std::string_view level, const std::string& message) const {
    if (options_.log) options_.log(level, message);
  }

  const dead_letter_options options_;
  letter_files files_;

  std::mutex write_mutex_;  ///< one write at a time: what is counted is what was written
  std::uint64_t next_ = 1;
  std::uint64_t oldest_ = 0;  ///< no letter has a smaller number
  bool failing_ = false;      ///< the last write did
  std::uint64_t untold_bytes_ = 0;
  std::uint64_t untold_age_ = 0;
  std::int64_t told_ms_ = INT64_MIN;

  mutable std::mutex state_mutex_;
  std::map<std::pair<std::string, std::string>, tally> tallies_;
  dead_letter_status totals_;  ///< without the counts
  std::uint64_t last_ = 0;     ///< the greatest number that was given

  std::mutex queue_mutex_;
  std::condition_variable wake_;
  std::deque<waiting_put> queue_;
  std::size_t queued_bytes_ = 0;  ///< those that are being written, too
  bool stopping_ = false;
  std::thread thread_;
};

letter_store::~letter_store() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(queue_mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

result<void> letter_store::start(file_system& files, const std::string& directory) {
  if (auto good = check(options_); !good) return good;
  if (auto there = letter_files::is_there(files, directory); !there) return tl::make_unexpected(there.error());
  if (auto made = files.make_directory(directory); !made) return made;
  if (auto opened = files_.open(directory, false, options_.log); !opened) return opened;
  if (auto counted = count_all(); !counted) return counted;
  thread_ = std::thread([this] { run(); });
  return {};
}

/// Heads are short: a gigabyte of letters is counted in a second or two.
result<void> letter_store::count_all() {
  std::string next;
  const auto status = files_.db().Get({}, files_[letter_files::f_meta], Slice(next_key.data(), next_key.size()), &next);
  if (!status.ok() && !status.IsNotFound()) return letter_files::failed(status, "reading the next number");
  if (next.size() == 8) next_ = keys::from_big_endian(next.data());
  rocksdb::ReadOptions how;
  how.fill_cache = false;
  const std::unique_ptr<rocksdb::Iterator> at(files_.db().NewIterator(how, files_[letter_files::f_heads]));
  std::vector<change> changes;
  std::uint64_t damaged = 0;
  for (at->SeekToFirst(); at->Valid(); at->Next()) {
    const auto number = letter_files::number_of(at->key());
    if (!number) return fail(errc::internal, "dead letters: a key is damaged; run `kith check`");
    if (oldest_ == 0) oldest_ = *number;
    next_ = std::max(next_, *number + 1);
    const auto letter = letter_files::letter_of(*number, at->value());
    damaged += letter.code == "damaged" ? 1 : 0;
    changes.assign(1, {letter_files::weight_of(letter, at->value().size()), 1});
    count(changes, false);
  }
  if (!at->status().ok()) return letter_files::failed(at->status(), "counting letters");
  if (damaged > 0) {
    log("error", "dead letters: " + std::to_string(damaged) + " cannot be read; they are listed with the code damaged");
  }
  last_ = next_ - 1;
  return {};
}

void letter_store::count(const std::vector<change>& changes, bool taken) {
  const std::lock_guard lock(state_mutex_);
  for (const auto& [weight, letters] : changes) {
    const auto more = static_cast<std::uint64_t>(letters);  // less is more modulo 2^64
    const auto at = tallies_.try_emplace({weight.source, weight.code}).first;
    at->second.letters += more;
    at->second.bytes += weight.bytes;
    if (taken) at->second.taken += more;
    totals_.letters += more;
    totals_.bytes += weight.bytes;
    if (at->second.letters == 0 && tallies_.size() > counted_apart) tallies_.erase(at);
  }
}

void letter_store::put(std::vector<dead_letter> letters, std::function<void(result<void>)> done) {
  waiting_put made{{}, std::move(done), 0};
  std::uint64_t cut = 0;
  std::uint64_t cut_bytes = 0;
  for (auto& letter : letters) {
    if (letters::cut_to_fit(letter, options_.letter_bytes)) {
      made.bytes += size_of(letter);
      continue;
    }
    ++cut;
    cut_bytes = std::max(cut_bytes, letter.size);
    letter.bytes.shrink_to_fit();
    made.bytes += size_of(letter);
  }
  made.letters = std::move(letters);
  {
    std::unique_lock lock(queue_mutex_);
    if (queued_bytes_ != 0 && queued_bytes_ + made.bytes > options_.queue_bytes) {
      lock.unlock();
      return refuse(made);
    }
    queued_bytes_ += made.bytes;
    queue_.push_back(std::move(made));
  }
  wake_.notify_one();
  if (cut == 0) return;
  log("warning",
      "dead letters: " + std::to_string(cut) + " were cut, since bytes are over dead_letters.letter_bytes (" +
          std::to_string(options_.letter_bytes) + ") or headers over " + std::to_string(letter_headers_bytes) +
          "; the longest has " + std::to_string(cut_bytes) + " bytes. They cannot be replayed");
  const std::lock_guard lock(state_mutex_);
  totals_.truncated += cut;
}

/// Too much waits already.
void letter_store::refuse(const waiting_put& put) {
  {
    const std::lock_guard lock(state_mutex_);
    totals_.refused += put.letters.size();
  }
  put.done(fail(errc::resource_exhausted, "dead letters: more than " + std::to_string(options_.queue_bytes) +
                                              " bytes wait to be written; send it again later"));
}

void letter_store::run() {
  name_thread("dead-letters");
  std::vector<waiting_put> group;
  for (;;) {
    {
      std::unique_lock lock(queue_mutex_);
      wake_.wait_for(lock, looked_every, [&] { return stopping_ || !queue_.empty(); });
      if (queue_.empty() && stopping_) break;
      std::size_t bytes = 0;
      while (!queue_.empty() && (bytes == 0 || bytes + queue_.front().bytes <= group_bytes)) {
        bytes += queue_.front().bytes;
        group.push_back(std::move(queue_.front()));
        queue_.pop_front();
      }
    }
    if (!group.empty()) {
      const auto outcome = keep(group);
      {
        const std::lock_guard lock(queue_mutex_);
        for (const auto& each : group) queued_bytes_ -= each.bytes;
      }
      for (const auto& each : group) each.done(outcome);
      group.clear();
    }
    push_out();
  }
  const std::lock_guard lock(write_mutex_);
  tell_pushed_out(true);
}

/// After a write that found no room RocksDB refuses others until there is room, then leaves the file behind that it
/// failed on. Other failures are final until the next start, as the journal's are.
result<void> letter_store::write(WriteBatch& batch, bool sync, std::string_view doing) {
  rocksdb::WriteOptions how;
  how.sync = sync;
  const auto status = files_.db().Write(how, &batch);
  if (status.ok()) {
    if (std::exchange(failing_, false)) log("info", "dead letters: are kept again");
    return {};
  }
  auto refused = letter_files::failed(status, doing);
  if (!std::exchange(failing_, true)) {
    log("error", refused.value().message + "; letters are refused until " +
                     (status.IsNoSpace() ? "there is room on the disk" : "the next start"));
  }
  return refused;
}

result<void> letter_store::keep(std::vector<waiting_put>& group) {
  const std::lock_guard lock(write_mutex_);
  WriteBatch batch;
  std::vector<change> changes;
  const auto now = options_.now_ms();
  for (auto& each : group) {
    for (auto& letter : each.letters) {
      letter.at_ms = now;
      const auto head = letters::encode_head(letter);
      const auto key = letter_files::key_of(next_++);
      batch.Put(files_[letter_files::f_heads], key, head);
      batch.Put(files_[letter_files::f_bytes], key, letter.bytes);
      changes.emplace_back(letter_files::weight_of(letter, head.size()), 1);
    }
  }
  if (changes.empty()) return {};
  batch.Put(files_[letter_files::f_meta], Slice(next_key.data(), next_key.size()), letter_files::key_of(next_));
  if (auto written = write(batch, true, "keeping letters"); !written) {
    const std::lock_guard state(state_mutex_);
    totals_.refused += changes.size();
    return written;
  }
  count(changes, true);
  const std::lock_guard state(state_mutex_);
  last_ = next_ - 1;
  return {};
}

void letter_store::take_away(WriteBatch& batch, std::uint64_t number, const Slice& head, std::vector<change>& changes) {
  const auto key = letter_files::key_of(number);
  batch.Delete(files_[letter_files::f_heads], key);
  batch.Delete(files_[letter_files::f_bytes], key);
  auto weight = letter_files::weight_of(letter_files::letter_of(number, head), head.size());
  weight.bytes = 0 - weight.bytes;
  changes.emplace_back(std::move(weight), -1);
}

void letter_store::push_out() {
  while (push_out_some()) {
  }
}

/// True: there may be more.
bool letter_store::push_out_some() {
  const std::lock_guard lock(write_mutex_);
  std::uint64_t bytes = 0;
  {
    const std::lock_guard state(state_mutex_);
    bytes = totals_.bytes;
    if (totals_.letters == 0) {
      oldest_ = next_;
      return false;
    }
  }
  WriteBatch batch;
  std::vector<change> changes;
  std::uint64_t by_bytes = 0;
  const auto now = options_.now_ms();
  const std::unique_ptr<rocksdb::Iterator> at(files_.db().NewIterator({}, files_[letter_files::f_heads]));
  for (at->Seek(letter_files::key_of(oldest_)); at->Valid() && changes.size() < pushed_out_at_once; at->Next()) {
    const auto number = letter_files::number_of(at->key()).value_or(0);
    const auto letter = letter_files::letter_of(number, at->value());
    const bool old = options_.keep_ms > 0 && letter.at_ms < now - options_.keep_ms && letter.code != "damaged";
    if (!old && bytes <= options_.bytes) break;
    if (!old) ++by_bytes;
    bytes -= letter_files::weight_of(letter, at->value().size()).bytes;
    take_away(batch, number, at->value(), changes);
  }
  if (!changes.empty()) {
    const auto done = at->Valid() ? letter_files::number_of(at->key()).value_or(oldest_) : next_;
    if (auto written = write(batch, false, "pushing out letters"); !written) return false;
    oldest_ = done;
    count(changes, false);
    untold_bytes_ += by_bytes;
    untold_age_ += changes.size() - by_bytes;
    const std::lock_guard state(state_mutex_);
    totals_.pushed_out_by_bytes += by_bytes;
    totals_.pushed_out_by_age += changes.size() - by_bytes;
  }
  tell_pushed_out(false);
  return changes.size() == pushed_out_at_once;
}

/// The first at once, then what gathers in a minute.
void letter_store::tell_pushed_out(bool at_once) {
  const auto now = options_.now_ms();
  if (untold_bytes_ + untold_age_ == 0 || (!at_once && told_ms_ != INT64_MIN && now - told_ms_ < told_every_ms)) return;
  told_ms_ = now;
  if (untold_bytes_ > 0) {
    log("warning", "dead letters: the oldest " + std::to_string(untold_bytes_) +
                       " were pushed out, since all together are over dead_letters.bytes (" +
                       std::to_string(options_.bytes) + ")");
  }
  if (untold_age_ > 0) {
    log("warning", "dead letters: " + std::to_string(untold_age_) +
                       " were pushed out, since they are older than dead_letters.keep (" +
                       std::to_string(options_.keep_ms / 1000) + " s)");
  }
  untold_bytes_ = untold_age_ = 0;
}

result<dead_letter_page> letter_store::list(const dead_letter_query& query) {
  place at;
  {
    const std::lock_guard lock(state_mutex_);
    at = {query.newest_first ? last_ + 1 : 0, last_};
  }
  if (!query.cursor.empty() && !decode(query.cursor, at)) {
    return fail(errc::invalid_argument, "cursor: give `next` of the page before");
  }
  rocksdb::ManagedSnapshot snapshot(&files_.db());
  rocksdb::ReadOptions how;
  how.snapshot = snapshot.snapshot();
  const std::unique_ptr<rocksdb::Iterator> head(files_.db().NewIterator(how, files_[letter_files::f_heads]));
  const auto step = [&] { query.newest_first ? head->Prev() : head->Next(); };
  if (query.newest_first) {
    head->SeekForPrev(letter_files::key_of(at.number == 0 ? 0 : at.number - 1));
  } else {
    head->Seek(letter_files::key_of(at.number + 1));
  }
  dead_letter_page page;
  std::size_t examined = 0;
  std::size_t searched = 0;
  std::size_t found_bytes = 0;
  const auto& text = query.filter.text;
  for (; head->Valid(); step()) {
    const auto number = letter_files::number_of(head->key()).value_or(0);
    if (!query.newest_first && number > at.last) break;
    if (page.letters.size() == query.limit || examined == examined_a_page || searched >= searched_a_page ||
        found_bytes >= page_bytes) {
      page.next = encode(at);
      return page;
    }
    ++examined;
    at.number = number;
    auto letter = letter_files::letter_of(number, head->value());
    if (!matches_head(query.filter, letter)) continue;
    if (query.with_bytes || !text.empty()) {
      if (auto read = files_.read_bytes(how, number, letter); !read) return tl::make_unexpected(read.error());
      searched += text.empty() ? 0 : letter.bytes.size();
    }
    if (!text.empty() && !mentions(letter, text)) continue;
    if (!query.with_bytes) letter.bytes.clear();
    found_bytes += size_of(letter);
    page.letters.push_back(std::move(letter));
  }
  if (!head->status().ok()) return letter_files::failed(head->status(), "listing letters");
  return page;
}

result<dead_letter> letter_store::get(std::string_view id) {
  std::uint64_t number = 0;
  if (!letters::parse_id(id, number)) {
    return fail(errc::invalid_argument, "\"" + std::string(id) +
                                            "\" is no id of a dead letter; 16 lower-case "
                                            "hexadecimal digits are");
  }
  rocksdb::ManagedSnapshot snapshot(&files_.db());
  rocksdb::ReadOptions how;
  how.snapshot = snapshot.snapshot();
  std::string head;
  const auto status = files_.db().Get(how, files_[letter_files::f_heads], letter_files::key_of(number), &head);
  if (status.IsNotFound()) {
    return fail(errc::not_found, "there is no dead letter " + std::string(id) +
                                     "; it was replayed, dropped or pushed "
                                     "out, if there ever was one");
  }
  if (!status.ok()) return letter_files::failed(status, "reading a letter");
  auto letter = letter_files::letter_of(number, head);
  if (auto read = files_.read_bytes(how, number, letter); !read) return tl::make_unexpected(read.error());
  return letter;
}

result<std::uint64_t> letter_store::drop(std::span<const std::string> ids, leaving why) {
  std::set<std::uint64_t> numbers;
  for (const auto& id : ids) {
    std::uint64_t number = 0;
    if (!letters::parse_id(id, number)) {
      return fail(errc::invalid_argument, "\"" + id +
                                              "\" is no id of a dead letter; 16 lower-case hexadecimal digits "
                                              "are");
    }
    numbers.insert(number);
  }
  const std::lock_guard lock(write_mutex_);
  WriteBatch batch;
  std::vector<change> changes;
  std::string head;
  for (const auto number : numbers) {
    const auto status = files_.db().Get({}, files_[letter_files::f_heads], letter_files::key_of(number), &head);
    if (status.IsNotFound()) continue;
    if (!status.ok()) return letter_files::failed(status, "reading a letter");
    take_away(batch, number, head, changes);
  }
  if (changes.empty()) return 0;
  if (auto written = write(batch, true, "dropping letters"); !written) return tl::make_unexpected(written.error());
  count(changes, false);
  const std::lock_guard state(state_mutex_);
  (why == leaving::dropped ? totals_.dropped : totals_.replayed) += changes.size();
  return changes.size();
}

result<dead_letter_drop> letter_store::drop(const dead_letter_query& query) {
  auto heads = query;
  heads.with_bytes = false;
  auto page = list(heads);
  if (!page) return tl::make_unexpected(page.error());
  std::vector<std::string> ids;
  ids.reserve(page->letters.size());
  for (auto& each : page->letters) ids.push_back(std::move(each.id));
  const auto dropped = drop(ids, leaving::dropped);
  if (!dropped) return tl::make_unexpected(dropped.error());
  return dead_letter_drop{*dropped, std::move(page->next)};
}

result<std::uint64_t> letter_store::erase(const std::function<bool(const dead_letter&)>& meant) {
  std::uint64_t erased = 0;
  dead_letter_query query;
  query.newest_first = false;
  do {
    const auto page = list(query);
    if (!page) return tl::make_unexpected(page.error());
    std::vector<std::string> ids;
    for (const auto& each : page->letters) {
      if (meant(each)) ids.push_back(each.id);
    }
    auto dropped = drop(ids, leaving::dropped);
    if (!dropped) return dropped;
    erased += *dropped;
    query.cursor = page->next;
  } while (!query.cursor.empty());
  return erased;
}

result<void> letter_store::compact() {
  rocksdb::CompactRangeOptions how;
  how.exclusive_manual_compaction = false;
  how.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForce;
  const std::vector<rocksdb::ColumnFamilyHandle*> all{files_[letter_files::f_heads], files_[letter_files::f_bytes]};
  // The log's file goes once all of its families are flushed.
  auto status = files_.db().Flush({}, {files_[letter_files::f_default], all[0], all[1], files_[letter_files::f_meta]});
  for (auto* each : all) {
    if (status.ok()) status = files_.db().CompactRange(how, each, nullptr, nullptr);
  }
  return status.ok() ? result<void>() : letter_files::failed(status, "rewriting files");
}

result<void> letter_store::mark_replayed(std::span<const replay_mark> marks) {
  const std::lock_guard lock(write_mutex_);
  WriteBatch batch;
  std::vector<change> changes;
  std::set<std::uint64_t> seen;
  const auto now = options_.now_ms();
  std::string head;
  std::uint64_t marked = 0;
  for (const auto& mark : marks) {
    std::uint64_t number = 0;
    if (!letters::parse_id(mark.id, number) || !seen.insert(number).second) continue;
    const auto key = letter_files::key_of(number);
    const auto status = files_.db().Get({}, files_[letter_files::f_heads], key, &head);
    if (status.IsNotFound()) continue;
    if (!status.ok()) return letter_files::failed(status, "reading a letter");
    auto letter = letter_files::letter_of(number, head);
    auto before = letter_files::weight_of(letter, head.size());
    if (letter.code == "damaged") continue;
    ++letter.attempts;
    letter.replayed_ms = now;
    if (!mark.code.empty()) letter.code = mark.code;
    if (!mark.message.empty()) letter.message = mark.message;
    letters::cut_texts(letter);
    const auto after = letters::encode_head(letter);
    batch.Put(files_[letter_files::f_heads], key, after);
    before.bytes = 0 - before.bytes;
    changes.emplace_back(std::move(before), -1);
    changes.emplace_back(letter_files::weight_of(letter, after.size()), 1);
    ++marked;
  }
  if (marked == 0) return {};
  if (auto written = write(batch, true, "marking letters"); !written) return written;
  count(changes, false);
  const std::lock_guard state(state_mutex_);
  totals_.again_refused += marked;
  return {};
}

dead_letter_status letter_store::status() const {
  const std::lock_guard lock(state_mutex_);
  auto made = totals_;
  made.counts.reserve(tallies_.size());
  for (const auto& [key, of] : tallies_) made.counts.push_back({key.first, key.second, of.letters, of.bytes, of.taken});
  return made;
}

}  // namespace

result<std::unique_ptr<dead_letters>> dead_letters::open(file_system& files, const std::string& directory,
                                                         dead_letter_options options) {
  auto made = std::make_unique<letter_store>(std::move(options));
  if (auto started = made->start(files, directory); !started) return tl::make_unexpected(started.error());
  return made;
}

}  // namespace kith::persistence
