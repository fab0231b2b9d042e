// Sessions: runs of events with at most 30 minutes between one and the next, whatever the order of arrival. Exact for
// ever: disjoint intervals, sorted, each start (8) and end (8).
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "profile/bytes.hpp"
#include "profile/event.hpp"
#include "profile/limits.hpp"
#include "profile/msgpack.hpp"
#include "profile/state.hpp"

namespace kith::profile {

/// A profile's sessions, in its part::sessions.
namespace sessions {

inline constexpr std::size_t interval_bytes = 16;

inline std::size_t count(std::string_view bytes) noexcept { return bytes.size() / interval_bytes; }
inline std::int64_t start_of(std::string_view bytes, std::size_t i) noexcept {
  return get<std::int64_t>(bytes.data() + i * interval_bytes);
}
inline std::int64_t end_of(std::string_view bytes, std::size_t i) noexcept {
  return get<std::int64_t>(bytes.data() + i * interval_bytes + 8);
}

/// Joins an interval in, and with it all that it comes near.
inline void add(state_part to, std::int64_t start, std::int64_t end) {
  const auto present = to.view();
  std::size_t last = count(present);
  // From the newest back: most events belong to the last session or begin the next.
  while (last > 0 && start_of(present, last - 1) - end > limits::session_gap_ms) --last;
  std::size_t first = last;
  while (first > 0 && start - end_of(present, first - 1) <= limits::session_gap_ms) {
    --first;
    start = std::min(start, start_of(present, first));
    end = std::max(end, end_of(present, first));
  }
  char interval[interval_bytes];
  std::memcpy(interval, &start, 8);
  std::memcpy(interval + 8, &end, 8);
  to.replace(first * interval_bytes, (last - first) * interval_bytes, {interval, interval_bytes});
}

template <class F>
void for_each(std::string_view bytes, F each) {
  for (std::size_t i = 0; i < count(bytes); ++i) each(start_of(bytes, i), end_of(bytes, i));
}

/// {count, lastStart, lastEnd}
inline void write(std::string_view bytes, msgpack::writer& out) {
  const auto all = count(bytes);
  out.map(all == 0 ? 1 : 3);
  out.string("count");
  out.natural(all);
  if (all == 0) return;
  out.string("lastStart");
  out.string(format_time(start_of(bytes, all - 1)));
  out.string("lastEnd");
  out.string(format_time(end_of(bytes, all - 1)));
}

/// Are these bytes that add() leaves?
inline bool valid(std::string_view bytes) {
  if (bytes.size() % interval_bytes != 0) return false;
  for (std::size_t i = 0; i < count(bytes); ++i) {
    if (start_of(bytes, i) > end_of(bytes, i)) return false;
    if (i > 0 && start_of(bytes, i) <= end_of(bytes, i - 1)) return false;
  }
  return true;
}

}  // namespace sessions

}  // namespace kith::profile
