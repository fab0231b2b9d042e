// Who may do what: every route with every role, sessions, forged requests, what is masked and what is recorded.
#include "admin/access.hpp"

#include <set>

#include "admin/audit_check.hpp"
#include "admin/audit_log.hpp"
#include "admin/personal.hpp"
#include "admin/probe.hpp"
#include "admin/routes.hpp"
#include "admin/tokens.hpp"
#include "ingest/oauth/authorizer.hpp"
#include "persistence/simulated_files.hpp"
#include "tests/catch.hpp"
#include "tests/ingest/support/tokens.hpp"
#include "tests/net/support/fake_service.hpp"

using namespace kith;
using net::role;
using nlohmann::json;

namespace {

net::credential_config credential(const std::string& name, role granted) {
  net::credential_config made;
  made.name = name;
  made.token = "token-" + name;
  made.granted = granted;
  made.can_publish = made.can_read = false;
  return made;
}

std::vector<net::credential_config> all_roles() {
  auto certified = credential("machine", role::operations);
  certified.common_name = "machine-1";
  return {credential("none", role::none),
          credential("viewer", role::viewer),
          credential("operator", role::operations),
          credential("privacy", role::privacy),
          credential("admin", role::admin),
          certified,
          {"reader", "token-reader", {}, {}, {}, false, true, false, 0}};
}

/// The admin API without sockets.
struct house {
  test::fake_service service;
  persistence::simulated_files files;
  std::int64_t now_ms = 1'714'557'600'000;
  net::token_bucket::time_point now{std::chrono::hours(1)};
  admin::probe counts;
  std::shared_ptr<net::credential_store> credentials = net::credential_store::make(all_roles(), std::nullopt).value();
  std::unique_ptr<admin::token_store> tokens =
      admin::token_store::open(files, "/data", credentials, [this] { return now_ms; }).value();
  std::unique_ptr<admin::audit_log> log = open_log();
  admin::access door{{credentials, tokens.get(), &counts, [this] { return now_ms; }, [this] { return now; }}};
  std::unique_ptr<admin::definition_store> definitions =
      admin::definition_store::open(files, "/data", {}, [this] { return now_ms; }).value();
  admin::routes routes{service, *definitions, parts_of()};

  std::unique_ptr<admin::audit_log> open_log() {
    admin::audit_options options;
    options.now_ms = [this] { return now_ms; };
    return admin::audit_log::open(files, "/data/audit", options).value();
  }
  admin::parts parts_of() {
    admin::parts with;
    with.tokens = tokens.get();
    with.audit = log.get();
    with.door = &door;
    with.counts = &counts;
    return with;
  }

  admin::response ask(admin::request asked) {
    asked.host = "kith.example:7442";
    asked.address = "192.0.2.7";
    if (auto refused = door.admit(asked)) return *refused;
    return routes.handle(asked);
  }
  static admin::request request(const std::string& method, const std::string& target, const std::string& token = {}) {
    admin::request made;
    made.method = method;
    made.target = target;
    if (!token.empty()) made.authorization = "Bearer " + token;
    return made;
  }
  admin::response ask(const std::string& method, const std::string& target, const std::string& token = {},
                      const std::string& body = {}) {
    auto asked = request(method, target, token);
    asked.body = body;
    return ask(std::move(asked));
  }
  std::vector<json> records() const {
    admin::audit_query query;
    query.newest_first = false;
    query.limit = 1000;
    return log->list(query).value().records;
  }
  /// The cookie of a new session.
  std::string log_in(const std::string& token) {
    const auto answer = ask("POST", "/v1/session", {}, json{{"token", token}}.dump());
    REQUIRE(answer.status == 200);
    const auto& cookie = answer.headers.at("Set-Cookie");
    return cookie.substr(0, cookie.find(';'));
  }
};

admin::request with_cookie(admin::request asked, const std::string& cookie) {
  asked.cookie = "theme=dark; " + cookie;
  asked.kith_request = "1";
  return asked;
}

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
        json{{"name", "ada"}, {"role", "operator"}, {"expires", "2024-05-01T22:00:00.000Z"}});
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

