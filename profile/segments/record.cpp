#include "profile/segments/record.hpp"

#include <algorithm>
#include <limits>

#include "profile/bytes.hpp"
#include "profile/cel/msgpack_view.hpp"
#include "profile/msgpack.hpp"
#include "profile/segments/bounds.hpp"
#include "profile/segments/fixed.hpp"
#include "profile/segments/instants.hpp"
#include "profile/time_range.hpp"

namespace kith::profile::segments::record {

using cel::value;

namespace {

constexpr std::size_t tally_bytes = 24;
constexpr std::size_t latest_bytes = 16;
constexpr std::size_t number_bytes = 44;
constexpr std::size_t value_head = 20;  // skipped, time, id
constexpr std::size_t hash_bytes = 8;

struct tally {
  std::uint64_t count = 0;
  std::int64_t first_ms = INT64_MAX;
  std::int64_t last_ms = INT64_MIN;
};
tally read_tally(std::string_view bytes) noexcept {
  if (bytes.empty()) return {};
  return {get<std::uint64_t>(bytes.data()), get<std::int64_t>(bytes.data() + 8), get<std::int64_t>(bytes.data() + 16)};
}
void join(tally& into, const tally& added) noexcept {
  into.count += added.count;
  into.first_ms = std::min(into.first_ms, added.first_ms);
  into.last_ms = std::max(into.last_ms, added.last_ms);
}

struct numbers {
  std::uint32_t skipped = 0;
  std::uint64_t count = 0;
  fixed sum = 0;
  double least = std::numeric_limits<double>::infinity();
  double greatest = -std::numeric_limits<double>::infinity();
};
numbers read_numbers(std::string_view bytes) noexcept {
  if (bytes.empty()) return {};
  const char* const at = bytes.data();
  return {get<std::uint32_t>(at), get<std::uint64_t>(at + 4), get<fixed>(at + 12), get<double>(at + 28),
          get<double>(at + 36)};
}
void join(numbers& into, const numbers& added) noexcept {
  into.skipped += added.skipped;
  into.count += added.count;
  into.sum += added.sum;
  into.least = std::min(into.least, added.least);
  into.greatest = std::max(into.greatest, added.greatest);
}

struct single {
  std::uint32_t skipped = 0;
  bool there = false;
  std::int64_t time_ms = 0;
  std::uint64_t id = 0;
  std::string_view held;
};
single read_single(std::string_view bytes) noexcept {
  single read;
  if (bytes.empty()) return read;
  read.skipped = get<std::uint32_t>(bytes.data());
  read.there = bytes.size() > value_head;
  if (!read.there) return read;
  read.time_ms = get<std::int64_t>(bytes.data() + 4);
  read.id = get<std::uint64_t>(bytes.data() + 12);
  read.held = bytes.substr(value_head);
  return read;
}
bool is_before(const single& left, const single& right) noexcept {
  if (left.time_ms != right.time_ms) return left.time_ms < right.time_ms;
  return left.id != right.id ? left.id < right.id : left.held < right.held;
}
/// True if the bytes must be written anew.
bool join(storage held, single& into, const single& added) noexcept {
  const bool noted = added.skipped > 0;
  into.skipped += added.skipped;
  if (!added.there) return noted;
  const bool wins = !into.there || (held == storage::first ? is_before(added, into) : is_before(into, added));
  if (!wins) return noted;
  const auto skipped = into.skipped;
  into = added;
  into.skipped = skipped;
  return true;
}

void write(std::string& out, const tally& of) {
  put(out, of.count);
  put(out, of.first_ms);
  put(out, of.last_ms);
}
void write(std::string& out, const numbers& of) {
  put(out, of.skipped);
  put(out, of.count);
  put(out, of.sum);
  put(out, of.least);
  put(out, of.greatest);
}
void write(std::string& out, const single& of) {
  put(out, of.skipped);
  if (!of.there) return;
  put(out, of.time_ms);
  put(out, of.id);
  out.append(of.held);
}

bool newer(std::string_view bytes, std::int64_t time_ms, std::uint64_t id) noexcept {
  if (bytes.empty()) return true;
  const auto present = get<std::int64_t>(bytes.data());
  return present != time_ms ? present < time_ms : get<std::uint64_t>(bytes.data() + 8) < id;
}

void add_hash(body_edit& to, std::uint64_t hash) {
  const auto bytes = to.view();
  std::size_t from = 0;
  std::size_t behind = bytes.size() / hash_bytes;
  const auto count = behind;
  while (from < behind) {
    const auto middle = (from + behind) / 2;
    if (get<std::uint64_t>(bytes.data() + middle * hash_bytes) < hash) from = middle + 1;
    else behind = middle;
  }
  if (from < count && get<std::uint64_t>(bytes.data() + from * hash_bytes) == hash) return;
  if (from == bounds::distinct_values) return;
  char added[hash_bytes];
  std::memcpy(added, &hash, hash_bytes);
  to.replace(from * hash_bytes, 0, {added, hash_bytes});
  if (count == bounds::distinct_values) to.replace(count * hash_bytes, hash_bytes, {});
}

value number_value(function ends, const numbers& of) noexcept {
  if (ends == function::sum) return value::real(to_double(of.sum));
  if (of.count == 0) return value::real(std::numeric_limits<double>::quiet_NaN());
  if (ends == function::avg) return value::real(to_double(of.sum) / static_cast<double>(of.count));
  return value::real(ends == function::min ? of.least : of.greatest);
}

}  // namespace

void add(body_edit& to, storage held, const sample& added) {
  thread_local std::string bytes;
  bytes.clear();
  switch (held) {
    case storage::tally: {
      auto joined = read_tally(to.view());
      join(joined, {1, added.time_ms, added.time_ms});
      write(bytes, joined);
      return to.assign(bytes);
    }
    case storage::latest:
      if (!newer(to.view(), added.time_ms, added.id)) return;
      put(bytes, added.time_ms);
      put(bytes, added.id);
      return to.assign(bytes);
    case storage::number: {
      auto joined = read_numbers(to.view());
      numbers one{1};
      if (!added.skipped) {
        const auto number = get<double>(added.payload.data());
        one = {0, 1, to_fixed(number), number, number};
      }
      join(joined, one);
      write(bytes, joined);
      return to.assign(bytes);
    }
    case storage::distinct: return add_hash(to, get<std::uint64_t>(added.payload.data()));
    default: {
      auto joined = read_single(to.view());
      const single one =
          added.skipped ? single{1, false, 0, 0, {}} : single{0, true, added.time_ms, added.id, added.payload};
      if (!join(held, joined, one)) return;
      write(bytes, joined);
      return to.assign(bytes);
    }
  }
}

std::string joined(storage held, std::string_view left, std::string_view right) {
  if (left.empty() || right.empty()) return std::string(left.empty() ? right : left);
  std::string out;
  switch (held) {
    case storage::tally: {
      auto of = read_tally(left);
      join(of, read_tally(right));
      write(out, of);
      return out;
    }
    case storage::latest:
      return std::string(newer(left, get<std::int64_t>(right.data()), get<std::uint64_t>(right.data() + 8)) ? right
                                                                                                            : left);
    case storage::number: {
      auto of = read_numbers(left);
      join(of, read_numbers(right));
      write(out, of);
      return out;
    }
    case storage::distinct: {
      string_edit all(left);
      for (std::size_t at = 0; at < right.size(); at += hash_bytes)
        add_hash(all, get<std::uint64_t>(right.data() + at));
      return all.take();
    }
    default: {
      auto of = read_single(left);
      join(held, of, read_single(right));
      write(out, of);
      return out;
    }
  }
}

bool valid(storage held, std::string_view bytes) noexcept {
  if (bytes.empty()) return true;
  switch (held) {
    case storage::tally: {
      const auto of = bytes.size() == tally_bytes ? read_tally(bytes) : tally{};
      return of.count > 0 && of.first_ms <= of.last_ms && is_writable_time(of.first_ms) && is_writable_time(of.last_ms);
    }
    case storage::latest: return bytes.size() == latest_bytes && is_writable_time(get<std::int64_t>(bytes.data()));
    case storage::number: {
      if (bytes.size() != number_bytes) return false;
      const auto of = read_numbers(bytes);
      if (of.count == 0) return of.skipped > 0 && of.sum == 0 && of.least > of.greatest;
      return is_plausible_sum(of.sum, of.count) && of.least <= of.greatest && is_summable(of.least) &&
             is_summable(of.greatest);
    }
    case storage::distinct: {
      if (bytes.size() % hash_bytes != 0 || bytes.size() / hash_bytes > bounds::distinct_values) return false;
      for (std::size_t at = hash_bytes; at < bytes.size(); at += hash_bytes) {
        if (get<std::uint64_t>(bytes.data() + at - hash_bytes) >= get<std::uint64_t>(bytes.data() + at)) return false;
      }
      return true;
    }
    default: {
      if (bytes.size() < 4 || (bytes.size() > 4 && bytes.size() <= value_head)) return false;
      const auto of = read_single(bytes);
      if (!of.there) return of.skipped > 0;
      return is_writable_time(of.time_ms) && of.held.size() <= bounds::value_bytes &&
             msgpack::reader(of.held).skip().size() == of.held.size();
    }
  }
}

value evaluate(storage held, function ends, std::string_view bytes, std::int64_t window_ms, std::int64_t now_ms,
               cel::arena& memory) noexcept {
  const auto counts = [&](std::int64_t time_ms) { return window_ms == 0 || time_ms > now_ms - window_ms; };
  switch (held) {
    case storage::tally: {
      const auto of = read_tally(bytes);
      if (ends == function::count) return value::integer(static_cast<std::int64_t>(of.count));
      return of.count == 0 ? value::null() : timestamp_value(of.first_ms);
    }
    case storage::latest: {
      const bool there = !bytes.empty() && counts(get<std::int64_t>(bytes.data()));
      if (ends == function::any) return value::boolean(there);
      return there ? timestamp_value(get<std::int64_t>(bytes.data())) : value::null();
    }
    case storage::number: return number_value(ends, read_numbers(bytes));
    case storage::distinct: return value::integer(static_cast<std::int64_t>(bytes.size() / hash_bytes));
    default: {
      const auto of = read_single(bytes);
      return of.there && counts(of.time_ms) ? cel::from_msgpack(of.held, memory) : value::null();
    }
  }
}

bool event_of(storage held, std::string_view bytes, std::int64_t& time_ms, std::uint64_t& id) noexcept {
  if (held == storage::latest && !bytes.empty()) {
    time_ms = get<std::int64_t>(bytes.data());
    id = get<std::uint64_t>(bytes.data() + 8);
    return true;
  }
  if (held != storage::first && held != storage::last) return false;
  const auto of = read_single(bytes);
  time_ms = of.time_ms;
  id = of.id;
  return of.there;
}

bool count_of(storage held, std::string_view bytes, std::uint64_t& count) noexcept {
  if (held == storage::tally) count = read_tally(bytes).count;
  else if (held == storage::number) count = read_numbers(bytes).count;
  else if (held == storage::distinct) count = bytes.size() / hash_bytes;
  else return false;
  return true;
}

}  // namespace kith::profile::segments::record
