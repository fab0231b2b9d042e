#include "persistence/spool.hpp"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdio>
#include <mutex>
#include <optional>
#include <thread>

#include "persistence/journal_format.hpp"
#include "persistence/thread_name.hpp"
#include "persistence/whole_file.hpp"

namespace kith::persistence {

namespace {

using positions = std::array<journal_position, lane_count>;

constexpr const char* progress_name = "progress";
constexpr std::uint64_t most_being_written = 64 * 1024 * 1024;  ///< held in memory; past it append() refuses
constexpr std::chrono::seconds between_looks_at_the_disk{1};

std::size_t index_of(lane which) noexcept { return static_cast<std::size_t>(which); }

std::size_t segment_bytes_of(const spool_options& options) {
  if (options.segment_bytes > 0) return options.segment_bytes;
  return static_cast<std::size_t>(std::clamp<std::uint64_t>(options.bytes / 32, 64 * 1024, 64 * 1024 * 1024));
}

std::uint64_t record_bytes(std::size_t payload) noexcept { return format::record_head_bytes + payload; }

/// With the head of a segment that may begin with it.
std::uint64_t most_bytes_of(std::size_t payload) noexcept { return record_bytes(payload) + format::segment_head_bytes; }

/// "kith-spool 1 SEGMENT OFFSET SEGMENT OFFSET CHECKSUM", the critical lane first.
std::string progress_text(const positions& at) {
  std::string text = "kith-spool 1";
  for (const auto& each : at) text += " " + std::to_string(each.segment) + " " + std::to_string(each.offset);
  return text + " " + std::to_string(crc32c(text)) + "\n";
}

std::optional<positions> parse_progress(const std::string& text) {
  std::array<unsigned long long, 2 * lane_count> numbers{};
  if (std::sscanf(text.c_str(), "kith-spool 1 %llu %llu %llu %llu", &numbers[0], &numbers[1], &numbers[2],
                  &numbers[3]) != 4) {
    return std::nullopt;
  }
  positions made;
  for (std::size_t i = 0; i < lane_count; ++i) made[i] = {numbers[2 * i], numbers[2 * i + 1]};
  return progress_text(made) == text ? std::optional(made) : std::nullopt;
}

class journaled_spool final : public spool {
 public:
  journaled_spool(file_system& files, std::string directory, spool_options options)
      : files_(files), directory_(std::move(directory)), options_(std::move(options)), limit_(options_.bytes) {}
  ~journaled_spool() override;

  result<void> start();
  result<void> append(lane to, std::string payload, appended done) override;
  void on_durable(std::function<void()> call) override {
    const std::lock_guard lock(durable_mutex_);
    durable_ = std::move(call);
  }
  result<std::vector<spooled>> read(lane of, journal_position& at, std::size_t most_bytes) override;
  journal_position acknowledged(lane of) const override;
  void acknowledge(lane of, journal_position end, std::uint64_t bytes) override;
  result<void> save_progress() override;
  void limit_to(std::uint64_t bytes) override { limit_ = bytes; }
  spool_status status() const override;

 private:
  /// A record that is being written; its address is the journal's tag.
  struct waiting {
    std::string payload;
    appended done;
  };

  result<void> load_progress();
  void check_progress(lane of, const std::vector<segment_file>& segments);
  void completed(lane of, std::span<const std::uint64_t> tags, const result<void>& outcome);
  result<void> refusal(std::uint64_t more) const;
  result<bool> read_one(lane of, journal_position& at, journal_position end, std::size_t most_bytes,
                        std::vector<spooled>& into);
  void take_away(lane of, std::uint64_t bytes);
  void tell_damage(const std::string& what, std::uint64_t bytes);
  void keep();
  void look_at_the_disk();
  void log(std::string_view level, const std::string& message) const {
    if (options_.log) options_.log(level, message);
  }
  std::string path_of(lane of, std::uint64_t segment) const {
    return directory_ + "/" + format::file_name(static_cast<unsigned>(of), segment);
  }
  std::uint64_t file_bytes() const;

  file_system& files_;
  const std::string directory_;
  const spool_options options_;
  std::array<std::unique_ptr<journal>, lane_count> journals_;

