// The runtime's clocks, in one place.
#pragma once

#include <chrono>
#include <cstdint>
#include <ctime>
#include <pthread.h>
#include <thread>

namespace kith::actors {

using time_point = std::chrono::steady_clock::time_point;

inline time_point now() noexcept { return std::chrono::steady_clock::now(); }

/// Milliseconds since 1970.
inline std::int64_t wall_clock_ms() noexcept {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

/// The calling thread's work yields to the shards on a full machine: it has a low weight and short turns.
void be_nice() noexcept;

/// Processor time that a running thread has used.
inline std::chrono::nanoseconds processor_time(std::thread& of) noexcept {
  clockid_t clock{};
  timespec used{};
  if (pthread_getcpuclockid(of.native_handle(), &clock) != 0 || clock_gettime(clock, &used) != 0) return {};
  return std::chrono::seconds(used.tv_sec) + std::chrono::nanoseconds(used.tv_nsec);
}

}  // namespace kith::actors
