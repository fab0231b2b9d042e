// The bytes of a windowed aggregate, read and written; `window_list.hpp` says what they mean.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "profile/bytes.hpp"
#include "profile/segments/aggregate.hpp"
#include "profile/segments/bounds.hpp"
#include "profile/segments/fixed.hpp"

namespace kith::profile::segments::window_layout {

inline constexpr std::size_t head_bytes = 16;
inline constexpr std::size_t skipped_at = 8;
inline constexpr std::size_t count_at = 12;
inline constexpr std::size_t bucket_bytes = 56;

struct bucket {
  std::int64_t start_ms = 0;
  std::uint64_t count = 0;
  fixed sum = 0;
  double least = 0;
  double greatest = 0;
  std::int64_t oldest_ms = 0;
};

inline std::int64_t window_of(std::string_view bytes) noexcept { return get<std::int64_t>(bytes.data()); }
inline std::uint32_t skipped_of(std::string_view bytes) noexcept {
  return bytes.empty() ? 0 : get<std::uint32_t>(bytes.data() + skipped_at);
}
inline std::size_t buckets_of(std::string_view bytes) noexcept {
  return bytes.empty() ? 0 : get<std::uint32_t>(bytes.data() + count_at);
}
inline std::size_t entries_at(std::string_view bytes) noexcept {
  return bytes.empty() ? 0 : head_bytes + buckets_of(bytes) * bucket_bytes;
}

inline std::int64_t width_of(std::int64_t window_ms) noexcept { return window_ms / bounds::window_parts; }

inline std::int64_t aligned(std::int64_t time_ms, std::int64_t width) noexcept {
  auto rest = time_ms % width;
  if (rest < 0) rest += width;
  return time_ms - rest;
}

/// What is older can never count again: the window of no `now` that is to come reaches it. On a bucket's start.
inline std::int64_t live_from(std::int64_t window_ms, std::int64_t last_seen) noexcept {
  return aligned(last_seen - window_ms - bounds::slack_ms, width_of(window_ms));
}

inline bucket bucket_at(std::string_view bytes, std::size_t index) noexcept {
  const char* const at = bytes.data() + head_bytes + index * bucket_bytes;
  return {get<std::int64_t>(at), get<std::uint64_t>(at + 8), get<fixed>(at + 16),
          get<double>(at + 32),  get<double>(at + 40),       get<std::int64_t>(at + 48)};
}

inline void put_bucket(std::string& out, const bucket& of) {
  put(out, of.start_ms);
  put(out, of.count);
  put(out, of.sum);
  put(out, of.least);
  put(out, of.greatest);
  put(out, of.oldest_ms);
}

/// REQUIRES: they start at the same time.
inline void join_bucket(bucket& into, const bucket& added) noexcept {
  into.count += added.count;
  into.sum += added.sum;
  into.least = std::min(into.least, added.least);
  into.greatest = std::max(into.greatest, added.greatest);
  into.oldest_ms = std::min(into.oldest_ms, added.oldest_ms);
}

inline std::size_t entry_bytes(storage held, const char* at) noexcept {
  if (held == storage::tally_list) return 16;
  return held == storage::first_list ? 18U + get<std::uint16_t>(at + 16) : 24;
}

}  // namespace kith::profile::segments::window_layout
