#include "ingest/webhook/presets.hpp"
#include "ingest/webhook/receive.hpp"
#include "tests/catch.hpp"
#include "tests/ingest/support/webhooks.hpp"

using namespace kith;
using namespace kith::tests;
using webhook::letter;
using webhook::scheme;

namespace {

webhook::settings settings_of(scheme kind, const std::string& secret, const std::string& preset) {
  webhook::settings made;
  made.source = "shop";
  made.scheme.kind = kind;
  REQUIRE(webhook::add_secret(made.scheme, secret));
  made.map =
      std::make_shared<const webhook::mapping>(webhook::mapping::make(webhook::preset_rules(preset), "map").value());
  return made;
}

post by_token(const std::string& body) { return post(body, {{"Authorization", "Bearer t"}, {"X-Id", "d-1"}}); }

webhook::refusal refused(const webhook::settings& by, const post& what) {
  const auto outcome = webhook::receive(by, what.request(), now_ms);
  REQUIRE_FALSE(outcome);
  return outcome.error();
}

}  // namespace

TEST_CASE("a genuine webhook becomes events") {
  auto by = settings_of(scheme::bearer, "t", "generic");
  by.scheme.delivery_header = "X-Id";
  const auto outcome = webhook::receive(by, by_token(R"({"userId": "ada", "event": "E"})").request(), now_ms);
  REQUIRE(outcome);
  CHECK(outcome->events.count == 1);
  CHECK(outcome->delivery_id == "d-1");
  CHECK_FALSE(outcome->needs_letter());
}

TEST_CASE("what a stranger sends is refused unread, and few letters are kept of it") {
  const auto by = settings_of(scheme::bearer, "t", "generic");
  const auto why = refused(by, post("not JSON", {{"Authorization", "Bearer x"}, {"Content-Encoding", "gzip"}}));
  CHECK(why.status == 401);
  CHECK(why.why.code == errc::unauthenticated);
  CHECK(why.reason == "signature");
  CHECK(why.keep == letter::limited);
}

TEST_CASE("a genuine webhook that is out of its time is refused like a stranger's: it may be a replay") {
  const auto by = settings_of(scheme::stripe, "whsec_test_secret", "stripe");
  const post old(R"({"id":"evt_1"})", {{"Stripe-Signature",
                                        "t=1700000000,v1=248a374f50f943a28b0f6ab50faf9a7e7e29b710fa26"
                                        "df9fb1618b9bf8ea9c9a"}});
  const auto outcome = webhook::receive(by, old.request(), now_ms + 3'600'000);
  REQUIRE_FALSE(outcome);
  CHECK(outcome.error().status == 401);
  CHECK(outcome.error().why.code == errc::too_late);
  CHECK(outcome.error().keep == letter::limited);
}

TEST_CASE("a genuine webhook that cannot be read is kept") {
  const auto by = settings_of(scheme::bearer, "t", "generic");
  for (const auto& bad : {std::string(), std::string("{"), std::string(100, '['), std::string("{\"a\": \"\xff\"}")}) {
    const auto why = refused(by, by_token(bad));
    CHECK(why.status == 400);
    CHECK(why.reason == "invalid_argument");
    CHECK(why.keep == letter::kept);
    CHECK_THAT(why.why.message, Contains("body: "));
  }
  const auto zipped = refused(by, by_token("{}").with("Content-Encoding", "gzip"));
  CHECK(zipped.status == 415);
  CHECK(zipped.keep == letter::kept);
  CHECK(webhook::receive(by, by_token("[]").with("Content-Encoding", "Identity").request(), now_ms));
  const auto form = refused(by, by_token("payload=%7B%7D").with("Content-Type", "Application/x-www-form-urlencoded"));
  CHECK(form.status == 415);
  CHECK_THAT(form.why.message, Contains("have the sender use application/json"));
}

TEST_CASE("one that becomes too much is kept, as is one of which events could not be made") {
  const auto by = settings_of(scheme::bearer, "t", "generic");
  std::string many = "[1";
  for (int i = 0; i < 2500; ++i) many += ",1";
  const auto why = refused(by, by_token(many + "]"));
  CHECK(why.status == 413);
  CHECK(why.reason == "mapping");
  CHECK(why.keep == letter::kept);

  const auto partly = webhook::receive(by, by_token(R"([{"userId": "a", "event": "E"}, 7])").request(), now_ms);
  REQUIRE(partly);
  CHECK(partly->events.count == 1);
  CHECK(partly->needs_letter());
}

TEST_CASE("a Stripe delivery is known by its event's id") {
  const auto by = settings_of(scheme::stripe, "whsec_test_secret", "stripe");
  const post what(R"({"id":"evt_1"})", {{"Stripe-Signature",
                                         "t=1700000000,v1=248a374f50f943a28b0f6ab50faf9a7e7e29b710fa26"
                                         "df9fb1618b9bf8ea9c9a"}});
  const auto outcome = webhook::receive(by, what.request(), now_ms);
  REQUIRE(outcome);
  CHECK(outcome->delivery_id == "evt_1");
  CHECK_FALSE(outcome->events.ignored.empty());
  CHECK(webhook::map_request(by, post("[]").request(), "", now_ms)->delivery_id.empty());
}

TEST_CASE("retries of one webhook make one letter") {
  const auto by = settings_of(scheme::bearer, "t", "generic");
  const auto id = webhook::letter_id(by, by_token("{").request());
  CHECK(id == webhook::letter_id(by, by_token("{").with("X-Id", "d-2").request()));
  CHECK(id != webhook::letter_id(by, by_token("{ ").request()));
}
