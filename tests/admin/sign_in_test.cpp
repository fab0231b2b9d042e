// People who sign in at an OpenID provider: what is sent to it, what is taken from it, and what is not.
#include "admin/sign_in.hpp"

#include <algorithm>
#include <map>

#include "ingest/oauth/encoding.hpp"
#include "net/https_client.hpp"
#include "tests/admin/support/house.hpp"
#include "tests/ingest/support/tokens.hpp"

using namespace kith;
using namespace kith::tests;

namespace {

const std::string provider_url = "https://login.example";
const std::string ada = "oidc:" + provider_url + "#17";  // whatever she is called
const std::string console_host = "kith.example:7442";

std::map<std::string, std::string> query_of(const std::string& url) {
  return admin::parse_target(url.substr(url.find('/', sizeof("https://") - 1))).value().query;
}

std::string form_member(const std::string& body, const std::string& name) {
  return admin::parse_target("/?" + body).value().query[name];
}

/// A provider that says of whoever comes what the test wants.
struct provider {
  signing_key key{"P-256", "a"};
  json metadata = {{"issuer", provider_url},
                   {"authorization_endpoint", provider_url + "/auth?tenant=1"},
                   {"token_endpoint", provider_url + "/token"},
                   {"userinfo_endpoint", provider_url + "/me"},
                   {"jwks_uri", provider_url + "/keys"}};
  json header = header_of("ES256", key);
  json claims;    ///< of the ID token, over the usual ones; null: leaves one out
  json userinfo;  ///< null: there is none
  json tokens = {{"access_token", "at"}, {"token_type", "Bearer"}};
  unsigned token_status = 200;
  bool reached = true;
  std::string nonce;
  std::vector<ingest::outgoing::fetch_request> asked;

  provider() { header["typ"] = "JWT"; }

  fake_fetcher::response answer(const ingest::outgoing::fetch_request& request, std::int64_t now_ms) {
    asked.push_back(request);
    if (!reached) return fail(errc::unavailable, "connection refused");
    const auto path = request.url.substr(provider_url.size());
    if (path == "/.well-known/openid-configuration") return said(metadata);
    if (path == "/keys") return said(key_set_of({&key}));
    if (path == "/me") return userinfo.is_null() ? ingest::outgoing::fetch_response{500, "{}"} : said(userinfo);
    if (path != "/token") return ingest::outgoing::fetch_response{404, "{}"};
    json all = {{"iss", provider_url},
                {"aud", "kith"},
                {"sub", "17"},
                {"nonce", nonce},
                {"iat", now_ms / 1000},
                {"exp", now_ms / 1000 + 300},
                {"groups", {"staff", "kith-run"}},
                {"preferred_username", "ada"}};
    for (const auto& [name, value] : claims.items()) {
      if (value.is_null()) {
        all.erase(name);
      } else {
        all[name] = value;
      }
    }
    auto made = tokens;
    made["id_token"] = key.sign(header, all);
    return ingest::outgoing::fetch_response{token_status,
                                            token_status == 200 ? made.dump() : R"({"error": "invalid_grant"})"};
  }
  static ingest::outgoing::fetch_response said(const json& what) { return {200, what.dump()}; }
};

admin::openid_settings usual_settings() {
  admin::openid_settings made;
  made.issuer = provider_url;
  made.name = "Login Inc.";
  made.client_id = "kith";
  made.client_secret = "hush: 100%";
  made.scopes = {"openid", "profile"};
  made.hosts = {console_host, "other.example"};
  made.roles = {{"kith-look", role::viewer}, {"kith-run", role::operations}, {"kith-all", role::admin}};
  return made;
}

struct visit {
  house at;
  std::shared_ptr<provider> of = std::make_shared<provider>();
  std::vector<std::string> logged;

