#include "profile/segments/trait_map.hpp"

#include <algorithm>
#include <span>

#include "profile/bytes.hpp"
#include "profile/cel/collections.hpp"
#include "profile/cel/msgpack_view.hpp"
#include "profile/consent.hpp"
#include "profile/segments/instants.hpp"

namespace kith::profile::segments {

using cel::value;

namespace {

// As in traits.hpp: a path is its keys one after another, each ended by 00 01, with 00 within a key written as 00 FF.
constexpr std::string_view end_of_key("\0\1", 2);
constexpr unsigned char replaced_flag = 1;
constexpr unsigned char map_flag = 2;

struct fact {
  std::string_view path;
  std::string_view held;  ///< MessagePack; empty: none
  bool is_map = false;
  bool is_visible() const noexcept { return is_map || (!held.empty() && held.front() != '\xc0'); }
};

fact take(taker& in) noexcept {
  fact taken;
  taken.path = in.text<std::uint16_t>();
  const auto flags = in.number<unsigned char>();
  if ((flags & replaced_flag) != 0) {
    in.number<std::uint32_t>();
    taken.held = in.text<std::uint32_t>();
  }
  taken.is_map = (flags & map_flag) != 0;
  if (taken.is_map) in.number<std::uint32_t>();
  return taken;
}

/// The path's key behind `parent` if that is its last one; empty otherwise. The end of the key is cut off.
std::string_view child_key(std::string_view path, std::string_view parent) noexcept {
  if (!path.starts_with(parent)) return {};
  path.remove_prefix(parent.size());
  if (path.find(end_of_key) + end_of_key.size() != path.size()) return {};
  path.remove_suffix(end_of_key.size());
  return path;
}

bool is_child(std::string_view path, std::string_view parent) noexcept {
  return path.starts_with(parent) && path.find(end_of_key, parent.size()) + end_of_key.size() == path.size();
}

/// Is the escaped key this one?
bool is_key(std::string_view escaped, std::string_view key) noexcept {
  std::size_t at = 0;
  for (const char c : key) {
    if (at >= escaped.size() || escaped[at] != c) return false;
    at += c == '\0' ? 2 : 1;
  }
  return at == escaped.size();
}

value key_value(std::string_view escaped, cel::arena& memory) noexcept {
  if (escaped.find('\0') == std::string_view::npos) return value::string(escaped);
  auto* const text = static_cast<char*>(memory.take(escaped.size()));
  if (text == nullptr) return value::error(cel::failure::memory);
  std::size_t size = 0;
  for (std::size_t i = 0; i < escaped.size(); ++i) {
    text[size++] = escaped[i];
    if (escaped[i] == '\0') ++i;
  }
  return value::string({text, size});
}

class trait_map final : public cel::map_source {
 public:
  /// `facts`: from the first that may be below `parent`.
  trait_map(std::string_view facts, std::string_view parent) noexcept : facts_(facts), parent_(parent) {}

  std::size_t size() const noexcept override {
    std::size_t count = 0;
    for (taker in(facts_); !in.done();) {
      const auto each = take(in);
      if (!each.path.starts_with(parent_)) break;
      if (is_child(each.path, parent_) && each.is_visible()) ++count;
    }
    return count;
  }
  bool find(const value& key, cel::arena& memory, value& found) const noexcept override {
    if (!key.is(cel::kind::string)) return false;
    for (taker in(facts_); !in.done();) {
      const auto each = take(in);
      if (!each.path.starts_with(parent_)) return false;
      if (!is_child(each.path, parent_) || !is_key(child_key(each.path, parent_), key.as_text())) continue;
      if (!each.is_visible()) return false;
      found = held(each, in.rest(), memory);
      return true;
    }
    return false;
  }
  cel::map_entry next(std::uint64_t& position, cel::arena& memory) const noexcept override {
    taker in(facts_.substr(static_cast<std::size_t>(position)));
    while (!in.done()) {
      const auto each = take(in);
      if (!is_child(each.path, parent_) || !each.is_visible()) continue;
      position = facts_.size() - in.rest().size();
      return {key_value(child_key(each.path, parent_), memory), held(each, in.rest(), memory)};
    }
    return {value::error(cel::failure::bad_encoding), value::error(cel::failure::bad_encoding)};
  }

 private:
  static value held(const fact& of, std::string_view behind, cel::arena& memory) noexcept {
    if (!of.is_map) return cel::from_msgpack(of.held, memory);
    const auto* const below = memory.make<trait_map>(behind, of.path);
    return below == nullptr ? value::error(cel::failure::memory) : value::map(below);
  }

  std::string_view facts_;
  std::string_view parent_;
};

/// The traits themselves, found once: expressions look up many. Values are made when somebody asks for them.
class all_traits final : public cel::map_source {
 public:
  struct entry {
    std::string_view key;
    std::string_view path;
    std::string_view held;
    std::string_view behind;  ///< the facts that may be below
    cel::value made;
    bool is_map = false;
    bool is_made = false;
  };
  /// Sorted by key, as the facts are.
  all_traits(std::span<entry> entries, cel::arena& keep) noexcept : entries_(entries), keep_(keep) {}

  std::size_t size() const noexcept override { return entries_.size(); }
  bool find(const value& key, cel::arena&, value& found) const noexcept override {
    if (!key.is(cel::kind::string)) return false;
    const auto wanted = key.as_text();
    const auto at = std::lower_bound(entries_.begin(), entries_.end(), wanted,
                                     [](const entry& each, std::string_view than) { return each.key < than; });
    if (at == entries_.end() || at->key != wanted) return false;
    found = value_of(*at);
    return true;
  }
  cel::map_entry next(std::uint64_t& position, cel::arena&) const noexcept override {
    auto& each = entries_[static_cast<std::size_t>(position++)];
    return {value::string(each.key), value_of(each)};
  }

