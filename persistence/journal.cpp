// The writer: one thread a shard that gathers, writes and syncs.
#include "persistence/journal.hpp"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "persistence/journal_format.hpp"
#include "persistence/thread_name.hpp"

namespace kith::persistence {

namespace {

class journal_writer final : public journal {
 public:
  journal_writer(file_system& files, std::string directory, unsigned shard, journal_options options,
                 completion completed)
      : files_(files),
        directory_(std::move(directory)),
        shard_(shard),
        options_(options),
        completed_(std::move(completed)) {}
  ~journal_writer() override;

  result<void> start();
  void append(std::span<const append_request> requests) override;
  result<std::uint64_t> seal() override;
  result<void> remove_through(std::uint64_t segment) override;
  journal_position durable_end() const override;
  std::uint64_t bytes() const override;

 private:
  void run();
  result<void> open_segment();
  result<void> write(std::span<const append_request> group);
  std::string path_of(std::uint64_t segment) const { return directory_ + "/" + format::file_name(shard_, segment); }

  file_system& files_;
  const std::string directory_;
  const unsigned shard_;
  const journal_options options_;
  const completion completed_;

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable sealed_;
  std::deque<append_request> pending_;
  std::uint64_t appended_ = 0;  // requests so far
  std::uint64_t taken_ = 0;     // of them, by the thread
  std::uint64_t seal_behind_ = 0;
  std::uint64_t seals_asked_ = 0;
  std::uint64_t seals_done_ = 0;
  std::uint64_t sealed_segment_ = 0;
  result<void> failure_;
  bool stopping_ = false;
  bool awaited_ = false;  // one of pending_ is, maybe
  journal_position durable_;
  std::vector<segment_file> old_segments_;

