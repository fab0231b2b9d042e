#include "profile/cel/zone_table.hpp"

#include <algorithm>

#include "profile/msgpack_scan.hpp"

namespace kith::profile::cel {

namespace {

using msgpack::load_big_endian;

constexpr std::size_t head_bytes = 44;
constexpr std::size_t type_bytes = 6;
constexpr std::uint64_t most_entries = 100'000;  // real files have some hundred

struct head {
  std::uint64_t utc_marks, standard_marks, leaps, changes, types, name_bytes;

  std::uint64_t body_bytes(std::uint64_t time_bytes) const noexcept {
    return changes * (time_bytes + 1) + types * type_bytes + name_bytes + leaps * (time_bytes + 4) + standard_marks +
           utc_marks;
  }
};

std::optional<head> read_head(std::string_view bytes) noexcept {
  if (bytes.size() < head_bytes || !bytes.starts_with("TZif") || bytes[4] < '2') return std::nullopt;
  const auto count = [&bytes](std::size_t index) { return load_big_endian(bytes.data() + 20 + index * 4, 4); };
  const head read{count(0), count(1), count(2), count(3), count(4), count(5)};
  for (std::size_t i = 0; i < 6; ++i) {
    if (count(i) > most_entries) return std::nullopt;
  }
  return read;
}

}  // namespace

bool zone_table::add(std::string name, std::string_view tzif) {
  // The first body, with times of 32 bits, is for old readers.
  const auto old = read_head(tzif);
  if (!old || tzif.size() - head_bytes < old->body_bytes(4)) return false;
  tzif.remove_prefix(head_bytes + old->body_bytes(4));
  const auto now = read_head(tzif);
  if (!now || now->types == 0 || tzif.size() - head_bytes < now->body_bytes(8)) return false;
  const char* const times = tzif.data() + head_bytes;
  const char* const indexes = times + now->changes * 8;
  const char* const types = indexes + now->changes;
  const auto offset_of = [types](std::size_t type) {
    return static_cast<int>(static_cast<std::int32_t>(load_big_endian(types + type * type_bytes, 4)));
  };
  zone made;
  made.first = offset_of(0);
  for (std::size_t i = 0; i < now->changes; ++i) {
    const auto type = static_cast<unsigned char>(indexes[i]);
    const auto at = static_cast<std::int64_t>(load_big_endian(times + i * 8, 8));
    if (type >= now->types || (i > 0 && at <= made.changes.back())) return false;
    made.changes.push_back(at);
    made.offsets.push_back(offset_of(type));
  }
  zones_.insert_or_assign(std::move(name), std::move(made));
  return true;
}

std::optional<int> zone_table::offset_at(std::string_view name, std::int64_t seconds_since_1970) const noexcept {
  const auto found = zones_.find(name);
  if (found == zones_.end()) return std::nullopt;
  const auto& entry = found->second;
  const auto next = std::upper_bound(entry.changes.begin(), entry.changes.end(), seconds_since_1970);
  return next == entry.changes.begin() ? entry.first
                                       : entry.offsets[static_cast<std::size_t>(next - entry.changes.begin() - 1)];
}

}  // namespace kith::profile::cel
