// Who may do what: every route with every role, sessions, forged requests, quotas.
#include "admin/access.hpp"

#include <map>

#include "ingest/oauth/authorizer.hpp"
#include "tests/admin/support/house.hpp"
#include "tests/ingest/support/tokens.hpp"

using namespace kith;
using namespace kith::tests;

namespace {

std::string filled(const std::string& pattern) {
  std::string made;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (pattern.compare(i, 2, "{}") != 0) {
      made.push_back(pattern[i]);
      continue;
    }
    made += "x";
    ++i;
  }
  return made;
}

}  // namespace

TEST_CASE("every route is refused to who has not the role that it declares, and to nobody else") {
  house at;
  std::size_t tried = 0;
  for (const auto& route : admin::routes::listed()) {
    for (const auto* who : {"", "none", "viewer", "operator", "privacy", "admin", "reader"}) {
      const std::string name(who);
      CAPTURE(route.method, route.path, name);
      const auto answer = at.ask(route.method, filled(route.path), name.empty() ? "" : "token-" + name);
      ++tried;
      if (route.needs == role::none) {
        CHECK(answer.status != 403);
        // Without a token in its body no session is opened.
        CHECK((answer.status != 401 || route.path == "/v1/session"));
        continue;
      }
      const auto has = name.empty() || name == "none" ? role::none
                       : name == "reader"             ? role::viewer
                                                      : net::parse_role(name).value();
      const bool too_personal = route.personal == admin::personal::refused && name == "viewer";
      const bool allowed =
          has == role::admin || has == route.needs || (route.needs == role::viewer && has != role::none);
      if (name.empty()) {
        CHECK(answer.status == 401);
      } else {
        CHECK((answer.status == 403) == (!allowed || too_personal));
        CHECK(answer.status != 401);
      }
    }
  }
  CHECK(tried == admin::routes::listed().size() * 7);
}

TEST_CASE("the OpenAPI document names the role of each operation, and what it tells of people") {
  const auto document = json::parse(admin::openapi_document());
  std::map<std::pair<std::string, std::string>, json> operations;
  for (const auto& [path, methods] : document["paths"].items()) {
    std::string plain;
    for (std::size_t i = 0; i < path.size(); ++i) {
      plain.push_back(path[i]);
      if (path[i] == '{') i = path.find('}', i) - 1;
    }
    for (const auto& [method, operation] : methods.items()) {
      std::string upper = method;
      for (char& each : upper) each = static_cast<char>(each - 'a' + 'A');
      operations[{upper, plain}] = operation;
    }
  }
  for (const auto& route : admin::routes::listed()) {
    CAPTURE(route.method, route.path);
    const auto& operation = operations.at({route.method, route.path});
    CHECK(operation["x-kith-role"] == net::name_of(route.needs));
    CHECK(operation["x-kith-personal"] == (route.personal == admin::personal::none     ? "none"
                                           : route.personal == admin::personal::masked ? "masked"
                                                                                       : "refused"));
    CHECK((operation.value("security", json()) == json::array()) == (route.needs == role::none));
    CHECK(operation["responses"].contains("403") ==
          (route.needs != role::none || route.effect == admin::effect::changes));
    CHECK(operation["responses"].contains("429"));
  }
}

TEST_CASE("the rights that credentials have always had come to roles") {
  const auto of = [](bool read, bool admin, role granted = role::none) {
    net::credential made;
    made.can_read = read;
    made.can_admin = admin;
    made.granted = granted;
    return std::pair(net::role_of(made), net::sees_personal(made));
  };
  CHECK(of(false, false) == std::pair(role::none, false));
  CHECK(of(true, false) == std::pair(role::viewer, true));
  CHECK(of(false, true) == std::pair(role::admin, true));
  CHECK(of(true, true, role::viewer) == std::pair(role::viewer, false));
  CHECK(of(false, false, role::privacy) == std::pair(role::privacy, true));
  for (const auto each : {role::viewer, role::operations, role::privacy, role::admin}) {
    CHECK(net::parse_role(net::name_of(each)) == each);
  }
  CHECK_FALSE(net::parse_role("none"));
  CHECK_FALSE(net::allows(role::operations, role::privacy));
  CHECK_FALSE(net::allows(role::privacy, role::operations));
}

