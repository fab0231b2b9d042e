#include "profile/segments/standing.hpp"

#include <algorithm>

#include "profile/bytes.hpp"
#include "profile/msgpack_scan.hpp"
#include "profile/segments/round.hpp"
#include "profile/segments/trait_map.hpp"
#include "profile/time_range.hpp"

namespace kith::profile::segments {

namespace {

constexpr unsigned char format_version = 1;

/// A map with sorted text keys.
bool is_computed_map(std::string_view bytes) {
  if (bytes.empty() || !msgpack::is_map(bytes)) return false;
  if (msgpack::end_of_value(bytes.data(), bytes.data() + bytes.size(), msgpack::deepest_skip) !=
      bytes.data() + bytes.size())
    return false;
  msgpack::reader in(bytes);
  std::string_view before;
  for (auto left = in.next().size; left > 0; --left) {
    const auto key = in.next();
    if (!key.is_string() || key.bytes <= before || in.skip().empty()) return false;
    before = key.bytes;
  }
  return true;
}

}  // namespace

std::uint64_t segment_key(std::string_view name) noexcept { return hash_of(name).low; }

bool standing::is_member(const catalog& of, std::uint32_t definition) const noexcept {
  const auto key = of.inside().compiled[definition].key;
  const auto found =
      std::lower_bound(members_.begin(), members_.end(), key,
                       [](const membership& each, std::uint64_t wanted) { return each.segment < wanted; });
  return found != members_.end() && found->segment == key;
}

std::size_t standing::heap_bytes() const noexcept {
  const std::string in_place;
  const auto text = computed_.capacity() > in_place.capacity() ? computed_.capacity() + 1 : 0;
  return members_.capacity() * sizeof(membership) + text;
}

void changing_traits(const profile& of, const catalog& with, const event_view& event,
                     std::vector<std::string_view>& keys) {
  keys.clear();
  const auto& inside = with.inside();
  if (event.traits.empty() || (inside.trait_readers.empty() && inside.all_trait_readers.empty())) return;
  msgpack::for_each_entry(event.traits, [&](std::string_view key, std::string_view held) {
    const bool is_read = !inside.all_trait_readers.empty() || inside.trait_readers.contains(key);
    if (is_read && !holds_trait(of.inside(), key, held)) keys.push_back(key);
  });
}

void standing::evaluate_event(const profile& of, const catalog& with, const event_view& event, std::int64_t now_ms,
                              transitions& changed, const std::vector<std::string_view>* changing) {
  if (!fits(with)) return evaluate_all(of, with, now_ms, changed);
  changed.clear();
  if (with.empty()) return;
  round work(*this, of, with.inside(), now_ms, changed);
  const bool moved = now_ms >= due_ms_ || now_ms < evaluated_ms_;
  work.add_touched(event, changing);
  if (moved) work.add_moved(evaluated_ms_, now_ms);
  work.run();
  due_ms_ = moved ? work.due() : work.due_after(event, due_ms_);
  evaluated_ms_ = now_ms;
}

void standing::evaluate_due(const profile& of, const catalog& with, std::int64_t now_ms, transitions& changed) {
  if (!fits(with)) return evaluate_all(of, with, now_ms, changed);
  changed.clear();
  if (with.empty()) return;
  round work(*this, of, with.inside(), now_ms, changed);
  work.add_moved(evaluated_ms_, now_ms);
  work.run();
  due_ms_ = work.due();
  evaluated_ms_ = now_ms;
}

void standing::evaluate_all(const profile& of, const catalog& with, std::int64_t now_ms, transitions& changed) {
  changed.clear();
  round work(*this, of, with.inside(), now_ms, changed);
  if (!fits(with)) work.drop_vanished();
  work.add_all();
  work.run();
  due_ms_ = work.due();
  evaluated_ms_ = now_ms;
  fingerprint_ = with.fingerprint() ^ basis_;
}

std::string standing::encode() const {
  std::string out;
  out.push_back(static_cast<char>(format_version));
  put(out, fingerprint_);
  put(out, due_ms_);
  put(out, evaluated_ms_);
  put(out, static_cast<std::uint32_t>(members_.size()));
  for (const auto& each : members_) {
    put(out, each.segment);
    put(out, each.since_ms);
  }
  put_text<std::uint32_t>(out, computed_);
  return out;
}

result<standing> standing::decode(std::string_view bytes) {
  taker in(bytes);
  const auto format = in.number<unsigned char>();
  if (in.failed() || format != format_version) {
    return fail(errc::internal, "standing: format version " + std::to_string(format) +
                                    "; this program reads version 1, use the program that wrote it");
  }
  standing decoded;
  decoded.fingerprint_ = in.number<std::uint64_t>();
  decoded.due_ms_ = in.number<std::int64_t>();
  decoded.evaluated_ms_ = in.number<std::int64_t>();
  const auto members = in.number<std::uint32_t>();
  if (members > in.rest().size() / sizeof(membership)) return fail(errc::internal, "standing: damaged");
  decoded.members_.reserve(members);
  bool sorted = true;
  for (std::uint32_t i = 0; i < members; ++i) {
    const auto segment = in.number<std::uint64_t>();
    sorted = sorted && (i == 0 || decoded.members_.back().segment < segment);
    decoded.members_.push_back({segment, in.number<std::int64_t>()});
  }
  decoded.computed_ = in.text<std::uint32_t>();
  if (in.failed() || !in.done() || !sorted || !is_writable_time(decoded.evaluated_ms_) ||
      !is_computed_map(decoded.computed_))
    return fail(errc::internal, "standing: damaged");
  return decoded;
}

}  // namespace kith::profile::segments
