#include "cli/service_manager.hpp"

#include <systemd/sd-daemon.h>

#include "persistence/thread_name.hpp"

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
  if (sd_watchdog_enabled(0, &patience_us) > 0) pulse_.emplace(watched);
  thread_ = std::thread([this] { run(); });
}

service_manager::~service_manager() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void service_manager::run() {
  persistence::name_thread("watchdog");
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    tell();
    wake_.wait_for(lock, std::chrono::seconds(1));
  }
}

/// REQUIRES: the lock is held.
void service_manager::tell() {
  const auto health = watched_.state();
  was_ready_ |= health.now == actors::phase::ready;
  if (const auto state = state_of(health); state != told_ && !reloading_) {
    sd_notify(0, state.c_str());
    told_ = state;
  }
  if (pulse_ && pulse_->silence(actors::now()).count() == 0) sd_notify(0, "WATCHDOG=1");
}

void service_manager::tell_reloading() {
  const std::lock_guard lock(mutex_);
  reloading_ = true;
  sd_notify(0, "RELOADING=1");
}

/// A reload ends with READY=1, in whatever phase.
void service_manager::tell_reloaded() {
  const std::lock_guard lock(mutex_);
  reloading_ = false;
  told_.clear();
  if (was_ready_) sd_notify(0, "READY=1");
  tell();
}

void service_manager::tell_stopping() {
  const std::lock_guard lock(mutex_);
  stopping_ = true;
  sd_notify(0, "STOPPING=1\nSTATUS=finishes what is in flight, saves profiles");
}

}  // namespace kith::cli
