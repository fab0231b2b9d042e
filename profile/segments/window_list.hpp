// A windowed aggregate: the newest events of the window one by one, the older ones in buckets.
//
// Encoding: window (8), skipped (4), number of buckets (4); buckets, sorted: start (8), count (8), sum (16), least (8),
// greatest (8), oldest event's time (8); entries, sorted by time and id: time (8), id (8), then by storage nothing, a
// number (8), a hash (8), or length (2) and a MessagePack value. All that holds nothing is no bytes at all.
//
// Invariants: a function of the set of added events and of the newest event time of the profile. What is older than
// `live_from` is not there; of the rest the newest 1,000 are entries, the others are in their buckets, of which the
// newest 512 are kept. A bucket is window / 256 wide, its starts are multiples of that.
// An event counts at a time t while event time > t - window; a bucket while its last millisecond does.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "profile/cel/arena.hpp"
#include "profile/cel/value.hpp"
#include "profile/segments/aggregate.hpp"
#include "profile/segments/body_edit.hpp"
#include "profile/segments/fixed.hpp"

namespace kith::profile::segments {

struct window_entry {
  std::int64_t time_ms = 0;
  std::uint64_t id = 0;      ///< the event id's first half
  std::string_view payload;  ///< as encoded: nothing, a number, a hash, a MessagePack value
};

class window_list {
 public:
  /// A view of the bytes; see `valid`.
  window_list(storage held, std::string_view bytes) noexcept : held_(held), bytes_(bytes) {}

  /// Adds an event of a profile whose newest event, this one included, is at `last_seen`.
  static void add(body_edit& to, storage held, std::int64_t window_ms, const window_entry& added,
                  std::int64_t last_seen);
  /// Notes a value that cannot be counted.
  static void skip(body_edit& to, std::int64_t window_ms);
  /// Takes out what can never count again.
  static void prune(body_edit& of, storage held, std::int64_t last_seen);
  static std::string joined(storage held, std::string_view left, std::string_view right, std::int64_t last_seen);
  static bool valid(storage held, std::string_view bytes) noexcept;

  cel::value evaluate(function ends, std::int64_t now_ms, cel::arena& memory) const noexcept;
  /// The first instant after `after_ms` at which something stops counting; `never` if there is none.
  std::int64_t next_expiry(std::int64_t after_ms) const noexcept;
  std::uint64_t count(std::int64_t now_ms) const noexcept;
  bool has_buckets() const noexcept;
  std::uint32_t skipped() const noexcept;

  /// Calls each(entry) for the entries that count at `now_ms`, oldest first.
  template <class F>
  void for_each(std::int64_t now_ms, F each) const {
    const char* const end = bytes_.data() + bytes_.size();
    for (const char* at = first_after(from(now_ms)); at != end; at += entry_bytes(held_, at)) each(entry_at(at));
  }

 private:
  std::int64_t window_ms() const noexcept;
  std::int64_t from(std::int64_t now_ms) const noexcept { return now_ms - window_ms(); }
  const char* entries() const noexcept;
  const char* first_after(std::int64_t time_ms) const noexcept;
  window_entry entry_at(const char* at) const noexcept;
  static std::size_t entry_bytes(storage held, const char* at) noexcept;
  cel::value number(function ends, std::int64_t now_ms) const noexcept;
  cel::value distinct(std::int64_t now_ms) const noexcept;

  storage held_;
  std::string_view bytes_;
};

}  // namespace kith::profile::segments
