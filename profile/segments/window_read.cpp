// Reading a windowed aggregate at a time.
#include <algorithm>
#include <limits>
#include <vector>

#include "profile/cel/msgpack_view.hpp"
#include "profile/segments/instants.hpp"
#include "profile/segments/window_layout.hpp"
#include "profile/segments/window_list.hpp"

namespace kith::profile::segments {

using cel::value;
using namespace window_layout;

namespace {

std::int64_t last_instant(const bucket& of, std::int64_t window_ms) noexcept {
  return of.start_ms + width_of(window_ms) - 1;
}

/// Calls each(bucket) for those that still count for a window that begins behind `from`, oldest first.
template <class F>
void for_each_bucket(std::string_view bytes, std::int64_t from, F each) {
  const auto count = buckets_of(bytes);
  for (std::size_t i = 0; i < count; ++i) {
    const auto bucket = bucket_at(bytes, i);
    if (last_instant(bucket, window_of(bytes)) > from) each(bucket);
  }
}

}  // namespace

std::int64_t window_list::window_ms() const noexcept { return bytes_.empty() ? 0 : window_of(bytes_); }
const char* window_list::entries() const noexcept { return bytes_.data() + entries_at(bytes_); }
bool window_list::has_buckets() const noexcept { return buckets_of(bytes_) > 0; }
std::uint32_t window_list::skipped() const noexcept { return skipped_of(bytes_); }
std::size_t window_list::entry_bytes(storage held, const char* at) noexcept {
  return window_layout::entry_bytes(held, at);
}

window_entry window_list::entry_at(const char* at) const noexcept {
  const std::size_t head = held_ == storage::first_list ? 18 : 16;
  return {get<std::int64_t>(at), get<std::uint64_t>(at + 8), {at + head, entry_bytes(held_, at) - head}};
}

const char* window_list::first_after(std::int64_t time_ms) const noexcept {
  const char* const end = bytes_.data() + bytes_.size();
  const char* at = entries();
  if (held_ == storage::first_list) {
    while (at != end && get<std::int64_t>(at) <= time_ms) at += entry_bytes(held_, at);
    return at;
  }
  const auto size = entry_bytes(held_, nullptr);
  auto left = static_cast<std::size_t>(end - at) / size;
  while (left > 0) {
    const auto half = left / 2;
    if (get<std::int64_t>(at + half * size) <= time_ms) {
      at += (half + 1) * size;
      left -= half + 1;
    } else {
      left = half;
    }
  }
  return at;
}

std::uint64_t window_list::count(std::int64_t now_ms) const noexcept {
  std::uint64_t sum = 0;
  if (held_ == storage::first_list) for_each(now_ms, [&](const window_entry&) { ++sum; });
  else if (!bytes_.empty())
    sum = static_cast<std::size_t>(bytes_.data() + bytes_.size() - first_after(from(now_ms))) /
          entry_bytes(held_, nullptr);
  for_each_bucket(bytes_, from(now_ms), [&](const bucket& each) { sum += each.count; });
  return sum;
}

value window_list::number(function ends, std::int64_t now_ms) const noexcept {
  std::uint64_t many = 0;
  fixed sum = 0;
  double least = std::numeric_limits<double>::infinity();
  double greatest = -least;
  for_each_bucket(bytes_, from(now_ms), [&](const bucket& each) {
    many += each.count;
    sum += each.sum;
    least = std::min(least, each.least);
    greatest = std::max(greatest, each.greatest);
  });
  for_each(now_ms, [&](const window_entry& each) {
    const auto number = get<double>(each.payload.data());
    ++many;
    sum += to_fixed(number);
    least = std::min(least, number);
    greatest = std::max(greatest, number);
  });
  if (ends == function::sum) return value::real(to_double(sum));
  if (many == 0) return value::real(std::numeric_limits<double>::quiet_NaN());
  if (ends == function::avg) return value::real(to_double(sum) / static_cast<double>(many));
  return value::real(ends == function::min ? least : greatest);
}

value window_list::distinct(std::int64_t now_ms) const noexcept {
  thread_local std::vector<std::uint64_t> hashes;
  hashes.clear();
  for_each(now_ms, [&](const window_entry& each) { hashes.push_back(get<std::uint64_t>(each.payload.data())); });
  std::sort(hashes.begin(), hashes.end());
  return value::integer(std::unique(hashes.begin(), hashes.end()) - hashes.begin());
}

value window_list::evaluate(function ends, std::int64_t now_ms, cel::arena& memory) const noexcept {
  const char* const end = bytes_.data() + bytes_.size();
  switch (ends) {
    case function::count: return value::integer(static_cast<std::int64_t>(count(now_ms)));
    case function::distinct: return distinct(now_ms);
    case function::first: {
      const char* const at = first_after(from(now_ms));
      return at == end ? value::null() : cel::from_msgpack(entry_at(at).payload, memory);
    }
    case function::first_at: {
      auto oldest = INT64_MAX;
      for_each_bucket(bytes_, from(now_ms), [&](const bucket& each) { oldest = std::min(oldest, each.oldest_ms); });
      if (const char* const at = first_after(from(now_ms)); at != end) oldest = std::min(oldest, entry_at(at).time_ms);
      return oldest == INT64_MAX ? value::null() : timestamp_value(oldest);
    }
    default: return number(ends, now_ms);
  }
}

std::int64_t window_list::next_expiry(std::int64_t after_ms) const noexcept {
  auto soonest = INT64_MAX;
  if (bytes_.empty()) return soonest;
  for_each_bucket(bytes_, from(after_ms),
                  [&](const bucket& each) { soonest = std::min(soonest, last_instant(each, window_ms())); });
  const char* const at = first_after(from(after_ms));
  if (at != bytes_.data() + bytes_.size()) soonest = std::min(soonest, entry_at(at).time_ms);
  return soonest == INT64_MAX ? soonest : soonest + window_ms();
}

}  // namespace kith::profile::segments
