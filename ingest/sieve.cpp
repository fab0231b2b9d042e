#include "ingest/sieve.hpp"

#include <utility>

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

std::optional<sieve::held_back> sieve::by_guards(std::string_view encoded, const guard_settings& by,
                                                 profile::cel::arena& memory) {
  for (const auto& each : by.filters) {
    if (each.holds_back(encoded, memory))
      return held_back{"filtered", "a filter of its source held it back: " + each.text};
  }
  if (!by.crawlers && is_crawler(user_agent_of(encoded))) {
    return held_back{"crawler",
                     "context.userAgent is a crawler's; sources.NAME.crawlers = \"allow\" lets them through"};
  }
  return std::nullopt;
}

void sieve::replace(const std::vector<source_settings>& sources) {
  std::map<std::string, settings_ptr> next;
  for (const auto& each : sources) next[each.name] = std::make_shared<const guard_settings>(each.guards);
  const std::lock_guard lock(mutex_);
  sources_ = std::move(next);
}

sieve::settings_ptr sieve::find(const std::string& source) const {
  const std::lock_guard lock(mutex_);
  const auto found = sources_.find(source);
  return found == sources_.end() ? usual_ : found->second;
}

std::optional<sieve::held_back> sieve::judge(const passing& of, std::string_view encoded) {
  if (auto why = by_guards(encoded, of.by, of.memory)) return why;
  // What is no event is refused where it is published, with the exact reason.
  const auto event = profile::parse_event(encoded, of.received);
  if (!event) return std::nullopt;
  if (of.from_pages && !rates_.let_through(event->address, of.received.received_ms, of.by)) {
    return held_back{"rate_guard",
                     "its profile has more events than sources.NAME.profile_rate and profile_burst allow"};
  }
  if (schemas_ == nullptr) return std::nullopt;
  const auto verdict = schemas_->at(of.home)(of.source, *event, of.received.received_ms);
  if (verdict.outcome == schema::mode::allow) return std::nullopt;
  return held_back{verdict.outcome == schema::mode::reject ? "schema" : "quarantined",
                   verdict.violations.empty() ? "there is no schema for this event" : verdict.text()};
}

void sieve::pass(actors::shard_id home, arrival& what, std::int64_t now_ms) {
  if (what.count == 0) return;
  const auto by = find(what.source);
  profile::cel::arena memory;
  profile::reception received;
  received.received_ms = now_ms;
  const passing of{home, what.source, *by, received, what.by == edge::tracking && !what.historical, memory};
  msgpack::reader in(what.events);
  in.next();
  std::string kept;  ///< what goes on; made only if something is held back
  std::vector<std::uint32_t> indexes;
  const auto begin = what.events.size() - in.rest().size();
  bool whole = true;
  for (std::uint32_t i = 0; i < what.count; ++i) {
    const auto at = what.events.size() - in.rest().size();
    const auto encoded = in.skip();
    const auto index = what.indexes.empty() ? i : what.indexes[i];
    auto why = judge(of, encoded);
    if (!why) {
      if (!whole) kept += encoded;
      indexes.push_back(index);
      continue;
    }
    if (std::exchange(whole, false)) kept.assign(what.events, begin, at - begin);
    what.refused.push_back(
        {index, std::move(why->code), std::move(why->message), "application/msgpack", std::string(encoded)});
  }
  if (whole) return;
  what.count = static_cast<std::uint32_t>(indexes.size());
  what.indexes = std::move(indexes);
  std::string head;
  msgpack::writer(head).array(what.count);
  what.events = head + kept;
}

}  // namespace kith::ingest