TEST_CASE("a viewer sees personal data masked, others see it, and who saw it is recorded without saying of whom") {
  house at;
  profile::hash128 address;
  REQUIRE(address_of({profile::id_kind::user, {}, "ada@example.com"}, address));
  std::string map;
  profile::msgpack::writer out(map);
  out.map(2);
  out.string("userIds");
  out.array(1);
  out.string("ada@example.com");
  out.string("traits");
  out.map(2);
  out.string("phone");
  out.string("4917");
  out.string("plan");
  out.string("gold");
  at.service.put(address, map);
  const std::string target = "/v1/profiles/user/ada%40example.com";
  const auto seen = json::parse(at.ask("GET", target, "token-viewer").body);
  CHECK(seen["traits"] == json{{"phone", admin::personal_rules::mask}, {"plan", "gold"}});
  CHECK(seen["masked"] == json::array({"traits.phone", "userIds.0"}));
  CHECK(at.records().empty());
  for (const auto* who : {"operator", "privacy", "admin", "reader"}) {
    const auto whole = json::parse(at.ask("GET", target, std::string("token-") + who).body);
    CHECK(whole["traits"]["phone"] == "4917");
    CHECK_FALSE(whole.contains("masked"));
  }
  const auto records = at.records();
  REQUIRE(records.size() == 4);
  CHECK(records[0]["who"] == "operator");
  CHECK(records[0]["route"] == "/v1/profiles/{}/{}");
  CHECK(records[0]["arguments"] == json::array({"user", profile::to_hex(address)}));
  CHECK(records[0]["address"] == "192.0.2.7");
  CHECK(json(records).dump().find("example.com") == std::string::npos);
  CHECK(at.ask("HEAD", target, "token-admin").status == 200);
  CHECK(at.ask("GET", "/v1/profiles/user/nobody", "token-admin").status == 404);
  CHECK(at.records().size() == 4);
  // What would be told by what is searched for.
  CHECK(at.ask("GET", "/v1/dead-letters?q=ada", "token-viewer").status == 403);
  CHECK(at.ask("POST", "/v1/segments:preview", "token-viewer", R"({"expression": "true"})").status == 403);
  // The log is searched by the id itself.
  const auto found = json::parse(at.ask("GET", "/v1/audit?about=user/ada%40example.com&limit=2", "token-privacy").body);
  CHECK(found["items"].size() == 2);
  CHECK(json::parse(at.ask("GET", "/v1/audit?who=admin&action=GET%20/v1/profiles", "token-privacy").body)["items"]
            .size() == 1);
}

TEST_CASE("each change is recorded with who, what and what came of it, and secrets are not") {
  house at;
  const auto made = at.ask("PUT", "/v1/tokens", "token-admin", R"({"name": "ci", "role": "viewer"})");
  const auto token = json::parse(made.body)["token"].get<std::string>();
  at.log_in(token);
  CHECK(at.ask("DELETE", "/v1/segments/none", "token-operator").status == 404);
  CHECK(at.ask("POST", "/v1/tokens/ci/rotate", "token-admin").status == 200);
  auto machine = house::request("POST", "/v1/snapshot");
  machine.certificate = "machine-1";
  CHECK(at.ask(machine).status == 200);
  const auto records = at.records();
  REQUIRE(records.size() == 5);
  CHECK(records[0]["noted"]["name"] == "ci");
  CHECK(records[0]["noted"]["role"] == "viewer");
  CHECK(records[0]["outcome"] == "done");
  CHECK(records[1]["method"] == "POST");
  CHECK(records[1]["route"] == "/v1/session");
  CHECK(records[1]["who"] == "ci");
  CHECK(records[2]["status"] == 404);
  CHECK(records[2]["outcome"] == "failed");
  CHECK(records[2]["role"] == "operator");
  CHECK(records[2]["arguments"] == json::array({"none"}));
  CHECK(records[3]["noted"]["newSecret"] == true);
  CHECK(records[4]["by"] == "certificate");
  CHECK(records[4]["certificate"] == "machine-1");
  const auto text = json(records).dump();
  CHECK(text.find(token) == std::string::npos);
  CHECK(text.find("kith_") == std::string::npos);
  CHECK(json::parse(at.ask("GET", "/v1/audit:head", "token-privacy").body)["sequence"] == 5);
  REQUIRE(at.log->keep_head());
  CHECK(admin::check_audit_log(at.files, "/data/audit", {})->sound());
}

