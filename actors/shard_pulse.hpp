// Whether the shards answer: asked by those who watch over the process from outside, systemd and orchestrators.
//
// Thread safety: silence() from any thread but a shard's.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <vector>

#include "actors/clock.hpp"

namespace kith::actors {

class service;

class shard_pulse {
 public:
  explicit shard_pulse(service& watched);

  /// How long ago the shard was asked that has owed its answer longest; zero: all have answered since the last call.
  /// Those are asked again, so it has to be called again and again. Recovery, which may keep a shard busy for long, is
  /// no silence.
  std::chrono::nanoseconds silence(time_point now);

 private:
  struct question {
    std::shared_ptr<std::atomic<bool>> answered;  ///< shared: the shard may come to it when nobody asks any more
    time_point asked;
  };

  service& watched_;
  std::mutex mutex_;
  std::vector<question> questions_;  ///< one a shard
};

}  // namespace kith::actors
