// The log of what watchers are told: begun when somebody watches, gone on with by the next process, ended when nobody
// watched for long.
//
// A log survives a crash only once a checkpoint was made behind its begin: then a replay holds nothing that happened
// before it. Until then nobody is told what is in it.
#include <algorithm>
#include <random>

#include "actors/runtime_impl.hpp"

namespace kith::actors {

namespace {

constexpr std::size_t segments_a_shard = 8;  ///< about, so that the oldest part of a log can go
constexpr std::size_t least_segment_bytes = 64 * 1024;

std::uint64_t random_id() {
  std::random_device random;
  return (std::uint64_t{random()} << 32 | random()) | 1;  // never 0
}

}  // namespace

result<void> runtime_impl::open_change_logs() {
  ++log_generation_;
  persistence::journal_options options;
  options.segment_bytes =
      std::max<std::size_t>(least_segment_bytes, options_.watch_bytes / options_.shards / segments_a_shard);
  for (shard_id id = 0; id < options_.shards; ++id) {
    auto* home = shards_[id].get();
    auto log = persistence::journal::open(
        files_, environment_->changes_directory, id, options,
        [home, generation = log_generation_](std::span<const std::uint64_t> tags, const result<void>& outcome) {
          home->post(
              [home, generation, count = tags.size(), outcome] { home->watches().logged(generation, count, outcome); });
        });
    if (!log) return tl::make_unexpected(log.error());
    change_logs_.push_back(std::move(*log));
  }
  environment_->log_id = change_head_.id;
  return {};
}

result<void> runtime_impl::resume_changes() {
  auto found = find_changes(files_, environment_->changes_directory, options_.shards,
                            [this](std::string_view level, const std::string& message) { log(level, message); });
  if (!found) return tl::make_unexpected(found.error());
  if (found->head.id == 0) return {};
  change_head_ = std::move(found->head);
  if (auto opened = open_change_logs(); !opened) return opened;
  for (shard_id id = 0; id < options_.shards; ++id) {
    shards_[id]->watches().begin_log(*change_logs_[id], log_generation_, found->next[id]);
    shards_[id]->remember(std::move(found->memberships[id]));
  }
  environment_->told_events = std::move(found->events);
  environment_->watched = true;
  environment_->log_survives = true;
  return {};
}

result<void> runtime_impl::tell_differences() {
  auto differ = std::make_shared<std::vector<std::vector<profile::hash128>>>(shards_.size());
  auto outcome = on_every_shard([differ](shard& at, auto done) {
    (*differ)[at.id()] = at.end_replay();
    done({});
  });
  if (!outcome) return outcome;
  environment_->told_events = {};
  for (const auto& home : shards_) {
    for (const auto address : (*differ)[home->id()]) {
      if (!telling_.take()) return {};
      home->post([at = home.get(), address, this] { at->refresh(address, telling_); });
    }
  }
  telling_.settle();
  return {};
}

bool runtime_impl::changes_wanted() const {
  return environment_->watch_count > 0 && change_logs_.empty() && state().now == phase::ready;
}

bool runtime_impl::changes_due() {
  const std::lock_guard lock(changes_mutex_);
  return change_log_bytes() > change_log_bytes_then_ + options_.watch_bytes;
}

std::uint64_t runtime_impl::change_log_bytes() const {
  std::uint64_t bytes = 0;
  for (const auto& each : change_logs_) bytes += each->bytes();
  return bytes;
}

/// On a thread of its own: a watch does not wait for a checkpoint that is under way.
void runtime_impl::keep_changes() {
  persistence::name_thread("changes");
  while (!stopping_) {
    {
      std::unique_lock lock(maintenance_mutex_);
      changes_wake_.wait_for(lock, std::chrono::seconds(1), [this] { return stopping_ || changes_wanted(); });
    }
    if (stopping_ || state().now == phase::failed) continue;
    if (auto tended = tend_changes(); !tended) failed(tended.error());
  }
}

result<void> runtime_impl::tend_changes() {
  if (changes_wanted()) return begin_changes();
  const bool forgotten =
      environment_->watch_count == 0 && now() - environment_->last_watch.load() > options_.watch_keep;
  return forgotten && environment_->watched ? end_changes() : result<void>();
}

result<void> runtime_impl::begin_changes() {
  const std::lock_guard lock(changes_mutex_);
  const auto& directory = environment_->changes_directory;
  if (auto made = files_.make_directory(directory); !made) return made;
  if (auto gone = remove_segments(files_, directory); !gone) return gone;
  change_head_ = {random_id(), {}};
  if (auto opened = open_change_logs(); !opened) return opened;
  auto begun = on_every_shard([this](shard& at, auto done) {
    at.watches().begin_log(*change_logs_[at.id()], log_generation_);
    done({});
  });
  last_checkpoint_ = now() - options_.checkpoint_interval - std::chrono::seconds(1);  // the next one is due
  maintenance_wake_.notify_all();
  return begun;
}

result<void> runtime_impl::end_changes() {
  const std::lock_guard lock(changes_mutex_);
  const auto id = environment_->log_id.exchange(0);
  if (environment_->watch_count > 0) {  // somebody came with a cursor, maybe
    environment_->log_id = id;
    return {};
  }
  environment_->log_survives = false;
  if (!change_logs_.empty()) {
    if (auto gone = remove_head(files_, environment_->changes_directory); !gone) return gone;
  }
  environment_->watched = false;
  environment_->watched = environment_->watch_count > 0;
  still_written_.resize(shards_.size());
  auto outcome = on_every_shard([this](shard& at, auto done) {
    still_written_[at.id()] = at.watches().end_log();
    done({});
  });
  if (!outcome || change_logs_.empty()) return outcome;
  change_logs_.clear();
  still_written_.clear();
  return remove_segments(files_, environment_->changes_directory);
}

result<change_log_head> runtime_impl::seal_changes() {
  const std::lock_guard lock(changes_mutex_);
  auto head = change_head_;
  if (change_logs_.empty()) return change_log_head();
  for (const auto& each : shards_) {
    auto& mark = head.at[each->id()];
    if (mark.next == each->watches().logged_to()) continue;  // nothing to end a segment for
    auto sealed = change_logs_[each->id()]->seal();
    if (!sealed) return tl::make_unexpected(sealed.error());
    mark.saved = *sealed;
  }
  // The shards have heard of all that is in there when they come to this.
  auto next = std::make_shared<std::vector<std::uint64_t>>(shards_.size());
  auto outcome = on_every_shard([next](shard& at, auto done) {
    (*next)[at.id()] = at.watches().logged_to();
    done({});
  });
  if (!outcome) return tl::make_unexpected(outcome.error());
  for (shard_id id = 0; id < shards_.size(); ++id) head.at[id].next = (*next)[id];
  return head;
}

/// `forget`: what was logged before goes, and cursors of then.
result<void> runtime_impl::changes_saved(const change_log_head& head, bool forget) {
  const std::lock_guard lock(changes_mutex_);
  if (head.id != change_head_.id || change_logs_.empty()) return {};  // none was kept then, or is now
  const auto& directory = environment_->changes_directory;
  if (auto written = write_head(files_, directory, head); !written) return written;
  change_head_ = head;
  environment_->log_survives = true;
  for (const auto& each : shards_) {
    each->post([] {});  // a turn, at the end of which watchers are told
  }
  const auto segments = persistence::list_segments(files_, directory);
  if (!segments) return tl::make_unexpected(segments.error());
  const auto share = forget ? 0 : options_.watch_bytes / shards_.size();
  for (shard_id id = 0; id < shards_.size(); ++id) {
    auto bytes = change_logs_[id]->bytes();
    std::uint64_t last = 0;
    for (const auto& segment : *segments) {
      if (segment.shard != id || segment.segment > head.at.at(id).saved || bytes <= share) continue;
      bytes -= segment.bytes;
      last = segment.segment;
    }
    if (last == 0) continue;
    log("info", directory + ": the oldest changes of shard " + std::to_string(id) + " go, and cursors before them (" +
                    (forget ? "somebody was erased" : "watch.bytes") + ")");
    if (auto removed = change_logs_[id]->remove_through(last); !removed) return removed;
  }
  change_log_bytes_then_ = change_log_bytes();
  return {};
}

}  // namespace kith::actors