  // The thread's own.
  std::unique_ptr<file> file_;
  std::uint64_t segment_ = 0;
  std::uint64_t offset_ = 0;
  std::uint64_t next_sequence_ = 1;
  std::uint64_t synced_ = 0;
  std::string heads_;
  std::vector<std::string_view> pieces_;
  std::thread thread_;
};

result<void> journal_writer::start() {
  auto listed = list_segments(files_, directory_);
  if (!listed) return tl::make_unexpected(listed.error());
  for (auto& segment : *listed) {
    if (segment.shard != shard_) continue;
    segment_ = segment.segment;
    old_segments_.push_back(std::move(segment));
  }
  // From the last segment whose records or head tell a sequence: those behind it may be damaged through and through.
  for (auto at = old_segments_.rbegin(); at != old_segments_.rend() && next_sequence_ == 1; ++at) {
    const auto report = read_segment(files_, *at, true, 0, [](std::string_view, std::uint64_t) { return true; });
    if (!report) return tl::make_unexpected(report.error());
    next_sequence_ = report->last_sequence + 1;
  }
  synced_ = next_sequence_ - 1;
  if (auto opened = open_segment(); !opened) return opened;
  thread_ = std::thread([this] { run(); });
  return {};
}

journal_writer::~journal_writer() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
}

result<void> journal_writer::open_segment() {
  const auto segment = segment_ + 1;
  auto opened = files_.open(path_of(segment), open_mode::create);
  if (!opened) return tl::make_unexpected(opened.error());
  const auto head = format::encode(format::segment_head{
      shard_, segment, next_sequence_, options_.sealed ? format::sealed_version : format::plain_version});
  const std::array<std::string_view, 1> pieces{head};
  if (auto written = (*opened)->append(pieces); !written) return written;
  if (auto synced = (*opened)->sync(); !synced) return synced;
  if (auto synced = files_.sync_directory(directory_); !synced) return synced;
  const std::lock_guard lock(mutex_);
  if (file_) old_segments_.push_back({path_of(segment_), shard_, segment_, offset_});
  file_ = std::move(*opened);
  segment_ = segment;
  offset_ = head.size();
  durable_ = {segment_, offset_};
  return {};
}

void journal_writer::append(std::span<const append_request> requests) {
  bool wake = false;
  {
    const std::lock_guard lock(mutex_);
    const bool awaited = std::any_of(requests.begin(), requests.end(), [](const auto& each) { return each.awaited; });
    wake = pending_.empty() || (awaited && !awaited_);
    awaited_ = awaited_ || awaited;
    pending_.insert(pending_.end(), requests.begin(), requests.end());
    appended_ += requests.size();
  }
  if (wake) wake_.notify_one();
}

void journal_writer::run() {
  name_thread("journal", shard_);
  std::vector<append_request> group;
  std::vector<std::uint64_t> tags;
  for (;;) {
    std::uint64_t sealing = 0;
    {
      std::unique_lock lock(mutex_);
      const auto hurried = [&] { return stopping_ || awaited_ || seals_asked_ != seals_done_; };
      wake_.wait(lock, [&] { return hurried() || !pending_.empty(); });
      wake_.wait_for(lock, options_.gathering, hurried);
      if (pending_.empty() && stopping_) return;
      // Not when nothing is pending: under load that would be never.
      if (seals_asked_ != seals_done_ && taken_ >= seal_behind_) sealing = seals_asked_;
      std::size_t bytes = 0;
      while (sealing == 0 && !pending_.empty() &&
             (bytes == 0 || bytes + pending_.front().payload.size() <= options_.write_bytes)) {
        bytes += pending_.front().payload.size();
        group.push_back(pending_.front());
        pending_.pop_front();
      }
      taken_ += group.size();
      if (pending_.empty()) awaited_ = false;
    }
    auto outcome = failure_;  // only this thread writes it
    if (sealing != 0) {
      if (outcome) outcome = open_segment();
    } else if (outcome) {
      outcome = write(group);
    }
    {
      const std::lock_guard lock(mutex_);
      if (!outcome) failure_ = outcome;
      if (sealing != 0) {
        seals_done_ = sealing;
        sealed_segment_ = segment_ - 1;
        sealed_.notify_all();
      }
    }
    if (group.empty()) continue;
    for (const auto& request : group) tags.push_back(request.tag);
    completed_(tags, outcome);
    group.clear();
    tags.clear();
  }
}

result<void> journal_writer::write(std::span<const append_request> group) {
  if (offset_ >= options_.segment_bytes) {
    if (auto opened = open_segment(); !opened) return opened;
  }
  heads_.resize(group.size() * format::record_head_bytes);
  pieces_.clear();
  std::uint64_t bytes = 0;
  for (std::size_t i = 0; i < group.size(); ++i) {
    char* head = heads_.data() + i * format::record_head_bytes;
    format::encode(group[i].payload, next_sequence_++, synced_, head);
    pieces_.emplace_back(head, format::record_head_bytes);
    pieces_.push_back(group[i].payload);
    bytes += format::record_head_bytes + group[i].payload.size();
  }
  if (auto written = file_->append(pieces_); !written) return written;
  if (auto synced = file_->sync(); !synced) return synced;
  synced_ = next_sequence_ - 1;
  const std::lock_guard lock(mutex_);
  offset_ += bytes;
  durable_ = {segment_, offset_};
  return {};
}

result<std::uint64_t> journal_writer::seal() {
  std::unique_lock lock(mutex_);
  const auto mine = ++seals_asked_;
  seal_behind_ = appended_;
  wake_.notify_one();
  sealed_.wait(lock, [&] { return seals_done_ >= mine; });
  if (!failure_) return tl::make_unexpected(failure_.error());
  return sealed_segment_;
}

result<void> journal_writer::remove_through(std::uint64_t segment) {
  std::vector<segment_file> removed;
  {
    const std::lock_guard lock(mutex_);
    const auto kept = std::stable_partition(old_segments_.begin(), old_segments_.end(),
                                            [&](const auto& each) { return each.segment <= segment; });
    removed.assign(old_segments_.begin(), kept);
    old_segments_.erase(old_segments_.begin(), kept);
  }
  for (const auto& each : removed) {
    if (auto outcome = files_.remove(each.path); !outcome && outcome.error().code != errc::not_found) return outcome;
    // One by one, so that no power cut leaves a gap, which would be taken for damage.
    if (auto synced = files_.sync_directory(directory_); !synced) return synced;
  }
  return {};
}

journal_position journal_writer::durable_end() const {
  const std::lock_guard lock(mutex_);
  return durable_;
}

std::uint64_t journal_writer::bytes() const {
  const std::lock_guard lock(mutex_);
  std::uint64_t sum = offset_;
  for (const auto& each : old_segments_) sum += each.bytes;
  return sum;
}

}  // namespace

result<std::unique_ptr<journal>> journal::open(file_system& files, std::string directory, unsigned shard,
                                               journal_options options, completion completed) {
  auto made = std::make_unique<journal_writer>(files, std::move(directory), shard, options, std::move(completed));
  if (auto started = made->start(); !started) return tl::make_unexpected(started.error());
  return made;
}

}  // namespace kith::persistence
