#include "actors/backfill.hpp"

#include <algorithm>
#include <future>

#include "actors/clock.hpp"
#include "actors/shard.hpp"

namespace kith::actors {

void backfill::start(steps with) {
  stopping_ = false;
  running_ = true;
  total_ = store_.estimated_snapshots();
  credits_.push_back(std::make_unique<backfill_credit>(under_way));
  credit_ = credits_.back().get();
  thread_ = std::thread([this, with = std::move(with)] { run(with); });
}

void backfill::stop() {
  stopping_ = true;
  if (auto* credit = credit_.load()) credit->stop();
  if (thread_.joinable()) thread_.join();
  running_ = false;
}

backfill_progress backfill::progress() const {
  const auto* credit = credit_.load();
  backfill_progress now;
  now.running = running_;
  now.done = credit == nullptr ? 0 : credit->done();
  now.of = std::max<std::uint64_t>(total_, now.done);
  return now;
}

void backfill::run(const steps& with) {
  be_nice();
  auto outcome = with.complete_history();
  if (!outcome) {  // the recalls go on waiting: without the whole past they would count wrong
    running_ = false;
    return with.failed(outcome.error());
  }
  std::vector<std::future<void>> active;
  for (const auto& each : shards_) {
    auto promise = std::make_shared<std::promise<void>>();
    active.push_back(promise->get_future());
    each->post([at = each.get(), promise] {
      at->history_is_complete();
      at->refresh_active([promise] { promise->set_value(); });
    });
  }
  for (auto& each : active) {
    while (each.wait_for(std::chrono::milliseconds(50)) != std::future_status::ready) {
      if (stopping_) return;
    }
  }
  outcome = refresh_stored();
  if (stopping_) return;
  if (outcome) outcome = with.finished();
  running_ = false;
  if (!outcome && !stopping_) with.failed(outcome.error());
}

result<void> backfill::refresh_stored() {
  auto& credit = *credit_.load();
  auto walked = store_.for_each_snapshot([&](profile::hash128 address, std::string_view) {
    if (stopping_ || !credit.take()) return false;
    auto& home = *shards_[shard_of(address, shards_.size())];
    home.post([&home, &credit, address] { home.refresh(address, credit); });
    return true;
  });
  if (walked) credit.settle();
  return walked;
}

}  // namespace kith::actors
