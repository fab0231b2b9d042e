#include "profile/recent_ids.hpp"

#include <algorithm>

namespace kith::profile {

namespace {

constexpr std::size_t most_in_array = 48;

std::string_view bytes_of(const dated_id* ids, std::size_t count) noexcept {
  return {reinterpret_cast<const char*>(ids), count * sizeof(dated_id)};
}

bool before(const dated_id& a, const dated_id& b) noexcept { return a.day != b.day ? a.day < b.day : a.id() < b.id(); }

template <class F>
void for_each(const state& of, F each) {
  if (const auto* many = of.of().many_recent()) return many->for_each(each);
  const auto bytes = of.view(part::recent);
  for (std::size_t at = 0; at < bytes.size(); at += sizeof(dated_id)) each(get<dated_id>(bytes.data() + at));
}

}  // namespace

bool recent_ids::contains(const state& of, hash128 id) noexcept {
  if (const auto* many = of.of().many_recent()) return many->contains(id);
  const auto wanted = dated_id::of(id, 0);
  const auto bytes = of.view(part::recent);
  const char* const end = bytes.data() + bytes.size();
  for (const char* at = bytes.data(); at != end; at += sizeof(dated_id)) {
    // One word tells nearly all apart.
    if (get<std::uint32_t>(at) == wanted.words[0] && std::memcmp(at, wanted.words, sizeof wanted.words) == 0) {
      return true;
    }
  }
  return false;
}

std::size_t recent_ids::size(const state& of) noexcept {
  if (const auto* many = of.of().many_recent()) return many->size();
  return of.view(part::recent).size() / sizeof(dated_id);
}

std::vector<dated_id> recent_ids::sorted(const state& of) {
  std::vector<dated_id> all;
  all.reserve(size(of));
  for_each(of, [&](const dated_id& each) { all.push_back(each); });
  std::sort(all.begin(), all.end(), before);
  return all;
}

void recent_ids::insert(hash128 id, std::int32_t day) {
  const auto added = dated_id::of(id, day);
  const auto few = of_.view(part::recent).size();
  if (of_.of().many_recent() != nullptr) {
    of_.of().large->recent->insert(added);
  } else if (few < most_in_array * sizeof(dated_id)) {
    of_.replace(part::recent, few, 0, bytes_of(&added, 1));
  } else {
    auto all = sorted(of_);
    all.push_back(added);
    assign(all);
  }
}

void recent_ids::assign(const std::vector<dated_id>& ids) {
  if (of_.of().large) of_.of().large->recent.reset();
  const auto few = ids.size() > most_in_array ? std::string_view{} : bytes_of(ids.data(), ids.size());
  of_.replace(part::recent, 0, of_.view(part::recent).size(), few);
  if (ids.size() <= most_in_array) return;
  auto& large = of_.of().large;
  if (!large) large = std::make_unique<state::large_parts>();
  large->recent.emplace(ids.size());
  for (const auto& each : ids) large->recent->insert(each);
}

void recent_ids::remove(hash128 id) {
  if (!contains(of_, id)) return;
  auto all = sorted(of_);
  std::erase_if(all, [&](const dated_id& each) { return each.id() == id; });
  assign(all);
}

void recent_ids::encode(const state& of, std::string& out) {
  put(out, static_cast<std::uint32_t>(size(of)));
  for (const auto& each : sorted(of)) {
    put(out, each.day);
    put(out, each.id().high);
    put(out, each.id().low);
  }
}

void recent_ids::decode(taker& in) {
  const auto count = in.number<std::uint32_t>();
  if (in.rest().size() / sizeof(dated_id) < count) return in.fail();
  std::vector<dated_id> ids;
  ids.reserve(count);
  for (std::uint32_t i = 0; i < count; ++i) {
    const auto day = in.number<std::int32_t>();
    const auto high = in.number<std::uint64_t>();
    ids.push_back(dated_id::of({high, in.number<std::uint64_t>()}, day));
    if (day == id_table::free_day || (i > 0 && !before(ids[i - 1], ids[i]))) in.fail();
  }
  // Each id once, whatever its day.
  auto by_id = ids;
  const auto less = [](const dated_id& a, const dated_id& b) { return a.id() < b.id(); };
  std::sort(by_id.begin(), by_id.end(), less);
  const auto same = [](const dated_id& a, const dated_id& b) { return a.id() == b.id(); };
  if (std::adjacent_find(by_id.begin(), by_id.end(), same) != by_id.end()) in.fail();
  if (!in.failed()) assign(ids);
}

}  // namespace kith::profile
