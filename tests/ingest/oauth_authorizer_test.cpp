// Tokens to rights: JWTs, opaque ones by introspection, and what is remembered of them.
#include "ingest/oauth/authorizer.hpp"
#include "ingest/oauth/introspection.hpp"
#include "ingest/oauth/token_cache.hpp"
#include "tests/catch.hpp"
#include "tests/ingest/support/tokens.hpp"

using namespace kith;
using namespace kith::ingest::oauth;
using namespace kith::tests;
using nlohmann::json;

namespace {

const std::string introspection_url = "https://login.example/introspect";

issuer_settings issuer() {
  issuer_settings made;
  made.issuer = issuer_url;
  made.jwks_uri = "https://login.example/keys";
  made.audiences = {audience_url};
  made.scopes = {{"events:write", {true, false, false}}, {"all", {true, true, true}}};
  made.introspection_endpoint = introspection_url;
  made.client_id = "kith";
  made.client_secret = "hush";
  return made;
}

struct room {
  fake_fetcher* fetcher = nullptr;
  std::int64_t now_ms = token_now_ms;
  signing_key key{"P-256", "a"};
  std::unique_ptr<authorizer> by;

  using outcome = result<std::shared_ptr<const granted>>;
  using later = std::shared_ptr<std::optional<outcome>>;

  explicit room(std::vector<issuer_settings> issuers = {issuer()}) {
    auto made = std::make_unique<fake_fetcher>();
    fetcher = made.get();
    by =
        std::make_unique<authorizer>(settings{audience_url, std::move(issuers)}, std::move(made),
                                     environment{[this] { return now_ms; }, [](std::string_view, std::string_view) {}});
  }
  later begin(const std::string& token) const {
    auto got = std::make_shared<std::optional<outcome>>();
    by->authorize(token, [got](outcome what) {
      REQUIRE_FALSE(*got);
      *got = std::move(what);
    });
    return got;
  }
  /// With what is fetched answered by `body`.
  outcome ask(const std::string& token, const std::string& body) const {
    const auto got = begin(token);
    if (!*got) fetcher->reply(200, body);
    REQUIRE(*got);
    return **got;
  }
  std::string keys() const { return key_set_of({&key}).dump(); }
  std::string jwt(const json& changes = json::object()) const {
    auto all = claims_of();
    all.update(changes);
    return key.sign(header_of("ES256", key), all);
  }
};

json active() {
  return json{{"active", true},
              {"client_id", "shop"},
              {"aud", audience_url},
              {"scope", "events:write"},
              {"exp", token_now_ms / 1000 + 300},
              {"token_type", "bearer"}};
}

}  // namespace

TEST_CASE("a JWT gives the rights of its scopes", "[oauth]") {
  const room at;
  const auto got = at.ask(at.jwt(), at.keys());
  REQUIRE(got);
  const auto& made = **got;
  CHECK(made.issuer == issuer_url);
  CHECK(made.subject == "user-7");
  CHECK(made.client_id == "shop");
  CHECK(made.scopes == std::vector<std::string>{"events:write", "profiles:read"});
  CHECK(made.rights.name == "shop");
  CHECK(made.rights.source == "shop");
  CHECK(made.rights.can_publish);
  CHECK_FALSE(made.rights.can_read);
  CHECK_FALSE(made.rights.can_admin);
  const auto none = at.ask(at.jwt({{"scope", "openid"}}), "");
  REQUIRE(none);
  CHECK_FALSE((*none)->rights.can_publish);
  CHECK((*at.ask(at.jwt({{"scope", "x all"}}), ""))->rights.can_admin);
}

TEST_CASE("the source of events is the client, a claim or fixed", "[oauth]") {
  auto fixed = issuer();
  fixed.source = "partners";
  const room at({fixed});
  CHECK((*at.ask(at.jwt(), at.keys()))->rights.source == "partners");
  auto by_claim = issuer();
  by_claim.source_claim = "tenant";
  const room other({by_claim});
  CHECK((*other.ask(other.jwt({{"tenant", "north"}}), other.keys()))->rights.source == "north");
  for (const auto& bad : {json(nullptr), json(5), json(""), json(std::string(256, 'x'))}) {
    const auto got = other.ask(other.jwt({{"tenant", bad}}), "");
    REQUIRE_FALSE(got);
    CHECK_THAT(got.error().message, Contains("no claim \"tenant\""));
  }
}

