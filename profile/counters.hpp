// How often each event name was counted, first and last when. Entries sorted by name:
// length (1), name, count (8), first (8), last (8).
#pragma once

#include <algorithm>
#include <cstdint>
#include <string_view>

#include "profile/blob.hpp"
#include "profile/bytes.hpp"
#include "profile/event.hpp"
#include "profile/msgpack.hpp"

namespace kith::profile {

struct counter {
  std::string_view name;
  std::uint64_t count = 0;
  std::int64_t first_ms = 0;
  std::int64_t last_ms = 0;
};

class counters {
 public:
  void add(std::string_view name, std::uint64_t count, std::int64_t first_ms, std::int64_t last_ms) {
    std::size_t at = 0;
    for (taker in(bytes_.view()); !in.done();) {
      const auto each = take(in);
      if (each.name == name) return update(at, each, count, first_ms, last_ms);
      if (each.name > name) break;
      at += entry_bytes(each);
    }
    std::string entry;
    put_text<std::uint8_t>(entry, name);
    put(entry, count);
    put(entry, first_ms);
    put(entry, last_ms);
    bytes_.replace(at, 0, entry);
  }

  template <class F>
  void for_each(F each) const {
    for (taker in(bytes_.view()); !in.done();) each(take(in));
  }

  /// {name: {count, firstAt, lastAt}}
  void write(msgpack::writer& out) const {
    std::size_t entries = 0;
    for_each([&](const counter&) { ++entries; });
    out.map(entries);
    for_each([&](const counter& each) {
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

  std::string_view view() const noexcept { return bytes_.view(); }
  std::size_t heap_bytes() const noexcept { return bytes_.heap_bytes(); }
  bool decode(std::string_view bytes) {
    bytes_.assign(bytes);
    std::string_view before;
    taker in(bytes_.view());
    while (!in.done()) {
      const auto each = take(in);
      if (in.failed() || each.name <= before || each.count == 0 || each.first_ms > each.last_ms) return false;
      before = each.name;
    }
    return !in.failed();
  }

 private:
  static std::size_t entry_bytes(const counter& of) noexcept { return 1 + of.name.size() + 24; }
  static counter take(taker& in) noexcept {
    const auto name = in.text<std::uint8_t>();
    const auto count = in.number<std::uint64_t>();
    const auto first = in.number<std::int64_t>();
    return {name, count, first, in.number<std::int64_t>()};
  }
  void update(std::size_t at, const counter& present, std::uint64_t count, std::int64_t first_ms,
              std::int64_t last_ms) {
    char* numbers = bytes_.data() + at + 1 + present.name.size();
    count += present.count;
    first_ms = std::min(first_ms, present.first_ms);
    last_ms = std::max(last_ms, present.last_ms);
    std::memcpy(numbers, &count, 8);
    std::memcpy(numbers + 8, &first_ms, 8);
    std::memcpy(numbers + 16, &last_ms, 8);
  }

  blob bytes_;
};

}  // namespace kith::profile