  visit() {
    at.now_ms = token_now_ms;
    configure(usual_settings());
  }
  void configure(const admin::openid_settings& settings) {
    auto fetcher = std::make_unique<fake_fetcher>();
    fetcher->answer = [this, from = of](const auto& request) { return from->answer(request, at.now_ms); };
    at.door.sign_in_at(std::make_shared<admin::sign_in>(
        settings, std::move(fetcher),
        ingest::oauth::environment{[this] { return at.now_ms; },
                                   [this](std::string_view, std::string_view text) { logged.emplace_back(text); }}));
  }
  struct begun {
    std::map<std::string, std::string> sent;  ///< to the provider
    std::string url;
    std::string cookie;
  };
  begun begin(const std::string& cookie = {}) {
    auto asked = house::request("GET", "/v1/session/login");
    asked.cookie = cookie;
    const auto answer = at.ask(asked);
    CAPTURE(answer.headers);
    REQUIRE(answer.status == 303);
    begun made;
    made.url = answer.headers.at("Location");
    REQUIRE(made.url.starts_with(provider_url));
    made.sent = query_of(made.url);
    made.cookie = answer.headers.at("Set-Cookie");
    made.cookie.resize(made.cookie.find(';'));
    of->nonce = made.sent.at("nonce");
    return made;
  }
  admin::response come_back(const std::string& query, const std::string& cookie) {
    auto asked = house::request("GET", "/v1/session/callback?" + query);
    asked.cookie = "theme=dark; " + cookie;
    return at.ask(asked);
  }
  admin::response sign_in() {
    const auto one = begin();
    return come_back("code=c-1&state=" + one.sent.at("state"), one.cookie);
  }
  /// The reason that the login page is told.
  std::string reason_of(const admin::response& answer) {
    CHECK(answer.status == 303);
    CHECK(answer.body.empty());
    const auto& to = answer.headers.at("Location");
    const std::string page = "/#/sign-in/";
    REQUIRE(to.starts_with(page));
    CHECK(at.door.open_sessions().count() == 0);
    return to.substr(page.size());
  }
  std::string cookie_of(const admin::response& answer) {
    CHECK(answer.status == 303);
    CHECK(answer.headers.at("Location") == "/");
    const auto& set = answer.headers.at("Set-Cookie");
    REQUIRE(set.starts_with("__Host-kith="));
    return set.substr(0, set.find(';'));
  }
  json who(const std::string& cookie) {
    return json::parse(at.ask(with_cookie(house::request("GET", "/v1/session"), cookie)).body);
  }
};

}  // namespace

TEST_CASE("who signs in at the provider gets a session with the role of their groups") {
  visit to;
  CHECK(json::parse(to.at.ask("GET", "/v1/session/methods").body) ==
        json{{"token", true}, {"provider", {{"name", "Login Inc."}}}});
  const auto begun = to.begin();
  CHECK(begun.url.starts_with(provider_url + "/auth?tenant=1&response_type=code&"));
  CHECK(begun.sent.at("client_id") == "kith");
  CHECK(begun.sent.at("redirect_uri") == "https://kith.example:7442/v1/session/callback");
  CHECK(begun.sent.at("scope") == "openid profile");
  CHECK(begun.sent.at("code_challenge_method") == "S256");
  const auto set = to.at.ask("GET", "/v1/session/login").headers.at("Set-Cookie");
  for (const auto* attribute : {"; Path=/", "; Secure", "; HttpOnly", "; SameSite=Lax", "; Max-Age=600"}) {
    CHECK(set.find(attribute) != std::string::npos);
  }
  CHECK(set.find("Domain") == std::string::npos);
  const auto answer = to.come_back("code=c-1&state=" + begun.sent.at("state") + "&session_state=x", begun.cookie);
  const auto cookie = to.cookie_of(answer);
  CHECK(answer.headers.at("Set-Cookie").find("SameSite=Strict") != std::string::npos);
  CHECK(to.who(cookie) ==
        json{{"name", ada}, {"display", "ada"}, {"role", "operator"}, {"expires", "2026-11-25T17:46:40.000Z"}});

  // The code went to the provider alone, with the verifier of the challenge, and our secret.
  const auto exchange = std::find_if(to.of->asked.begin(), to.of->asked.end(),
                                     [](const auto& each) { return each.url == provider_url + "/token"; });
  REQUIRE(exchange != to.of->asked.end());
  CHECK(exchange->is_post);
  CHECK(form_member(exchange->body, "code") == "c-1");
  CHECK(form_member(exchange->body, "redirect_uri") == begun.sent.at("redirect_uri"));
  const auto verifier = net::digest_of(form_member(exchange->body, "code_verifier"));
  CHECK(ingest::oauth::base64url_of({reinterpret_cast<const char*>(verifier.data()), verifier.size()}) ==
        begun.sent.at("code_challenge"));
  const auto basic = "authorization: " + ingest::oauth::basic_authorization("kith", "hush: 100%");
  CHECK(std::count(exchange->headers.begin(), exchange->headers.end(), basic) == 1);
  CHECK(exchange->body.find("hush") == std::string::npos);

  const auto record = to.at.records().back();
  CHECK(record["route"] == "/v1/session/callback");
  CHECK(record["who"] == ada);
  CHECK(record["display"] == "ada");
  for (const auto& who : {std::string("ada"), net::percent_encoded(ada)}) {
    const auto page = json::parse(to.at.ask("GET", "/v1/audit?who=" + who, "token-privacy").body);
    CHECK(!page.at("items").empty());
  }
  CHECK(record["by"] == "openid");
  CHECK(record["outcome"] == "done");
  CHECK(record["noted"]["subject"] == "17");
  CHECK(record.dump().find("c-1") == std::string::npos);

  // It may do what its role may, from its own page only, until the time is up.
  CHECK(to.at.ask(with_cookie(house::request("POST", "/v1/snapshot"), cookie)).status == 200);
  CHECK(to.at.ask(with_cookie(house::request("GET", "/v1/tokens"), cookie)).status == 403);
  auto forged = with_cookie(house::request("POST", "/v1/snapshot"), cookie);
  forged.kith_request.clear();
  CHECK(to.at.ask(forged).status == 403);
  for (int i = 0; i < 16; ++i) {
    CHECK(to.who(cookie).contains("role"));
    to.at.now_ms += 30 * 60'000;
  }
  CHECK(to.at.ask(with_cookie(house::request("GET", "/v1/session"), cookie)).status == 401);
}

