#include "profile/segments/evaluator.hpp"

#include <algorithm>
#include <optional>

#include "profile/cel/collections.hpp"
#include "profile/cel/msgpack_view.hpp"
#include "profile/cel/text.hpp"
#include "profile/consent.hpp"
#include "profile/segments/aggregates.hpp"
#include "profile/segments/bounds.hpp"
#include "profile/segments/instants.hpp"
#include "profile/segments/record.hpp"
#include "profile/segments/trait_map.hpp"
#include "profile/segments/window_list.hpp"

namespace kith::profile::segments {

using cel::value;

namespace {

/// What one evaluator found already. An entry is its own if its stamp is the evaluator's number.
struct scratch {
  std::uint64_t number = 0;
  cel::arena keep;
  cel::arena run;
  std::vector<std::uint64_t> body_stamps;
  std::vector<std::string_view> bodies;
  std::vector<std::uint64_t> name_stamps;
  std::vector<counter> counters;
  std::optional<value> traits;
  std::optional<value> ids;
  std::optional<value> consent;
  std::string written;
};

scratch& mine() {
  thread_local scratch of_thread;
  return of_thread;
}

const cel::array_map& empty_map() {
  static const cel::array_map map{std::span<const cel::map_entry>{}};
  return map;
}

}  // namespace

evaluator::evaluator(const profile& of, const catalog::body& with, results& others)
    : of_(of), with_(with), others_(others) {
  auto& s = mine();
  ++s.number;
  s.keep.reset();
  s.run.reset();
  s.traits.reset();
  s.ids.reset();
  s.consent.reset();
  if (s.bodies.size() < with.aggregates.size()) {
    s.body_stamps.resize(with.aggregates.size());
    s.bodies.resize(with.aggregates.size());
  }
  if (s.counters.size() < with.names.size()) {
    s.name_stamps.resize(with.names.size());
    s.counters.resize(with.names.size());
  }
}

cel::arena& evaluator::keep() noexcept { return mine().keep; }
cel::arena& evaluator::memory() noexcept { return mine().run; }

/// Counter and aggregates of an event name, once.
void evaluator::load(std::uint32_t name) {
  auto& s = mine();
  if (s.name_stamps[name] == s.number) return;
  s.name_stamps[name] = s.number;
  const auto& of = with_.names[name];
  s.counters[name] = {};
  for (taker in(of_.inside().view(part::events)); !in.done();) {
    const auto each = counters::take(in);
    if (each.name < of.name) continue;
    if (each.name == of.name) s.counters[name] = each;
    break;
  }
  auto next = of.first_aggregate;
  if (next == of.end_aggregate || s.counters[name].count == 0) return;
  auto entries = aggregates::entries_of(of_.inside(), of.hash);
  for (aggregates::entry each; aggregates::take_entry(entries, each);) {
    while (next < of.end_aggregate && with_.aggregates[next].key < each.key) ++next;
    if (next == of.end_aggregate) return;
    if (with_.aggregates[next].key != each.key || with_.aggregates[next].held != each.held) continue;
    s.bodies[next] = each.body;
    s.body_stamps[next] = s.number;
  }
}

std::string_view evaluator::body(std::uint32_t aggregate) {
  const auto found = with_.names_by_hash.find(with_.aggregates[aggregate].name_hash);
  load(found->second);
  return mine().body_stamps[aggregate] == mine().number ? mine().bodies[aggregate] : std::string_view{};
}

const counter& evaluator::counted(std::uint32_t name) {
  load(name);
  return mine().counters[name];
}

value evaluator::variable(std::uint32_t index, cel::arena&) {
  auto& s = mine();
  switch (static_cast<variable_index>(index)) {
    case variable_index::traits:
      if (!s.traits) s.traits = traits_value(of_.inside(), s.keep);
      return *s.traits;
    case variable_index::ids:
      if (!s.ids) s.ids = ids_value(of_.inside(), s.keep);
      return *s.ids;
    case variable_index::consent:
      if (!s.consent) s.consent = consent_value(of_.inside(), *with_.rules, s.keep);
      return *s.consent;
    default: return value::map(&empty_map());
  }
}

value evaluator::counter_value(const segments::slot& of) {
  const auto& found = counted(of.index);
  switch (of.ends) {
    case function::any: return value::boolean(found.count > 0);
    case function::last_at: return found.count == 0 ? value::null() : timestamp_value(found.last_ms);
    case function::first_at: return found.count == 0 ? value::null() : timestamp_value(found.first_ms);
    default: return value::integer(static_cast<std::int64_t>(found.count));
  }
}

value evaluator::slot(std::uint32_t index, cel::arena& memory) {
  using source = segments::slot::source;
  const auto& of = current_->slots[index];
  switch (of.from) {
    case source::counter: return counter_value(of);
    case source::aggregate: {
      load(of.name);
      auto& s = mine();
      const auto bytes = s.body_stamps[of.index] == s.number ? s.bodies[of.index] : std::string_view{};
      return aggregate_value(with_.aggregates[of.index], bytes, of, now_ms_, memory);
    }
    case source::segment: return value::boolean(others_.member(of.index));
    case source::computed: {
      const auto bytes = others_.computed(of.index);
      return bytes.empty() ? value::null() : cel::from_msgpack(bytes, memory);
    }
    case source::has_computed: return value::boolean(!others_.computed(of.index).empty());
  }
  return value::null();
}

value evaluator::run(const cel::program& program, std::uint32_t definition, std::int64_t now_ms) {
  auto& s = mine();
  s.run.reset();
  current_ = &with_.compiled[definition];
  now_ms_ = now_ms;
  return program.evaluate(*this, s.run);
}

evaluator::verdict evaluator::judge(std::uint32_t definition, std::int64_t now_ms) {
  verdict found;
  if (with_.compiled[definition].is_gated && !has_consent(definition)) return found;
  const auto result = run(*with_.compiled[definition].run, definition, now_ms);
  if (with_.definitions[definition].kind == definition_kind::segment) {
    found.holds = result.is_true();
    found.is_error = !result.is(cel::kind::boolean);
    return found;
  }
  found.is_error = result.is_error();
  if (result.is_error() || result.is(cel::kind::null)) return found;
  auto& s = mine();
  s.written.clear();
  msgpack::writer out(s.written);
  cel::write_msgpack(result, out, s.run);
  if (s.written.size() <= bounds::computed_bytes) found.value = s.keep.copy(s.written);
  found.is_error = found.value.empty();
  return found;
}

bool evaluator::has_consent(std::uint32_t definition) const {
  return consent::judge(of_.inside(), *with_.rules, with_.definitions[definition].purpose).granted();
}

std::string evaluator::error_of(std::uint32_t definition, std::int64_t now_ms) {
  const auto result = run(*with_.compiled[definition].run, definition, now_ms);
  if (result.is_error()) return cel::error_text(result);
  if (with_.definitions[definition].kind == definition_kind::segment) {
    return "the value is " + std::string(cel::short_name(result.is())) + ", not bool";
  }
  return "the value is over " + std::to_string(bounds::computed_bytes) + " bytes";
}

std::int64_t next_expiry_in(const aggregate& of, std::string_view bytes, std::int64_t after_ms) noexcept {
  if (is_list(of.held)) return window_list(of.held, bytes).next_expiry(after_ms);
  auto soonest = INT64_MAX;
  std::int64_t time_ms = 0;
  std::uint64_t id = 0;
  if (!record::event_of(of.held, bytes, time_ms, id)) return soonest;
  for (const auto window : of.windows) {
    if (time_ms + window > after_ms) soonest = std::min(soonest, time_ms + window);
  }
  return soonest;
}

std::int64_t evaluator::next_expiry_of_aggregate(std::uint32_t aggregate, std::int64_t after_ms) {
  const auto& of = with_.aggregates[aggregate];
  return of.windows.empty() ? INT64_MAX : next_expiry_in(of, body(aggregate), after_ms);
}

std::int64_t evaluator::next_expiry_of_all(std::int64_t after_ms) const noexcept {
  auto soonest = INT64_MAX;
  for_each_timed([&](const aggregate& of, std::string_view body) {
    soonest = std::min(soonest, next_expiry_in(of, body, after_ms));
  });
  return soonest;
}

std::int64_t evaluator::next_expiry(std::uint32_t definition, std::int64_t after_ms) {
  auto soonest = INT64_MAX;
  for (const auto& each : with_.compiled[definition].slots) {
    if (each.window_ms != 0) soonest = std::min(soonest, next_expiry_of_aggregate(each.index, after_ms));
  }
  return soonest;
}

value aggregate_value(const aggregate& of, std::string_view body, const slot& reads, std::int64_t now_ms,
                      cel::arena& memory) noexcept {
  if (is_list(of.held)) return window_list(of.held, body).evaluate(reads.ends, now_ms, memory);
  return record::evaluate(of.held, reads.ends, body, reads.window_ms, now_ms, memory);
}

}  // namespace kith::profile::segments
