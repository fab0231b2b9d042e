// Against a real authorization server, oidc-provider (tests/ingest/oauth), over TLS on loopback.
#include <csignal>
#include <future>
#include <sstream>

#include "ingest/oauth/authorizer.hpp"
#include "ingest/oauth/encoding.hpp"
#include "tests/catch.hpp"
#include "tests/net/support/certificates.hpp"
#include "tests/system/support/process.hpp"

using namespace kith;
using namespace kith::ingest::oauth;
using namespace kith::tests;
using ingest::outgoing::curl_fetcher;
using ingest::outgoing::fetch_request;
using ingest::outgoing::fetch_response;
using nlohmann::json;

namespace {

const std::string where = std::string(KITH_SOURCE) + "/tests/ingest/oauth";

std::string secret_of(const std::string& client) { return client + "'s secret: 100%"; }

class authorization_server {
 public:
  authorization_server()
      : process_({"/usr/bin/env", "node", where + "/server.js", files_.path("server.pem"), files_.path("server.key")},
                 room_.path("output")) {
    const auto listens = [&] {
      return process_.output().find("\"issuer\"") != std::string::npos || !process_.running();
    };
    if (!eventually(listens) || !process_.running()) {
      FAIL("the authorization server did not start; scripts/npm-ci tests/ingest/oauth installs it:\n" +
           process_.output());
    }
    std::istringstream lines(process_.output());
    for (std::string line; std::getline(lines, line);) {
      if (line.starts_with('{')) issuer_ = json::parse(line).at("issuer");
    }
  }
  ~authorization_server() {
    process_.send(SIGTERM);
    process_.wait();
  }
  authorization_server(const authorization_server&) = delete;
  authorization_server& operator=(const authorization_server&) = delete;

  const std::string& issuer() const { return issuer_; }
  std::string ca() const { return files_.path("ca.pem"); }

  /// By client_credentials. `format`: an algorithm's name, or "opaque".
  std::string token(const std::string& format, const std::string& scope = "events:write") {
    const auto answer = json::parse(post("/token",
                                         "grant_type=client_credentials&scope=" + encode_form(scope) +
                                             "&resource=" + encode_form("https://kith.example/" + format),
                                         "shop"));
    INFO(answer.dump());
    REQUIRE(answer.contains("access_token"));
    return answer.at("access_token");
  }
  void revoke(const std::string& token) { post("/token/revocation", "token=" + encode_form(token), "shop"); }
  void rotate() { post("/test/rotate", "", "shop"); }
  /// How often that was asked for.
  int asked(const std::string& path) { return json::parse(send("/test/counts", {})).value(path, 0); }

 private:
  std::string post(const std::string& path, const std::string& body, const std::string& client) {
    fetch_request request;
    request.is_post = true;
    request.body = body;
    request.headers = {"content-type: application/x-www-form-urlencoded",
                       "authorization: " + basic_authorization(client, secret_of(client))};
    return send(path, std::move(request));
  }
  std::string send(const std::string& path, fetch_request request) {
    request.url = issuer_ + path;
    request.ca = ca();
    request.timeout = std::chrono::seconds(30);
    std::promise<result<fetch_response>> promise;
    fetcher_.fetch(std::move(request), [&](auto response) { promise.set_value(std::move(response)); });
    const auto response = promise.get_future().get();
    if (!response) FAIL(path + ": " + response.error().message);
    INFO(path << ": " << response->body);
    REQUIRE(response->status == 200);
    return response->body;
  }

  test::certificates files_;
  scratch room_;
  process process_;
  std::string issuer_;
  curl_fetcher fetcher_{{}};
};

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
