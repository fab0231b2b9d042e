// The routes of the console's sessions: a token is given once, or a person signs in at their provider, and a cookie
// that no script can read stands for it.
#include "admin/access.hpp"
#include "admin/json.hpp"
#include "admin/routes.hpp"
#include "admin/sign_in.hpp"

namespace kith::admin {

namespace {

using nlohmann::json;

json session_json(const net::credential& who, std::int64_t until_ms) {
  return {{"name", who.name},
          {"display", who.display.empty() ? who.name : who.display},
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

response routes::ways_to_sign_in(const call& asked) {
  if (auto unknown = unknown_parameter(asked.target, {})) return *unknown;
  const auto people = with_.door == nullptr ? nullptr : with_.door->people();
  return ok({{"token", with_.door != nullptr},
             {"provider", people ? json{{"name", people->configured().name}} : json(nullptr)}});
}

/// For the audit log; the browser gets what for_browser() makes of it.
response routes::refused_sign_in(std::string_view reason, const std::string& detail) {
  if (with_.counts != nullptr) probe::add_one(with_.counts->sign_ins_refused);
  auto refused = reason == "no_role" ? problem(403, "forbidden", detail) : problem(401, "unauthenticated", detail);
  refused.noted = {{"reason", reason}, {"detail", detail}};
  if (reason != "busy") refused.headers["Set-Cookie"] = sign_in::cookie_that_ends();  // else it may be tried again
  return refused;
}

response routes::begin_sign_in(const call& asked) {
  const auto people = with_.door == nullptr ? nullptr : with_.door->people();
  if (!people) return refused_sign_in("not_configured", "no [oidc] is configured");
  const auto place = with_.door->signing_in().enter();
  if (!place) return refused_sign_in("busy", "the provider is being asked for others");
  auto begun = people->begin(asked.sent.host, sessions::id_in(asked.sent.cookie));
  if (!begun) return refused_sign_in(begun.error().reason, begun.error().detail);
  return {303, {}, {}, {{"Location", std::move(begun->url)}, {"Set-Cookie", std::move(begun->cookie)}}};
}

response routes::finish_sign_in(const call& asked) {
  const auto people = with_.door == nullptr ? nullptr : with_.door->people();
  if (!people) return refused_sign_in("not_configured", "no [oidc] is configured");
  const auto place = with_.door->signing_in().enter();
  if (!place) return refused_sign_in("busy", "the provider is being asked for others");
  const auto person = people->finish(asked.target.query, asked.sent.cookie, asked.sent.host);
  if (!person) return refused_sign_in(person.error().reason, person.error().detail);
  auto& open = with_.door->open_sessions();
  const auto session = open.open(person->who, person->until_ms);
  // Meanwhile it may have been configured that somebody else vouches for people, or gives them other roles. What is
  // configured after this look finds the session, and ends it.
  if (with_.door->people() != people) {
    open.close(session.id);
    return refused_sign_in("expired", "[oidc] was configured anew meanwhile");
  }
  if (person->replaces) open.close(*person->replaces);
  open.close(sessions::id_in(asked.sent.cookie));
  const auto& around = with_.door->around();
  if (around.counts != nullptr) probe::add_one(around.counts->sessions_opened);
  response answer{303, {}, {}, {{"Location", "/"}}};
  answer.headers["Set-Cookie"] = sessions::cookie_of(session, around.now_ms());
  answer.done_by = person->who;
  answer.done_how = known_by::openid;
  answer.noted = {{"subject", person->subject}};
  return answer;
}

/// A browser that goes from page to page gets a page, not a problem document: the console says what the reason means.
response routes::for_browser(response made) {
  if (made.status < 400) return made;
  const auto reason = made.noted.value("reason", std::string("unavailable"));
  response instead{303, {}, {}, {{"Location", "/#/sign-in/" + reason}}};
  if (const auto cookie = made.headers.find("Set-Cookie"); cookie != made.headers.end())
    instead.headers.insert(*cookie);
  return instead;
}

}  // namespace kith::admin