TEST_CASE("a sign-in is finished once, by the browser that began it, and soon") {
  visit to;
  const auto begun = to.begin();
  const auto good = "code=c-1&state=" + begun.sent.at("state");
  CHECK(to.reason_of(to.come_back(good, "")) == "expired");
  CHECK(to.reason_of(to.come_back("code=c-1", begun.cookie)) == "expired");
  CHECK(to.reason_of(to.come_back("code=c-1&state=guess", begun.cookie)) == "expired");
  CHECK(to.reason_of(to.come_back(good, begun.cookie + "x")) == "expired");
  CHECK(to.reason_of(to.come_back(good, "__Host-kith-sign-in=a.b.c.d")) == "expired");
  const auto other = to.begin();  // another browser's: its cookie does not go with this state
  CHECK(to.reason_of(to.come_back(good, other.cookie)) == "expired");
  CHECK(to.of->asked.size() == 1);  // nothing but the metadata was asked for

  to.of->nonce = begun.sent.at("nonce");
  to.cookie_of(to.come_back(good, begun.cookie));
  CHECK(to.at.door.open_sessions().count() == 1);
  to.at.door.open_sessions().close_of_people();
  CHECK(to.reason_of(to.come_back(good, begun.cookie)) == "expired");  // a replay

  const auto late = to.begin();
  to.at.now_ms += admin::sign_in::patience_ms;
  CHECK(to.reason_of(to.come_back("code=c-1&state=" + late.sent.at("state"), late.cookie)) == "expired");
  // Nobody brings their own redirect along.
  CHECK(to.cookie_of(to.sign_in()).starts_with("__Host-kith="));
  auto elsewhere =
      house::request("GET", "/v1/session/login?redirect_uri=https%3A%2F%2Fevil.example&return=//evil.example");
  CHECK(query_of(to.at.ask(elsewhere).headers.at("Location")).at("redirect_uri") ==
        "https://kith.example:7442/v1/session/callback");
}

TEST_CASE("a host that is not configured is told to no provider") {
  visit to;
  auto asked = house::request("GET", "/v1/session/login");
  asked.host = "evil.example";
  const auto answer = to.at.routes.handle(asked);
  CHECK(to.reason_of(answer) == "host");
  asked.host = "OTHER.example";
  CHECK(query_of(to.at.routes.handle(asked).headers.at("Location")).at("redirect_uri") ==
        "https://other.example/v1/session/callback");
}