TEST_CASE("a session stands for its token until either ends, and tells who it is") {
  house at;
  const auto made = at.ask("PUT", "/v1/tokens", "token-admin", R"({"name": "ada", "role": "operator"})");
  REQUIRE(made.status == 201);
  const auto token = json::parse(made.body)["token"].get<std::string>();
  const auto opened = at.ask("POST", "/v1/session", {}, json{{"token", token}}.dump());
  REQUIRE(opened.status == 200);
  CHECK(json::parse(opened.body) ==
        json{{"name", "ada"}, {"display", "ada"}, {"role", "operator"}, {"expires", "2024-05-01T22:00:00.000Z"}});
  const auto& set = opened.headers.at("Set-Cookie");
  CHECK(set.starts_with("__Host-kith="));
  for (const auto* attribute : {"; Path=/", "; Secure", "; HttpOnly", "; SameSite=Strict", "; Max-Age=43200"}) {
    CHECK(set.find(attribute) != std::string::npos);
  }
  CHECK(set.find("Domain") == std::string::npos);
  CHECK(set.find(token) == std::string::npos);
  const auto cookie = set.substr(0, set.find(';'));
  const auto who = [&] { return at.ask(with_cookie(house::request("GET", "/v1/session"), cookie)); };
  CHECK(json::parse(who().body)["name"] == "ada");
  at.now_ms += 59 * 60'000;
  CHECK(who().status == 200);
  at.now_ms += 60 * 60'000;  // idle for too long
  CHECK(who().status == 401);
  CHECK(json::parse(who().body)["detail"] == "the session has ended: open another one");
  // With the token it ends at once.
  const auto second = at.log_in(token);
  REQUIRE(at.ask("DELETE", "/v1/tokens/ada", "token-admin").status == 204);
  CHECK(at.ask(with_cookie(house::request("GET", "/v1/session"), second)).status == 401);
  for (const auto* body : {"", "{}", R"({"token": ""})", R"({"token": 1})", R"({"token": "a", "b": 1})"}) {
    CHECK(at.ask("POST", "/v1/session", {}, body).status == 400);
  }
  CHECK(at.ask("POST", "/v1/session", {}, R"({"token": "guess"})").status == 401);
  CHECK(at.ask("POST", "/v1/session", {}, R"({"token": "token-none"})").status == 403);
}

TEST_CASE("a login makes a new id, and what a client brought along is worth nothing (session fixation)") {
  house at;
  auto first = house::request("POST", "/v1/session");
  first.body = R"({"token": "token-viewer"})";
  first.cookie = "__Host-kith=chosen-by-an-attacker";
  const auto opened = at.ask(first);
  REQUIRE(opened.status == 200);
  CHECK(opened.headers.at("Set-Cookie").find("chosen-by-an-attacker") == std::string::npos);
  CHECK(at.ask(with_cookie(house::request("GET", "/v1/session"), first.cookie)).status == 401);
  const auto old = opened.headers.at("Set-Cookie").substr(0, opened.headers.at("Set-Cookie").find(';'));
  auto again = with_cookie(first, old);
  const auto reopened = at.ask(again);
  REQUIRE(reopened.status == 200);
  CHECK(reopened.headers.at("Set-Cookie").find(old) == std::string::npos);
  CHECK(at.ask(with_cookie(house::request("GET", "/v1/session"), old)).status == 401);
  CHECK(at.door.open_sessions().count() == 1);
}

TEST_CASE("a session is closed, and its cookie with it") {
  house at;
  const auto cookie = at.log_in("token-admin");
  const auto closed = at.ask(with_cookie(house::request("DELETE", "/v1/session"), cookie));
  CHECK(closed.status == 204);
  CHECK(closed.headers.at("Set-Cookie").find("Max-Age=0") != std::string::npos);
  CHECK(at.ask(with_cookie(house::request("GET", "/v1/session"), cookie)).status == 401);
  CHECK(at.ask("DELETE", "/v1/session").status == 204);
}

