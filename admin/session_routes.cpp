// The routes of the console's sessions: a token is given once, and a cookie that no script can read stands for it.
#include "admin/access.hpp"
#include "admin/json.hpp"
#include "admin/routes.hpp"

namespace kith::admin {

namespace {

using nlohmann::json;

json session_json(const net::credential& who, std::int64_t until_ms) {
  return {{"name", who.name},
          {"role", name_of(net::role_of(who))},
          {"expires", until_ms == 0 ? json(nullptr) : json(profile::format_time(until_ms))}};
}

result<std::string> token_in(const std::string& text) {
  const auto body = json::parse(text, nullptr, false);
  if (!body.is_object() || body.size() != 1 || !body.contains("token") || !body["token"].is_string() ||
      body["token"].get_ref<const std::string&>().empty()) {
    return fail(errc::invalid_argument, "body: must be {\"token\": \"…\"}");
  }
  return body["token"].get<std::string>();
}

}  // namespace

response routes::open_session(const call& asked) {
  if (auto unknown = unknown_parameter(asked.target, {})) return *unknown;
  if (with_.door == nullptr) return problem(404, "not_found", "this server keeps no sessions");
  if (const auto why = access::sent_by_another_site(asked.sent); !why.empty()) {
    return problem(403, "forbidden", "a session is opened by the console's own page only: " + why);
  }
  auto token = token_in(asked.sent.body);
  if (!token) return problem_of(token.error());
  const auto found = with_.door->by_token(*token);
  if (!found.who) {
    auto refused = problem(401, "unauthenticated", found.why);
    refused.headers["WWW-Authenticate"] = "Bearer";
    return refused;
  }
  if (net::role_of(found.who->rights) == net::role::none) {
    return problem(403, "forbidden", "credential " + found.who->rights.name + " has no role here");
  }
  auto& open = with_.door->open_sessions();
  open.close(sessions::id_in(asked.sent.cookie));
  const auto& around = with_.door->around();
  const auto session = open.open(std::move(*token), found.until_ms);
  if (around.counts != nullptr) probe::add_one(around.counts->sessions_opened);
  auto answer = ok(session_json(found.who->rights, session.until_ms));
  answer.headers["Set-Cookie"] = sessions::cookie_of(session, around.now_ms());
  answer.done_by = found.who;
  return answer;
}

response routes::session(const call& asked) {
  if (auto unknown = unknown_parameter(asked.target, {})) return *unknown;
  return ok(session_json(asked.sent.who->rights, asked.sent.until_ms));
}

response routes::close_session(const call& asked) {
  if (auto unknown = unknown_parameter(asked.target, {})) return *unknown;
  if (with_.door != nullptr) with_.door->open_sessions().close(sessions::id_in(asked.sent.cookie));
  return {204, {}, {}, {{"Set-Cookie", sessions::cookie_that_ends()}}};
}

}  // namespace kith::admin
