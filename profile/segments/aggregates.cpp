#include "profile/segments/aggregates.hpp"

#include <algorithm>

#include "profile/bytes.hpp"
#include "profile/counters.hpp"
#include "profile/segments/record.hpp"
#include "profile/segments/sampler.hpp"
#include "profile/segments/window_list.hpp"

namespace kith::profile::segments::aggregates {

namespace {

constexpr std::size_t group_head = 12;
constexpr std::size_t entry_head = 13;
constexpr unsigned char building_flag = 0x80;

std::size_t group_bytes(const char* at) noexcept { return group_head + get<std::uint32_t>(at + 8); }

/// Where the group of the name is, or belongs.
std::size_t group_at(std::string_view bytes, std::uint64_t name_hash, bool& found) noexcept {
  std::size_t at = 0;
  found = false;
  while (at < bytes.size()) {
    const auto hash = get<std::uint64_t>(bytes.data() + at);
    if (hash >= name_hash) {
      found = hash == name_hash;
      break;
    }
    at += group_bytes(bytes.data() + at);
  }
  return at;
}

entry entry_at(const char* at) noexcept {
  const auto tag = static_cast<unsigned char>(at[8]);
  return {get<std::uint64_t>(at),
          static_cast<storage>(tag & ~building_flag & 0xff),
          (tag & building_flag) != 0,
          {at + entry_head, get<std::uint32_t>(at + 9)}};
}

void put_entry(std::string& out, const entry& of) {
  put(out, of.key);
  put(out, static_cast<unsigned char>(static_cast<unsigned char>(of.held) | (of.building ? building_flag : 0)));
  put_text<std::uint32_t>(out, of.body);
}

void put_group(std::string& out, std::uint64_t name_hash, std::string_view entries) {
  if (entries.empty()) return;
  put(out, name_hash);
  put_text<std::uint32_t>(out, entries);
}

void add_to_size(state_part& part, std::size_t at, std::size_t more) {
  const auto size = get<std::uint32_t>(part.view().data() + at) + static_cast<std::uint32_t>(more);  // modulo 2^32
  std::memcpy(part.data() + at, &size, sizeof size);
}

/// One entry's body where it lies; keeps the sizes of entry and group right.
class state_edit final : public body_edit {
 public:
  state_edit(state_part& part, std::size_t group, std::size_t entry) noexcept
      : part_(part), group_(group), entry_(entry) {}
  std::string_view view() const noexcept override { return entry_at(part_.view().data() + entry_).body; }
  void replace(std::size_t at, std::size_t removed, std::string_view added) override {
    part_.replace(entry_ + entry_head + at, removed, added);
    if (added.size() == removed) return;
    add_to_size(part_, entry_ + 9, added.size() - removed);
    add_to_size(part_, group_ + 8, added.size() - removed);
  }

