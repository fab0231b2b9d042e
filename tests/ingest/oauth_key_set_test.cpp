// The keys of an issuer over time: a clock and a fetcher of the test's.
#include "ingest/oauth/key_set.hpp"
#include "tests/catch.hpp"
#include "tests/ingest/support/tokens.hpp"

using namespace kith;
using namespace kith::ingest::oauth;
using namespace kith::tests;
using nlohmann::json;

namespace {

const std::string keys_url = "https://login.example/keys";
constexpr std::int64_t minute_ms = 60'000;

struct room {
  std::int64_t now_ms = token_now_ms;
  std::vector<std::string> logged;
  signing_key first{"P-256", "first"};
  signing_key second{"P-256", "second"};
  fake_fetcher fetcher;
  std::shared_ptr<key_set> keys;

  explicit room(const std::string& jwks_uri = keys_url, const std::string& issuer = issuer_url)
      : keys(std::make_shared<key_set>(
            issuer, jwks_uri, "", fetcher,
            environment{[this] { return now_ms; },
                        [this](std::string_view, std::string_view message) { logged.emplace_back(message); }})) {}

  using outcome = std::shared_ptr<std::optional<result<key_set::keys>>>;
  outcome find(const std::string& kid) {
    auto got = std::make_shared<std::optional<result<key_set::keys>>>();
    keys->find(kid, [got](result<key_set::keys> found) {
      REQUIRE_FALSE(*got);
      *got = std::move(found);
    });
    return got;
  }
  std::string set_of(const std::vector<const signing_key*>& of) const { return key_set_of(of).dump(); }
  /// The keys' ids, "waits" or "failed".
  static std::string ids(const outcome& got) {
    if (!*got) return "waits";
    if (!**got) return "failed";
    std::string made;
    for (const auto& each : ***got.get()->operator->()) made += each.id + " ";
    return made;
  }
};

}  // namespace

TEST_CASE("keys are fetched once for all who wait, and kept", "[oauth]") {
  room at;
  const auto one = at.find("first");
  const auto two = at.find("first");
  const auto three = at.find("");
  CHECK(at.fetcher.urls == std::vector{keys_url});
  CHECK(room::ids(one) == "waits");
  at.fetcher.reply(200, at.set_of({&at.first}));
  for (const auto& each : {one, two, three}) CHECK(room::ids(each) == "first ");
  at.now_ms += 7 * minute_ms;
  CHECK(room::ids(at.find("first")) == "first ");
  CHECK(at.fetcher.urls.size() == 1);
}

TEST_CASE("keys are fetched anew before they are old, and nobody waits for it", "[oauth]") {
  room at;
  at.find("first");
  at.fetcher.reply(200, at.set_of({&at.first}));
  at.now_ms += key_set::renew_ms;
  CHECK(room::ids(at.find("first")) == "first ");
  CHECK(at.fetcher.urls.size() == 2);
  CHECK(room::ids(at.find("first")) == "first ");
  CHECK(at.fetcher.urls.size() == 2);
  at.fetcher.reply(200, at.set_of({&at.second}));
  CHECK(room::ids(at.find("second")) == "second ");
}

TEST_CASE("a key that was withdrawn is not used past ten minutes", "[oauth]") {
  room at;
  at.find("first");
  at.fetcher.reply(200, at.set_of({&at.first}));
  at.now_ms += key_set::fresh_ms;
  const auto got = at.find("first");
  CHECK(room::ids(got) == "waits");
  at.fetcher.reply(200, at.set_of({&at.second}));
  CHECK(room::ids(got) == "second ");
}

TEST_CASE("an unknown kid has the keys fetched, once in thirty seconds", "[oauth]") {
  room at;
  at.find("first");
  at.fetcher.reply(200, at.set_of({&at.first}));
  CHECK(room::ids(at.find("second")) == "first ");  // they came a moment ago
  at.now_ms += key_set::cooldown_ms - 1;
  CHECK(room::ids(at.find("second")) == "first ");
  CHECK(at.fetcher.urls.size() == 1);
  at.now_ms += 1;
  const auto one = at.find("second");
  const auto two = at.find("made up");
  CHECK(room::ids(one) == "waits");
  CHECK(room::ids(at.find("first")) == "first ");  // a known one does not wait
  CHECK(at.fetcher.urls.size() == 2);
  at.fetcher.reply(200, at.set_of({&at.first, &at.second}));
  CHECK(room::ids(one) == "first second ");
  CHECK(room::ids(two) == "first second ");
  for (int i = 0; i < 1000; ++i) CHECK(room::ids(at.find("made up " + std::to_string(i))) == "first second ");
  CHECK(at.fetcher.urls.size() == 2);
}

TEST_CASE("made-up kids do not have keys fetched more often while fetching fails", "[oauth]") {
  room at;
  at.find("first");
  at.fetcher.reply(200, at.set_of({&at.first}));
  at.now_ms += key_set::cooldown_ms;
  at.find("made up");
  at.fetcher.reply(500, "");
  at.now_ms += key_set::pause_ms;
  CHECK(room::ids(at.find("made up")) == "first ");
  CHECK(at.fetcher.urls.size() == 2);
}