TEST_CASE("an ID token that is wrong in any way opens no session, and the audit log says why") {
  visit to;
  const auto refused = [&](const json& claims, const std::string& why) {
    to.of->claims = claims;
    CAPTURE(claims);
    CHECK(to.reason_of(to.sign_in()) == "refused");
    to.at.now += std::chrono::seconds(10);
    CHECK_THAT(to.logged.back(), Contains(why));
  };
  refused({{"nonce", "another"}}, "(nonce)");
  refused({{"nonce", nullptr}}, "(nonce)");
  refused({{"iss", "https://evil.example"}}, "(iss)");
  refused({{"aud", "shop"}}, "(aud)");
  refused({{"aud", {"kith", "shop"}}}, "(aud)");
  refused({{"azp", "shop"}}, "(azp)");
  refused({{"exp", token_now_ms / 1000 - 61}}, "(exp)");
  refused({{"exp", nullptr}}, "exp");
  refused({{"iat", token_now_ms / 1000 + 3600}}, "(iat)");
  refused({{"sub", nullptr}}, "sub");
  to.of->claims = {};
  to.of->header["typ"] = "at+jwt";
  refused({}, "(typ)");
  to.of->header["typ"] = "JWT";
  to.of->header["kid"] = "b";
  refused({}, "(kid)");
  to.of->header = header_of("ES256", to.of->key);
  to.of->header.erase("typ");
  to.of->tokens["id_token"] = "";
  to.cookie_of(to.sign_in());  // as it should be, without `typ`
  const auto records = to.at.records();
  const auto with_nonce = std::find_if(records.begin(), records.end(), [](const json& each) {
    return each["outcome"] == "refused" &&
           each["noted"]["detail"].get<std::string>().find("(nonce)") != std::string::npos;
  });
  REQUIRE(with_nonce != records.end());
  CHECK((*with_nonce)["route"] == "/v1/session/callback");
  CHECK((*with_nonce)["noted"]["reason"] == "refused");
  CHECK((*with_nonce)["who"] == nullptr);
  CHECK(to.at.counts.sign_ins_refused == 12);

  auto strict = usual_settings();
  strict.algorithms = {ingest::oauth::algorithm::rs256};
  to.configure(strict);
  refused({}, "(alg)");
}

TEST_CASE("what the provider says instead of a code is told on the login page, in our own words") {
  visit to;
  const auto after = [&](const std::string& said) {
    const auto begun = to.begin();
    return to.reason_of(to.come_back(said + "&state=" + begun.sent.at("state"), begun.cookie));
  };
  CHECK(after("error=access_denied&error_description=%3Cscript%3E") == "denied");
  CHECK(after("error=server_error") == "refused");
  CHECK(after("") == "refused");
  CHECK(after("code=") == "refused");
  CHECK(after("code=c-1&iss=https%3A%2F%2Fevil.example") == "refused");  // mix-up (RFC 9207)
  to.of->token_status = 400;                                             // a code that was used before
  CHECK(after("code=c-1") == "refused");
  to.of->token_status = 503;
  CHECK(after("code=c-1") == "unavailable");
  to.of->token_status = 200;
  to.of->tokens = json::object();
  to.of->claims = {{"preferred_username", nullptr}};
  CHECK(to.cookie_of(to.sign_in()).starts_with("__Host-kith="));  // without an access token nobody is asked for a name
}

TEST_CASE("an answer must name its provider where that says that it always does") {
  visit to;
  to.of->metadata["authorization_response_iss_parameter_supported"] = true;
  CHECK(to.reason_of(to.sign_in()) == "refused");
  const auto begun = to.begin();
  to.cookie_of(to.come_back("code=c&iss=https%3A%2F%2Flogin.example&state=" + begun.sent.at("state"), begun.cookie));
}