TEST_CASE("what another site has a browser send with its cookie is refused (CSRF)") {
  house at;
  const auto cookie = at.log_in("token-admin");
  const auto good = with_cookie(house::request("POST", "/v1/snapshot"), cookie);
  const auto status = [&](auto change) {
    auto asked = good;
    change(asked);
    return at.ask(asked).status;
  };
  CHECK(status([](auto&) {}) == 200);
  CHECK(status([](auto& asked) { asked.origin = "https://kith.example:7442"; }) == 200);
  CHECK(status([](auto& asked) { asked.fetch_site = "same-origin"; }) == 200);
  CHECK(status([](auto& asked) { asked.kith_request.clear(); }) == 403);
  CHECK(status([](auto& asked) { asked.kith_request = "0"; }) == 403);
  CHECK(status([](auto& asked) { asked.origin = "https://evil.example"; }) == 403);
  CHECK(status([](auto& asked) { asked.origin = "http://kith.example:7442"; }) == 403);
  CHECK(status([](auto& asked) { asked.origin = "null"; }) == 403);
  CHECK(status([](auto& asked) { asked.fetch_site = "cross-site"; }) == 403);
  CHECK(status([](auto& asked) { asked.fetch_site = "same-site"; }) == 403);
  // Reading changes nothing, and another site cannot see the answer.
  CHECK(status([](auto& asked) {
          asked.method = "GET";
          asked.target = "/v1/stats";
          asked.kith_request.clear();
        }) == 200);
  // Nobody but its page logs a browser in, or out.
  auto login = house::request("POST", "/v1/session");
  login.body = R"({"token": "token-admin"})";
  login.origin = "https://evil.example";
  CHECK(at.ask(login).status == 403);
  CHECK(status([](auto& asked) {
          asked.method = "DELETE";
          asked.target = "/v1/session";
          asked.origin = "https://evil.example";
        }) == 403);
  // A browser shows a certificate for any page; a program sends neither header.
  auto machine = house::request("POST", "/v1/snapshot");
  machine.certificate = "machine-1";
  CHECK(at.ask(machine).status == 200);
  machine.fetch_site = "cross-site";
  CHECK(at.ask(machine).status == 403);
  CHECK(at.counts.forged == 9);
}

TEST_CASE("an OAuth access token has the role of its scopes, and opens sessions until it ends") {
  house at;
  at.now_ms = tests::token_now_ms;
  const tests::signing_key key("P-256", "a");
  ingest::oauth::issuer_settings issuer;
  issuer.issuer = tests::issuer_url;
  issuer.jwks_uri = "https://login.example/keys";
  issuer.audiences = {tests::audience_url};
  issuer.scopes["kith:view"].role = role::viewer;
  issuer.scopes["kith:run"].role = role::operations;
  issuer.scopes["kith:all"].admin = true;
  auto fetcher = std::make_unique<tests::fake_fetcher>();
  fetcher->answer = [&](const auto&) {
    return ingest::outgoing::fetch_response{200, tests::key_set_of({&key}).dump()};
  };
  const auto issuers = std::make_shared<ingest::oauth::authorizer>(
      ingest::oauth::settings{{}, {issuer}}, std::move(fetcher),
      ingest::oauth::environment{[&at] { return at.now_ms; }, [](std::string_view, std::string_view) {}});
  const auto token = [&](const std::string& scope) {
    auto claims = tests::claims_of();
    claims["scope"] = scope;
    return key.sign(tests::header_of("ES256", key), claims);
  };
  CHECK(at.ask("GET", "/v1/stats", token("kith:view")).status == 401);  // no issuer is configured
  at.door.configure({}, issuers);
  const auto role_with = [&](const std::string& scope) {
    const auto answer = at.ask("GET", "/v1/session", token(scope));
    return answer.status == 200 ? json::parse(answer.body)["role"].get<std::string>() : std::to_string(answer.status);
  };
  CHECK(role_with("kith:view") == "viewer");
  CHECK(role_with("kith:view kith:run other") == "operator");
  CHECK(role_with("kith:view kith:all") == "admin");
  CHECK(role_with("other") == "403");
  {
    // Who signs in keeps nobody out who has a token.
    const auto first = at.door.signing_in().enter();
    const auto second = at.door.signing_in().enter();
    CHECK((first && second));
    CHECK(role_with("kith:view") == "viewer");
  }
  CHECK(at.ask("GET", "/v1/stats", token("kith:view") + "x").status == 401);
  const auto cookie = at.log_in(token("kith:run"));
  const auto who = json::parse(at.ask(with_cookie(house::request("GET", "/v1/session"), cookie)).body);
  CHECK(who["name"] == "shop");
  CHECK(who["expires"] == "2026-11-25T09:52:40.000Z");
  at.now_ms += 360'000;  // `exp`, and the leeway
  CHECK(at.ask(with_cookie(house::request("GET", "/v1/session"), cookie)).status == 401);
  CHECK(at.ask("GET", "/v1/stats", token("kith:view")).status == 401);
}

