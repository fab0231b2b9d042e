// Changing a windowed aggregate.
#include "profile/segments/window_list.hpp"

#include <cmath>

#include "profile/msgpack.hpp"
#include "profile/segments/window_layout.hpp"
#include "profile/time_range.hpp"

namespace kith::profile::segments {

using namespace window_layout;

namespace {

std::size_t count_entries(storage held, std::string_view bytes) noexcept {
  const auto from = entries_at(bytes);
  if (held != storage::first_list) return (bytes.size() - from) / entry_bytes(held, nullptr);
  std::size_t count = 0;
  for (auto at = from; at < bytes.size(); at += entry_bytes(held, bytes.data() + at)) ++count;
  return count;
}

void set_buckets(body_edit& of, std::uint32_t count) {
  std::string number;
  put(number, count);
  of.replace(count_at, sizeof count, number);
}

void erase_if_nothing(body_edit& of) {
  const auto bytes = of.view();
  if (bytes.size() == head_bytes && skipped_of(bytes) == 0) of.replace(0, head_bytes, {});
}

void add_bucket(body_edit& to, const bucket& added) {
  const auto bytes = to.view();
  const auto count = buckets_of(bytes);
  auto at = count;
  while (at > 0 && bucket_at(bytes, at - 1).start_ms >= added.start_ms) --at;
  std::string encoded;
  if (at < count && bucket_at(bytes, at).start_ms == added.start_ms) {
    auto present = bucket_at(bytes, at);
    join_bucket(present, added);
    put_bucket(encoded, present);
    to.replace(head_bytes + at * bucket_bytes, bucket_bytes, encoded);
    return;
  }
  if (count == bounds::buckets && at == 0) return;  // older than all that are kept
  put_bucket(encoded, added);
  to.replace(head_bytes + at * bucket_bytes, 0, encoded);
  if (count == bounds::buckets) to.replace(head_bytes, bucket_bytes, {});
  else set_buckets(to, static_cast<std::uint32_t>(count + 1));
}

bucket bucket_of(storage held, const window_entry& entry, std::int64_t window_ms) noexcept {
  const double number = held == storage::number_list ? get<double>(entry.payload.data()) : 0;
  return {aligned(entry.time_ms, width_of(window_ms)), 1, to_fixed(number), number, number, entry.time_ms};
}

void make_head(body_edit& to, std::int64_t window_ms) {
  if (!to.view().empty()) return;
  std::string head;
  put(head, window_ms);
  put(head, std::uint64_t{0});
  to.replace(0, 0, head);
}

bool comes_before(const window_entry& left, const window_entry& right) noexcept {
  if (left.time_ms != right.time_ms) return left.time_ms < right.time_ms;
  return left.id != right.id ? left.id < right.id : left.payload < right.payload;
}

void put_entry(std::string& out, storage held, const window_entry& of) {
  put(out, of.time_ms);
  put(out, of.id);
  if (held == storage::first_list) put(out, static_cast<std::uint16_t>(of.payload.size()));
  out.append(of.payload);
}

window_entry read_entry(storage held, const char* at) noexcept {
  const auto bytes = entry_bytes(held, at);
  const std::size_t head = held == storage::first_list ? 18 : 16;
  return {get<std::int64_t>(at), get<std::uint64_t>(at + 8), {at + head, bytes - head}};
}

/// The oldest entry moves into its bucket.
void evict(body_edit& of, storage held, std::int64_t window_ms) {
  const auto at = entries_at(of.view());
  const auto oldest = read_entry(held, of.view().data() + at);
  const auto into = bucket_of(held, oldest, window_ms);
  of.replace(at, entry_bytes(held, of.view().data() + at), {});
  add_bucket(of, into);
}

/// Where the entry belongs: mostly at the end.
std::size_t place_of(storage held, std::string_view bytes, const window_entry& added) noexcept {
  const auto from = entries_at(bytes);
  if (held != storage::first_list) {
    const auto size = entry_bytes(held, nullptr);
    auto at = bytes.size();
    while (at > from && comes_before(added, read_entry(held, bytes.data() + at - size))) at -= size;
    return at;
  }
  auto at = from;
  while (at < bytes.size() && !comes_before(added, read_entry(held, bytes.data() + at)))
    at += entry_bytes(held, bytes.data() + at);
  return at;
}

}  // namespace

void window_list::add(body_edit& to, storage held, std::int64_t window_ms, const window_entry& added,
                      std::int64_t last_seen) {
  prune(to, held, last_seen);
  if (added.time_ms < live_from(window_ms, last_seen)) return;
  make_head(to, window_ms);
  thread_local std::string encoded;
  encoded.clear();
  put_entry(encoded, held, added);
  to.replace(place_of(held, to.view(), added), 0, encoded);
  if (count_entries(held, to.view()) > bounds::exact_entries) evict(to, held, window_ms);
}

void window_list::skip(body_edit& to, std::int64_t window_ms) {
  make_head(to, window_ms);
  std::string number;
  put(number, skipped_of(to.view()) + 1);
  to.replace(skipped_at, 4, number);
}

void window_list::prune(body_edit& of, storage held, std::int64_t last_seen) {
  const auto bytes = of.view();
  if (bytes.empty()) return;
  const auto from = live_from(window_of(bytes), last_seen);
  const auto count = buckets_of(bytes);
  std::size_t old_buckets = 0;
  while (old_buckets < count && bucket_at(bytes, old_buckets).start_ms < from) ++old_buckets;
  const auto begin = entries_at(bytes);
  auto at = begin;
  while (at < bytes.size() && get<std::int64_t>(bytes.data() + at) < from) at += entry_bytes(held, bytes.data() + at);
  if (at > begin) of.replace(begin, at - begin, {});
  if (old_buckets > 0) {
    of.replace(head_bytes, old_buckets * bucket_bytes, {});
    set_buckets(of, static_cast<std::uint32_t>(count - old_buckets));
  }
  erase_if_nothing(of);
}

std::string window_list::joined(storage held, std::string_view left, std::string_view right, std::int64_t last_seen) {
  if (left.empty() || right.empty()) {
    string_edit one(left.empty() ? right : left);
    prune(one, held, last_seen);
    return one.take();
  }
  string_edit all(left);
  prune(all, held, last_seen);
  const auto window_ms = window_of(right);
  make_head(all, window_ms);
  std::string number;
  put(number, skipped_of(all.view()) + skipped_of(right));
  all.replace(skipped_at, 4, number);
  const auto from = live_from(window_ms, last_seen);
  for (std::size_t i = 0; i < buckets_of(right); ++i) {
    if (const auto each = bucket_at(right, i); each.start_ms >= from) add_bucket(all, each);
  }
  for (auto at = entries_at(right); at < right.size(); at += entry_bytes(held, right.data() + at)) {
    const auto entry = read_entry(held, right.data() + at);
    if (entry.time_ms < from) continue;
    std::string encoded;
    put_entry(encoded, held, entry);
    all.replace(place_of(held, all.view(), entry), 0, encoded);
  }
  for (auto many = count_entries(held, all.view()); many > bounds::exact_entries; --many) evict(all, held, window_ms);
  erase_if_nothing(all);
  return all.take();
}

bool window_list::valid(storage held, std::string_view bytes) noexcept {
  if (bytes.empty()) return true;
  if (bytes.size() < head_bytes) return false;
  const auto window_ms = window_of(bytes);
  if (window_ms < bounds::least_window_ms || window_ms > bounds::greatest_window_ms) return false;
  const auto buckets = buckets_of(bytes);
  if (buckets > bounds::buckets || entries_at(bytes) > bytes.size()) return false;
  for (std::size_t i = 0; i < buckets; ++i) {
    const auto each = bucket_at(bytes, i);
    if (!is_plausible_sum(each.sum, each.count) || !(each.least <= each.greatest) || !is_summable(each.least) ||
        !is_summable(each.greatest) || !is_writable_time(each.oldest_ms) ||
        aligned(each.oldest_ms, width_of(window_ms)) != each.start_ms)
      return false;
    if (i > 0 && bucket_at(bytes, i - 1).start_ms >= each.start_ms) return false;
  }
  std::size_t entries = 0;
  window_entry before;
  for (auto at = entries_at(bytes); at < bytes.size(); ++entries) {
    const auto left = bytes.size() - at;
    if (left < (held == storage::first_list ? 18 : 16) || entry_bytes(held, bytes.data() + at) > left) return false;
    const auto entry = read_entry(held, bytes.data() + at);
    if (!is_writable_time(entry.time_ms) || (entries > 0 && comes_before(entry, before))) return false;
    if (held == storage::number_list && !is_summable(get<double>(entry.payload.data()))) return false;
    if (held == storage::first_list && (entry.payload.size() > bounds::value_bytes || entry.payload.empty() ||
                                        msgpack::reader(entry.payload).skip().size() != entry.payload.size()))
      return false;
    at += entry_bytes(held, bytes.data() + at);
    before = entry;
  }
  return entries <= bounds::exact_entries && (entries + buckets > 0 || skipped_of(bytes) > 0);
}

}  // namespace kith::profile::segments
