#include "profile/segments/round.hpp"

#include <algorithm>
#include <functional>

#include "profile/msgpack_scan.hpp"
#include "profile/segments/bounds.hpp"
#include "profile/segments/window_list.hpp"
#include "profile/traits.hpp"

namespace kith::profile::segments {

namespace {

struct scratch {
  std::uint64_t number = 0;
  std::vector<std::uint64_t> queued;  ///< by definition: the round that queued it
  std::vector<std::uint32_t> queue;   ///< a heap, the lowest first
};

scratch& mine() {
  thread_local scratch of_thread;
  return of_thread;
}

bool before(const membership& left, std::uint64_t key) noexcept { return left.segment < key; }

}  // namespace

round::round(standing& at, const profile& of, const catalog::body& with, std::int64_t now_ms, transitions& changed)
    : at_(at), of_(of), with_(with), now_ms_(now_ms), changed_(changed), run_(of, with, *this) {
  auto& s = mine();
  ++s.number;
  s.queue.clear();
  if (s.queued.size() < with.definitions.size()) s.queued.resize(with.definitions.size());
}

void round::add(std::uint32_t definition) {
  auto& s = mine();
  if (s.queued[definition] == s.number) return;
  s.queued[definition] = s.number;
  s.queue.push_back(definition);
  std::push_heap(s.queue.begin(), s.queue.end(), std::greater<>());
}

void round::add_all() {
  for (std::uint32_t i = 0; i < with_.definitions.size(); ++i) add(i);
}

void round::add_touched(const event_view& event, const std::vector<std::string_view>* changing) {
  if (const auto* const name = with_.named(hash_of_name(event.name))) {
    for (const auto each : name->readers) add(each);
  }
  if (changing == nullptr ? !event.traits.empty() : !changing->empty()) {
    for (const auto each : with_.all_trait_readers) add(each);
    if (changing == nullptr) {
      msgpack::for_each_entry(event.traits, [&](std::string_view key, std::string_view) { add_readers_of(key); });
    } else {
      for (const auto key : *changing) add_readers_of(key);
    }
  }
  for (const auto each : with_.id_readers) add(each);
  if (!event.says_consent()) return;
  for (const auto each : with_.consent_readers) add(each);
}

void round::add_readers_of(std::string_view trait) {
  const auto found = with_.trait_readers.find(trait);
  if (found == with_.trait_readers.end()) return;
  for (const auto each : found->second) add(each);
}

void round::add_readers(std::span<const std::string> traits) {
  if (traits.empty()) return;
  for (const auto each : with_.all_trait_readers) add(each);
  for (const auto& each : traits) add_readers_of(each);
}

/// When the first trait is past the time that it is kept for.
std::int64_t round::next_forgotten() const {
  return with_.rules->forgets_traits() ? traits::next_end(of_.inside(), *with_.rules) : never;
}

void round::add_moved(std::int64_t from_ms, std::int64_t to_ms) {
  const auto [first, last] = std::minmax(from_ms, to_ms);
  run_.for_each_timed([&, from = first, to = last](const aggregate& of, std::string_view body) {
    if (next_expiry_in(of, body, from) > to) return;
    for (const auto each : of.timed) add(each);
  });
}

void round::run() {
  auto& s = mine();
  while (!s.queue.empty()) {
    std::pop_heap(s.queue.begin(), s.queue.end(), std::greater<>());
    const auto next = s.queue.back();
    s.queue.pop_back();
    const auto found = run_.judge(next, now_ms_);
    changed_.errors += found.is_error ? 1 : 0;
    changed_.judged.push_back({next, found.is_error});
    if (with_.definitions[next].kind == definition_kind::segment) set_member(next, found.holds);
    else set_computed(next, found.value);
  }
}

bool round::member(std::uint32_t segment) {
  const auto key = with_.compiled[segment].key;
  const auto found = std::lower_bound(at_.members_.begin(), at_.members_.end(), key, before);
  return found != at_.members_.end() && found->segment == key;
}

void round::set_member(std::uint32_t segment, bool holds) {
  const auto key = with_.compiled[segment].key;
  const auto found = std::lower_bound(at_.members_.begin(), at_.members_.end(), key, before);
  const bool held = found != at_.members_.end() && found->segment == key;
  if (held == holds) return;
  if (holds) at_.members_.insert(found, {key, now_ms_});
  else at_.members_.erase(found);
  (holds ? changed_.entered : changed_.left).push_back(segment);
  for (const auto each : with_.compiled[segment].dependents) add(each);
}

std::string_view round::computed(std::uint32_t definition) {
  return at_.computed_.find(with_.compiled[definition].key);
}

void round::set_computed(std::uint32_t definition, std::string_view value) {
  if (computed(definition) == value) return;
  at_.computed_.set(with_.compiled[definition].key, value);
  changed_.recomputed.push_back(definition);
  for (const auto each : with_.compiled[definition].dependents) add(each);
}

void round::drop_vanished() {
  const auto& keys = with_.segment_keys;
  std::erase_if(at_.members_,
                [&](const membership& each) { return !std::binary_search(keys.begin(), keys.end(), each.segment); });
  at_.computed_.keep_only(with_.computed_keys);
}

std::int64_t round::due_after(const event_view& event, std::int64_t due_before_ms) {
  auto soonest = due_before_ms;
  if (!event.traits.empty()) soonest = std::min(soonest, next_forgotten());
  const auto* const name = with_.named(hash_of_name(event.name));
  if (name == nullptr) return soonest;
  for (auto i = name->first_aggregate; i < name->end_aggregate; ++i) {
    const auto& of = with_.aggregates[i];
    if (of.windows.empty()) continue;
    // An entry that moved into a bucket, or gave way to a newer one, may have been what was due.
    const auto next = run_.next_expiry_of_aggregate(i, now_ms_);
    const bool may_have_replaced = !is_list(of.held) || window_list(of.held, run_.body(i)).has_buckets();
    if (may_have_replaced && next > due_before_ms && due_before_ms != never) return due();
    soonest = std::min(soonest, next);
  }
  // Pruning takes only what no clock near the events' own can reach.
  return of_.inside().of().last_seen - bounds::slack_ms > now_ms_ ? due() : soonest;
}

}  // namespace kith::profile::segments
