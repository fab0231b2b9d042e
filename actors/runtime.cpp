#include "actors/runtime.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>

#include "actors/journal_record.hpp"
#include "actors/runtime_impl.hpp"
#include "persistence/missing_segments.hpp"
#include "persistence/whole_file.hpp"

namespace kith::actors {

namespace {

constexpr std::uint64_t replay_in_flight_bytes = 64 * 1024 * 1024;
constexpr double busy_share = 0.3;  ///< of the shards' time; above it the history waits

}  // namespace

/// Errors: of the file system and the store; internal, if it is not the one that the checkpoint is of.
result<void> runtime_impl::open_store() {
  for (const auto* part : {"/journal", "/store"}) {
    if (auto made = files_.make_directory(options_.data + part); !made) return made;
  }
  auto marks = persistence::read_checkpoint(files_, options_.data);
  if (marks) {
    marks_ = std::move(*marks);
  } else if (marks.error().code == errc::internal) {
    log("error", marks.error().message + "; the whole journal is replayed, which changes nothing but takes longer");
  } else if (marks.error().code != errc::not_found) {
    return tl::make_unexpected(marks.error());
  }
  options_.store.must_exist =
      std::any_of(marks_.begin(), marks_.end(), [](const auto& mark) { return mark.second.saved > 0; });
  options_.store.log = options_.log;
  auto opened = options_.open_store(files_, options_.data + "/store", options_.store);
  if (!opened) return tl::make_unexpected(opened.error());
  store_ = std::move(*opened);
  return {};
}

/// Files that an earlier process was replacing when it ended: they hold keys, and names of people who may be erased.
/// The store is open, so no other process has the directory.
result<void> runtime_impl::remove_unfinished_files() {
  for (const auto* part : {"", "/keys", "/privacy", "/privacy/requests", "/audit", "/changes"}) {
    const auto removed = persistence::remove_unfinished(files_, options_.data + part);
    if (!removed) return tl::make_unexpected(removed.error());
    for (const auto& path : *removed) log("info", path + ": removed; a crash has left it unfinished");
  }
  return {};
}

result<void> runtime_impl::check_journal() {
  auto present = persistence::list_segments(files_, journal_directory());
  if (!present) return tl::make_unexpected(present.error());
  auto fed = store_->fed();
  if (!fed) return tl::make_unexpected(fed.error());
  const persistence::journal_extent journal{std::move(*present), marks_, std::move(*fed)};
  const auto missing = persistence::find_missing(journal);
  if (missing.empty()) return {};
  if (options_.accept_missing_journal) {
    for (const auto& each : missing) log("error", journal_directory() + ": " + each.what() + "; given up as was asked");
    return persistence::fill_missing(files_, journal_directory(), journal);
  }
  std::string message;
  for (const auto& each : missing) message += journal_directory() + ": " + each.what() + "\n";
  if (marks_.empty()) {
    message += options_.data + "/checkpoint: there is none that is whole, so the journal must be there from 1 on\n";
  }
  return fail(errc::internal, message +
                                  "bring the files back from a backup, or give up what they held: kith serve "
                                  "--accept-missing-journal");
}

result<void> runtime_impl::open() {
  if (auto opened = open_store(); !opened) return opened;
  if (auto checked = check_journal(); !checked) return checked;
  if (auto opened = open_keys(); !opened) return opened;
  if (auto removed = remove_unfinished_files(); !removed) return removed;
  auto book = persistence::erasure_book::open(files_, options_.data + "/privacy");
  if (!book) return tl::make_unexpected(book.error());
  book_ = std::move(*book);
  outgoing_rules_ = options_.outgoing;
  if (auto repaired = repair_journal(); !repaired) return repaired;
  environment_ = std::make_unique<shard_environment>(system_, files_, *store_, pool_, latency_, options_, shards_,
                                                     [this](const error& why) { failed(why); });
  environment_->log_wanted = [this] {
    const std::lock_guard lock(maintenance_mutex_);
    changes_wake_.notify_all();
  };
  environment_->catch_up = [this]() -> result<void> {
    for (;;) {
      const auto fed = feeder_->feed(fed_at_once);
      if (!fed) return tl::make_unexpected(fed.error());
      if (fed->caught_up || stopping_) return {};
    }
  };
  environment_->make_durable = [this]() -> result<void> {
    for (const auto& each : shards_) {
      if (auto sealed = each->journal().seal(); !sealed) return tl::make_unexpected(sealed.error());
    }
    return {};
  };
  if (auto opened = open_journals(); !opened) return opened;
  if (auto known = make_shards_known(); !known) return known;
  feeder_ = std::make_unique<history_feeder>(
      files_, journal_directory(), *store_,
      [this](unsigned shard) {
        return shard < shards_.size() ? shards_[shard]->journal().durable_end()
                                      : persistence::journal_position{UINT64_MAX, UINT64_MAX};
      },
      make_opener(),
      [this](const persistence::segment_report& in, const persistence::segment_report::damage& what) {
        tell_damage(in, what, "the history lacks what was there, and a restart will not find it");
      });
  if (auto started = feeder_->start(); !started) return started;
  feeder_->leave_out(book_->unfinished());
  for (const auto& each : shards_) {
    each->post([at = each.get(), all = book_->suppressed(), unfinished = book_->unfinished()] {
      at->suppress(all, unfinished);
    });
  }
  backfill_ = std::make_unique<backfill>(*store_, shards_, options_.backfill_rate, options_.now_ms);
  if (auto timed = store_->for_each_timer([this](std::int64_t due_ms, profile::hash128 address) {
        auto& home = *shards_[shard_of(address, shards_.size())];
        home.post([&home, due_ms, address] { home.add_timer(due_ms, address); });
        return true;
      });
      !timed) {
    return timed;
  }
  recovery_ = std::thread([this] { recover(); });
  return {};
}

/// From now on the first segment of each is missed when it is lost.
result<void> runtime_impl::make_shards_known() {
  const auto known = marks_.size();
  for (shard_id id = 0; id < options_.shards; ++id) marks_.try_emplace(id);
  return marks_.size() == known ? result<void>{} : persistence::write_checkpoint(files_, options_.data, marks_);
}

result<void> runtime_impl::open_journals() {
  for (shard_id id = 0; id < options_.shards; ++id) shards_.push_back(std::make_unique<shard>(*environment_, id));
  std::vector<std::unique_ptr<persistence::journal>> journals;
  auto journal_options = options_.journal;
  journal_options.sealed = seals();
  for (shard_id id = 0; id < options_.shards; ++id) {
    auto* home = shards_[id].get();
    auto journal =
        persistence::journal::open(files_, journal_directory(), id, journal_options,
                                   [home](std::span<const std::uint64_t> tags, const result<void>& outcome) {
                                     home->post([home, kept = std::vector<std::uint64_t>(tags.begin(), tags.end()),
                                                 outcome] { home->journaled(kept, outcome); });
                                   });
    if (!journal) return tl::make_unexpected(journal.error());
    journals.push_back(std::move(*journal));
  }
  if (auto resumed = resume_changes(); !resumed) return resumed;
  for (shard_id id = 0; id < options_.shards; ++id) shards_[id]->start(std::move(journals[id]), make_sealer(id));
  return {};
}

void runtime_impl::failed(const error& why) {
  const std::lock_guard lock(health_mutex_);
  if (health_.now == phase::failed) return;
  accepting_ = false;
  failure_ = why;
  health_.now = phase::failed;
  health_.reason = why.message;
  log("error",
      "the disk failed: " + why.message + "; events are refused until a restart, nothing acknowledged is lost");
}

result<void> runtime_impl::refusal() const {
  if (accepting_.load(std::memory_order_acquire)) return {};
  const std::lock_guard lock(health_mutex_);
  switch (health_.now) {
    case phase::failed: {
      const auto code = failure_.code == errc::resource_exhausted ? failure_.code : errc::unavailable;
      return fail(code, "the server's disk failed and it takes nothing in until it is restarted: " + failure_.message);
    }
    case phase::stopping: return fail(errc::unavailable, "the server is stopping; try again in a moment");
    default:
      return fail(errc::unavailable, "the server is recovering (" + std::to_string(health_.replayed_bytes >> 20) +
                                         " of " + std::to_string(health_.replay_bytes >> 20) +
                                         " MiB of journal replayed)");
  }
}

/// Events that waited at a forwarder came when it took them in, whatever time it is now; but which ids are still known
/// is a question of now.
profile::reception runtime_impl::reception_of(const publish_options& options,
                                              const profile::identity::rules& rules) const {
  profile::reception received{options_.now_ms(), options_.dedup_retention_ms, &rules, options_.event};
  if (options.received_ms <= 0 || options.received_ms >= received.received_ms) return received;
  const auto waited = received.received_ms - options.received_ms;
  if (received.retention_ms > 0) received.retention_ms = std::max<std::int64_t>(1, received.retention_ms - waited);
  received.received_ms = options.received_ms;
  return received;
}

void runtime_impl::publish(shard_id home, std::string_view events, publish_options options, std::string_view source,
                           publish_done done) {
  auto& at = *shards_[home];
  const auto refuse = [&](error why) {
    at.post([done = std::move(done), why = std::move(why)] { done(tl::make_unexpected(why)); });
  };
  const auto started = now();
  if (const auto open = refusal(); !open) return refuse(open.error());
  auto made = make_batch(events, source, reception_of(options, at.identity_rules()), shards_.size(), at.suppressed());
  if (!made) return refuse(made.error());
  auto& work = **made;
  work.home = home;
  work.options = options;
  work.done = std::move(done);
  work.started = started;
  if (work.options.trace.sampled && options_.traces) {
    work.trace = std::make_unique<batch_trace>();
    work.trace->within = work.options.trace;
    work.trace->shares.resize(shards_.size());
  }
  at.publish(std::move(*made));
}

void runtime_impl::read(shard_id home, std::vector<profile::hash128> addresses, profile::field_set fields,
                        read_done done) {
  ask(home, read_group::question::map, std::move(addresses), fields, {}, std::move(done));
}

void runtime_impl::ask(shard_id home, read_group::question what, std::vector<profile::hash128> addresses,
                       profile::field_set fields, std::string name, read_done done) {
  // A failed disk takes no events in; what is in memory may still be read.
  const auto now_in = state().now;
  if (now_in == phase::recovering) {
    shards_[home]->post([done = std::move(done), why = refusal()] {
      done(tl::make_unexpected(why ? error{errc::unavailable, "the server has just recovered; ask again"}
                                   : why.error()));
    });
    return;
  }
  auto group = std::make_unique<read_group>();
  group->home = home;
  group->addresses = std::move(addresses);
  group->fields = fields;
  group->asks = what;
  group->name = std::move(name);
  group->done = std::move(done);
  shards_[home]->read(std::move(group));
}

std::shared_ptr<const profile::view_set> runtime_impl::views() const {
  const std::lock_guard lock(views_mutex_);
  return views_;
}

void runtime_impl::show(std::shared_ptr<const profile::view_set> views) {
  const std::lock_guard lock(views_mutex_);  // two that come together reach all shards in one order
  views_ = views;
  for (const auto& each : shards_) {
    each->post([at = each.get(), views] { at->show(views); });
  }
}

result<watch_id> runtime_impl::watch(shard_id home, watch_filter filter, watch_callback callback) {
  return shards_[home]->watches().add(filter, std::move(callback));
}

health runtime_impl::state() const {
  const std::lock_guard lock(health_mutex_);
  return health_;
}

counters runtime_impl::stats() const {
  counters sum;
  std::int64_t oldest = 0;
  for (const auto& each : shards_) {
    const auto& of = each->counters();
    sum.events_applied += of.applied;
    sum.events_duplicate += of.duplicate;
    sum.events_rejected += of.rejected;
    sum.events_clamped += of.clamped;
    sum.events_too_late += of.too_late;
    sum.events_suppressed += of.suppressed;
    sum.batches += of.batches;
    sum.reads += of.reads;
    sum.views_served += of.views_served;
    sum.views_built += of.views_built;
    sum.views_withheld += of.views_withheld;
    sum.consent_unknown += of.consent_unknown;
    sum.consent_overflows += of.consent_overflows;
    sum.traits_forgotten += of.traits_forgotten;
    sum.outgoing_withheld += of.outgoing_withheld;
    sum.profiles_active += of.active;
    sum.profile_bytes += of.bytes;
    sum.activations += of.activations;
    sum.passivations += of.passivations;
    sum.snapshots_written += of.saved;
    sum.journal_syncs += of.syncs;
    sum.in_flight_bytes += of.in_flight;
    sum.segments_entered += of.entered;
    sum.segments_left += of.left;
    sum.segment_errors += of.segment_errors;
    sum.timers += of.timers;
    sum.merges += of.merges;
    sum.splits += of.splits;
    sum.overlaps += of.overlaps;
    sum.overlaps_unresolved += of.overlaps_unresolved;
    const auto ignored = [&](profile::identity::ignored why) {
      return of.ids_ignored[static_cast<std::size_t>(why)].load(std::memory_order_relaxed);
    };
    sum.ids_blocked += ignored(profile::identity::ignored::blocked);
    sum.ids_not_unique += ignored(profile::identity::ignored::not_unique);
    sum.ids_excess += ignored(profile::identity::ignored::excess);
    sum.ids_unmerged += ignored(profile::identity::ignored::unmerged);
    const std::int64_t unsynced = of.oldest_unsynced_ns;
    if (unsynced != 0 && (oldest == 0 || unsynced < oldest)) oldest = unsynced;
  }
  sum.journal_damages = journal_damages_;
  sum.events_unreadable = replayed_unreadable_ + feeder_->destroyed();
  sum.erasures_pending = book_ ? book_->pending().size() : 0;
  sum.profiles_stored = store_->estimated_snapshots();
  sum.journal_bytes = journal_bytes();
  sum.history_lag_bytes = feeder_->lag_bytes();
  sum.watches = environment_->watch_count;
  if (oldest != 0)
    sum.memory_window_seconds = std::max(0.0, static_cast<double>(now().time_since_epoch().count() - oldest) / 1e9);
  return sum;
}

std::vector<shard_load> runtime_impl::load_by_shard() const {
  std::vector<shard_load> loads;
  for (const auto& each : shards_) {
    const auto& of = each->counters();
    auto& load = loads.emplace_back();
    load.events_applied = of.applied;
    load.profiles_active = of.active;
    load.profile_bytes = of.bytes;
    load.journal_bytes = each->journal().bytes();
    load.in_flight_bytes = of.in_flight;
    load.batches_in_flight = of.batches_in_flight;
    load.unsynced_records = of.unsynced;
    load.runs_waiting = of.runs;
    load.urgent_runs_waiting = of.urgent_runs;
    load.saves_under_way = of.saves;
    load.timers = of.timers;
    load.processor_seconds = std::chrono::duration<double>(each->processor_time()).count();
    load.takes_more = of.full == 0;
  }
  return loads;
}

std::uint64_t runtime_impl::journal_bytes() const {
  std::uint64_t bytes = 0;
  for (const auto& each : shards_) bytes += each->journal().bytes();
  return bytes;
}

// Recovery

void runtime_impl::recover() {
  persistence::name_thread("recovery");
  const auto started = now();
  auto listed = persistence::list_segments(files_, journal_directory());
  if (!listed) return failed(listed.error());
  std::erase_if(*listed, [&](const auto& segment) {
    const auto mark = marks_.find(segment.shard);
    const bool ours =
        segment.shard < shards_.size() && segment.segment >= shards_[segment.shard]->journal().durable_end().segment;
    return ours || (mark != marks_.end() && segment.segment <= mark->second.saved);
  });
  {
    const std::lock_guard lock(health_mutex_);
    for (const auto& segment : *listed) health_.replay_bytes += segment.bytes;
  }
  const bool current = all_current();
  if (definitions_->needs_standing() && !current) {
    log("info", "the definitions of segments changed: the history takes in what is left of the journal first");
    if (auto fed = environment_->catch_up(); !fed) return failed(fed.error());
  }
  if (auto installed = install(definitions_); !installed) return failed(installed.error());
  if (definitions_->needs_standing() && !current) backfill_->announce();
  for (const auto& each : shards_) each->post([at = each.get()] { at->history_is_complete(); });
  for (std::size_t i = 0; i < listed->size(); ++i) {
    const bool last = i + 1 == listed->size() || (*listed)[i + 1].shard != (*listed)[i].shard;
    if (auto replayed = replay((*listed)[i], last); !replayed) return failed(replayed.error());
    if (stopping_) return;
  }
  wait_for_replayed(0);
  opener_.reset();
  if (stopping_) return;
  if (auto told = tell_differences(); !told) return failed(told.error());
  if (stopping_) return;
  if (auto erased = finish_begun(); !erased) return failed(erased.error());
  if (stopping_) return;
  {
    // A define() that finds the server ready also finds the backfill begun that it is to end.
    const std::lock_guard one_at_a_time(defining_mutex_);
    {
      const std::lock_guard lock(health_mutex_);
      if (health_.now != phase::recovering) return;
      health_.now = phase::ready;
      health_.replayed_bytes = health_.replay_bytes;
      accepting_ = true;
    }
    if (!current) {
      if (auto gone = forget_vanished(); !gone) return failed(gone.error());
      if (definitions_->needs_standing()) start_backfill({});
    }
  }
  const auto seconds = std::chrono::duration<double>(now() - started).count();
  log("info", "ready: " + std::to_string(replayed_events_) + " events replayed in " + std::to_string(seconds) + " s");
  maintenance_ = std::thread([this] { maintain(); });
  changes_keeper_ = std::thread([this] { keep_changes(); });
}

result<void> runtime_impl::replay(const persistence::segment_file& segment, bool last) {
  std::uint64_t before = 0;
  auto report = persistence::read_segment(files_, segment, last, 0, [&](std::string_view payload, std::uint64_t end) {
    replay_record(payload, segment.path);
    {
      const std::lock_guard lock(health_mutex_);
      health_.replayed_bytes += end - before;
    }
    before = end;
    return !stopping_;
  });
  if (!report) return tl::make_unexpected(report.error());
  return {};
}

void runtime_impl::replay_record(std::string_view payload, const std::string& path) {
  const auto opened = open_record(payload, opener_.get());
  if (!opened) return tell_unreadable(path, opened.error());
  replayed_unreadable_ += opened->destroyed;
  auto made = make_replay_batch(opened->payload, {}, shards_.size(), book_->unfinished().get());
  if (!made) return tell_unreadable(path, made.error());
  auto& work = **made;
  if (!work.rejected.empty()) {
    log("error", path + ": " + std::to_string(work.rejected.size()) +
                     " events are not understood by this version, the first: " + work.rejected.front().message);
  }
  const auto bytes = work.record.size();
  replayed_events_ += work.events.size();
  wait_for_replayed(replay_in_flight_bytes);
  {
    const std::lock_guard lock(replay_mutex_);
    replay_in_flight_ += bytes;
  }
  work.home = static_cast<shard_id>(replayed_events_ % shards_.size());
  work.started = work.durable = now();
  work.done = [this, bytes](const result<publish_outcome>&) {
    const std::lock_guard lock(replay_mutex_);
    replay_in_flight_ -= bytes;
    replay_moved_.notify_one();
  };
  auto& at = *shards_[work.home];
  // Asio wants handlers that can be copied: the pointer is owned again as soon as it runs.
  at.post([&at, raw = made->release()] { at.replay(batch_ptr(raw)); });
}

void runtime_impl::wait_for_replayed(std::uint64_t most_in_flight) {
  std::unique_lock lock(replay_mutex_);
  while (replay_in_flight_ > most_in_flight && !stopping_) replay_moved_.wait_for(lock, std::chrono::milliseconds(100));
}

// Maintenance

void runtime_impl::maintain() {
  persistence::name_thread("maintenance");
  be_nice();
  auto rotated = now();
  while (!stopping_) {
    {
      std::unique_lock lock(maintenance_mutex_);
      const std::chrono::seconds pause(environment_->history_behind ? 0 : 1);
      maintenance_wake_.wait_for(lock, pause, [this] { return stopping_.load(); });
    }
    if (stopping_) return;
    if (now() - rotated >= std::chrono::seconds(10)) {
      rotated = now();
      latency_.rotate(rotated);
    }
    if (state().now == phase::failed) continue;
    if (environment_->clock_went_back.exchange(false)) look_at_all_again();
    if (auto fed = feed_history(); !fed) failed(fed.error());
    if (!copying_ && purge_due()) {
      purge_tried_ = now();
      if (auto done = purge_erased(); !done) log("error", "erasing from the disk: " + done.error().message);
    }
    if (!copying_ && checkpoint_due()) {
      if (auto done = checkpoint(catching_up::no); !done) log("error", "checkpoint: " + done.error().message);
    }
  }
}

/// The history keeps out of a busy server's way, up to a lag: then it takes its share, and past the bound of the lag
/// publishers wait.
result<void> runtime_impl::feed_history() {
  if (auto measured = feeder_->measure(); !measured) return measured;
  hold_back_if_behind();
  while (!stopping_ && (feeder_->lag_bytes() > options_.history_lag_bytes / 2 || !shards_busy())) {
    const auto fed = feeder_->feed(fed_at_once);
    if (!fed) return tl::make_unexpected(fed.error());
    hold_back_if_behind();
    if (fed->caught_up || checkpoint_due()) break;
  }
  return {};
}

void runtime_impl::hold_back_if_behind() {
  const auto lag = feeder_->lag_bytes();
  const bool behind = environment_->history_behind;
  if (!behind && lag > options_.history_lag_bytes) {
    log("warning", "the history is " + std::to_string(lag >> 20) +
                       " MiB behind (history.lag): publishers wait until it has caught up some");
    environment_->history_behind = true;
  } else if (behind && lag < options_.history_lag_bytes / 4 * 3) {
    environment_->history_behind = false;
  }
}

bool runtime_impl::shards_busy() {
  const auto at = now();
  if (at - busy_measured_ >= std::chrono::milliseconds(100)) {
    std::chrono::nanoseconds used{0};
    for (const auto& each : shards_) used += each->processor_time();
    const std::chrono::duration<double> spent = used - std::exchange(shards_used_, used);
    const std::chrono::duration<double> passed = at - std::exchange(busy_measured_, at);
    busy_ = spent / passed > busy_share * static_cast<double>(shards_.size());
  }
  return busy_;
}

void runtime_impl::stop(std::chrono::steady_clock::duration deadline) {
  if (std::exchange(stopped_, true)) return;
  const auto until = now() + deadline;
  bool save = false;
  {
    const std::lock_guard lock(health_mutex_);
    accepting_ = false;
    save = health_.now == phase::ready && deadline.count() > 0;
    if (health_.now != phase::failed) health_.now = phase::stopping;
    health_.reason = health_.reason.empty() ? "stopping" : health_.reason;
  }
  if (save && environment_) {
    for (const auto& each : shards_) {
      each->post([at = each.get()] { at->watches().end_all({errc::unavailable, "the server is stopping"}); });
    }
    while (stats().in_flight_bytes > 0 && now() < until) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  {
    const std::lock_guard lock(maintenance_mutex_);
    stopping_ = true;
  }
  if (feeder_) feeder_->cancel();
  telling_.stop();
  maintenance_wake_.notify_all();
  changes_wake_.notify_all();
  replay_moved_.notify_all();
  if (recovery_.joinable()) recovery_.join();
  if (maintenance_.joinable()) maintenance_.join();  // it may begin a backfill
  if (backfill_) backfill_->stop();
  if (changes_keeper_.joinable()) changes_keeper_.join();
  if (save && now() < until) {
    if (auto saved = checkpoint(catching_up::no); !saved) log("error", "saving at the stop: " + saved.error().message);
    if (auto kept = book_->keep_noted(); !kept) log("error", "saving at the stop: " + kept.error().message);
  }
  // Order: the shards' threads end first, then the pool's work posts to nobody, then actors and store go.
  for (const auto& each : shards_) each->stop();
  change_logs_.clear();
  pool_.join();
  shards_.clear();
}

result<std::unique_ptr<runtime>> runtime::start(runtime_options options, persistence::file_system& files) {
  if (options.shards == 0) options.shards = std::max(1U, std::thread::hardware_concurrency());
  if (!options.now_ms) options.now_ms = wall_clock_ms;
  if (!options.store.now_ms) options.store.now_ms = options.now_ms;
  options.store.dedup_retention_ms = options.dedup_retention_ms;
  if (!options.definitions) options.definitions = profile::segments::catalog::make({}).value();
  auto made = std::make_unique<runtime_impl>(std::move(options), files);
  if (auto opened = made->open(); !opened) return tl::make_unexpected(opened.error());
  return made;
}

}  // namespace kith::actors
