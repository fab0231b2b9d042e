#include "ingest/sieve.hpp"

#include <optional>

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

struct held_back {
  std::string code;
  std::string message;
};

std::optional<held_back> by_guards(std::string_view encoded, const guard_settings& by, profile::cel::arena& memory) {
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

}  // namespace

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

void sieve::pass(actors::shard_id home, arrival& what, std::int64_t now_ms) {
  if (what.count == 0) return;
  const auto by = find(what.source);
  const bool from_pages = what.by == edge::tracking && !what.historical;
  profile::cel::arena memory;
  profile::reception received;
  received.received_ms = now_ms;
  msgpack::reader in(what.events);
  in.next();
  std::string kept;  ///< made only if something is held back
  std::vector<std::uint32_t> indexes;
  const auto begin = what.events.size() - in.rest().size();
  std::size_t good_until = begin;
  bool whole = true;
  for (std::uint32_t i = 0; i < what.count; ++i) {
    const auto encoded = in.skip();
    std::optional<held_back> why = by_guards(encoded, *by, memory);
    if (!why) {
      // What is no event is refused where it is published, with the exact reason.
      if (const auto event = profile::parse_event(encoded, received)) {
        if (from_pages && !rates_.let_through(event->address, now_ms, *by)) {
          why = held_back{"rate_guard",
                          "its profile has more events than sources.NAME.profile_rate and profile_burst allow"};
        } else if (schemas_ != nullptr) {
          const auto verdict = schemas_->at(home)(what.source, *event, now_ms);
          if (verdict.outcome != schema::mode::allow) {
            why = held_back{verdict.outcome == schema::mode::reject ? "schema" : "quarantined",
                            verdict.violations.empty() ? "there is no schema for this event" : verdict.text()};
          }
        }
      }
    }
    const auto index = what.indexes.empty() ? i : what.indexes[i];
    if (why) {
      if (whole) kept.assign(what.events, 0, good_until);
      whole = false;
      what.refused.push_back(
          {index, std::move(why->code), std::move(why->message), "application/msgpack", std::string(encoded)});
    } else {
      if (!whole) kept += encoded;
      indexes.push_back(index);
    }
    good_until += encoded.size();
  }
  if (whole) return;
  what.count = static_cast<std::uint32_t>(indexes.size());
  what.indexes = std::move(indexes);
  std::string head;
  msgpack::writer(head).array(what.count);
  what.events = head + kept.substr(begin);
}

}  // namespace kith::ingest