 private:
  state_part& part_;
  std::size_t group_;
  std::size_t entry_;
};

void count(body_edit& in, const aggregate& of, sampler& from, const event_view& event, std::int64_t last_seen) {
  std::string_view payload;
  const auto taken = from.take(of, payload);
  if (is_list(of.held)) {
    if (taken == sampler::found::taken)
      window_list::add(in, of.held, of.window_ms, {event.time_ms, event.id.high, payload}, last_seen);
    else if (taken == sampler::found::unusable) window_list::skip(in, of.window_ms);
    return;
  }
  if (taken != sampler::found::nothing)
    record::add(in, of.held, {event.time_ms, event.id.high, payload, taken == sampler::found::unusable});
}

/// The catalog's aggregate of that key within a name's; `from` moves forward with growing keys.
const aggregate* match(const catalog::body& with, std::uint32_t& from, std::uint32_t end, std::uint64_t key) noexcept {
  while (from < end && with.aggregates[from].key < key) ++from;
  return from < end && with.aggregates[from].key == key ? &with.aggregates[from] : nullptr;
}

void remove(state_part& part, std::size_t at, std::size_t bytes) { part.replace(at, bytes, {}); }

bool has(std::span<const std::uint64_t> keys, std::uint64_t key) noexcept {
  return std::find(keys.begin(), keys.end(), key) != keys.end();
}

/// A group of empty entries, one for each of the name's aggregates that `wanted` says.
template <class F>
std::string fresh_entries(const catalog::body& with, const named_event& name, bool building, F wanted) {
  std::string entries;
  for (auto i = name.first_aggregate; i < name.end_aggregate; ++i) {
    const auto& each = with.aggregates[i];
    if (wanted(each.key)) put_entry(entries, {each.key, each.held, building, {}});
  }
  return entries;
}

std::string joined_body(const entry& mine, const entry& theirs, std::int64_t last_seen) {
  if (mine.held != theirs.held) return std::string(mine.body);  // a collision of keys; does not happen
  if (is_list(mine.held)) return window_list::joined(mine.held, mine.body, theirs.body, last_seen);
  return record::joined(mine.held, mine.body, theirs.body);
}

std::vector<entry> list_of(std::string_view entries) {
  std::vector<entry> found;
  for (entry each; take_entry(entries, each);) found.push_back(each);
  return found;
}

std::vector<std::uint64_t> names_of(const state& of) {
  std::vector<std::uint64_t> hashes;
  counters::for_each(of.view(part::events), [&](const counter& each) { hashes.push_back(hash_of_name(each.name)); });
  return hashes;
}

}  // namespace

void observe(state& of, const catalog* with, const event_view& event, bool first_of_name) {
  state_part part(of, part::aggregates);
  const auto* const body = with == nullptr ? nullptr : &with->inside();
  if (part.view().empty() && (body == nullptr || body->aggregates.empty())) return;
  const auto name_hash = hash_of_name(event.name);
  const auto* const name = body == nullptr ? nullptr : body->named(name_hash);
  bool found = false;
  const auto group = group_at(part.view(), name_hash, found);
  if (name == nullptr || name->first_aggregate == name->end_aggregate) {
    if (found) remove(part, group, group_bytes(part.view().data() + group));
    return;
  }
  if (!found && !first_of_name) return;  // all are missing
  if (!found) {
    std::string fresh;
    put_group(fresh, name_hash, fresh_entries(*body, *name, false, [](std::uint64_t) { return true; }));
    part.replace(group, 0, fresh);
  }
  sampler samples(*body, event);
  auto next = name->first_aggregate;
  const auto last_seen = of.of().last_seen;
  for (auto at = group + group_head; at < group + group_bytes(part.view().data() + group);) {
    const auto present = entry_at(part.view().data() + at);
    const auto* const aggregate = match(*body, next, name->end_aggregate, present.key);
    if (aggregate == nullptr || aggregate->held != present.held) {  // it would not hold all any more
      const auto bytes = entry_head + present.body.size();
      remove(part, at, bytes);
      add_to_size(part, group + 8, std::size_t{0} - bytes);
      continue;
    }
    state_edit edit(part, group, at);
    count(edit, *aggregate, samples, event, last_seen);
    at += entry_head + edit.view().size();
  }
  if (group_bytes(part.view().data() + group) == group_head) remove(part, group, group_head);
}

void build(state& of, const catalog::body& with, std::span<const std::uint64_t> keys, const event_view& event) {
  const auto* const name = with.named(hash_of_name(event.name));
  if (of.absent() || name == nullptr) return;
  state_part part(of, part::aggregates);
  sampler samples(with, event);
  for (auto i = name->first_aggregate; i < name->end_aggregate; ++i) {
    const auto& aggregate = with.aggregates[i];
    if (!has(keys, aggregate.key)) continue;
    bool found = false;
    const auto group = group_at(part.view(), name->hash, found);
    std::string fresh;
    put_entry(fresh, {aggregate.key, aggregate.held, true, {}});
    if (!found) {
      std::string made;
      put_group(made, name->hash, fresh);
      part.replace(group, 0, made);
    }
    const auto end = group + group_bytes(part.view().data() + group);
    auto at = group + group_head;
    while (at < end && get<std::uint64_t>(part.view().data() + at) < aggregate.key)
      at += entry_head + entry_at(part.view().data() + at).body.size();
    if (at == end || get<std::uint64_t>(part.view().data() + at) != aggregate.key) {
      part.replace(at, 0, fresh);
      add_to_size(part, group + 8, fresh.size());
    }
    const auto present = entry_at(part.view().data() + at);
    if (!present.building || present.held != aggregate.held) continue;  // whole: it has the event
    state_edit edit(part, group, at);
    count(edit, aggregate, samples, event, of.of().last_seen);
  }
}

void mark_built(state& of, const catalog::body& with, std::span<const std::uint64_t> keys) {
  if (of.absent()) return;
  const auto counted = names_of(of);
  state_part part(of, part::aggregates);
  for (const auto& name : with.names) {
    if (std::find(counted.begin(), counted.end(), name.hash) == counted.end()) continue;
    bool found = false;
    const auto at = group_at(part.view(), name.hash, found);
    const auto old_bytes = found ? group_bytes(part.view().data() + at) : 0;
    const auto present =
        found ? list_of(part.view().substr(at + group_head, old_bytes - group_head)) : std::vector<entry>{};
    std::string entries;
    auto next = present.begin();
    for (auto i = name.first_aggregate; i < name.end_aggregate; ++i) {
      const auto& aggregate = with.aggregates[i];
      for (; next != present.end() && next->key < aggregate.key; ++next) put_entry(entries, *next);
      const bool there = next != present.end() && next->key == aggregate.key;
      entry kept = there ? *next : entry{aggregate.key, aggregate.held, false, {}};
      if (has(keys, aggregate.key)) kept.building = false;
      if (there || has(keys, aggregate.key)) put_entry(entries, kept);
      if (there) ++next;
    }
    for (; next != present.end(); ++next) put_entry(entries, *next);
    std::string made;
    put_group(made, name.hash, entries);
    part.replace(at, old_bytes, made);
  }
}

void forget(state& of, std::string_view name) {
  state_part part(of, part::aggregates);
  bool found = false;
  const auto at = group_at(part.view(), hash_of_name(name), found);
  if (found) remove(part, at, group_bytes(part.view().data() + at));
}

std::vector<std::uint64_t> missing(const state& of, const catalog::body& with) {
  std::vector<std::uint64_t> keys;
  if (with.aggregates.empty()) return keys;
  for (const auto hash : names_of(of)) {
    const auto* const name = with.named(hash);
    if (name == nullptr) continue;
    std::vector<std::uint64_t> whole;
    auto entries = entries_of(of, hash);
    for (entry each; take_entry(entries, each);) {
      if (!each.building) whole.push_back(each.key);
    }
    for (auto i = name->first_aggregate; i < name->end_aggregate; ++i) {
      if (!std::binary_search(whole.begin(), whole.end(), with.aggregates[i].key))
        keys.push_back(with.aggregates[i].key);
    }
  }
  std::sort(keys.begin(), keys.end());
  return keys;
}

std::string encoded(const state& of) {
  std::string out;
  auto groups = of.view(part::aggregates);
  for (group each; take_group(groups, each);) {
    std::string entries;
    for (entry one; take_entry(each.entries, one);) {
      if (one.building) continue;
      string_edit pruned(one.body);
      if (is_list(one.held)) window_list::prune(pruned, one.held, of.of().last_seen);
      one.body = pruned.view();
      put_entry(entries, one);
    }
    put_group(out, each.name_hash, entries);
  }
  return out;
}

std::string joined(const state& mine, const state& theirs, std::int64_t last_seen) {
  auto our_bytes = mine.view(part::aggregates);
  auto their_bytes = theirs.view(part::aggregates);
  const auto our_names = names_of(mine);
  const auto their_names = names_of(theirs);
  const auto counts = [](const std::vector<std::uint64_t>& names, std::uint64_t hash) {
    return std::find(names.begin(), names.end(), hash) != names.end();
  };
  std::string out;
  group left;
  group right;
  bool we_have = take_group(our_bytes, left);
  bool they_have = take_group(their_bytes, right);
  while (we_have || they_have) {
    const auto hash = !they_have || (we_have && left.name_hash < right.name_hash) ? left.name_hash : right.name_hash;
    std::vector<entry> ours;
    std::vector<entry> others;
    if (we_have && left.name_hash == hash) {
      ours = list_of(left.entries);
      we_have = take_group(our_bytes, left);
    }
    if (they_have && right.name_hash == hash) {
      others = list_of(right.entries);
      they_have = take_group(their_bytes, right);
    }
    // What one side counted events of and does not have is missing in both together.
    const bool we_count = counts(our_names, hash);
    const bool they_count = counts(their_names, hash);
    std::string entries;
    auto a = ours.begin();
    auto b = others.begin();
    while (a != ours.end() || b != others.end()) {
      if (b == others.end() || (a != ours.end() && a->key < b->key)) {
        if (!they_count && !a->building) put_entry(entries, *a);
        ++a;
      } else if (a == ours.end() || b->key < a->key) {
        if (!we_count && !b->building) put_entry(entries, *b);
        ++b;
      } else {
        const auto body = joined_body(*a, *b, last_seen);
        if (!a->building && !b->building) put_entry(entries, {a->key, a->held, false, body});
        ++a;
        ++b;
      }
    }
    put_group(out, hash, entries);
  }
  return out;
}

bool valid(std::string_view bytes) noexcept {
  taker groups(bytes);
  for (std::uint64_t before = 0, n = 0; !groups.done(); ++n) {
    const auto hash = groups.number<std::uint64_t>();
    taker entries(groups.text<std::uint32_t>());
    if (groups.failed() || entries.done() || (n > 0 && hash <= before)) return false;
    before = hash;
    for (std::uint64_t key_before = 0, m = 0; !entries.done(); ++m) {
      const auto key = entries.number<std::uint64_t>();
      const auto tag = entries.number<unsigned char>();
      const auto body = entries.text<std::uint32_t>();
      if (entries.failed() || (m > 0 && key <= key_before)) return false;
      if (tag < static_cast<unsigned char>(storage::tally) || tag > static_cast<unsigned char>(storage::first_list))
        return false;
      const auto held = static_cast<storage>(tag);
      if (is_list(held) ? !window_list::valid(held, body) : !record::valid(held, body)) return false;
      key_before = key;
    }
    if (entries.failed()) return false;
  }
  return !groups.failed();
}

bool take_group(std::string_view& bytes, group& taken) noexcept {
  if (bytes.empty()) return false;
  const auto size = group_bytes(bytes.data());
  taken = {get<std::uint64_t>(bytes.data()), bytes.substr(group_head, size - group_head)};
  bytes.remove_prefix(size);
  return true;
}

bool take_entry(std::string_view& entries, entry& taken) noexcept {
  if (entries.empty()) return false;
  taken = entry_at(entries.data());
  entries.remove_prefix(entry_head + taken.body.size());
  return true;
}

std::string_view entries_of(const state& of, std::uint64_t name_hash) noexcept {
  const auto bytes = of.view(part::aggregates);
  bool found = false;
  const auto at = group_at(bytes, name_hash, found);
  if (!found) return {};
  return bytes.substr(at + group_head, group_bytes(bytes.data() + at) - group_head);
}

}  // namespace kith::profile::segments::aggregates
