// The routes of outgoing webhooks: how each endpoint does, and what it was not told in time.
#include "admin/json.hpp"
#include "admin/routes.hpp"
#include "persistence/store_keys.hpp"
#include "webhooks/message.hpp"

namespace kith::admin {

namespace {

using nlohmann::json;

constexpr std::size_t usual_page = 100;
constexpr std::size_t most_a_page = 1000;
constexpr std::size_t cursor_bytes = 8 + 16;  ///< time and id

json time_or_null(std::int64_t ms) { return ms == 0 ? json(nullptr) : json(profile::format_time(ms)); }

std::string_view name_of(webhooks::sending now) {
  switch (now) {
    case webhooks::sending::delivering: return "delivering";
    case webhooks::sending::failing: return "failing";
    case webhooks::sending::gone: return "gone";
  }
  return "failing";
}

json letter_json(const webhooks::dead_letter& letter) {
  const auto& told = letter.told;
  return {{"id", webhooks::message_id(letter.item.id)},
          {"queued", profile::format_time(letter.item.at_us / 1000)},
          {"type", told.entered ? "kith.segment.entered" : "kith.segment.left"},
          {"segment", told.segment},
          {"profile", to_hex(told.profile)},
          {"time", profile::format_time(told.at_ms)},
          {"attempts", told.attempts},
          {"lastError", told.last_error}};
}

struct decision {
  std::string webhook;
  webhooks::deliverer::fate what = webhooks::deliverer::fate::replay;
  std::optional<std::vector<std::string>> ids;  ///< nothing: all
};

result<decision> decision_in(const std::string& text) {
  const auto refuse = [](const std::string& why) { return fail(errc::invalid_argument, "body: " + why); };
  const auto parsed = parse_body(text);
  if (!parsed) return tl::make_unexpected(parsed.error());
  const auto& body = *parsed;
  if (!body.is_object()) return refuse("must be a JSON object: {\"webhook\", \"action\", \"ids\"}");
  for (const auto& [key, value] : body.items()) {
    if (key != "webhook" && key != "action" && key != "ids") {
      return refuse(std::string("unknown key \"").append(key).append("\"; allowed are webhook, action, ids"));
    }
  }
  decision made;
  const auto webhook = body.value("webhook", json());
  if (!webhook.is_string()) return refuse("webhook: must be the name of one, see /v1/webhooks");
  made.webhook = webhook.get<std::string>();
  const auto action = body.value("action", json());
  if (action != "replay" && action != "drop") return refuse("action: must be \"replay\" or \"drop\"");
  if (action == "drop") made.what = webhooks::deliverer::fate::drop;
  const auto ids = body.value("ids", json());
  if (ids == "all") return made;
  if (!ids.is_array() || ids.empty()) return refuse("ids: must be an array of ids, or \"all\"");
  for (const auto& each : ids) {
    if (!each.is_string()) return refuse("ids: must hold strings");
    if (!made.ids) made.ids.emplace();
    made.ids->push_back(each.get<std::string>());
  }
  return made;
}

}  // namespace

response routes::list_webhooks(const call& asked) {
  if (auto unknown = unknown_parameter(asked.target, {})) return *unknown;
  auto items = json::array();
  if (with_.webhooks != nullptr) {
    for (const auto& each : with_.webhooks->statuses()) {
      items.push_back({{"name", each.name},
                       {"url", each.url},
                       {"segments", each.segments.empty() ? json("all") : json(each.segments)},
                       {"purpose", each.purpose.empty() ? json(nullptr) : json(each.purpose)},
                       {"state", name_of(each.now)},
                       {"delivered", each.delivered},
                       {"failed", each.failed},
                       {"dead", each.dead},
                       {"waiting", each.waiting},
                       {"oldest", time_or_null(each.oldest_ms)},
                       {"lastSuccess", time_or_null(each.last_success_ms)},
                       {"lastError", each.last_error.empty() ? json(nullptr) : json(each.last_error)}});
    }
  }
  return ok({{"items", std::move(items)}, {"next", nullptr}});
}

response routes::webhook_letters(const call& asked) {
  if (auto unknown = unknown_parameter(asked.target, {"webhook", "limit", "cursor"})) return *unknown;
  const auto webhook = asked.target.query.find("webhook");
  if (webhook == asked.target.query.end()) {
    return problem(400, "invalid_argument", "query parameter webhook: missing; see /v1/webhooks for their names");
  }
  const auto limit = limit_in(asked.target, usual_page, most_a_page);
  if (!limit) return problem_of(limit.error());
  std::optional<persistence::outgoing_item> behind;
  if (const auto cursor = asked.target.query.find("cursor"); cursor != asked.target.query.end()) {
    std::string bytes;
    if (!persistence::keys::from_hex(cursor->second, bytes) || bytes.size() != cursor_bytes) {
      return problem(400, "invalid_argument", "query parameter cursor: give `next` of the page before");
    }
    behind = {{}, persistence::keys::time_of_timer(bytes.data()), profile::hash_from_bytes(bytes.data() + 8), {}};
  }
  if (with_.webhooks == nullptr) return problem(404, "not_found", "there are no webhooks");
  const auto letters = with_.webhooks->dead_letters(webhook->second, behind ? &*behind : nullptr, *limit);
  if (!letters) return problem_of(letters.error());
  auto items = json::array();
  for (const auto& each : *letters) items.push_back(letter_json(each));
  json next;
  if (letters->size() == *limit) {
    const auto& last = letters->back().item;
    next = persistence::keys::to_hex(persistence::keys::ordered_time(last.at_us) + profile::to_bytes(last.id));
  }
  return ok({{"items", std::move(items)}, {"next", std::move(next)}});
}

response routes::decide_webhook_letters(const call& asked) {
  if (auto unknown = unknown_parameter(asked.target, {})) return *unknown;
  const auto wanted = decision_in(asked.sent.body);
  if (!wanted) return problem_of(wanted.error());
  if (with_.webhooks == nullptr) return problem(404, "not_found", "there are no webhooks");
  const auto decided = with_.webhooks->decide(wanted->webhook, wanted->ids, wanted->what);
  if (!decided) return problem_of(decided.error());
  const auto* done = wanted->what == webhooks::deliverer::fate::replay ? "replayed" : "dropped";
  auto answer = ok({{done, *decided}});
  answer.noted = {{"webhook", wanted->webhook}, {done, *decided}};
  return answer;
}

}  // namespace kith::admin
