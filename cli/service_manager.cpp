#include "cli/service_manager.hpp"

#include <boost/asio/post.hpp>
#include <systemd/sd-daemon.h>

namespace kith::cli {

namespace {

std::string state_of(const actors::health& health) {
  switch (health.now) {
    case actors::phase::ready: return "READY=1\nSTATUS=takes events in";
    case actors::phase::failed: return "STATUS=takes nothing in: " + health.reason;
    case actors::phase::stopping: return "STATUS=stopping";
    case actors::phase::recovering: break;
  }
  if (health.replay_bytes == 0) return "STATUS=recovering";
  return "STATUS=recovering: " + std::to_string(health.replayed_bytes * 100 / health.replay_bytes) + " % of " +
         std::to_string(health.replay_bytes >> 20) + " MiB of journal replayed";
}

}  // namespace

service_manager::service_manager(actors::service& watched) : watched_(watched) {
  std::uint64_t patience_us = 0;
  if (sd_watchdog_enabled(0, &patience_us) <= 0) return;
  for (std::size_t i = 0; i < watched.shard_count(); ++i) answered_.push_back(std::make_shared<std::atomic<bool>>());
  ask_shards();
}

void service_manager::tell() {
  const auto health = watched_.state();
  if (const auto state = state_of(health); state != told_) {
    sd_notify(0, state.c_str());
    told_ = state;
  }
  // Recovery may keep a shard busy for long, and is told above.
  if (!answered_.empty() && (health.now == actors::phase::recovering || shards_answer())) {
    sd_notify(0, "WATCHDOG=1");
    ask_shards();
  }
}

bool service_manager::shards_answer() {
  for (const auto& each : answered_) {
    if (!each->load()) return false;
  }
  return true;
}

void service_manager::ask_shards() {
  for (actors::shard_id i = 0; i < answered_.size(); ++i) {
    answered_[i]->store(false);
    boost::asio::post(watched_.io(i), [answered = answered_[i]] { answered->store(true); });
  }
}

void service_manager::tell_reloading() {
  sd_notify(0, "RELOADING=1");
  told_.clear();
}

void service_manager::tell_stopping() { sd_notify(0, "STOPPING=1\nSTATUS=finishes what is in flight, saves profiles"); }

}  // namespace kith::cli
