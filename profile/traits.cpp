#include "profile/traits.hpp"

#include <algorithm>

#include "profile/bytes.hpp"
#include "profile/event.hpp"
#include "profile/privacy_rules.hpp"

namespace kith::profile {

namespace {

struct trait_fact {
  std::string_view path;
  bool replaced = false;
  bool is_map = false;
  stamp replaced_by;
  stamp map_by;
  std::string_view value;  ///< MessagePack; nil: removed
};

constexpr unsigned char replaced_flag = 1;
constexpr unsigned char map_flag = 2;
constexpr std::string_view end_of_key("\0\1", 2);
constexpr std::string_view escaped_zero("\0\xff", 2);

void append_key(std::string& path, std::string_view key) {
  for (const char c : key) {
    if (c == '\0') {
      path.append(escaped_zero);
    } else {
      path.push_back(c);
    }
  }
  path.append(end_of_key);
}

/// The last key of a path, unescaped.
std::string last_key(std::string_view path, std::size_t parent_size) {
  path = path.substr(parent_size, path.size() - parent_size - end_of_key.size());
  std::string key;
  for (std::size_t i = 0; i < path.size(); ++i) {
    key.push_back(path[i]);
    if (path[i] == '\0') ++i;
  }
  return key;
}

bool is_map(std::string_view value) noexcept {
  const auto tag = static_cast<unsigned char>(value.front());
  return (tag & 0xf0) == 0x80 || tag == 0xde || tag == 0xdf;
}

/// Facts of an event, their paths kept in one string.
struct event_facts {
  std::string paths;
  std::vector<std::pair<std::size_t, std::size_t>> spans;  ///< of paths
  std::vector<trait_fact> facts;