TEST_CASE("a credential has a quota, and so have guesses from one address") {
  house at;
  admin::access_settings settings;
  settings.requests_per_second = 3;
  settings.failures_per_second = 2;
  at.door.configure(settings, nullptr);
  for (int i = 0; i < 3; ++i) CHECK(at.ask("GET", "/v1/stats", "token-viewer").status == 200);
  const auto over = at.ask("GET", "/v1/stats", "token-viewer");
  CHECK(over.status == 429);
  CHECK(over.headers.at("Retry-After") == "1");
  CHECK(over.content_type == "application/problem+json");
  CHECK(at.ask("GET", "/v1/stats", "token-admin").status == 200);  // another's is its own
  for (int i = 0; i < 2; ++i) CHECK(at.ask("GET", "/v1/stats", "guess").status == 401);
  CHECK(at.ask("GET", "/v1/stats", "guess").status == 429);
  CHECK(at.ask("GET", "/v1/stats").status == 401);  // no guess
  CHECK(at.counts.throttled == 2);
  at.now += std::chrono::seconds(1);
  CHECK(at.ask("GET", "/v1/stats", "token-viewer").status == 200);
  CHECK(at.ask("GET", "/v1/stats", "guess").status == 401);
}

TEST_CASE("one session too many pushes out the one that was idle for the longest time") {
  std::int64_t now_ms = 1;
  admin::sessions open([&] { return now_ms; });
  const auto first = open.open("token", 0).id;
  const auto second = open.open("token", 0).id;
  ++now_ms;
  REQUIRE(open.find(first));
  for (std::size_t i = 2; i < admin::sessions::most_open; ++i) open.open("token", 0);
  REQUIRE(open.count() == admin::sessions::most_open);
  open.open("token", 0);
  REQUIRE(open.count() == admin::sessions::most_open);
  REQUIRE(open.find(first));
  REQUIRE_FALSE(open.find(second));
  REQUIRE(open.open("token", 5).until_ms == 5);
  REQUIRE(admin::sessions::id_in("a=b; __Host-kith=x; c=d") == "x");
  for (const auto* none : {"", "x__Host-kith=x", "__Host-kit=x", "__Host-kithx", ";;"}) {
    REQUIRE(admin::sessions::id_in(none).empty());
  }
}

TEST_CASE("a throttle forgets those who asked longest ago, and no more than it must") {
  admin::throttle quota(1);
  net::token_bucket::time_point now{std::chrono::hours(1)};
  CHECK(quota.take("a", now) == 0);
  CHECK(quota.take("a", now) == 1000);
  for (std::size_t i = 0; i + 1 < admin::throttle::most_names; ++i) CHECK(quota.take(std::to_string(i), now) == 0);
  CHECK(quota.take("0", now) > 0);
  CHECK(quota.take("one more", now) == 0);
  now += std::chrono::seconds(2);
  CHECK(quota.take("a", now) == 0);
  quota.set_rate(0);
  for (int i = 0; i < 10; ++i) CHECK(quota.take("a", now) == 0);
}
