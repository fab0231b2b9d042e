// How long to wait before trying again.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <random>

namespace kith::net {

/// Exponential, with full jitter: a random time up to min(most, first * 2^tries), so that those who failed together do
/// not come back together. `tries`: failures before this one.
template <class Random>
std::chrono::milliseconds backoff(std::chrono::milliseconds first, std::chrono::milliseconds most, unsigned tries,
                                  Random& random) {
  const auto least = std::max<std::int64_t>(1, first.count());
  const auto longest = std::clamp<std::int64_t>(least << std::min(tries, 20U), 0, most.count());
  return std::chrono::milliseconds(std::uniform_int_distribution<std::int64_t>(0, longest)(random));
}

}  // namespace kith::net
