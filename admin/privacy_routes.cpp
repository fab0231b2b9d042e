// The routes of privacy: erasing people, who may not come back, and the key of receipts.
#include <algorithm>

#include "admin/json.hpp"
#include "admin/personal.hpp"
#include "admin/receipts.hpp"
#include "admin/routes.hpp"
#include "profile/privacy_rules.hpp"

namespace kith::admin {

namespace {

using nlohmann::json;

constexpr std::size_t most_reason = 1000;  ///< bytes
constexpr std::size_t suppressions_a_page = 1000;

response without_receipts() {
  return problem(503, "unavailable", "this server has no key for receipts, so it does not erase");
}

}  // namespace

/// What the configuration says of personal data.
response routes::privacy_rules(const call& asked) {
  if (auto unknown = unknown_parameter(asked.target, {})) return *unknown;
  const auto definitions = service_.definitions();
  auto purposes = json::array();
  for (const auto& each : definitions->rules().purposes()) {
    const auto basis = name_of(each.basis);
    purposes.push_back({{"name", each.name},
                        {"description", each.description},
                        {"default", each.granted_by_default ? "granted" : "denied"},
                        {"basis", basis.empty() ? json(nullptr) : json(basis)},
                        {"gpc", each.gpc}});
  }
  auto traits = json::array();
  for (const auto& each : definitions->rules().traits()) {
    traits.push_back({{"name", each.trait}, {"seconds", each.keep_ms / 1000}});
  }
  auto events = json::array();
  for (const auto& [name, keep_ms] : with_.event_retention) {
    events.push_back({{"name", name}, {"seconds", keep_ms / 1000}});
  }
  const auto personal =
      with_.personal != nullptr ? with_.personal->current() : std::make_shared<const personal_rules>();
  auto names = json::array();
  for (const auto& each : personal->names()) {
    names.push_back({{"name", each.name}, {"in", each.held}, {"class", each.what}});
  }
  return ok({{"purposes", std::move(purposes)},
             {"retention", {{"traits", std::move(traits)}, {"events", std::move(events)}}},
             {"personal", std::move(names)}});
}

response routes::erase_profile(const call& asked) {
  if (auto unknown = unknown_parameter(asked.target, {"reason"})) return *unknown;
  if (with_.receipts == nullptr) return without_receipts();
  const auto given = asked.target.query.find("reason");
  const auto reason = given == asked.target.query.end() ? std::string() : given->second;
  if (reason.size() > most_reason) {
    return problem(400, "invalid_argument",
                   "query parameter reason: at most " + std::to_string(most_reason) + " bytes");
  }
  const auto erased = service_.erase(identifier_named(asked.target.path[2], asked.target.path[3]));
  if (!erased && erased.error().code == errc::too_large) return problem(507, "too_large", erased.error().message);
  if (!erased) return problem_of(erased.error());
  auto answer = ok({{"erasure", erased->id.empty() ? json(nullptr) : json(erased->id)},
                    {"receipt", with_.receipts->sign(*erased, reason)},
                    {"goneBy", erased->id.empty() ? json(nullptr) : json(profile::format_time(erased->gone_by_ms))}});
  answer.noted["erasure"] = erased->id;
  return answer;
}

response routes::receipt_keys(const call& asked) {
  if (auto unknown = unknown_parameter(asked.target, {})) return *unknown;
  return with_.receipts == nullptr ? without_receipts() : ok(with_.receipts->keys());
}

response routes::suppressions(const call& asked) {
  if (auto unknown = unknown_parameter(asked.target, {"limit", "cursor"})) return *unknown;
  const auto limit = limit_in(asked.target, 100, suppressions_a_page);
  if (!limit) return problem_of(limit.error());
  const auto list = service_.suppressed();
  std::vector<std::pair<std::string, std::int64_t>> all;
  all.reserve(list->all().size());
  for (const auto& [hash, each] : list->all()) all.emplace_back(persistence::to_hex(hash), each.since_ms);
  std::sort(all.begin(), all.end());
  const auto cursor = asked.target.query.find("cursor");
  auto at = all.begin();
  if (cursor != asked.target.query.end()) {
    at = std::upper_bound(all.begin(), all.end(), std::pair(cursor->second, INT64_MAX));
  }
  auto items = json::array();
  for (; at != all.end() && items.size() < *limit; ++at) {
    items.push_back({{"hash", at->first}, {"since", profile::format_time(at->second)}});
  }
  const bool more = at != all.end();
  auto next = more ? items.back().at("hash") : json(nullptr);
  return ok({{"items", std::move(items)}, {"next", std::move(next)}, {"pending", service_.pending_erasures()}});
}

/// Of one identifier, which is named in the body, so that it is in no log.
response routes::look_up_suppression(const call& asked) {
  if (auto unknown = unknown_parameter(asked.target, {})) return *unknown;
  const auto body = json::parse(asked.sent.body, nullptr, false);
  const auto text = [&](const char* name) {
    return body.is_object() && body.contains(name) && body.at(name).is_string() ? body.at(name).get<std::string>()
                                                                                : std::string();
  };
  if (text("kind").empty() || text("id").empty()) {
    return problem(400, "invalid_argument", "body: must be {\"kind\": \"user\", \"id\": \"…\"}, kind as in URLs");
  }
  profile::hash128 address;
  if (!profile::address_of(identifier_named(text("kind"), text("id")), address)) {
    return problem(400, "invalid_argument", "body: id: a profile's own id is 32 hexadecimal digits");
  }
  const auto list = service_.suppressed();
  const auto hash = list->hash_of(address);
  const auto found = list->all().find(hash);
  json since = nullptr;
  if (found != list->all().end()) since = profile::format_time(found->second.since_ms);
  auto answer = ok({{"hash", persistence::to_hex(hash)}, {"suppressed", found != list->all().end()}, {"since", since}});
  answer.noted["subjects"] = json::array({profile::to_hex(address)});
  return answer;
}

response routes::lift_suppression(const call& asked) {
  if (auto unknown = unknown_parameter(asked.target, {})) return *unknown;
  persistence::salted_hash hash{};
  if (!persistence::from_hex(asked.target.path[3], hash)) {
    return problem(400, "invalid_argument", "the hash in the URL must be 64 lower-case hexadecimal digits");
  }
  if (const auto lifted = service_.lift_suppression(hash); !lifted) {
    if (lifted.error().code == errc::unavailable && service_.state().now == actors::phase::ready) {
      return problem(409, "unavailable", lifted.error().message);
    }
    return problem_of(lifted.error());
  }
  return ok({{"hash", asked.target.path[3]}, {"suppressed", false}});
}

}  // namespace kith::admin