TEST_CASE("refused requests are recorded, and a flood of them is counted") {
  house at;
  for (int i = 0; i < 100; ++i) CHECK(at.ask("POST", "/v1/snapshot", "token-viewer").status == 403);
  auto records = at.records();
  REQUIRE(records.size() >= 5);
  CHECK(records.size() < 50);
  CHECK(records[0]["outcome"] == "refused");
  CHECK(records[0]["who"] == "viewer");
  const auto metrics = at.ask("GET", "/metrics", "token-viewer").body;
  CHECK(metrics.find("kith_admin_refused_total{why=\"forbidden\"} 100") != std::string::npos);
  CHECK(metrics.find("kith_audit_refusals_unrecorded_total " + std::to_string(100 - records.size())) !=
        std::string::npos);
}

TEST_CASE("while the audit log cannot be written nothing is changed, and nothing personal shown") {
  house at;
  profile::hash128 address;
  REQUIRE(address_of({profile::id_kind::user, {}, "ada"}, address));
  std::string map;
  profile::msgpack::writer(map).map(0);
  at.service.put(address, map);
  at.files.fail(at.files.calls(), persistence::simulated_files::fault::io_error, true);
  CHECK(at.ask("GET", "/v1/profiles/user/ada", "token-admin").status == 503);
  const auto refused = at.ask("PUT", "/v1/tokens", "token-admin", R"({"name": "ci", "role": "viewer"})");
  CHECK(refused.status == 503);
  CHECK(json::parse(refused.body)["detail"].get<std::string>().starts_with("nothing is changed"));
  CHECK(at.ask("GET", "/v1/profiles/user/ada", "token-viewer").status == 200);
  CHECK(at.ask("GET", "/v1/stats", "token-viewer").status == 200);
  at.files.heal();
  at.now_ms += 1000;
  CHECK(at.ask("PUT", "/v1/tokens", "token-admin", R"({"name": "ci", "role": "viewer"})").status == 201);
  CHECK(at.records().size() == 1);
}

TEST_CASE(
    "tokens are listed in pages with the configuration's, changed by their ETag, and answered with their secret once") {
  house at;
  for (const auto* name : {"b", "a", "zz"}) {
    const auto body = json{{"name", name}, {"role", "viewer"}, {"expires", nullptr}, {"description", "for tests"}};
    REQUIRE(at.ask("PUT", "/v1/tokens", "token-admin", body.dump()).status == 201);
  }
  std::vector<std::string> names;
  std::string cursor;
  do {
    const auto page = json::parse(
        at.ask("GET", "/v1/tokens?limit=3" + (cursor.empty() ? "" : "&cursor=" + cursor), "token-admin").body);
    for (const auto& each : page["items"]) {
      names.push_back(each["name"]);
      CHECK_FALSE(each.contains("token"));
      CHECK((each["source"] == "config") == (at.credentials->has(names.back())));
    }
    cursor = page["next"].is_null() ? "" : page["next"].get<std::string>();
  } while (!cursor.empty());
  CHECK(names == std::vector<std::string>{"a", "admin", "b", "machine", "none", "operator", "privacy", "reader",
                                          "viewer", "zz"});
  const auto one = at.ask("GET", "/v1/tokens/a", "token-admin");
  CHECK(one.headers.at("ETag") == "\"1\"");
  CHECK(json::parse(one.body)["expires"].is_null());
  auto unchanged = house::request("GET", "/v1/tokens/a", "token-admin");
  unchanged.if_none_match = "\"1\"";
  CHECK(at.ask(unchanged).status == 304);
  auto change = house::request("PUT", "/v1/tokens", "token-admin");
  change.body = R"({"name": "a", "role": "operator"})";
  change.if_match = "\"7\"";
  CHECK(at.ask(change).status == 412);
  change.if_match = "\"1\"";
  const auto changed = at.ask(change);
  CHECK(changed.status == 200);
  CHECK(changed.headers.at("ETag") == "\"2\"");
  CHECK_FALSE(json::parse(changed.body).contains("token"));
  change.if_match.clear();
  change.if_none_match = "*";
  CHECK(at.ask(change).status == 412);
  CHECK(json::parse(at.ask("GET", "/v1/tokens/viewer", "token-admin").body)["source"] == "config");
  CHECK(at.ask("GET", "/v1/tokens/nobody", "token-admin").status == 404);
  for (const auto* body : {"", "[]", R"({"name": "x", "role": "king"})", R"({"name": "x", "extra": 1})",
                           R"({"name": "x", "role": "viewer", "expires": "soon"})"}) {
    CHECK(at.ask("PUT", "/v1/tokens", "token-admin", body).status == 400);
  }
  CHECK(at.ask("POST", "/v1/tokens/a/rotate", "token-admin", R"({"graceSeconds": 604801})").status == 400);
}

