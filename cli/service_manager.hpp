// What systemd is told of the service, by sd_notify(3). Without systemd nothing happens.
//
// Thread safety: none; it belongs to the thread that waits for signals.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "actors/service.hpp"

namespace kith::cli {

class service_manager {
 public:
  explicit service_manager(actors::service& watched);

  /// Called about once a second: tells when the store is ready, how far recovery is and what failed, and keeps the
  /// watchdog (WatchdogSec=) quiet as long as every shard answers.
  void tell();
  void tell_reloading();  ///< the next tell() ends it
  void tell_stopping();

 private:
  bool shards_answer();
  void ask_shards();

  actors::service& watched_;
  std::vector<std::shared_ptr<std::atomic<bool>>> answered_;  ///< one a shard; empty: there is no watchdog
  std::string told_;                                          ///< the last one, so that nothing is told twice
};

}  // namespace kith::cli