TEST_CASE("a token that was seen is answered from memory until it expires", "[oauth]") {
  room at;
  const auto token = at.jwt();
  REQUIRE(at.ask(token, at.keys()));
  const auto asked = at.fetcher->urls.size();
  const auto first = at.begin(token);
  REQUIRE(*first);
  CHECK((**first)->get() == (**at.begin(token))->get());  // the same one
  at.now_ms += 359'000;
  CHECK(**at.begin(token));
  at.now_ms += 1'000;
  const auto late = at.begin(token);
  REQUIRE(*late);
  REQUIRE_FALSE(**late);
  CHECK_THAT((*late)->error().message, Contains("expired"));
  CHECK(at.fetcher->urls.size() == asked);
}

TEST_CASE("a long-lived JWT is looked at again after ten minutes, with the keys of then", "[oauth]") {
  room at;
  const auto token = at.jwt({{"exp", token_now_ms / 1000 + 86'400}});
  REQUIRE(at.ask(token, at.keys()));
  at.now_ms += authorizer::jwt_cached_ms;
  const signing_key other("P-256", "b");
  const auto got = at.ask(token, key_set_of({&other}).dump());
  REQUIRE_FALSE(got);
  CHECK(got.error().code == errc::unauthenticated);
}

TEST_CASE("each issuer's tokens are checked with its own keys", "[oauth]") {
  auto second = issuer();
  second.issuer = "https://other.example";
  second.jwks_uri = "https://other.example/keys";
  second.introspection_endpoint.clear();
  const room at({issuer(), second});
  const signing_key others("P-256", "a");
  at.fetcher->answer = [&](const auto& request) -> fake_fetcher::response {
    const auto& key = request.url == "https://other.example/keys" ? others : at.key;
    return ingest::outgoing::fetch_response{200, key_set_of({&key}).dump()};
  };
  CHECK(**at.begin(at.jwt()));
  auto all = claims_of();
  all["iss"] = "https://other.example";
  CHECK(**at.begin(others.sign(header_of("ES256", others), all)));
  // The first one's key under the second one's name, and the other way round.
  CHECK_FALSE(**at.begin(at.key.sign(header_of("ES256", at.key), all)));
  CHECK_FALSE(**at.begin(others.sign(header_of("ES256", others), claims_of())));
  all["iss"] = "https://nobody.example";
  const auto got = at.begin(at.key.sign(header_of("ES256", at.key), all));
  CHECK_THAT((*got)->error().message, Contains("not configured: \"https://nobody.example\""));
}

TEST_CASE("an opaque token is asked for, once for all who hold it", "[oauth]") {
  const room at;
  const auto one = at.begin("opaque+token/1=");
  const auto two = at.begin("opaque+token/1=");
  REQUIRE(at.fetcher->waiting.size() == 1);
  const auto& request = at.fetcher->waiting.front().request;
  CHECK(request.url == introspection_url);
  CHECK(request.is_post);
  CHECK(request.body == "token=opaque%2Btoken%2F1%3D&token_type_hint=access_token");
  CHECK(request.headers.back() == "authorization: Basic a2l0aDpodXNo");
  at.fetcher->reply(200, active().dump());
  for (const auto& each : {one, two}) {
    REQUIRE(*each);
    REQUIRE(**each);
    CHECK((**each)->get()->rights.name == "shop");
    CHECK((**each)->get()->rights.can_publish);
    CHECK((**each)->get()->subject.empty());
  }
}

TEST_CASE("what an opaque token is, is remembered until it expires", "[oauth]") {
  room at;
  REQUIRE(at.ask("opaque", active().dump()));
  at.now_ms += 359'000;
  CHECK(**at.begin("opaque"));
  CHECK(at.fetcher->urls.size() == 1);
  at.now_ms += 1'000;
  CHECK_FALSE(*at.begin("opaque"));
  CHECK(at.fetcher->urls.size() == 2);
}

TEST_CASE("an opaque token without an end is asked for again after a minute", "[oauth]") {
  room at;
  auto answer = active();
  answer.erase("exp");
  REQUIRE(at.ask("opaque", answer.dump()));
  at.now_ms += authorizer::unbounded_cached_ms - 1;
  CHECK(**at.begin("opaque"));
  at.now_ms += 1;
  CHECK_FALSE(*at.begin("opaque"));
}

TEST_CASE("a token that is not active is refused, and asked for again only after a while", "[oauth]") {
  room at;
  const auto refused = at.ask("gone", R"({"active": false})");
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == errc::unauthenticated);
  CHECK_FALSE(**at.begin("gone"));
  CHECK(at.fetcher->urls.size() == 1);
  at.now_ms += authorizer::refusal_cached_ms;
  CHECK_FALSE(*at.begin("gone"));
  CHECK(at.fetcher->urls.size() == 2);
}

TEST_CASE("what an introspection says is checked as a JWT's claims are", "[oauth]") {
  const room at;
  int next = 0;
  const auto code_of = [&](const json& changes) {
    auto answer = active();
    answer.merge_patch(changes);
    const auto got = at.ask("t" + std::to_string(next++), answer.dump());
    return got ? "granted" : std::string(name_of(got.error().code));
  };
  CHECK(code_of(json::object()) == "granted");
  CHECK(code_of({{"iss", issuer_url}}) == "granted");
  CHECK(code_of({{"iss", "https://other.example"}}) == "unauthenticated");
  CHECK(code_of({{"aud", nullptr}}) == "unauthenticated");
  CHECK(code_of({{"aud", "https://other.example"}}) == "unauthenticated");
  CHECK(code_of({{"exp", token_now_ms / 1000 - 60}}) == "unauthenticated");
  CHECK(code_of({{"client_id", nullptr}}) == "unauthenticated");
  CHECK(code_of({{"token_type", "DPoP"}}) == "unauthenticated");
  CHECK(code_of({{"cnf", {{"jkt", "x"}}}}) == "unauthenticated");
  CHECK(code_of({{"active", "true"}}) == "unavailable");
}

TEST_CASE("an authorization server that fails is told from a token that is bad, and not remembered", "[oauth]") {
  const room at;
  const auto failing = [&](unsigned status, const std::string& body) {
    const auto got = at.begin("opaque");
    at.fetcher->reply(status, body);
    REQUIRE_FALSE(**got);
    CHECK((*got)->error().code == errc::unavailable);
    return (*got)->error().message;
  };
  CHECK_THAT(failing(401, ""), Contains("refuses our client_id and client_secret"));
  CHECK_THAT(failing(500, ""), Contains("answered 500"));
  CHECK_THAT(failing(200, "<html>"), Contains("no JSON"));
  CHECK_THAT(failing(200, R"({"active": true, "active": false})"), Contains("twice"));
  CHECK(at.ask("opaque", active().dump()));
}

TEST_CASE("opaque tokens are not taken where nobody can be asked, and what is no token never", "[oauth]") {
  auto alone = issuer();
  alone.introspection_endpoint.clear();
  const room at({alone});
  for (const auto& bad : {std::string("opaque"), std::string(), std::string("a b"), std::string("=a"),
                          std::string("a\r\nx: y"), std::string("a=b"), std::string(16 * 1024 + 1, 'a')}) {
    const auto got = at.begin(bad);
    REQUIRE(*got);
    REQUIRE_FALSE(**got);
    CHECK((*got)->error().code == errc::unauthenticated);
  }
  CHECK(at.fetcher->urls.empty());
}

TEST_CASE("so many opaque tokens are asked for at once at most", "[oauth]") {
  const room at;
  std::vector<room::later> all;
  for (std::size_t i = 0; i < introspector::most_under_way; ++i) all.push_back(at.begin("t" + std::to_string(i)));
  const auto refused = at.begin("one-more");
  REQUIRE(*refused);
  CHECK((*refused)->error().code == errc::resource_exhausted);
  CHECK_FALSE(*at.begin("t0"));  // who waits for the same is no more
  at.fetcher->reply(200, active().dump());
  CHECK(**all[0]);
  CHECK_FALSE(*at.begin("one-more"));
}

TEST_CASE("the scopes that allow something are told", "[oauth]") {
  const room at;
  CHECK(at.by->scopes_for(&rights::publish) == "all events:write");
  CHECK(at.by->scopes_for(&rights::admin) == "all");
}

TEST_CASE("the cache of tokens forgets the least recently used", "[oauth]") {
  token_cache<int> cache(3);
  const auto key = [](int i) { return net::digest_of(std::to_string(i)); };
  for (int i = 0; i < 3; ++i) cache.keep(key(i), i, 0, 100);
  CHECK(cache.find(key(0), 1) == 0);
  cache.keep(key(3), 3, 1, 100);
  CHECK(cache.size() == 3);
  CHECK_FALSE(cache.find(key(1), 1));
  CHECK(cache.find(key(0), 99) == 0);
  CHECK_FALSE(cache.find(key(0), 100));  // it is over
  CHECK(cache.size() == 2);
  cache.keep(key(2), 22, 50, 100);
  CHECK(cache.find(key(2), 60) == 22);
  CHECK_FALSE(cache.find(key(2), 49));  // before it was kept
  cache.keep(key(4), 4, 100, 100);
  CHECK_FALSE(cache.find(key(4), 100));
}