TEST_CASE("a provider that cannot be reached, or points elsewhere, is no way in") {
  visit to;
  const auto reason = [&] {
    to.at.now_ms += admin::openid_provider::pause_ms;
    return to.reason_of(to.at.ask("GET", "/v1/session/login"));
  };
  to.of->reached = false;
  CHECK(reason() == "unavailable");
  CHECK(to.of->asked.size() == 1);
  CHECK(to.reason_of(to.at.ask("GET", "/v1/session/login")) == "unavailable");
  CHECK(to.of->asked.size() == 1);  // anybody can ask us, and we do not ask it each time
  to.of->reached = true;
  const auto good = to.of->metadata;
  to.of->metadata["issuer"] = "https://evil.example";
  CHECK(reason() == "unavailable");
  CHECK_THAT(to.logged.back(), Contains("another issuer"));
  for (const auto* name : {"authorization_endpoint", "token_endpoint", "jwks_uri"}) {
    for (const auto* url : {"http://login.example/x", "https://127.0.0.1/x", "javascript:alert(1)", ""}) {
      CAPTURE(name, url);
      to.of->metadata = good;
      to.of->metadata[name] = url;
      CHECK(reason() == "unavailable");
    }
  }
  to.of->metadata = good;
  to.at.now_ms += admin::openid_provider::pause_ms;
  to.begin();
  to.at.door.sign_in_at(nullptr);
  CHECK(reason() == "not_configured");
  CHECK(to.reason_of(to.come_back("code=c", "")) == "not_configured");
  CHECK(json::parse(to.at.ask("GET", "/v1/session/methods").body)["provider"] == nullptr);
}

TEST_CASE("a role that is taken away at the very moment of a sign-in is not had") {
  visit to;
  const auto begun = to.begin();
  to.at.when_asked_for_time = [&] {  // as the session is opened
    auto changed = usual_settings();
    changed.roles["kith-run"] = role::viewer;
    to.configure(changed);
  };
  CHECK(to.reason_of(to.come_back("code=c-1&state=" + begun.sent.at("state"), begun.cookie)) == "expired");
  CHECK_FALSE(to.at.when_asked_for_time);
}

TEST_CASE("a SIGHUP that changes nothing lets sign-ins under way go on") {
  visit to;
  const auto begun = to.begin();
  to.configure(usual_settings());
  CHECK(to.who(to.cookie_of(to.come_back("code=c-1&state=" + begun.sent.at("state"), begun.cookie)))["name"] == ada);
  const auto other = to.begin();
  auto changed = usual_settings();
  changed.outgoing.allow_hosts = {"login.example"};
  to.configure(changed);
  to.at.door.open_sessions().close_of_people();
  CHECK(to.reason_of(to.come_back("code=c-2&state=" + other.sent.at("state"), other.cookie)) == "expired");
}

TEST_CASE("who comes while others wait for the provider may try the same sign-in again") {
  visit to;
  const auto begun = to.begin();
  const auto back = "code=c-1&state=" + begun.sent.at("state");
  {
    const auto first = to.at.door.signing_in().enter();
    const auto second = to.at.door.signing_in().enter();
    REQUIRE((first && second));
    CHECK(to.reason_of(to.at.ask("GET", "/v1/session/login")) == "busy");
    const auto busy = to.come_back(back, begun.cookie);
    CHECK(to.reason_of(busy) == "busy");
    CHECK_FALSE(busy.headers.contains("Set-Cookie"));
  }
  CHECK(to.who(to.cookie_of(to.come_back(back, begun.cookie)))["name"] == ada);
}

TEST_CASE("what is known of a provider holds on when it cannot be asked anew") {
  visit to;
  to.begin();
  to.at.now_ms += admin::openid_provider::discovered_for_ms;
  to.of->reached = false;
  to.begin();
  CHECK(to.of->asked.size() == 2);
  CHECK_THAT(to.logged.back(), Contains("what it said before holds on"));
  to.begin();
  CHECK(to.of->asked.size() == 2);
  to.of->reached = true;
  to.of->metadata["authorization_endpoint"] = provider_url + "/moved";
  to.at.now_ms += admin::openid_provider::stale_pause_ms;
  CHECK(to.begin().url.starts_with(provider_url + "/moved?"));
  CHECK(to.of->asked.size() == 3);
}

