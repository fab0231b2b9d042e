// The routes of tokens: who may use the admin API, by name. What a token is, is told once.
#include <algorithm>

#include "admin/json.hpp"
#include "admin/routes.hpp"
#include "admin/tokens.hpp"

namespace kith::admin {

namespace {

using nlohmann::json;

constexpr std::size_t usual_page = 100;
constexpr std::size_t most_a_page = 1000;
constexpr std::int64_t most_grace_seconds = token_store::most_grace_ms / 1000;

json time_or_null(std::int64_t ms) { return ms == 0 ? json(nullptr) : json(profile::format_time(ms)); }

json token_json(const token_info& of) {
  return {{"name", of.name},
          {"role", net::name_of(of.role)},
          {"description", of.description},
          {"source", "api"},
          {"version", of.version},
          {"created", time_or_null(of.created_ms)},
          {"createdBy", of.created_by},
          {"rotated", time_or_null(of.rotated_ms)},
          {"expires", time_or_null(of.expires_ms)},
          {"lastUsed", time_or_null(of.used_ms)}};
}

/// One of the configuration, which is read only here.
json token_json(const net::credential& of) {
  auto made = token_json(token_info{of.name, net::role_of(of), {}, 0, 0, {}, 0, 0, 0});
  made["source"] = "config";
  for (const auto* unknown : {"version", "createdBy"}) made[unknown] = nullptr;
  return made;
}

std::string etag_of(const token_info& of) { return '"' + std::to_string(of.version) + '"'; }

response token_answer(const token_store::outcome& done, unsigned status) {
  auto body = token_json(done.now);
  if (!done.token.empty()) body["token"] = done.token;
  auto answer = ok(body);
  answer.noted = {{"name", done.now.name},
                  {"role", net::name_of(done.now.role)},
                  {"expires", time_or_null(done.now.expires_ms)},
                  {"newSecret", !done.token.empty()}};
  answer.status = status;
  answer.headers["ETag"] = etag_of(done.now);
  return answer;
}

response problem_of(const refusal& refused) {
  return problem(refused.status, name_of(refused.why.code), refused.why.message);
}

token_store::precondition precondition_in(const call& asked) {
  return [&sent = asked.sent](const token_info* there) {
    return may_change(sent, there != nullptr ? etag_of(*there) : std::string());
  };
}

result<token_wanted> wanted_in(const std::string& text) {
  const auto refuse = [](const std::string& why) { return fail(errc::invalid_argument, "body: " + why); };
  const auto body = json::parse(text, nullptr, false);
  if (!body.is_object()) return refuse("must be a JSON object: {\"name\", \"role\", \"description\", \"expires\"}");
  token_wanted made;
  for (const auto& [key, value] : body.items()) {
    if (key == "expires") {
      made.expires_ms.emplace(0);
      if (value.is_null()) continue;
      if (!value.is_string() || !profile::parse_time(value.get<std::string>(), *made.expires_ms)) {
        return refuse("expires: must be an RFC 3339 time, or null: never");
      }
      continue;
    }
    if (key != "name" && key != "role" && key != "description") {
      return refuse(
          std::string("unknown key \"").append(key).append("\"; allowed are name, role, description, expires"));
    }
    if (!value.is_string()) return refuse(std::string(key).append(": must be a string"));
    const auto said = value.get<std::string>();
    if (key == "name") made.name = said;
    if (key == "description") made.description = said;
    if (key != "role") continue;
    made.role = net::parse_role(said);
    if (!made.role) return refuse("role: must be viewer, operator, privacy or admin");
  }
  return made;
}

/// Seconds.
result<std::int64_t> grace_in(const std::string& text) {
  const auto body = json::parse(text, nullptr, false);
  if (body.is_object() && body.empty()) return 0;
  if (body.is_object() && body.size() == 1 && body.contains("graceSeconds")) {
    if (const auto seconds = whole_number(body["graceSeconds"], most_grace_seconds)) return *seconds;
  }
  return fail(errc::invalid_argument, "body: must be {\"graceSeconds\": 0 to " + std::to_string(most_grace_seconds) +
                                          "}: how long the old token stays good");
}

response not_kept() { return problem(404, "not_found", "this server keeps no tokens"); }

response not_there(const std::string& name) {
  return problem(404, "not_found", "there is no token \"" + name + "\"; GET /v1/tokens lists them");
}

}  // namespace

response routes::list_tokens(const call& asked) {
  if (auto unknown = unknown_parameter(asked.target, {"limit", "cursor"})) return *unknown;
  const auto limit = limit_in(asked.target, usual_page, most_a_page);
  if (!limit) return admin::problem_of(limit.error());
  if (with_.tokens == nullptr) return not_kept();
  std::map<std::string, json> all;
  for (const auto& each : with_.tokens->list()) all[each.name] = token_json(each);
  for (const auto& each : with_.tokens->configured().listed()) all[each.name] = token_json(each);
  auto from = all.begin();
  if (const auto cursor = asked.target.query.find("cursor"); cursor != asked.target.query.end()) {
    from = all.upper_bound(cursor->second);
  }
  json body = {{"items", json::array()}, {"next", nullptr}};
  for (; from != all.end(); ++from) {
    if (body["items"].size() == *limit) {
      body["next"] = body["items"].back()["name"];
      break;
    }
    body["items"].push_back(from->second);
  }
  return ok(body);
}

response routes::token(const call& asked) {
  if (auto unknown = unknown_parameter(asked.target, {})) return *unknown;
  if (with_.tokens == nullptr) return not_kept();
  const auto& name = asked.target.path[2];
  if (const auto found = with_.tokens->get(name)) return token_answer({*found, {}}, 200);
  const auto configured = with_.tokens->configured().listed();
  const auto at =
      std::find_if(configured.begin(), configured.end(), [&](const auto& each) { return each.name == name; });
  return at == configured.end() ? not_there(name) : ok(token_json(*at));
}

response routes::put_token(const call& asked) {
  if (auto unknown = unknown_parameter(asked.target, {})) return *unknown;
  if (with_.tokens == nullptr) return not_kept();
  const auto wanted = wanted_in(asked.sent.body);
  if (!wanted) return admin::problem_of(wanted.error());
  const auto done = with_.tokens->put(*wanted, asked.sent.who->rights.name, precondition_in(asked));
  if (!done) return problem_of(done.error());
  const bool created = !done->token.empty();
  auto answer = token_answer(*done, created ? 201 : 200);
  if (created) answer.headers["Location"] = "/v1/tokens/" + done->now.name;
  return answer;
}

response routes::rotate_token(const call& asked) {
  if (auto unknown = unknown_parameter(asked.target, {})) return *unknown;
  if (with_.tokens == nullptr) return not_kept();
  std::int64_t grace_ms = 0;
  if (!asked.sent.body.empty()) {
    const auto seconds = grace_in(asked.sent.body);
    if (!seconds) return admin::problem_of(seconds.error());
    grace_ms = *seconds * 1000;
  }
  const auto done = with_.tokens->rotate(asked.target.path[2], grace_ms, precondition_in(asked));
  return done ? token_answer(*done, 200) : problem_of(done.error());
}

response routes::remove_token(const call& asked) {
  if (auto unknown = unknown_parameter(asked.target, {})) return *unknown;
  if (with_.tokens == nullptr) return not_kept();
  const auto removed = with_.tokens->remove(asked.target.path[2], precondition_in(asked));
  if (!removed) return problem_of(removed.error());
  return {204, {}, {}, {}};
}

}  // namespace kith::admin