TEST_CASE("old keys are used while fetching fails, for an hour", "[oauth]") {
  room at;
  at.find("first");
  at.fetcher.reply(200, at.set_of({&at.first}));
  at.now_ms += key_set::fresh_ms;
  const auto got = at.find("first");
  at.fetcher.fail_with("no route");
  CHECK(room::ids(got) == "first ");
  REQUIRE(at.logged.size() == 1);
  CHECK(at.logged[0] == "oauth: cannot fetch the keys of https://login.example: https://login.example/keys: no route");
  CHECK(room::ids(at.find("first")) == "first ");  // without another fetch
  CHECK(at.fetcher.urls.size() == 2);
  at.now_ms += key_set::pause_ms;
  const auto again = at.find("first");
  CHECK(at.fetcher.urls.size() == 3);
  at.fetcher.fail_with("no route");
  CHECK(room::ids(again) == "first ");
  CHECK(at.logged.size() == 1);  // it is no news
  at.now_ms += key_set::stale_ms;
  const auto late = at.find("first");
  at.fetcher.fail_with("no route");
  CHECK(room::ids(late) == "failed");
  CHECK((*late)->error().code == errc::unavailable);
  CHECK(room::ids(at.find("first")) == "failed");
  at.now_ms += key_set::pause_ms;
  const auto better = at.find("first");
  at.fetcher.reply(200, at.set_of({&at.first}));
  CHECK(room::ids(better) == "first ");
  CHECK(at.logged.back() == "oauth: the keys of https://login.example were fetched again");
}

TEST_CASE("without any keys a failure is told, and tried again after a pause", "[oauth]") {
  room at;
  const auto got = at.find("first");
  at.fetcher.reply(404, "");
  CHECK(room::ids(got) == "failed");
  CHECK_THAT((*got)->error().message, Contains("https://login.example/keys: answered 404"));
  CHECK(room::ids(at.find("first")) == "failed");
  CHECK(at.fetcher.urls.size() == 1);
  at.now_ms += key_set::pause_ms;
  const auto again = at.find("first");
  at.fetcher.reply(200, "{}");
  CHECK(room::ids(again) == "failed");
}

TEST_CASE("a clock that goes back has keys fetched anew", "[oauth]") {
  room at;
  at.find("first");
  at.fetcher.reply(200, at.set_of({&at.first}));
  at.now_ms -= 24 * 60 * minute_ms;
  const auto got = at.find("first");
  CHECK(room::ids(got) == "waits");
  at.fetcher.reply(200, at.set_of({&at.second}));
  CHECK(room::ids(got) == "second ");
  CHECK(room::ids(at.find("second")) == "second ");
  CHECK(at.fetcher.urls.size() == 2);
}

TEST_CASE("where the keys are is read from the issuer's metadata", "[oauth]") {
  room at("", "https://login.example/tenant");
  const auto got = at.find("first");
  CHECK(at.fetcher.urls.back() == "https://login.example/.well-known/oauth-authorization-server/tenant");
  at.fetcher.reply(404, "");
  CHECK(at.fetcher.urls.back() == "https://login.example/tenant/.well-known/openid-configuration");
  at.fetcher.reply(200, json{{"issuer", "https://login.example/tenant"}, {"jwks_uri", keys_url}}.dump());
  CHECK(at.fetcher.urls.back() == keys_url);
  at.fetcher.reply(200, at.set_of({&at.first}));
  CHECK(room::ids(got) == "first ");
  // It is asked for again after an hour, or where the keys are there no more.
  at.now_ms += key_set::fresh_ms;
  at.find("first");
  CHECK(at.fetcher.urls.back() == keys_url);
  at.fetcher.reply(404, "");
  at.now_ms += key_set::pause_ms;
  at.find("first");
  CHECK(at.fetcher.urls.back() == "https://login.example/.well-known/oauth-authorization-server/tenant");
}

TEST_CASE("metadata of another issuer, or that point to this machine, are refused", "[oauth]") {
  const auto refused = [](const json& metadata) {
    room at("");
    const auto got = at.find("first");
    at.fetcher.reply(200, metadata.dump());
    REQUIRE(*got);
    REQUIRE_FALSE(**got);
    CHECK(at.fetcher.urls.size() == 1);
    return (*got)->error().message;
  };
  CHECK_THAT(refused(json{{"issuer", "https://evil.example"}, {"jwks_uri", keys_url}}), Contains("another issuer"));
  CHECK_THAT(refused(json{{"issuer", issuer_url + "/"}, {"jwks_uri", keys_url}}), Contains("another issuer"));
  CHECK_THAT(refused(json{{"issuer", issuer_url}}), Contains("name no jwks_uri"));
  CHECK_THAT(refused(json{{"issuer", issuer_url}, {"jwks_uri", "file:///etc/passwd"}}), Contains("no jwks_uri"));
  CHECK_THAT(refused(json{{"issuer", issuer_url}, {"jwks_uri", "http://127.0.0.1:6379/"}}), Contains("this machine"));
  CHECK_THAT(refused(json::array()), Contains("no JSON object"));
}

TEST_CASE("so many wait for keys at most", "[oauth]") {
  room at;
  for (std::size_t i = 0; i < key_set::most_waiting; ++i) at.find("first");
  const auto got = at.find("first");
  REQUIRE(*got);
  CHECK((*got)->error().code == errc::resource_exhausted);
  at.fetcher.reply(200, at.set_of({&at.first}));
}