TEST_CASE("a provider may have a private address where [outgoing] says so") {
  visit to;
  to.of->metadata["authorization_endpoint"] = "https://10.0.0.7/auth";
  CHECK(to.reason_of(to.at.ask("GET", "/v1/session/login")) == "unavailable");
  CHECK_THAT(to.logged.back(), Contains("outgoing.allow_private"));
  auto settings = usual_settings();
  settings.outgoing.allow_private = {"10.0.0.7"};
  settings.outgoing.allow_hosts = {"login.example"};
  to.configure(settings);
  CHECK(to.at.ask("GET", "/v1/session/login").headers.at("Location").starts_with("https://10.0.0.7/auth?"));
}

TEST_CASE("roles come from the claim that is configured, and else there is none") {
  visit to;
  const auto role_with = [&](const json& claims) {
    to.of->claims = claims;
    const auto answer = to.sign_in();
    if (answer.headers.at("Location") != "/") return to.reason_of(answer);
    const auto told = to.who(to.cookie_of(answer))["role"].get<std::string>();
    to.at.door.open_sessions().close_of_people();
    to.at.now += std::chrono::seconds(10);
    return told;
  };
  CHECK(role_with({{"groups", {"kith-look"}}}) == "viewer");
  CHECK(role_with({{"groups", "kith-look"}}) == "viewer");
  CHECK(role_with({{"groups", {"kith-all", "kith-look", 5}}}) == "admin");
  CHECK(role_with({{"groups", {"kith-run"}}, {"preferred_username", "a\nb"}}) == "operator");
  CHECK(to.at.records().back()["who"] == ada);
  CHECK(!to.at.records().back().contains("display"));
  CHECK(role_with({{"groups", {"staff"}}}) == "no_role");
  CHECK(role_with({{"groups", json::object()}}) == "no_role");
  CHECK(role_with({{"groups", "kith-look kith-all"}}) == "no_role");
  CHECK(to.at.records().back()["noted"]["reason"] == "no_role");

  // What the ID token lacks is asked for, and taken of the same person only.
  to.of->userinfo = {{"sub", "17"}, {"groups", {"kith-look"}}, {"preferred_username", "eve"}};
  CHECK(role_with({{"groups", nullptr}}) == "viewer");
  to.of->userinfo["sub"] = "18";
  CHECK(role_with({{"groups", nullptr}}) == "refused");

  auto settings = usual_settings();
  settings.role_claim = "realm_access.roles";
  to.configure(settings);
  CHECK(role_with({{"realm_access", {{"roles", {"kith-run"}}}}}) == "operator");
  settings.role_claim = "https://kith.example/roles";  // dots of its own
  to.configure(settings);
  CHECK(role_with({{"https://kith.example/roles", {"kith-run"}}}) == "operator");
  settings.role_claim = "scope";
  to.configure(settings);
  CHECK(role_with({}) == "no_role");
  to.of->tokens["scope"] = "openid kith-look";
  CHECK(role_with({{"scope", "kith-all"}}) == "viewer");  // the scopes that were granted, not what a claim is called
}

TEST_CASE("signing in anew ends the session before, and a changed mapping all of them") {
  visit to;
  const auto first = to.at.log_in("token-viewer");
  const auto begun = to.begin(first);
  const auto cookie = to.cookie_of(to.come_back("code=c-1&state=" + begun.sent.at("state"), begun.cookie));
  CHECK(cookie != first);
  CHECK(to.at.door.open_sessions().count() == 1);
  CHECK(to.who(cookie)["name"] == ada);
  to.configure(usual_settings());  // SIGHUP without a change
  CHECK(to.who(cookie)["name"] == ada);
  const auto by_token = to.at.log_in("token-viewer");
  auto changed = usual_settings();
  changed.roles["kith-run"] = role::viewer;
  to.configure(changed);
  CHECK(to.at.ask(with_cookie(house::request("GET", "/v1/session"), cookie)).status == 401);
  CHECK(to.who(by_token)["name"] == "viewer");
  const auto later = to.cookie_of(to.sign_in());
  changed.scopes = {"openid"};  // a role may come from what is granted
  to.configure(changed);
  CHECK(to.at.ask(with_cookie(house::request("GET", "/v1/session"), later)).status == 401);
  CHECK(to.at.ask(with_cookie(house::request("DELETE", "/v1/session"), to.cookie_of(to.sign_in()))).status == 204);
  CHECK(to.at.door.open_sessions().count() == 1);
}
