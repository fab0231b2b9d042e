#include "actors/backfill.hpp"

#include <algorithm>
#include <future>

#include "actors/shard.hpp"
#include "persistence/thread_name.hpp"

namespace kith::actors {

using profile::hash128;

void backfill::start(std::shared_ptr<const profile::segments::catalog> definitions, steps with) {
  stopping_ = false;
  running_ = true;
  complete_ = false;
  total_ = estimate();
  were_current_ = 0;
  definitions_ = std::move(definitions);
  credits_.push_back(std::make_unique<backfill_credit>(under_way));
  credit_ = credits_.back().get();
  {
    const std::lock_guard lock(mutex_);
    walking_ = true;
    cancelled_ = false;
    measure_anew();
  }
  thread_ = std::thread([this, with = std::move(with)] { run(with); });
}

void backfill::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  moved_.notify_all();
  if (auto* credit = credit_.load()) credit->stop();
  if (thread_.joinable()) thread_.join();
  running_ = false;
}

bool backfill::cancel() {
  const std::lock_guard lock(mutex_);
  if (!running_ || !walking_ || stopping_) return false;
  cancelled_ = true;
  return true;
}

bool backfill::resume() {
  {
    const std::lock_guard lock(mutex_);
    if (!running_ || !cancelled_) return false;
    cancelled_ = false;
    measure_anew();
  }
  moved_.notify_all();
  return true;
}

void backfill::limit(double rate) {
  {
    const std::lock_guard lock(mutex_);
    if (limit_ == rate) return;
    limit_ = rate;
    measure_anew();
  }
  moved_.notify_all();
}

/// REQUIRES: mutex_ is held.
void backfill::measure_anew() {
  next_turn_ = now();
  older_ = newer_ = {next_turn_, done()};
}

std::uint64_t backfill::done() const {
  const auto* credit = credit_.load();
  return were_current_ + (credit == nullptr ? 0 : credit->done());
}

backfill_progress backfill::progress() const {
  backfill_progress made;
  made.complete = complete_;
  made.done = done();
  made.of = complete_ ? made.done : std::max<std::uint64_t>(total_, made.done);
  const std::lock_guard lock(mutex_);
  made.cancelled = running_ && cancelled_;
  made.running = running_ && !cancelled_;
  made.limit = limit_;
  if (!made.running) return made;
  const std::chrono::duration<double> passed = now() - older_.at;
  if (passed.count() > 0) made.per_second = static_cast<double>(made.done - older_.done) / passed.count();
  if (made.per_second > 0) made.seconds_left = static_cast<double>(made.of - made.done) / made.per_second;
  return made;
}

void backfill::run(const steps& with) {
  persistence::name_thread("backfill");
  be_nice();
  auto outcome = with.complete_history();
  if (!outcome) {  // the recalls go on waiting: without the whole past they would count wrong
    running_ = false;
    return with.failed(outcome.error());
  }
  const auto in_memory = active();
  total_ = std::max<std::uint64_t>(total_, in_memory.size());
  burst_began_ = now();
  served_before_ = served();
  for (const auto address : in_memory) {
    if (!refresh(address)) return;
  }
  outcome = refresh_stored(in_memory);
  {
    const std::lock_guard lock(mutex_);
    walking_ = cancelled_ = false;
  }
  if (outcome) credit_.load()->settle();
  if (stopping_) return;
  if (outcome) outcome = with.finished();
  if (outcome) complete_ = true;
  running_ = false;
  if (!outcome && !stopping_) with.failed(outcome.error());
}

/// The profiles in memory, sorted. From here on the shards ask the history.
std::vector<hash128> backfill::active() {
  std::vector<std::future<std::vector<hash128>>> answers;
  for (const auto& each : shards_) {
    auto promise = std::make_shared<std::promise<std::vector<hash128>>>();
    answers.push_back(promise->get_future());
    each->post([at = each.get(), promise] {
      at->history_is_complete();
      promise->set_value(at->active());
    });
  }
  std::vector<hash128> all;
  for (auto& each : answers) {
    while (each.wait_for(std::chrono::milliseconds(50)) != std::future_status::ready) {
      if (stopping_) return {};
    }
    const auto some = each.get();
    all.insert(all.end(), some.begin(), some.end());
  }
  std::sort(all.begin(), all.end());
  return all;
}

