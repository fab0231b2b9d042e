// The routes of dead letters: what was refused, searched, counted, exported, tried again and dropped. Requests that
// name a `webhook` are about what an endpoint was not told (webhook_routes.cpp).
#include "admin/dead_letter_routes.hpp"

#include <algorithm>

#include "actors/clock.hpp"
#include "admin/dead_letter_json.hpp"
#include "admin/json.hpp"
#include "admin/personal.hpp"
#include "admin/routes.hpp"
#include "profile/from_json.hpp"

namespace kith::admin {

namespace {

using nlohmann::json;
using persistence::dead_letter_filter;
using persistence::dead_letter_query;

constexpr std::size_t usual_page = 100;
constexpr std::size_t most_a_page = 1000;
constexpr std::size_t most_ids = 1000;
constexpr std::size_t most_replayed = 1000;    ///< letters in one request
constexpr std::size_t replayed_together = 50;  ///< between two looks at the clock
constexpr std::chrono::seconds replay_patience{20};
constexpr std::size_t most_failures_named = 20;

/// The member of a filter that a key names; null: there is none.
std::string* text_of(dead_letter_filter& filter, std::string_view key) {
  if (key == "source") return &filter.source;
  if (key == "edge") return &filter.edge;
  if (key == "code") return &filter.code;
  if (key == "event") return &filter.event;
  if (key == "q") return &filter.text;
  return nullptr;
}

/// False, if a filter has no such key.
result<bool> take(dead_letter_filter& into, const std::string& key, const std::string& value) {
  if (key == "from" || key == "until") {
    if (profile::parse_time(value, key == "from" ? into.from_ms : into.until_ms)) return true;
    return fail(errc::invalid_argument, key + ": must be an RFC 3339 time");
  }
  auto* text = text_of(into, key);
  if (text == nullptr) return false;
  if (value.size() > persistence::letter_search_bytes && key == "q") {
    return fail(errc::invalid_argument,
                "q: must have at most " + std::to_string(persistence::letter_search_bytes) + " bytes");
  }
  *text = value;
  return true;
}

result<dead_letter_query> query_in(const parsed_target& target) {
  dead_letter_query made;
  for (const auto& [key, value] : target.query) {
    const auto taken = take(made.filter, key, value);
    if (!taken) return fail(errc::invalid_argument, "query parameter " + taken.error().message);
    if (*taken) continue;
    if (key == "cursor") made.cursor = value;
    if (key != "order") continue;
    if (value != "asc" && value != "desc") {
      return fail(errc::invalid_argument, "query parameter order: must be asc or desc");
    }
    made.newest_first = value == "desc";
  }
  const auto limit = limit_in(target, usual_page, most_a_page);
  if (!limit) return tl::make_unexpected(limit.error());
  made.limit = *limit;
  return made;
}

response not_kept() { return problem(404, "not_found", "this server keeps no dead letters"); }

json cursor_or_null(const std::string& cursor) { return cursor.empty() ? json(nullptr) : json(cursor); }

/// Pages until there is something to send; empty: no more.
result<std::string> next_lines(persistence::dead_letters& store, dead_letter_query& query, bool& more) {
  std::string lines;
  while (lines.empty() && more) {
    const auto page = store.list(query);
    if (!page) return tl::make_unexpected(page.error());
    for (const auto& each : page->letters) lines += dump(letter_json(each)) + '\n';
    query.cursor = page->next;
    more = !page->next.empty();
  }
  return lines;
}

struct order {
  bool replay = false;
  std::optional<std::string> as;  ///< of one letter: what is tried in place of its bytes
  std::optional<std::vector<std::string>> ids;
  dead_letter_query query;
};

result<order> order_in(const std::string& text) {
  const auto refuse = [](const std::string& why) { return fail(errc::invalid_argument, "body: " + why); };
  const auto body = json::parse(text, nullptr, false);
  if (!body.is_object()) return refuse("must be a JSON object: {\"action\", \"ids\" or \"filter\"}");
  order made;
  made.query.newest_first = false;
  bool filtered = false;
  for (const auto& [key, value] : body.items()) {
    if (key == "action") {
      if (value != "replay" && value != "drop") return refuse("action: must be \"replay\" or \"drop\"");
      made.replay = value == "replay";
    } else if (key == "as") {
      if (!value.is_string() && !value.is_object()) return refuse("as: must be the mended text, or event");
      made.as = value.is_string() ? value.get<std::string>() : dump(value);
    } else if (key == "cursor") {
      if (!value.is_string() && !value.is_null()) return refuse("cursor: give `next` of the answer before");
      if (value.is_string()) made.query.cursor = value.get<std::string>();
    } else if (key == "ids") {
      const bool good = value.is_array() && !value.empty() && value.size() <= most_ids &&
                        std::all_of(value.begin(), value.end(), [](const json& each) { return each.is_string(); });
      if (!good) return refuse("ids: must be an array of 1 to " + std::to_string(most_ids) + " ids of dead letters");
      made.ids = value.get<std::vector<std::string>>();
    } else if (key == "filter") {
      if (!value.is_object()) return refuse("filter: must be an object; {} stands for all letters");
      filtered = true;
      for (const auto& [name, wanted] : value.items()) {
        if (!wanted.is_string()) return refuse("filter: " + name + ": must be a string");
        const auto taken = take(made.query.filter, name, wanted.get<std::string>());
        if (!taken) return refuse("filter: " + taken.error().message);
        if (!*taken) {
          return refuse("filter: unknown key \"" + name + "\"; allowed are source, edge, code, event, q, from, until");
        }
      }
    } else {
      return refuse(
          std::string("unknown key \"")
              .append(key)
              .append(
                  "\"; allowed are action, ids, filter, cursor, as, and for those of a webhook: webhook, action, ids"));
    }
  }
  if (!body.contains("action")) return refuse("action: missing; must be \"replay\" or \"drop\"");
  if (made.ids.has_value() == filtered) return refuse("give either ids, or a filter ({} stands for all letters)");
  if (made.as && (!made.replay || !made.ids || made.ids->size() != 1)) {
    return refuse("as: goes with the action \"replay\" of one id");
  }
  if (made.ids && !made.query.cursor.empty()) return refuse("cursor: goes with a filter");
  return made;
}

/// What an order has done so far.
struct done_so_far {
  std::uint64_t applied = 0;
  std::uint64_t duplicate = 0;
  std::uint64_t rejected = 0;
  std::uint64_t failed = 0;
  std::uint64_t dropped = 0;
  std::uint64_t missing = 0;
  std::optional<std::string> stopped;
  json failures = json::array();

