// Against a real authorization server, oidc-provider (tests/ingest/oauth), over TLS on loopback.
#include <future>

#include "ingest/oauth/authorizer.hpp"
#include "tests/catch.hpp"
#include "tests/ingest/support/authorization_server.hpp"

using namespace kith;
using namespace kith::ingest::oauth;
using namespace kith::tests;
using ingest::outgoing::curl_fetcher;

namespace {

struct room {
  authorization_server server;
  std::atomic<std::int64_t> ahead_ms{0};
  std::unique_ptr<authorizer> by = make(server.ca());

  std::unique_ptr<authorizer> make(const std::string& ca, const std::string& secret = secret_of("kith")) {
    issuer_settings issuer;
    issuer.issuer = server.issuer();
    issuer.audiences = {"https://kith.example"};
    issuer.algorithms = {algorithm::rs256, algorithm::ps256, algorithm::es256, algorithm::es384};
    issuer.scopes = {{"events:write", {true, false, false}}, {"profiles:read", {false, true, false}}};
    issuer.introspection_endpoint = server.issuer() + "/token/introspection";
    issuer.client_id = "kith";
    issuer.client_secret = secret;
    issuer.ca = ca;
    const auto now_ms = [this] {
      const auto now = std::chrono::system_clock::now().time_since_epoch();
      return std::chrono::duration_cast<std::chrono::milliseconds>(now).count() + ahead_ms;
    };
    const auto log = [](std::string_view, std::string_view) {};
    return std::make_unique<authorizer>(settings{"https://kith.example", {issuer}},
                                        std::make_unique<curl_fetcher>(net::outgoing_rules{}),
                                        environment{now_ms, log});
  }
  using outcome = result<std::shared_ptr<const granted>>;
  static std::future<outcome> begin(authorizer& with, const std::string& token) {
    auto promise = std::make_shared<std::promise<outcome>>();
    with.authorize(token, [promise](outcome got) { promise->set_value(std::move(got)); });
    return promise->get_future();
  }
  outcome ask(const std::string& token) const { return begin(*by, token).get(); }
};

}  // namespace

TEST_CASE("access tokens of a real authorization server are verified, through rotations and revocations", "[oauth]") {
  room at;
  auto& server = at.server;

  // JWTs of each algorithm; the metadata are OpenID Connect's here, the second place that is looked at.
  std::string before;
  for (const auto* alg : {"RS256", "PS256", "ES256", "ES384"}) {
    INFO(alg);
    const auto token = server.token(alg, "events:write profiles:read");
    const auto got = at.ask(token);
    if (!got) FAIL(got.error().message);
    CHECK((*got)->client_id == "shop");
    CHECK((*got)->rights.can_publish);
    CHECK((*got)->rights.can_read);
    CHECK_FALSE((*got)->rights.can_admin);
    before = token;
  }
  CHECK(server.asked("/jwks") == 1);

  // Its keys change: a token with a new one is known once the cool-down is over, the old keys are good no more.
  server.rotate();
  const auto after = server.token("ES256");
  const auto early = at.ask(after);
  REQUIRE_FALSE(early);
  CHECK_THAT(early.error().message, Contains("that its issuer does not have"));
  CHECK(server.asked("/jwks") == 1);
  at.ahead_ms += key_set::cooldown_ms;
  std::vector<std::future<room::outcome>> all;
  for (int i = 0; i < 20; ++i) all.push_back(room::begin(*at.by, after));
  for (auto& each : all) CHECK(each.get());
  CHECK(server.asked("/jwks") == 2);
  at.by = at.make(server.ca());
  CHECK_FALSE(at.ask(before));
  CHECK(at.ask(after));

  // Opaque tokens.
  const auto opaque = server.token("opaque");
  for (int i = 0; i < 3; ++i) {
    const auto got = at.ask(opaque);
    if (!got) FAIL(got.error().message);
    CHECK((*got)->rights.name == "shop");
    CHECK((*got)->rights.can_publish);
    CHECK_FALSE((*got)->rights.can_read);
  }
  CHECK(server.asked("/token/introspection") == 1);
  const auto gone = server.token("opaque");
  server.revoke(gone);
  CHECK(at.ask(gone).error().code == errc::unauthenticated);
  CHECK(at.ask("made-up").error().code == errc::unauthenticated);

  // A day later all are over.
  at.ahead_ms += 24LL * 3'600'000;
  CHECK(at.ask(after).error().code == errc::unauthenticated);
  CHECK(at.ask(opaque).error().code == errc::unauthenticated);

  // Neither a wrong secret of ours nor a stranger's certificate is blamed on a token.
  at.ahead_ms = 0;
  at.by = at.make(server.ca(), "wrong");
  const auto refused = at.ask(server.token("opaque"));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == errc::unavailable);
  at.by = at.make("");
  CHECK(at.ask(after).error().code == errc::unavailable);
}