/// How many profiles the store has. Addresses are hashes, so the first ones tell how dense they are.
std::uint64_t backfill::estimate() const {
  std::uint64_t walked = 0;
  hash128 last;
  const auto looked = store_.for_each_snapshot([&](hash128 address, std::string_view) {
    last = address;
    return ++walked < judged_by;
  });
  if (!looked || walked < judged_by || last.high == 0) return walked;
  return static_cast<std::uint64_t>(static_cast<double>(walked) * 0x1p64 / static_cast<double>(last.high));
}

/// False: stopped.
bool backfill::refresh(hash128 address) {
  if (!take_turn() || !make_way()) return false;
  auto& credit = *credit_.load();
  if (!credit.take()) return false;
  auto& home = *shards_[shard_of(address, shards_.size())];
  home.post([&home, &credit, address] { home.refresh(address, credit); });
  return true;
}

/// Waits until one more is allowed. False: stopped.
bool backfill::take_turn() {
  std::unique_lock lock(mutex_);
  for (;;) {
    if (stopping_) return false;
    const auto at = now();
    if (cancelled_) {
      moved_.wait(lock);
    } else if (limit_ > 0 && next_turn_ > at) {
      moved_.wait_until(lock, next_turn_);
    } else {
      if (at - newer_.at >= measured) older_ = std::exchange(newer_, {at, done()});
      if (limit_ > 0) {
        const std::chrono::duration<double> pause(1 / limit_);
        next_turn_ = std::max(next_turn_, at - most_late) + std::chrono::duration_cast<std::chrono::nanoseconds>(pause);
      }
      return true;
    }
  }
}

/// Batches and reads of all shards.
std::uint64_t backfill::served() const {
  std::uint64_t all = 0;
  for (const auto& each : shards_) all += each->counters().batches + each->counters().reads;
  return all;
}

/// Leaves the machine to others for a while, if there are any. False: stopped.
bool backfill::make_way() {
  if (now() - burst_began_ < burst) return true;
  const auto since_then = served();
  if (std::exchange(served_before_, since_then) != since_then) {
    credit_.load()->settle();
    std::unique_lock lock(mutex_);
    moved_.wait_for(lock, pauses * (now() - burst_began_), [this] { return stopping_.load(); });
  }
  burst_began_ = now();
  return !stopping_;
}

/// Some at a time, so that no view of the store is held for as long as all of it takes.
result<void> backfill::refresh_stored(const std::vector<hash128>& in_memory) {
  auto refreshed = in_memory.begin();
  std::vector<hash128> page;
  do {
    const auto from = page.empty() ? hash128() : page.back();
    const bool is_first = page.empty();
    page.clear();
    auto walked = store_.for_each_snapshot(
        [&](hash128 address, std::string_view) {
          if (is_first || address != from) page.push_back(address);
          return page.size() < looked_up_together;
        },
        from);
    if (!walked) return walked;
    const auto standings = store_.load_standings(page);
    if (!standings) return tl::make_unexpected(standings.error());
    for (std::size_t i = 0; i < page.size(); ++i) {
      while (refreshed != in_memory.end() && *refreshed < page[i]) ++refreshed;
      if (refreshed != in_memory.end() && *refreshed == page[i]) continue;
      if (is_current((*standings)[i])) {
        ++were_current_;
      } else if (!refresh(page[i])) {
        return {};
      }
    }
  } while (page.size() == looked_up_together && !stopping_);
  return {};
}

/// Was it saved after it was brought up to date? A standing that is not readable is found out by who loads it.
bool backfill::is_current(const std::optional<std::string>& standing) const {
  if (!standing) return false;
  const auto decoded = profile::segments::standing::decode(*standing);
  return decoded && decoded->is_of(*definitions_) && decoded->evaluated_ms() <= now_ms_();
}

}  // namespace kith::actors