  std::atomic<std::uint64_t> limit_;
  std::atomic<std::uint64_t> writing_{0};  ///< bytes handed to the journals
  std::array<std::atomic<std::uint64_t>, lane_count> backlog_{};
  std::atomic<std::uint64_t> syncs_{0};
  std::atomic<std::uint64_t> refused_{0};
  std::atomic<std::uint64_t> damaged_bytes_{0};
  std::atomic<std::uint64_t> progress_failures_{0};
  std::atomic<bool> low_disk_{false};
  std::atomic<bool> told_full_{false};

  mutable std::mutex mutex_;  ///< of what follows
  std::condition_variable wake_;
  positions acknowledged_{};
  std::string failed_;
  bool stopping_ = false;

  std::mutex durable_mutex_;
  std::function<void()> durable_;

  std::mutex saving_;  ///< of what follows: `progress` is written by one at a time
  positions saved_{};

  std::thread keeper_;
};

result<void> journaled_spool::start() {
  if (auto made = files_.make_directory(directory_); !made) return made;
  const auto repaired = repair_journal(files_, directory_);
  if (!repaired) return tl::make_unexpected(repaired.error());
  for (const auto& each : *repaired) {
    const auto path = path_of(static_cast<lane>(each.shard), each.segment);
    for (const auto& damage : each.damages) {
      log("error", path + ": " + std::to_string(damage.bytes) + " bytes at " + std::to_string(damage.offset) +
                       " are damaged: " + damage.what + "; what could be copied is in " + directory_ +
                       "/quarantine, and the events in there were not sent, if they were not before");
    }
    if (each.torn_bytes > 0) {
      log("warning", path + ": " + std::to_string(each.torn_bytes) +
                         " bytes at its end were never acknowledged to a sender, and are cut");
    }
  }
  if (auto loaded = load_progress(); !loaded) return loaded;
  look_at_the_disk();
  for (std::size_t i = 0; i < lane_count; ++i) {
    auto opened =
        journal::open(files_, directory_, static_cast<unsigned>(i), {segment_bytes_of(options_)},
                      [this, of = static_cast<lane>(i)](std::span<const std::uint64_t> tags,
                                                        const result<void>& outcome) { completed(of, tags, outcome); });
    if (!opened) return tl::make_unexpected(opened.error());
    journals_[i] = std::move(*opened);
    if (acknowledged_[i].segment == 0) acknowledged_[i] = journals_[i]->durable_end();
  }
  if (options_.progress_interval.count() > 0) keeper_ = std::thread([this] { keep(); });
  return {};
}

result<void> journaled_spool::load_progress() {
  const auto segments = list_segments(files_, directory_);
  if (!segments) return tl::make_unexpected(segments.error());
  const auto text = read_file(files_, directory_ + "/" + progress_name);
  if (!text && text.error().code != errc::not_found) return tl::make_unexpected(text.error());
  if (text) {
    if (const auto parsed = parse_progress(*text)) {
      acknowledged_ = *parsed;
    } else {
      log("error", directory_ + "/" + progress_name + ": is damaged; everything in the spool is sent again");
    }
  }
  for (std::size_t i = 0; i < lane_count; ++i) {
    std::vector<segment_file> mine;
    std::copy_if(segments->begin(), segments->end(), std::back_inserter(mine),
                 [&](const auto& each) { return each.shard == i; });
    check_progress(static_cast<lane>(i), mine);
  }
  saved_ = acknowledged_;
  return {};
}

/// Does the progress fit the files? Sets it to their begin otherwise: what is sent again counts once.
void journaled_spool::check_progress(lane of, const std::vector<segment_file>& segments) {
  auto& at = acknowledged_[index_of(of)];
  const auto first = segments.empty() ? 0 : segments.front().segment;
  const auto last = segments.empty() ? 0 : segments.back().segment;
  const auto place = directory_ + ": lane " + std::string(name_of(of)) + ": ";
  if (at.segment > last) {
    tell_damage(place + "segment " + std::to_string(at.segment) +
                    ", which was being sent, and those behind it are missing; what was in them is lost, unless the "
                    "files are brought back",
                0);
    at = {};
  } else if (at.segment > 0 && at.segment < first) {
    tell_damage(place + "segments " + std::to_string(at.segment) + " to " + std::to_string(first - 1) +
                    " are missing; what was in them is lost, unless the files are brought back",
                0);
  }
  if (at.segment < first) at = {first, 0};
  std::uint64_t bytes = 0;
  for (const auto& each : segments) {
    if (each.segment < at.segment) continue;
    const auto from = std::max<std::uint64_t>(format::segment_head_bytes, each.segment == at.segment ? at.offset : 0);
    bytes += each.bytes - std::min(each.bytes, from);
  }
  backlog_[index_of(of)] = bytes;
}

journaled_spool::~journaled_spool() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (keeper_.joinable()) keeper_.join();
  if (journals_[0] && journals_[1] && options_.progress_interval.count() > 0) static_cast<void>(save_progress());
  for (auto& each : journals_) each.reset();
}

std::uint64_t journaled_spool::file_bytes() const {
  std::uint64_t sum = 0;
  for (const auto& each : journals_) sum += each->bytes();
  return sum;
}

result<void> journaled_spool::refusal(std::uint64_t more) const {
  {
    const std::lock_guard lock(mutex_);
    if (!failed_.empty()) {
      return fail(errc::unavailable, "the spool failed: " + failed_ + "; mend the disk and start again");
    }
  }
  if (writing_ + more > most_being_written) {
    return fail(errc::unavailable,
                directory_ + ": the disk does not keep up: " + std::to_string(writing_) + " bytes wait to be written");
  }
  if (file_bytes() + writing_ + more > limit_) {
    return fail(errc::resource_exhausted, "the spool is full: spool.bytes = " + std::to_string(limit_) +
                                              "; it empties as the store takes what is in it");
  }
  if (low_disk_) {
    return fail(errc::resource_exhausted, directory_ + ": less than spool.keep_free = " +
                                              std::to_string(options_.keep_free) + " bytes of the disk are free");
  }
  return {};
}

result<void> journaled_spool::append(lane to, std::string payload, appended done) {
  const auto bytes = most_bytes_of(payload.size());
  if (payload.size() > format::max_payload_bytes) return fail(errc::too_large, "a record of the spool is over 64 MiB");
  if (auto refused = refusal(bytes); !refused) {
    refused_.fetch_add(1, std::memory_order_relaxed);
    if (!told_full_.exchange(true)) log("error", "events are refused: " + refused.error().message);
    return refused;
  }
  if (told_full_.exchange(false)) log("info", "events are taken again");
  writing_ += bytes;
  auto kept = std::make_unique<waiting>(waiting{std::move(payload), std::move(done)});
  const std::string_view view = kept->payload;
  const append_request request{view, reinterpret_cast<std::uint64_t>(kept.release()), true};
  journals_[index_of(to)]->append({&request, 1});
  return {};
}

void journaled_spool::completed(lane of, std::span<const std::uint64_t> tags, const result<void>& outcome) {
  syncs_.fetch_add(1, std::memory_order_relaxed);
  if (!outcome) {
    const std::lock_guard lock(mutex_);
    if (failed_.empty()) {
      failed_ = outcome.error().message;
      log("error", "the spool failed: " + failed_ + "; no events are taken until it is mended and started again");
    }
  }
  for (const auto tag : tags) {
    // append() made the number from it.
    const std::unique_ptr<waiting> one(reinterpret_cast<waiting*>(tag));  // NOLINT(performance-no-int-to-ptr)
    writing_ -= most_bytes_of(one->payload.size());
    if (outcome) backlog_[index_of(of)] += record_bytes(one->payload.size());
    if (one->done) one->done(outcome);
  }
  const std::lock_guard lock(durable_mutex_);
  if (outcome && durable_) durable_();
}

void journaled_spool::take_away(lane of, std::uint64_t bytes) {
  auto& from = backlog_[index_of(of)];
  auto before = from.load();
  while (!from.compare_exchange_weak(before, before - std::min(before, bytes))) {
  }
}

void journaled_spool::tell_damage(const std::string& what, std::uint64_t bytes) {
  damaged_bytes_ += std::max<std::uint64_t>(1, bytes);  // even where nothing is left to count
  log("error", what);
}

/// False: nothing more is in that segment.
result<bool> journaled_spool::read_one(lane of, journal_position& at, journal_position end, std::size_t most_bytes,
                                       std::vector<spooled>& into) {
  const bool still_written = at.segment == end.segment;
  const segment_file segment{path_of(of, at.segment), static_cast<unsigned>(of), at.segment, 0};
  std::size_t bytes = 0;
  bool stopped = false;
  const auto report =
      read_segment(files_, segment, false, at.offset, [&](std::string_view payload, std::uint64_t offset) {
        const bool past_end = still_written && offset > end.offset;
        if (!past_end) {
          into.push_back({std::string(payload), {at.segment, offset}, record_bytes(payload.size())});
          at.offset = offset;
          bytes += payload.size();
        }
        // What is behind the durable end may be being written.
        stopped = past_end || bytes >= most_bytes || (still_written && offset == end.offset);
        return !stopped;
      });
  if (!report && report.error().code == errc::not_found) {
    tell_damage(segment.path + ": is missing; what was in it is lost, unless it is brought back", 0);
    return false;
  }
  if (!report) return tl::make_unexpected(report.error());
  for (const auto& damage : report->damages) {
    if (still_written && damage.offset >= end.offset) continue;
    take_away(of, damage.bytes);
    tell_damage(segment.path + ": " + std::to_string(damage.bytes) + " bytes at " + std::to_string(damage.offset) +
                    " cannot be read, and are left out: " + damage.what,
                damage.bytes);
  }
  return stopped;
}

result<std::vector<spooled>> journaled_spool::read(lane of, journal_position& at, std::size_t most_bytes) {
  std::vector<spooled> records;
  const auto end = journals_[index_of(of)]->durable_end();
  while (records.empty() && at < end) {
    auto more = read_one(of, at, end, most_bytes, records);
    if (!more) return tl::make_unexpected(more.error());
    if (*more) break;
    at = at.segment < end.segment ? journal_position{at.segment + 1, 0} : end;
  }
  return records;
}

journal_position journaled_spool::acknowledged(lane of) const {
  const std::lock_guard lock(mutex_);
  return acknowledged_[index_of(of)];
}

void journaled_spool::acknowledge(lane of, journal_position end, std::uint64_t bytes) {
  take_away(of, bytes);
  const std::lock_guard lock(mutex_);
  acknowledged_[index_of(of)] = end;
}

result<void> journaled_spool::save_progress() {
  const std::lock_guard one(saving_);
  positions now;
  {
    const std::lock_guard lock(mutex_);
    now = acknowledged_;
  }
  if (now == saved_) return {};
  if (auto written = replace_file(files_, directory_, progress_name, progress_text(now)); !written) return written;
  saved_ = now;
  for (std::size_t i = 0; i < lane_count; ++i) {
    if (now[i].segment == 0) continue;
    if (auto removed = journals_[i]->remove_through(now[i].segment - 1); !removed) return removed;
  }
  return {};
}

void journaled_spool::look_at_the_disk() {
  const auto free = files_.free_bytes(directory_);
  const bool low = free && *free < options_.keep_free;
  if (low_disk_.exchange(low) != low && low) {
    log("error", directory_ + ": only " + std::to_string(*free) +
                     " bytes of the disk are free; events are refused until there are spool.keep_free = " +
                     std::to_string(options_.keep_free));
  }
}

/// The keeper's thread.
void journaled_spool::keep() {
  name_thread("spool");
  auto since_look = std::chrono::milliseconds(0);
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      if (wake_.wait_for(lock, options_.progress_interval, [&] { return stopping_; })) return;
    }
    if (const auto saved = save_progress(); !saved) {
      if (progress_failures_.fetch_add(1) == 0) {
        log("error", saved.error().message + "; after a crash, what was sent since is sent again");
      }
    }
    since_look += options_.progress_interval;
    if (since_look < between_looks_at_the_disk) continue;
    since_look = {};
    look_at_the_disk();
  }
}

spool_status journaled_spool::status() const {
  spool_status made;
  made.bytes = file_bytes() + writing_;
  made.limit = limit_;
  for (std::size_t i = 0; i < lane_count; ++i) made.backlog[i] = backlog_[i];
  made.syncs = syncs_;
  made.refused = refused_;
  made.damaged_bytes = damaged_bytes_;
  made.progress_failures = progress_failures_;
  // Once it was full, there is to be some room before it is not: whoever looks at this may send nothing until then.
  made.full = low_disk_ || made.bytes + (told_full_ ? made.limit / 16 : 0) >= made.limit;
  const std::lock_guard lock(mutex_);
  made.failed = failed_;
  return made;
}

}  // namespace

result<std::unique_ptr<spool>> spool::open(file_system& files, const std::string& directory, spool_options options) {
  auto made = std::make_unique<journaled_spool>(files, directory, std::move(options));
  if (auto started = made->start(); !started) return tl::make_unexpected(started.error());
  return made;
}

}  // namespace kith::persistence
