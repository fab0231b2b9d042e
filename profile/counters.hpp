// How often each event name was counted, first and last when. Entries sorted by name:
// length (1), name, count (8), first (8), last (8).
#pragma once

#include <algorithm>
#include <cstdint>
#include <string_view>

#include "profile/bytes.hpp"
#include "profile/event.hpp"
#include "profile/msgpack.hpp"
#include "profile/state.hpp"

namespace kith::profile {

struct counter {
  std::string_view name;
  std::uint64_t count = 0;
  std::int64_t first_ms = 0;
  std::int64_t last_ms = 0;
};

/// A profile's counters, in its part::events.
namespace counters {

inline std::size_t entry_bytes(const counter& of) noexcept { return 1 + of.name.size() + 24; }

inline counter take(taker& in) noexcept {
  const auto name = in.text<std::uint8_t>();
  const auto count = in.number<std::uint64_t>();
  const auto first = in.number<std::int64_t>();
  return {name, count, first, in.number<std::int64_t>()};
}

template <class F>
void for_each(std::string_view bytes, F each) {
  for (taker in(bytes); !in.done();) each(take(in));
}

/// True if there was none of that name.
inline bool add(state_part to, const counter& added) {
  std::size_t at = 0;
  for (taker in(to.view()); !in.done();) {
    const auto present = take(in);
    if (present.name == added.name) {
      const std::int64_t numbers[] = {static_cast<std::int64_t>(present.count + added.count),
                                      std::min(present.first_ms, added.first_ms),
                                      std::max(present.last_ms, added.last_ms)};
      std::memcpy(to.data() + at + 1 + present.name.size(), numbers, sizeof numbers);
      return false;
    }
    if (present.name > added.name) break;
    at += entry_bytes(present);
  }
  std::string entry;
  put_text<std::uint8_t>(entry, added.name);
  put(entry, added.count);
  put(entry, added.first_ms);
  put(entry, added.last_ms);
  to.replace(at, 0, entry);
  return true;
}

/// One less of that name; its times stay, and it goes with the last one.
inline void remove_one(state_part from, std::string_view name) {
  std::size_t at = 0;
  for (taker in(from.view()); !in.done();) {
    const auto present = take(in);
    const auto bytes = entry_bytes(present);
    if (present.name == name) {
      const auto left = present.count - 1;
      if (left == 0) return from.replace(at, bytes, {});
      std::memcpy(from.data() + at + 1 + name.size(), &left, sizeof left);
      return;
    }
    at += bytes;
  }
}

/// {name: {count, firstAt, lastAt}}
inline void write(std::string_view bytes, msgpack::writer& out) {
  std::size_t entries = 0;
  for_each(bytes, [&](const counter&) { ++entries; });
  out.map(entries);
  for_each(bytes, [&](const counter& each) {
    out.string(each.name);
    out.map(3);
    out.string("count");
    out.natural(each.count);
    out.string("firstAt");
    out.string(format_time(each.first_ms));
    out.string("lastAt");
    out.string(format_time(each.last_ms));
  });
}

/// Are these bytes that add() leaves?
inline bool valid(std::string_view bytes) {
  std::string_view before;
  taker in(bytes);
  while (!in.done()) {
    const auto each = take(in);
    if (in.failed() || each.name <= before || each.count == 0 || each.first_ms > each.last_ms) return false;
    before = each.name;
  }
  return !in.failed();
}

}  // namespace counters

}  // namespace kith::profile
