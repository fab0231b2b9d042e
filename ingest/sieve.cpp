#include "ingest/sieve.hpp"

#include <utility>
#include <algorithm>

#include "actors/clock.hpp"
#include "ingest/intake.hpp"
#include "profile/cel/arena.hpp"
#include "profile/msgpack.hpp"

namespace kith::ingest {

namespace {

namespace msgpack = profile::msgpack;

/// `context.userAgent`; empty: it does not say.
std::string_view user_agent_of(std::string_view event) {
  const auto entry = [](std::string_view map, std::string_view wanted) {
    msgpack::reader in(map);
    const auto head = in.next();
    for (auto left = head.is_map() ? head.size : 0U; left > 0; --left) {
      const auto key = in.next();
      const auto value = in.skip();
      if (key.is_string() && key.bytes == wanted) return value;
    }
    return std::string_view();
  };
  const auto found = msgpack::reader(entry(entry(event, "context"), "userAgent")).next();
  return found.is_string() ? found.bytes : std::string_view();
}

}  // namespace

sieve::sieve(schema::gate* schemas) : schemas_(schemas), crawlers_(crawler_list::built_in()) {
  const guard_settings usual;
  usual_ = std::make_shared<const guards_of>(guards_of{usual, usual.for_programs()});
}

void sieve::replace(const std::vector<source_settings>& sources) {
  std::map<std::string, std::shared_ptr<const guards_of>> next;
  bool programs_are_guarded = false;
  for (const auto& each : sources) {
    auto of = std::make_shared<const guards_of>(guards_of{each.guards, each.guards.for_programs()});
    programs_are_guarded = programs_are_guarded || of->programs.may_hold_back();
    next[each.name] = std::move(of);
  }
  const std::lock_guard lock(mutex_);
  sources_ = std::move(next);
  programs_are_guarded_.store(programs_are_guarded, std::memory_order_relaxed);
}

void sieve::know(std::shared_ptr<const crawler_list> crawlers) {
  const std::lock_guard lock(mutex_);
  crawlers_ = std::move(crawlers);
}

sieve::known sieve::find(const std::string& source) const {
  const std::lock_guard lock(mutex_);
  const auto found = sources_.find(source);
  return {found == sources_.end() ? usual_ : found->second, crawlers_};
}

bool sieve::is_crawler(passing& of, std::string_view encoded) {
  const auto agent = user_agent_of(encoded);
  if (agent.empty()) return false;
  if (agent != of.last_agent) {
    of.last_agent = agent;
    of.last_is_crawler = of.crawlers.knows(agent);
  }
  return of.last_is_crawler;
}

std::optional<sieve::held_back> sieve::look_at(passing& of, std::string_view encoded,
                                               const profile::event_view* event) {
  for (const auto& each : of.by.filters) {
    if (each.holds_back(encoded, of.memory))
      return held_back{"filtered", "a filter of its source held it back: " + each.text};
  }
  if (!of.by.crawlers && is_crawler(of, encoded)) {
    return held_back{"crawler",
                     "context.userAgent is a crawler's; sources.NAME.crawlers = \"allow\" lets them through"};
  }
  if (event == nullptr) return std::nullopt;
  if (of.has_rate && !rates_.let_through(event->address, of.received.received_ms, of.by)) {
    return held_back{"rate_guard",
                     "its profile has more events than sources.NAME.profile_rate and profile_burst allow"};
  }
  if (of.schemas == nullptr) return std::nullopt;
  const auto verdict = (*of.schemas)(of.source, *event, of.received.received_ms);
  if (verdict.outcome == schema::mode::allow) return std::nullopt;
  return held_back{verdict.outcome == schema::mode::reject ? "schema" : "quarantined",
                   verdict.violations.empty() ? "there is no schema for this event" : verdict.text()};
}

std::optional<sieve::sifted> sieve::sift(passing& of, std::string_view events) {
  msgpack::reader in(events);
  const auto count = in.next().size;
  auto rest = in.rest();
  const auto begin = rest;
  sifted made;
  std::string kept;  ///< what goes on; made only once something is held back
  for (std::uint32_t i = 0; i < count; ++i) {
    const auto from = rest;
    profile::event_view event;
    const bool good = profile::parse_front_event(rest, of.received, event);
    if (!good) rest.remove_prefix(msgpack::reader(rest).skip().size());
    const auto encoded = from.substr(0, from.size() - rest.size());
    if (encoded.empty()) return std::nullopt;  // broken: the whole is refused where it is published
    auto why = look_at(of, encoded, good ? &event : nullptr);
    if (!why) {
      if (!made.held.empty()) kept += encoded;
      made.indexes.push_back(i);
      continue;
    }
    if (made.held.empty()) kept.assign(begin.substr(0, begin.size() - from.size()));
    why->index = i;
    why->encoded = encoded;
    made.held.push_back(std::move(*why));
  }
  if (made.held.empty()) return std::nullopt;
  msgpack::writer(made.events).array(made.indexes.size());
  made.events += kept;
  return made;
}

void sieve::pass(actors::shard_id home, arrival& what, std::int64_t now_ms) {
  if (what.count == 0) return;
  const auto by = find(what.source);
  profile::cel::arena memory;
  passing of{what.source,
             by.guards->pages,
             *by.crawlers,
             what.by == edge::tracking && !what.historical,
             schemas_ == nullptr ? nullptr : &schemas_->at(home),
             {},
             memory};
  of.received.received_ms = now_ms;
  auto made = sift(of, what.events);
  if (!made) return;
  const auto index_of = [&](std::uint32_t i) { return what.indexes.empty() ? i : what.indexes[i]; };
  for (auto& each : made->held) {
    what.refused.push_back({index_of(each.index), std::move(each.code), std::move(each.message), "application/msgpack",
                            std::string(each.encoded)});
  }
  for (auto& each : made->indexes) each = index_of(each);
  what.count = static_cast<std::uint32_t>(made->indexes.size());
  what.indexes = std::move(made->indexes);
  what.events = std::move(made->events);
}

std::optional<net::judged_events> sieve::judge(actors::shard_id home, std::string_view events,
                                               const std::string& source, std::int64_t received_ms) {
  auto* const schemas = schemas_ != nullptr && schemas_->at(home).has_any() ? &schemas_->at(home) : nullptr;
  if (schemas == nullptr && !programs_are_guarded_.load(std::memory_order_relaxed)) return std::nullopt;
  const auto by = find(source);
  if (schemas == nullptr && !by.guards->programs.may_hold_back()) return std::nullopt;
  profile::cel::arena memory;
  passing of{source, by.guards->programs, *by.crawlers, true, schemas, {}, memory};
  // A backlog that a forwarder sends at once did not come at once.
  const auto now_ms = actors::wall_clock_ms();
  of.received.received_ms = received_ms > 0 ? std::min(received_ms, now_ms) : now_ms;
  auto made = sift(of, events);
  if (!made) return std::nullopt;
  net::judged_events judged{std::move(made->events), std::move(made->indexes), {}};
  for (auto& each : made->held) {
    judged.refused.push_back(
        {each.index, errc::invalid_argument, std::move(each.message), std::string(each.encoded), std::move(each.code)});
  }
  return judged;
}

}  // namespace kith::ingest
