// Sessions: runs of events with at most 30 minutes between one and the next, whatever the order of arrival. Exact for
// ever: disjoint intervals, sorted, each start (8) and end (8).
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "profile/blob.hpp"
#include "profile/bytes.hpp"
#include "profile/event.hpp"
#include "profile/limits.hpp"
#include "profile/msgpack.hpp"

namespace kith::profile {

class sessions {
 public:
  /// Joins an interval in, and with it all that it comes near.
  void add(std::int64_t start, std::int64_t end) {
    std::size_t last = count();
    // From the newest back: most events belong to the last session or begin the next.
    while (last > 0 && start_of(last - 1) - end > limits::session_gap_ms) --last;
    std::size_t first = last;
    while (first > 0 && start - end_of(first - 1) <= limits::session_gap_ms) {
      --first;
      start = std::min(start, start_of(first));
      end = std::max(end, end_of(first));
    }
    std::string interval;
    put(interval, start);
    put(interval, end);
    bytes_.replace(first * interval_bytes, (last - first) * interval_bytes, interval);
  }

  template <class F>
  void for_each(F each) const {
    for (std::size_t i = 0; i < count(); ++i) each(start_of(i), end_of(i));
  }

  /// {count, lastStart, lastEnd}
  void write(msgpack::writer& out) const {
    out.map(count() == 0 ? 1 : 3);
    out.string("count");
    out.natural(count());
    if (count() == 0) return;
    out.string("lastStart");
    out.string(format_time(start_of(count() - 1)));
    out.string("lastEnd");
    out.string(format_time(end_of(count() - 1)));
  }

  std::string_view view() const noexcept { return bytes_.view(); }
  std::size_t heap_bytes() const noexcept { return bytes_.heap_bytes(); }
  bool decode(std::string_view bytes) {
    bytes_.assign(bytes);
    if (bytes.size() % interval_bytes != 0) return false;
    for (std::size_t i = 0; i < count(); ++i) {
      if (start_of(i) > end_of(i)) return false;
      if (i > 0 && start_of(i) <= end_of(i - 1)) return false;
    }
    return true;
  }

 private:
  static constexpr std::size_t interval_bytes = 16;
  std::size_t count() const noexcept { return bytes_.size() / interval_bytes; }
  std::int64_t start_of(std::size_t i) const noexcept {
    return get<std::int64_t>(bytes_.view().data() + i * interval_bytes);
  }
  std::int64_t end_of(std::size_t i) const noexcept {
    return get<std::int64_t>(bytes_.view().data() + i * interval_bytes + 8);
  }

  blob bytes_;
};

}  // namespace kith::profile
