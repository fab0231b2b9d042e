// What systemd is told of the service, by sd_notify(3). Without systemd nothing happens.
//
// Thread safety: its members belong to one thread; it tells on a thread of its own, since whoever waits for signals may
// be kept busy by them for longer than the watchdog is patient.
#pragma once

#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "actors/service.hpp"
#include "actors/shard_pulse.hpp"

namespace kith::cli {

/// Tells when the store is ready, how far recovery is and what failed, and keeps the watchdog (WatchdogSec=) quiet as
/// long as every shard answers.
class service_manager {
 public:
  explicit service_manager(actors::service& watched);
  ~service_manager();  ///< tells nothing more
  service_manager(const service_manager&) = delete;
  service_manager& operator=(const service_manager&) = delete;

  void tell_reloading();
  void tell_reloaded();
  void tell_stopping();

 private:
  void run();
  void tell();

  actors::service& watched_;
  std::optional<actors::shard_pulse> pulse_;  ///< none: there is no watchdog
  std::string told_;                          ///< the last one, so that nothing is told twice
  bool was_ready_ = false;

  std::mutex mutex_;
  std::condition_variable wake_;
  bool reloading_ = false;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace kith::cli