  void collect(std::string_view map, const stamp& by, std::string& path) {
    msgpack::reader in(map);
    const auto entries = in.next().size;
    for (std::uint32_t i = 0; i < entries; ++i) {
      const auto key = in.next();
      const auto value = in.skip();
      const auto parent = path.size();
      append_key(path, key.bytes);
      trait_fact fact;
      fact.is_map = is_map(value);
      fact.replaced = !fact.is_map;
      (fact.is_map ? fact.map_by : fact.replaced_by) = by;
      fact.value = fact.replaced ? value : std::string_view{};
      spans.emplace_back(paths.size(), path.size());
      paths += path;
      facts.push_back(fact);
      if (fact.is_map) collect(value, by, path);
      path.resize(parent);
    }
  }
  /// Sorted by path; of a key that stands twice in one map the last counts.
  void finish() {
    for (std::size_t i = 0; i < facts.size(); ++i) {
      facts[i].path = std::string_view(paths).substr(spans[i].first, spans[i].second);
    }
    std::stable_sort(facts.begin(), facts.end(), [](const auto& a, const auto& b) { return a.path < b.path; });
    std::size_t kept = 0;
    for (std::size_t i = 0; i < facts.size(); ++i) {
      if (i + 1 < facts.size() && facts[i + 1].path == facts[i].path) continue;
      facts[kept++] = facts[i];
    }
    facts.resize(kept);
  }
  void clear() {
    paths.clear();
    spans.clear();
    facts.clear();
  }
};

/// Joins two facts about one path; true if `into` changed.
bool join_fact(trait_fact& into, const trait_fact& added) {
  bool changed = false;
  if (added.replaced && (!into.replaced || into.replaced_by < added.replaced_by)) {
    into.replaced = changed = true;
    into.replaced_by = added.replaced_by;
    into.value = added.value;
  }
  if (added.is_map && (!into.is_map || into.map_by < added.map_by)) {
    into.is_map = changed = true;
    into.map_by = added.map_by;
  }
  if (into.is_map && into.replaced && into.map_by <= into.replaced_by) {
    into.is_map = false;
    changed = true;
  }
  return changed;
}

/// Removes what a replacement above is not older than.
void drop_replaced(std::vector<trait_fact>& facts) {
  struct floor {
    std::string_view path;
    stamp at;
  };
  std::vector<floor> above;
  std::size_t kept = 0;
  for (auto& fact : facts) {
    while (!above.empty() && !fact.path.starts_with(above.back().path)) above.pop_back();
    if (!above.empty()) {
      const auto& at = above.back().at;
      if (fact.replaced && fact.replaced_by <= at) fact.replaced = false;
      if (fact.is_map && fact.map_by <= at) fact.is_map = false;
      if (!fact.replaced && !fact.is_map) continue;
    }
    if (fact.replaced) above.push_back({fact.path, fact.replaced_by});
    facts[kept++] = fact;
  }
  facts.resize(kept);
}

void write_level(const std::vector<trait_fact>& facts, std::size_t begin, std::size_t end, std::size_t parent_size,
                 msgpack::writer& out) {
  const auto behind = [&](std::size_t at) {  // the first fact that is not below facts[at]
    auto next = at + 1;
    while (next < end && facts[next].path.starts_with(facts[at].path)) ++next;
    return next;
  };
  const auto visible = [&](const trait_fact& fact) { return fact.is_map || fact.value.front() != '\xc0'; };
  std::size_t entries = 0;
  for (auto at = begin; at < end; at = behind(at)) entries += visible(facts[at]) ? 1 : 0;
  out.map(entries);
  for (auto at = begin; at < end; at = behind(at)) {
    if (!visible(facts[at])) continue;
    out.string(last_key(facts[at].path, parent_size));
    if (facts[at].is_map) {
      write_level(facts, at + 1, behind(at), facts[at].path.size(), out);
    } else {
      out.raw(facts[at].value);
    }
  }
}

std::vector<std::string> keys_of(std::string_view path) {
  std::vector<std::string> keys;
  for (std::size_t begin = 0; begin < path.size();) {
    const auto end = path.find(end_of_key, begin) + end_of_key.size();
    keys.push_back(last_key(path.substr(0, end), begin));
    begin = end;
  }
  return keys;
}

/// Those of facts[begin, end) whose value a reader sees as one; what is below a removed value is passed over.
void collect_leaves(const std::vector<trait_fact>& facts, std::size_t begin, std::size_t end,
                    std::vector<const trait_fact*>& leaves) {
  for (auto at = begin; at < end;) {
    auto next = at + 1;
    while (next < end && facts[next].path.starts_with(facts[at].path)) ++next;
    const auto before = leaves.size();
    if (facts[at].is_map) collect_leaves(facts, at + 1, next, leaves);
    const bool seen_itself = facts[at].is_map ? leaves.size() == before : facts[at].value.front() != '\xc0';
    if (seen_itself) leaves.push_back(&facts[at]);
    at = next;
  }
}

bool read(const state& of, std::vector<trait_fact>& facts) {
  thread_local std::vector<stamp> table;
  table.clear();
  taker stamps(of.view(part::stamps));
  while (!stamps.done()) {
    const auto time_ms = stamps.number<std::int64_t>();
    table.push_back({time_ms, stamps.text<std::uint8_t>()});
  }
  taker in(of.view(part::facts));
  const auto stamp_at = [&](std::uint32_t index) {
    if (index < table.size()) return table[index];
    in.fail();
    return stamp{};
  };
  while (!in.done()) {
    trait_fact fact;
    fact.path = in.text<std::uint16_t>();
    const auto flags = in.number<unsigned char>();
    fact.replaced = (flags & replaced_flag) != 0;
    fact.is_map = (flags & map_flag) != 0;
    if (fact.replaced) {
      fact.replaced_by = stamp_at(in.number<std::uint32_t>());
      fact.value = in.text<std::uint32_t>();
    }
    if (fact.is_map) fact.map_by = stamp_at(in.number<std::uint32_t>());
    facts.push_back(fact);
  }
  return !in.failed() && !stamps.failed();
}

void store(state& of, const std::vector<trait_fact>& facts) {
  thread_local std::vector<stamp> table;
  thread_local std::string stamp_bytes;
  thread_local std::string fact_bytes;
  table.clear();
  for (const auto& fact : facts) {
    if (fact.replaced) table.push_back(fact.replaced_by);
    if (fact.is_map) table.push_back(fact.map_by);
  }
  std::sort(table.begin(), table.end());
  table.erase(std::unique(table.begin(), table.end()), table.end());
  stamp_bytes.clear();
  for (const auto& each : table) {
    put(stamp_bytes, each.time_ms);
    put_text<std::uint8_t>(stamp_bytes, each.message_id);
  }
  const auto index_of = [&](const stamp& by) {
    return static_cast<std::uint32_t>(std::lower_bound(table.begin(), table.end(), by) - table.begin());
  };
  fact_bytes.clear();
  for (const auto& fact : facts) {
    put_text<std::uint16_t>(fact_bytes, fact.path);
    put(fact_bytes, static_cast<unsigned char>((fact.replaced ? replaced_flag : 0) | (fact.is_map ? map_flag : 0)));
    if (fact.replaced) {
      put(fact_bytes, index_of(fact.replaced_by));
      put_text<std::uint32_t>(fact_bytes, fact.value);
    }
    if (fact.is_map) put(fact_bytes, index_of(fact.map_by));
  }
  state_part(of, part::stamps).assign(stamp_bytes);
  state_part(of, part::facts).assign(fact_bytes);
}

void join_facts(state& of, const std::vector<trait_fact>& added) {
  thread_local std::vector<trait_fact> mine;
  thread_local std::vector<trait_fact> joined;
  mine.clear();
  joined.clear();
  read(of, mine);
  bool changed = false;
  auto left = mine.begin();
  auto right = added.begin();
  while (left != mine.end() || right != added.end()) {
    if (right == added.end() || (left != mine.end() && left->path < right->path)) {
      joined.push_back(*left++);
    } else if (left == mine.end() || right->path < left->path) {
      joined.push_back(*right++);
      changed = true;
    } else {
      changed = join_fact(*left, *right++) || changed;
      joined.push_back(*left++);
    }
  }
  if (!changed) return;
  drop_replaced(joined);
  store(of, joined);
}

}  // namespace

void traits::apply(state& of, std::string_view map, const stamp& by) {
  thread_local event_facts event;
  thread_local std::string path;
  event.clear();
  path.clear();
  event.collect(map, by, path);
  event.finish();
  join_facts(of, event.facts);
}

void traits::join(state& of, const state& other) {
  std::vector<trait_fact> theirs;
  read(other, theirs);
  join_facts(of, theirs);
}

std::string traits::path_of(std::string_view trait) {
  std::string path;
  append_key(path, trait);
  return path;
}

std::int64_t traits::next_end(const state& of, const privacy_rules& rules) {
  thread_local std::vector<trait_fact> facts;
  facts.clear();
  read(of, facts);
  auto soonest = INT64_MAX;
  for (const auto& each : facts) {
    const auto keep_ms = rules.keep_ms(each.path);
    if (keep_ms == 0) continue;
    if (each.replaced) soonest = std::min(soonest, each.replaced_by.time_ms + keep_ms);
    if (each.is_map) soonest = std::min(soonest, each.map_by.time_ms + keep_ms);
  }
  return soonest;
}

bool traits::forget(state& of, const privacy_rules& rules, std::int64_t now_ms, std::vector<std::string>& lost) {
  thread_local std::vector<trait_fact> facts;
  facts.clear();
  read(of, facts);
  const auto before = lost.size();
  std::size_t kept = 0;
  bool any = false;
  for (auto fact : facts) {
    const auto keep_ms = rules.keep_ms(fact.path);
    const auto ends = [&](bool there, const stamp& by) {
      return there && keep_ms > 0 && by.time_ms + keep_ms <= now_ms;
    };
    const bool ended = ends(fact.replaced, fact.replaced_by) || ends(fact.is_map, fact.map_by);
    if (ends(fact.replaced, fact.replaced_by)) fact.replaced = false;
    if (ends(fact.is_map, fact.map_by)) fact.is_map = false;
    if (ended) {
      any = true;
      const auto first = fact.path.substr(0, fact.path.find(end_of_key) + end_of_key.size());
      auto key = last_key(first, 0);
      if (lost.size() == before || lost.back() != key) lost.push_back(std::move(key));
    }
    if (fact.replaced || fact.is_map) facts[kept++] = fact;
  }
  facts.resize(kept);
  if (any) store(of, facts);
  return any;
}

void traits::write(const state& of, msgpack::writer& out) {
  thread_local std::vector<trait_fact> facts;
  facts.clear();
  read(of, facts);
  write_level(facts, 0, facts.size(), 0, out);
}

void traits::write_sources(const state& of, msgpack::writer& out) {
  std::vector<trait_fact> facts;
  read(of, facts);
  std::vector<const trait_fact*> leaves;
  collect_leaves(facts, 0, facts.size(), leaves);
  out.array(leaves.size());
  for (const auto* leaf : leaves) {
    const auto& by = leaf->is_map ? leaf->map_by : leaf->replaced_by;
    const auto keys = keys_of(leaf->path);
    out.map(4);
    out.string("path");
    out.array(keys.size());
    for (const auto& key : keys) out.string(key);
    out.string("value");
    if (leaf->is_map) {
      out.map(0);
    } else {
      out.raw(leaf->value);
    }
    out.string("at");
    out.string(format_time(by.time_ms));
    out.string("messageId");
    out.string(by.message_id);
  }
}

bool traits::valid(const state& of) {
  std::vector<trait_fact> all;
  if (!read(of, all)) return false;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const auto& fact = all[i];
    if (!fact.path.ends_with(end_of_key) || (i > 0 && all[i - 1].path >= fact.path)) return false;
    if (!fact.replaced && !fact.is_map) return false;
    if (fact.replaced && msgpack::reader(fact.value).skip().size() != fact.value.size()) return false;
    if (fact.replaced && fact.value.empty()) return false;
  }
  return true;
}

}  // namespace kith::profile