TEST_CASE("a POST with an Idempotency-Key is done once") {
  house at;
  auto asked = house::request("POST", "/v1/segments", "token-operator");
  asked.body = R"({"name": "all", "expression": "true"})";
  REQUIRE(at.definitions->attach(at.service));
  asked.idempotency_key = "\"8e03978e-40d5-43dd-bc93-6894a57f9324\"";
  const auto first = at.ask(asked);
  REQUIRE(first.status == 201);
  const auto again = at.ask(asked);
  CHECK(again.status == 201);
  CHECK(again.body == first.body);
  CHECK(again.headers.at("Location") == first.headers.at("Location"));
  CHECK(again.headers.at("Idempotency-Replayed") == "true");
  CHECK(at.counts.idempotent_replays == 1);
  auto other = asked;
  other.body = R"({"name": "none", "expression": "false"})";
  CHECK(at.ask(other).status == 422);
  // Another credential's key is its own, and so is another URL's; without one it is another request.
  other = asked;
  other.authorization = "Bearer token-admin";
  CHECK(at.ask(other).status == 409);
  asked.idempotency_key.clear();
  CHECK(at.ask(asked).status == 409);
  for (const auto* key : {"\"\"", "a b", "\"a\"b\""}) {
    asked.idempotency_key = key;
    CHECK(at.ask(asked).status == 400);
  }
  asked.idempotency_key = std::string(256, 'k');
  CHECK(at.ask(asked).status == 400);
}

TEST_CASE("a key whose request is being answered is busy; of failures nothing is kept, and of old answers neither") {
  std::int64_t now_ms = 1;
  admin::idempotent_answers answers([&] { return now_ms; });
  auto asked = house::request("POST", "/v1/snapshot");
  asked.who = std::make_shared<net::identity>(net::credential{});
  asked.idempotency_key = "key";
  int done = 0;
  const auto outcome = answers.answer(asked, [&] {
    CHECK(answers.answer(asked, [] { return admin::response{}; }).answer.status == 409);
    return admin::response{503, {}, {}, {}};
  });
  CHECK(outcome.answer.status == 503);
  const auto count = [&] {
    ++done;
    return admin::ok({{"done", done}});
  };
  CHECK_FALSE(answers.answer(asked, count).repeated);
  CHECK(answers.answer(asked, count).repeated);
  now_ms += admin::idempotent_answers::kept_ms;
  CHECK_FALSE(answers.answer(asked, count).repeated);
  CHECK(done == 2);
  for (std::size_t i = 0; i < 2 * admin::idempotent_answers::most_keys; ++i) {
    asked.idempotency_key = std::to_string(i);
    CHECK_FALSE(answers.answer(asked, count).repeated);
  }
  CHECK(answers.answer(asked, count).repeated);
  asked.idempotency_key = "0";
  CHECK_FALSE(answers.answer(asked, count).repeated);
}

TEST_CASE("OPTIONS tells what a URL takes") {
  house at;
  const auto answer = at.ask("OPTIONS", "/v1/segments/x");
  CHECK(answer.status == 204);
  CHECK(answer.headers.at("Allow") == "GET, HEAD, PUT, DELETE, OPTIONS");
  CHECK(at.ask("OPTIONS", "/nowhere").status == 404);
  CHECK(at.ask("PATCH", "/v1/segments/x").headers.at("Allow") == "GET, HEAD, PUT, DELETE, OPTIONS");
}
