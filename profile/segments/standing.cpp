#include "profile/segments/standing.hpp"

#include <algorithm>

#include "profile/bytes.hpp"
#include "profile/msgpack_scan.hpp"
#include "profile/prefetch.hpp"
#include "profile/segments/round.hpp"
#include "profile/segments/trait_map.hpp"
#include "profile/time_range.hpp"

namespace kith::profile::segments {

namespace {

constexpr unsigned char format_version = 3;  ///< written where the outside was told of consent
constexpr unsigned char format_without_consent = 2;
constexpr unsigned char named_format = 1;  ///< no basis, and computed traits by name

}  // namespace

std::uint64_t segment_key(std::string_view name) noexcept { return hash_of(name).low; }

bool standing::is_member(const catalog& of, std::uint32_t definition) const noexcept {
  const auto key = of.inside().compiled[definition].key;
  const auto found =
      std::lower_bound(members_.begin(), members_.end(), key,
                       [](const membership& each, std::uint64_t wanted) { return each.segment < wanted; });
  return found != members_.end() && found->segment == key;
}

void standing::write_computed(const catalog& with, msgpack::writer& out) const {
  thread_local std::vector<std::string_view> values;  // by the place of their names
  const auto& all = with.inside();
  values.assign(all.computed_by_name.size(), {});
  std::uint32_t count = 0;
  computed_.for_each([&](const computed_values::entry& each) {
    const auto found = std::lower_bound(all.computed_keys.begin(), all.computed_keys.end(), each.key);
    if (found == all.computed_keys.end() || *found != each.key) return;
    values[all.computed_places[static_cast<std::size_t>(found - all.computed_keys.begin())]] = each.value;
    ++count;
  });
  out.map(count);
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (values[i].empty()) continue;
    out.string(all.definitions[all.computed_by_name[i]].name);
    out.raw(values[i]);
  }
}

std::optional<bool> standing::told_consent(std::uint64_t purpose) const noexcept {
  for (const auto each : told_consent_) {
    if ((each | 1U) == (purpose | 1U)) return (each & 1U) != 0;
  }
  return std::nullopt;
}

void standing::tell_consent(std::uint64_t purpose, bool granted) {
  if (told_consent(purpose) == granted) return;
  std::erase_if(told_consent_, [&](std::uint64_t each) { return (each | 1U) == (purpose | 1U); });
  told_consent_.push_back((purpose & ~std::uint64_t{1}) | (granted ? 1U : 0U));
  std::sort(told_consent_.begin(), told_consent_.end());
}

std::size_t standing::heap_bytes() const noexcept {
  return members_.capacity() * sizeof(membership) + told_consent_.capacity() * sizeof(std::uint64_t) +
         computed_.heap_bytes();
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
  if (!with.needs_standing()) return;
  round work(*this, of, with.inside(), now_ms, changed);
  const bool moved = now_ms >= due_ms_ || now_ms < evaluated_ms_;
  work.add_touched(event, changing);
  if (moved) work.add_moved(evaluated_ms_, now_ms);
  work.run();
  due_ms_ = moved ? work.due() : work.due_after(event, due_ms_);
  evaluated_ms_ = now_ms;
}

void standing::evaluate_due(const profile& of, const catalog& with, std::int64_t now_ms, transitions& changed,
                            std::span<const std::string> forgotten) {
  if (!fits(with)) return evaluate_all(of, with, now_ms, changed);
  changed.clear();
  if (!with.needs_standing()) return;
  round work(*this, of, with.inside(), now_ms, changed);
  work.add_moved(evaluated_ms_, now_ms);
  work.add_readers(forgotten);
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
  fingerprint_ = with.fingerprint();
  evaluated_on_ = basis_;
}

void standing::prefetch() const noexcept {
  prefetch_bytes(members_.data(), members_.size() * sizeof(membership));
  prefetch_bytes(computed_.bytes().data(), computed_.bytes().size());
}

std::string standing::encode() const {
  std::string out;
  out.push_back(static_cast<char>(told_consent_.empty() ? format_without_consent : format_version));
  put(out, fingerprint_);
  put(out, evaluated_on_);
  put(out, due_ms_);
  put(out, evaluated_ms_);
  put(out, static_cast<std::uint32_t>(members_.size()));
  for (const auto& each : members_) {
    put(out, each.segment);
    put(out, each.since_ms);
  }
  put_text<std::uint32_t>(out, computed_.bytes());
  if (told_consent_.empty()) return out;
  put(out, static_cast<std::uint16_t>(told_consent_.size()));
  for (const auto each : told_consent_) put(out, each);
  return out;
}

result<standing> standing::decode(std::string_view bytes) {
  taker in(bytes);
  const auto format = in.number<unsigned char>();
  if (in.failed() || format < named_format || format > format_version) {
    return fail(errc::internal, "standing: format version " + std::to_string(format) +
                                    "; this program reads versions 1 to 3, use the program that wrote it");
  }
  standing decoded;
  decoded.fingerprint_ = in.number<std::uint64_t>();
  if (format != named_format) decoded.evaluated_on_ = in.number<std::uint64_t>();
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
  const auto computed = in.text<std::uint32_t>();
  const auto told = format > format_without_consent ? in.number<std::uint16_t>() : std::uint16_t{0};
  for (std::uint16_t i = 0; i < told && !in.failed(); ++i) {
    decoded.told_consent_.push_back(in.number<std::uint64_t>());
  }
  const auto decode = format == named_format ? &computed_values::decode_named : &computed_values::decode;
  if (in.failed() || !in.done() || !sorted || !is_writable_time(decoded.evaluated_ms_) ||
      !decode(computed, decoded.computed_))
    return fail(errc::internal, "standing: damaged");
  return decoded;
}

}  // namespace kith::profile::segments
