#include "profile/identity/kin.hpp"

#include <algorithm>
#include <numeric>
#include <unordered_map>

#include "profile/bytes.hpp"

namespace kith::profile::identity {

namespace {

constexpr unsigned char format_version = 1;

void put_hash(std::string& out, hash128 value) {
  put(out, value.high);
  put(out, value.low);
}
hash128 take_hash(taker& in) {
  const auto high = in.number<std::uint64_t>();
  return {high, in.number<std::uint64_t>()};
}

void put_identifier(std::string& out, const identifier& id) {
  put(out, static_cast<unsigned char>(id.kind));
  put_text<std::uint8_t>(out, id.type);
  put_text<std::uint16_t>(out, id.value);
}
identifier take_identifier(taker& in) {
  identifier id;
  const auto kind = in.number<unsigned char>();
  if (kind > static_cast<unsigned char>(id_kind::external)) in.fail();
  id.kind = static_cast<id_kind>(kind);
  id.type = in.text<std::uint8_t>();
  id.value = in.text<std::uint16_t>();
  return id;
}

bool earlier(const evidence& a, const evidence& b) noexcept {
  return a.time_ms != b.time_ms ? a.time_ms < b.time_ms : a.message_id < b.message_id;
}

template <class List>
auto place_in(List& sorted, hash128 wanted) {
  return std::lower_bound(sorted.begin(), sorted.end(), wanted,
                          [&](const parting& each, hash128 value) { return each.from < value; });
}
constexpr std::size_t most_unsorted = 64;

bool before(const link& a, const link& b) noexcept { return a.to < b.to; }

}  // namespace

const link* kin::find(hash128 to) const noexcept {
  const auto end = links_.begin() + static_cast<std::ptrdiff_t>(sorted_);
  const auto found =
      std::lower_bound(links_.begin(), end, to, [](const link& each, hash128 wanted) { return each.to < wanted; });
  if (found != end && found->to == to) return &*found;
  const auto late = std::find_if(end, links_.end(), [&](const link& each) { return each.to == to; });
  return late == links_.end() ? nullptr : &*late;
}

bool kin::knows(hash128 to, const evidence& why) const noexcept {
  const auto* known = find(to);
  return known != nullptr && !earlier(why, known->why) && why.renewed_ms <= known->why.renewed_ms;
}

bool kin::forget(hash128 to) {
  sort();
  const auto linked = std::erase_if(links_, [&](const link& each) { return each.to == to; });
  const auto parted = std::erase_if(partings_, [&](const parting& each) { return each.from == to; });
  sorted_ = links_.size();
  return linked + parted > 0;
}

bool kin::parted(hash128 from, std::int64_t renewed_ms) const noexcept {
  const auto found = place_in(partings_, from);
  return found != partings_.end() && found->from == from && renewed_ms <= found->time_ms;
}

bool kin::counts(const link& of) const noexcept { return !parted(of.to, of.why.renewed_ms); }

bool kin::add(hash128 to, const identifier& who, const evidence& why) {
  const auto* known = find(to);
  if (known == nullptr) {
    links_.push_back({to, who, why});
    if (links_.size() - sorted_ > most_unsorted) sort();
    return true;
  }
  auto* at = &links_[static_cast<std::size_t>(known - links_.data())];
  bool changed = false;
  if (earlier(why, at->why)) {
    at->why.time_ms = why.time_ms;
    at->why.message_id = why.message_id;
    changed = true;
  }
  if (why.renewed_ms > at->why.renewed_ms) {
    at->why.renewed_ms = why.renewed_ms;
    changed = true;
  }
  return changed;
}

void kin::sort() {
  const auto late = links_.begin() + static_cast<std::ptrdiff_t>(sorted_);
  std::sort(late, links_.end(), before);
  std::inplace_merge(links_.begin(), late, links_.end(), before);
  sorted_ = links_.size();
}

bool kin::part(hash128 from, std::int64_t time_ms) {
  const auto at = place_in(partings_, from);
  if (at == partings_.end() || at->from != from) {
    partings_.insert(at, {from, time_ms});
    return true;
  }
  if (at->time_ms >= time_ms) return false;
  at->time_ms = time_ms;
  return true;
}

std::size_t kin::heap_bytes() const noexcept {
  auto bytes = links_.capacity() * sizeof(link) + partings_.capacity() * sizeof(parting);
  for (const auto& each : links_) bytes += each.who.type.size() + each.who.value.size() + each.why.message_id.size();
  return bytes + self_.type.size() + self_.value.size();
}

std::string kin::encode() const {
  if (sorted_ < links_.size()) {
    auto sorted = *this;
    sorted.sort();
    return sorted.encode();
  }
  std::string out;
  out.push_back(static_cast<char>(format_version));
  put_identifier(out, self_);
  put_hash(out, belongs_to_);
  put(out, static_cast<std::uint32_t>(links_.size()));
  for (const auto& each : links_) {
    put_hash(out, each.to);
    put_identifier(out, each.who);
    put(out, each.why.time_ms);
    put(out, each.why.renewed_ms);
    put_text<std::uint8_t>(out, each.why.message_id);
  }
  put(out, static_cast<std::uint32_t>(partings_.size()));
  for (const auto& each : partings_) {
    put_hash(out, each.from);
    put(out, each.time_ms);
  }
  return out;
}

result<kin> kin::decode(std::string_view bytes) {
  taker in(bytes);
  const auto format = in.number<unsigned char>();
  if (in.failed() || format == 0 || format > format_version) {
    return fail(errc::internal, "identity: format version " + std::to_string(format) +
                                    "; this program reads version 1, use the program that wrote it");
  }
  kin made;
  made.self_ = take_identifier(in);
  made.belongs_to_ = take_hash(in);
  for (auto left = in.number<std::uint32_t>(); left > 0 && !in.failed(); --left) {
    link each;
    each.to = take_hash(in);
    each.who = take_identifier(in);
    each.why.time_ms = in.number<std::int64_t>();
    each.why.renewed_ms = in.number<std::int64_t>();
    each.why.message_id = in.text<std::uint8_t>();
    if (!made.links_.empty() && !(made.links_.back().to < each.to)) in.fail();
    made.links_.push_back(std::move(each));
  }
  made.sorted_ = made.links_.size();
  for (auto left = in.number<std::uint32_t>(); left > 0 && !in.failed(); --left) {
    parting each;
    each.from = take_hash(in);
    each.time_ms = in.number<std::int64_t>();
    if (!made.partings_.empty() && !(made.partings_.back().from < each.from)) in.fail();
    made.partings_.push_back(each);
  }
  if (in.failed() || !in.done()) return fail(errc::internal, "identity: damaged");
  return made;
}

void write_identifier(msgpack::writer& out, const identifier& id, std::size_t more) {
  constexpr std::string_view kinds[] = {"user", "anonymous", "external", "profile"};
  const bool typed = id.kind == id_kind::external;
  out.map((typed ? 3 : 2) + more);
  out.string("kind");
  out.string(kinds[static_cast<std::size_t>(id.kind)]);
  if (typed) {
    out.string("type");
    out.string(id.type);
  }
  out.string("id");
  out.string(id.value);
}

std::vector<std::vector<std::size_t>> groups(std::span<const std::pair<hash128, const kin*>> all) {
  std::unordered_map<hash128, std::size_t, hash128_hasher> index_of;
  for (std::size_t i = 0; i < all.size(); ++i) index_of.emplace(all[i].first, i);
  std::vector<std::size_t> leads_to(all.size());
  std::iota(leads_to.begin(), leads_to.end(), std::size_t{0});
  const auto first_of = [&](std::size_t i) {
    while (leads_to[i] != i) i = leads_to[i] = leads_to[leads_to[i]];
    return i;
  };
  for (std::size_t i = 0; i < all.size(); ++i) {
    for (const auto& each : all[i].second->links()) {
      const auto other = index_of.find(each.to);
      if (other == index_of.end() || !all[i].second->counts(each)) continue;
      const auto a = first_of(i);
      const auto b = first_of(other->second);
      leads_to[std::max(a, b)] = std::min(a, b);
    }
  }
  std::vector<std::vector<std::size_t>> made;
  std::unordered_map<std::size_t, std::size_t> group_of;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const auto [at, fresh] = group_of.emplace(first_of(i), made.size());
    if (fresh) made.emplace_back();
    made[at->second].push_back(i);
  }
  return made;
}

}  // namespace kith::profile::identity