  std::uint64_t replayed() const { return applied + duplicate + rejected + failed; }
};

/// The letter as somebody mended it: an event as JSON, where it is one, else what a sender would send.
result<persistence::dead_letter> mended(persistence::dead_letter letter, const std::string& as) {
  if (letter.content_type != "application/msgpack") {
    letter.bytes = as;
    return letter;
  }
  auto event = profile::msgpack_from_json(as, "as");
  if (!event) return tl::make_unexpected(event.error());
  letter.bytes = std::move(*event);
  return letter;
}

/// Tries these again. An error is the store's.
result<void> replay(const std::vector<persistence::dead_letter>& letters, const parts& access, done_so_far& done) {
  std::vector<std::string> gone;
  std::vector<persistence::replay_mark> stay;
  for (const auto& letter : letters) {
    const auto outcome = access.replay(letter);
    if (!outcome) {
      ++done.failed;
      if (done.failures.size() < most_failures_named) {
        done.failures.push_back({{"id", letter.id}, {"message", outcome.error().message}});
      }
      const auto code = outcome.error().code;
      if (code != errc::unavailable && code != errc::resource_exhausted) continue;
      done.stopped = outcome.error().message;
      break;
    }
    if (outcome->again_rejected > 0) {
      ++done.rejected;
      stay.push_back({letter.id, outcome->code, outcome->message});
      continue;
    }
    ++(outcome->applied > 0 ? done.applied : done.duplicate);
    gone.push_back(letter.id);
  }
  // A crash before this makes duplicates of those that are tried again.
  if (const auto dropped = access.letters->drop(gone, persistence::leaving::replayed); !dropped) {
    return tl::make_unexpected(dropped.error());
  }
  return access.letters->mark_replayed(stay);
}

result<void> replay_ids(const order& wanted, const parts& access, done_so_far& done, std::size_t& tried) {
  const auto& ids = *wanted.ids;
  const auto enough = actors::now() + replay_patience;
  while (tried < ids.size() && !done.stopped && (tried == 0 || actors::now() < enough)) {
    std::vector<persistence::dead_letter> letters;
    for (; tried < ids.size() && letters.size() < replayed_together; ++tried) {
      auto letter = access.letters->get(ids[tried]);
      if (letter && wanted.as) letter = mended(std::move(*letter), *wanted.as);
      if (letter) {
        letters.push_back(std::move(*letter));
      } else if (letter.error().code == errc::not_found) {
        ++done.missing;
      } else {
        return tl::make_unexpected(letter.error());
      }
    }
    if (auto outcome = replay(letters, access, done); !outcome) return outcome;
  }
  return {};
}

/// `next`: where to go on; the page that was stopped at is tried again.
result<void> replay_matching(dead_letter_query query, const parts& access, done_so_far& done, std::string& next,
                             bool& more) {
  const auto enough = actors::now() + replay_patience;
  query.limit = replayed_together;
  do {
    const auto page = access.letters->list(query);
    if (!page) return tl::make_unexpected(page.error());
    if (auto outcome = replay(page->letters, access, done); !outcome) return outcome;
    if (done.stopped) break;
    query.cursor = page->next;
  } while (!query.cursor.empty() && done.replayed() < most_replayed && actors::now() < enough);
  next = query.cursor;
  more = done.stopped || !next.empty();
  return {};
}

json outcome_json(const done_so_far& done, bool more, const std::string& next) {
  return {{"replayed", done.replayed()},  {"applied", done.applied},
          {"duplicate", done.duplicate},  {"rejected", done.rejected},
          {"failed", done.failed},        {"dropped", done.dropped},
          {"missing", done.missing},      {"more", more},
          {"next", cursor_or_null(next)}, {"stopped", done.stopped ? json(*done.stopped) : json(nullptr)},
          {"failures", done.failures}};
}

}  // namespace

response list_letters(const parts& with, const call& asked) {
  if (auto unknown = unknown_parameter(asked.target, {"source", "code", "edge", "event", "q", "from", "until", "order",
                                                      "limit", "cursor", "webhook"})) {
    return *unknown;
  }
  if (with.letters == nullptr) return not_kept();
  const auto query = query_in(asked.target);
  if (!query) return problem_of(query.error());
  const auto page = with.letters->list(*query);
  if (!page) return problem_of(page.error());
  auto items = json::array();
  for (const auto& each : page->letters) items.push_back(letter_json(each));
  return ok({{"items", std::move(items)}, {"next", cursor_or_null(page->next)}});
}

response show_letter(const parts& with, const call& asked) {
  if (auto unknown = unknown_parameter(asked.target, {})) return *unknown;
  if (with.letters == nullptr) return not_kept();
  const auto letter = with.letters->get(asked.target.path[2]);
  return letter ? ok(letter_json(*letter)) : problem_of(letter.error());
}

response count_letters(const parts& with, const call& asked) {
  if (auto unknown = unknown_parameter(asked.target, {})) return *unknown;
  if (with.letters == nullptr) return not_kept();
  const auto status = with.letters->status();
  auto items = json::array();
  for (const auto& each : status.counts) {
    if (each.letters == 0) continue;
    items.push_back({{"source", each.source}, {"code", each.code}, {"letters", each.letters}, {"bytes", each.bytes}});
  }
  return ok({{"items", std::move(items)},
             {"next", nullptr},
             {"letters", status.letters},
             {"bytes", status.bytes},
             {"sinceStart",
              {{"pushedOutByBytes", status.pushed_out_by_bytes},
               {"pushedOutByAge", status.pushed_out_by_age},
               {"refused", status.refused},
               {"truncated", status.truncated},
               {"dropped", status.dropped},
               {"replayed", status.replayed},
               {"againRefused", status.again_refused}}}});
}

response export_letters(const parts& with, const call& asked) {
  if (auto unknown = unknown_parameter(asked.target, {"source", "code", "edge", "event", "q", "from", "until"})) {
    return *unknown;
  }
  if (with.letters == nullptr) return not_kept();
  auto query = query_in(asked.target);
  if (!query) return problem_of(query.error());
  query->newest_first = false;
  query->limit = most_a_page;
  bool more = true;
  auto first = next_lines(*with.letters, *query, more);
  if (!first) return problem_of(first.error());
  response answer{200, "application/x-ndjson", std::move(*first), {}};
  answer.more = [store = with.letters, query = std::move(*query), more]() mutable {
    return next_lines(*store, query, more);
  };
  return answer;
}

response decide_letters(const parts& with, const call& asked) {
  if (auto unknown = unknown_parameter(asked.target, {})) return *unknown;
  if (with.letters == nullptr) return not_kept();
  auto wanted = order_in(asked.sent.body);
  if (!wanted) return problem_of(wanted.error());
  if (asked.sent.who && !net::sees_personal(asked.sent.who->rights) && wanted->as &&
      wanted->as->find(personal_rules::mask) != std::string::npos) {
    return problem(
        400, "invalid_argument",
        "body: as: holds " + std::string(personal_rules::mask) +
            ", which stands for what this credential may not see; put the values themselves in its place, or "
            "ask somebody who sees personal data");
  }
  if (wanted->ids) {
    auto& ids = *wanted->ids;
    std::sort(ids.begin(), ids.end());
    ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  }
  if (wanted->replay && !with.replay) return problem(503, "unavailable", "nothing here can replay dead letters");
  done_so_far done;
  std::string next;
  bool more = false;
  result<void> outcome;
  if (wanted->replay && wanted->ids) {
    std::size_t tried = 0;
    outcome = replay_ids(*wanted, with, done, tried);
    more = done.stopped || tried < wanted->ids->size();
  } else if (wanted->replay) {
    outcome = replay_matching(std::move(wanted->query), with, done, next, more);
  } else if (wanted->ids) {
    const auto dropped = with.letters->drop(*wanted->ids, persistence::leaving::dropped);
    if (!dropped) return problem_of(dropped.error());
    done.dropped = *dropped;
    done.missing = wanted->ids->size() - *dropped;
  } else {
    wanted->query.limit = most_a_page;
    auto dropped = with.letters->drop(wanted->query);
    if (!dropped) return problem_of(dropped.error());
    done.dropped = dropped->dropped;
    next = std::move(dropped->next);
    more = !next.empty();
  }
  auto answer = outcome ? ok(outcome_json(done, more, next)) : problem_of(outcome.error());
  answer.noted = {
      {"action", wanted->replay ? "replay" : "drop"}, {"replayed", done.replayed()}, {"dropped", done.dropped}};
  return answer;
}

response routes::dead_letters(const call& asked) {
  return asked.target.query.contains("webhook") ? webhook_letters(asked) : list_letters(with_, asked);
}

response routes::dead_letter(const call& asked) { return show_letter(with_, asked); }
response routes::count_dead_letters(const call& asked) { return count_letters(with_, asked); }
response routes::export_dead_letters(const call& asked) { return export_letters(with_, asked); }

response routes::decide_dead_letters(const call& asked) {
  if (auto unknown = unknown_parameter(asked.target, {})) return *unknown;
  const auto body = json::parse(asked.sent.body, nullptr, false);
  if (body.is_object() && body.contains("webhook")) return decide_webhook_letters(asked);
  return decide_letters(with_, asked);
}

}  // namespace kith::admin
