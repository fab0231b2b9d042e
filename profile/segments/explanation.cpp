// What a standing says to readers: the segments, and why.
#include <algorithm>
#include <optional>

#include "profile/cel/explain.hpp"
#include "profile/cel/text.hpp"
#include "profile/consent.hpp"
#include "profile/segments/bounds.hpp"
#include "profile/segments/record.hpp"
#include "profile/segments/standing.hpp"
#include "profile/segments/what_if.hpp"
#include "profile/segments/window_list.hpp"

namespace kith::profile::segments {

namespace {

struct shown_event {
  std::int64_t time_ms = 0;
  std::uint64_t id = 0;
  friend auto operator<=>(const shown_event&, const shown_event&) = default;
};

struct evidence {
  std::optional<std::uint64_t> count;
  std::vector<shown_event> events;
  std::vector<std::string_view> names;  ///< of events that are counted and not kept apart: the history has them
};

std::string hex(std::uint64_t id) { return to_hex({id, 0}).substr(0, 16); }

/// What is behind one slot now.
void gather(evaluator& from, const catalog::body& with, const slot& of, std::int64_t now_ms, evidence& into) {
  const auto add_count = [&](std::uint64_t more) { into.count = into.count.value_or(0) + more; };
  if (of.from == slot::source::counter) {
    const auto counted = from.counted(of.index).count;
    if (counted > 0) into.names.emplace_back(with.names[of.index].name);
    return add_count(counted);
  }
  if (of.from != slot::source::aggregate) return;
  const auto held = with.aggregates[of.index].held;
  const auto body = from.body(of.index);
  if (is_list(held)) {
    const window_list list(held, body);
    add_count(list.count(now_ms));
    list.for_each(now_ms, [&](const window_entry& each) { into.events.push_back({each.time_ms, each.id}); });
    return;
  }
  std::uint64_t count = 0;
  if (record::count_of(held, body, count)) add_count(count);
  shown_event event;
  if (record::event_of(held, body, event.time_ms, event.id) &&
      (of.window_ms == 0 || event.time_ms > now_ms - of.window_ms))
    into.events.push_back(event);
}

/// Of a part that has no smaller parts.
evidence evidence_of(evaluator& from, const catalog::body& with, std::uint32_t definition, cel::node_id part,
                     std::int64_t now_ms) {
  evidence found;
  const auto& of = with.compiled[definition];
  std::vector<std::uint32_t> seen;  // aggregates, each once
  for (const auto id : cel::walk(of.tree, part)) {
    const auto& node = of.tree.at(id);
    if (!node.is(cel::node_kind::slot)) continue;
    const auto& slot = of.slots[node.index];
    if (slot.from == slot::source::aggregate) {
      if (std::find(seen.begin(), seen.end(), slot.index) != seen.end()) continue;
      seen.push_back(slot.index);
    }
    gather(from, with, slot, now_ms, found);
  }
  std::sort(found.events.rbegin(), found.events.rend());  // the newest first
  found.events.erase(std::unique(found.events.begin(), found.events.end()), found.events.end());
  if (found.events.size() > bounds::shown_events) found.events.resize(bounds::shown_events);
  std::sort(found.names.begin(), found.names.end());
  found.names.erase(std::unique(found.names.begin(), found.names.end()), found.names.end());
  return found;
}

void write_part(const cel::boolean_part& part, const cel::value& value, cel::arena& memory, const evidence& behind,
                msgpack::writer& out) {
  out.map(3 + (behind.count ? 1 : 0) + (behind.names.empty() ? 0 : 1) + (behind.events.empty() ? 0 : 1));
  out.string("expression");
  out.string(part.text);
  out.string("value");
  out.string(cel::to_text(value, memory));
  out.string("depth");
  out.natural(part.depth);
  if (behind.count) {
    out.string("count");
    out.natural(*behind.count);
  }
  if (!behind.names.empty()) {
    out.string("eventNames");
    out.array(behind.names.size());
    for (const auto name : behind.names) out.string(name);
  }
  if (behind.events.empty()) return;
  out.string("events");
  out.array(behind.events.size());
  for (const auto& each : behind.events) {
    out.map(2);
    out.string("id");
    out.string(hex(each.id));
    out.string("time");
    out.string(format_time(each.time_ms));
  }
}

}  // namespace

void write_segments(const profile& of, const standing& at, const catalog& with, std::int64_t now_ms,
                    msgpack::writer& out) {
  const auto& inside = with.inside();
  what_if search(of, inside);
  std::vector<std::uint32_t> members;
  for (std::uint32_t i = 0; i < inside.definitions.size(); ++i) {
    if (inside.definitions[i].kind == definition_kind::segment && at.is_member(with, i)) members.push_back(i);
  }
  std::sort(members.begin(), members.end(),
            [&](auto left, auto right) { return inside.definitions[left].name < inside.definitions[right].name; });
  out.array(members.size());
  for (const auto each : members) {
    const auto key = inside.compiled[each].key;
    const auto found = std::find_if(at.members().begin(), at.members().end(),
                                    [&](const membership& one) { return one.segment == key; });
    const auto until = search.changes_after(each, now_ms);
    out.map(until ? 3 : 2);
    out.string("segment");
    out.string(inside.definitions[each].name);
    out.string("since");
    out.string(format_time(found->since_ms));
    if (!until) continue;
    out.string("until");
    out.string(format_time(*until));
  }
}

result<void> write_explanation(const profile& of, const standing& at, const catalog& with, std::string_view segment,
                               std::int64_t now_ms, msgpack::writer& out) {
  const auto& inside = with.inside();
  const auto index = with.find(definition_kind::segment, segment);
  if (!index) return fail(errc::not_found, "no such segment \"" + std::string(segment) + "\"");
  what_if search(of, inside);
  const auto changes_at = search.changes_after(*index, now_ms);
  const bool holds = search.holds_at(*index, now_ms);  // what it depends on stays as it is now for the parts
  const auto key = inside.compiled[*index].key;
  const auto since = std::find_if(at.members().begin(), at.members().end(),
                                  [&](const membership& each) { return each.segment == key; });
  const bool has_since = holds && since != at.members().end();
  const auto& purpose = inside.definitions[*index].purpose;
  out.map(4 + (has_since ? 1 : 0) + (changes_at ? 1 : 0) + (purpose.empty() ? 0 : 2));
  out.string("segment");
  out.string(segment);
  out.string("member");
  out.boolean(holds);
  if (has_since) {
    out.string("since");
    out.string(format_time(since->since_ms));
  }
  if (!purpose.empty()) {
    out.string("purpose");
    out.string(purpose);
    out.string("consent");
    consent::write(consent::judge(of.inside(), *inside.rules, purpose), out);
  }
  out.string("expression");
  out.string(inside.definitions[*index].expression);
  if (changes_at) {
    out.string("changesAt");
    out.string(format_time(*changes_at));
  }
  const auto& tree = inside.compiled[*index].tree;
  const auto parts = cel::boolean_parts(tree);
  out.string("parts");
  out.array(parts.size());
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const bool has_parts = i + 1 < parts.size() && parts[i + 1].depth > parts[i].depth;
    const auto behind = has_parts ? evidence{} : evidence_of(search.run(), inside, *index, parts[i].id, now_ms);
    const auto program = cel::compile(tree, parts[i].id, expression_names());
    const auto value = program ? search.run().run(*program, *index, now_ms)
                               : cel::value::error(cel::failure::custom, "cannot be run alone");
    write_part(parts[i], value, search.run().memory(), behind, out);
  }
  return {};
}

}  // namespace kith::profile::segments