 private:
  value value_of(entry& of) const noexcept {
    if (of.is_made) return of.made;
    of.is_made = true;
    if (of.is_map) {
      const auto* const below = keep_.make<trait_map>(of.behind, of.path);
      of.made = below == nullptr ? value::error(cel::failure::memory) : value::map(below);
    } else {
      of.made = cel::from_msgpack(of.held, keep_);
    }
    return of.made;
  }

  std::span<entry> entries_;
  cel::arena& keep_;
};

struct id_entry {
  unsigned char kind = 0;
  std::string_view type;
  std::string_view id;
};
id_entry take_id(taker& in) noexcept {
  const auto kind = in.number<unsigned char>();
  const auto type = in.text<std::uint8_t>();
  return {kind, type, in.text<std::uint16_t>()};
}

/// The ids from `in` on that are of one kind and type; `in` moves behind them.
value id_list(taker& in, unsigned char kind, std::string_view type, cel::arena& memory) noexcept {
  const auto belongs = [&](taker at) {
    const auto each = take_id(at);
    return !at.failed() && each.kind == kind && each.type == type;
  };
  std::size_t count = 0;
  for (taker ahead = in; !ahead.done() && belongs(ahead); ++count) take_id(ahead);
  auto* const ids = memory.make_array<value>(count);
  if (ids == nullptr) return value::error(cel::failure::memory);
  for (std::size_t i = 0; i < count; ++i) ids[i] = value::string(take_id(in).id);
  const auto* const list = memory.make<cel::array_list>(std::span<const value>(ids, count));
  return list == nullptr ? value::error(cel::failure::memory) : value::list(list);
}

value map_of(const cel::map_entry* entries, std::size_t count, cel::arena& memory) noexcept {
  const auto* const map = memory.make<cel::array_map>(std::span<const cel::map_entry>(entries, count));
  return map == nullptr ? value::error(cel::failure::memory) : value::map(map);
}

value verdict_value(const consent::verdict& of, cel::arena& memory) noexcept {
  constexpr std::size_t most = 6;
  auto* const entries = memory.make_array<cel::map_entry>(most);
  if (entries == nullptr) return value::error(cel::failure::memory);
  entries[0] = {value::string("granted"), value::boolean(of.granted())};
  entries[1] = {value::string("status"), value::string(consent::name_of(of.what))};
  entries[2] = {value::string("basis"), value::string(name_of(of.basis))};
  entries[3] = {value::string("source"), value::string(of.source)};
  entries[4] = {value::string("version"), value::string(of.version)};
  if (of.is_default()) return map_of(entries, most - 1, memory);
  entries[5] = {value::string("at"), timestamp_value(of.by.time_ms)};
  return map_of(entries, most, memory);
}

}  // namespace

value traits_value(const state& of, cel::arena& memory) noexcept {
  const auto facts = of.view(part::facts);
  const auto is_shown = [](const fact& each) { return is_child(each.path, {}) && each.is_visible(); };
  std::size_t count = 0;
  for (taker in(facts); !in.done();) count += is_shown(take(in)) ? 1 : 0;
  auto* const entries = memory.make_array<all_traits::entry>(count);
  if (entries == nullptr) return value::error(cel::failure::memory);
  auto* next = entries;
  for (taker in(facts); !in.done();) {
    const auto each = take(in);
    if (!is_shown(each)) continue;
    *next++ = {key_value(child_key(each.path, {}), memory).as_text(), each.path, each.held, in.rest(), {}, each.is_map};
  }
  const auto* const map = memory.make<all_traits>(std::span(entries, count), memory);
  return map == nullptr ? value::error(cel::failure::memory) : value::map(map);
}

bool holds_trait(const state& of, std::string_view key, std::string_view held) noexcept {
  for (taker in(of.view(part::facts)); !in.done();) {
    const auto each = take(in);
    if (is_child(each.path, {}) && is_key(child_key(each.path, {}), key)) return !each.is_map && each.held == held;
  }
  return false;
}

value consent_value(const state& of, const privacy_rules& rules, cel::arena& memory) {
  thread_local std::vector<consent::named_verdict> all;
  all.clear();
  judge_all(of, rules, all);
  auto* const entries = memory.make_array<cel::map_entry>(all.size());
  if (entries == nullptr) return value::error(cel::failure::memory);
  for (std::size_t i = 0; i < all.size(); ++i) {
    entries[i] = {value::string(all[i].purpose), verdict_value(all[i].what, memory)};
  }
  return map_of(entries, all.size(), memory);
}

value ids_value(const state& of, cel::arena& memory) noexcept {
  taker in(of.view(part::identifiers));  // sorted by kind, length of the type, type
  auto* const kinds = memory.make_array<cel::map_entry>(3);
  if (kinds == nullptr) return value::error(cel::failure::memory);
  kinds[0] = {value::string("user"), id_list(in, 0, {}, memory)};
  kinds[1] = {value::string("anonymous"), id_list(in, 1, {}, memory)};
  std::size_t types = 0;
  std::string_view before;
  for (taker ahead = in; !ahead.done();) {
    const auto each = take_id(ahead);
    if (types == 0 || each.type != before) ++types;
    before = each.type;
  }
  auto* const entries = memory.make_array<cel::map_entry>(types);
  if (entries == nullptr) return value::error(cel::failure::memory);
  for (std::size_t i = 0; i < types; ++i) {
    taker ahead = in;
    const auto type = take_id(ahead).type;
    entries[i] = {value::string(type), id_list(in, 2, type, memory)};
  }
  kinds[2] = {value::string("external"), map_of(entries, types, memory)};
  return map_of(kinds, 3, memory);
}

}  // namespace kith::profile::segments
