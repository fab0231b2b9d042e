// Signatures of webhooks, against values that the senders publish or that another implementation (Python's hmac) made.
#include "ingest/webhook/bounds.hpp"
#include "ingest/webhook/signature.hpp"
#include "profile/encoding.hpp"
#include "tests/catch.hpp"
#include "tests/ingest/support/webhooks.hpp"

using namespace kith;
using namespace kith::tests;
using webhook::scheme;

namespace {

webhook::scheme_settings settings_of(scheme kind, const std::vector<std::string>& secrets) {
  webhook::scheme_settings made;
  made.kind = kind;
  for (const auto& each : secrets) {
    const auto added = webhook::add_secret(made, each);
    if (!added) FAIL(added.error().message);
  }
  return made;
}

std::string refusal_of(const webhook::scheme_settings& by, const post& what, std::int64_t at_ms = now_ms,
                       errc code = errc::unauthenticated) {
  const auto verified = webhook::verify(by, what.request(), at_ms);
  REQUIRE_FALSE(verified);
  CHECK(verified.error().code == code);
  return verified.error().message;
}

bool holds(const webhook::scheme_settings& by, const post& what, std::int64_t at_ms = now_ms) {
  return webhook::verify(by, what.request(), at_ms).has_value();
}

const std::string stripe_signature = "248a374f50f943a28b0f6ab50faf9a7e7e29b710fa26df9fb1618b9bf8ea9c9a";
const post stripe(R"({"id":"evt_1"})", {{"Stripe-Signature", "t=1700000000,v1=" + stripe_signature + ",v0=abc"}});

// The example of docs.github.com, "Validating webhook deliveries".
const std::string github_signature = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
const post github("Hello, World!",
                  {{"x-hub-signature-256", "sha256=" + github_signature}, {"X-GitHub-Delivery", "72d3162e-cc78"}});

const std::string shopify_signature = "VnKUjZsLuN5iZWjn5EntcBVCF9kMN43LglzCE1/GSeY=";
const post shopify(R"({"id":1})", {{"X-Shopify-Hmac-Sha256", shopify_signature}, {"X-Shopify-Webhook-Id", "b54557e4"}});

// The examples of the libraries of Standard Webhooks.
const std::string standard_id = "msg_p5jXN8AQM9LWM0D4loKWxJek";
constexpr std::int64_t standard_ms = 1'614'265'330'000;
const std::string standard_secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const std::string standard_public_key = "whpk_ZlN4eg7dSSqi0moX9hQUk3orrOouK3QVQSlJa248c/g=";
const std::string symmetric = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
const std::string asymmetric =
    "v1a,tQ9V2XOqn7jL/DQenEFpqIugdBVtiMmER5mhSkXBNwM0mkATuDe6KYYUuxqtaiHeYGb7KaaBRdM5WqyeFiL8Ag==";

post standard(const std::string& signature) {
  return {R"({"test": 2432232314})",
          {{"webhook-id", standard_id}, {"webhook-timestamp", "1614265330"}, {"webhook-signature", signature}}};
}

}  // namespace

TEST_CASE("Stripe's signature is over the time and the raw body") {
  const auto by = settings_of(scheme::stripe, {"whsec_test_secret"});
  CHECK(holds(by, stripe));
  CHECK(holds(by, stripe.with("Stripe-Signature", "t=1700000000, v1=00ff, v1=" + stripe_signature)));
  CHECK_THAT(refusal_of(by, stripe.with_body(R"({"id": "evt_1"})")), Contains("Stripe-Signature: does not match"));
  CHECK_THAT(refusal_of(by, stripe.with("Stripe-Signature", "t=1700000001,v1=" + stripe_signature)),
             Contains("does not match"));
  CHECK(refusal_of(by, stripe.without("Stripe-Signature")) == "Stripe-Signature: is missing");
  for (const auto* bad : {"v1=00", "t=1700000000", "t=,v1=00", "t=x,v1=00", "t=1700000000,v1=zz", "t=1,t=2,v1=00",
                          ",,,", "t=99999999999999999999,v1=00"}) {
    CHECK_THAT(refusal_of(by, stripe.with("Stripe-Signature", bad)), Contains("must be \"t=SECONDS,v1=HEX\""));
  }
  std::string many = "t=1700000000";
  for (std::size_t i = 0; i < webhook::bounds::signatures; ++i) many += ",v1=00";
  CHECK_THAT(refusal_of(by, stripe.with("Stripe-Signature", many)), Contains("at most 16 parts"));
}

TEST_CASE("a signed time that is too far from now is refused, either way") {
  auto by = settings_of(scheme::stripe, {"whsec_test_secret"});
  CHECK(holds(by, stripe, now_ms + 300'000));
  CHECK(holds(by, stripe, now_ms - 300'000));
  CHECK_THAT(refusal_of(by, stripe, now_ms + 300'001, errc::too_late),
             Contains("was made 300 s ago; 300 s are tolerated"));
  CHECK_THAT(refusal_of(by, stripe, now_ms - 400'000, errc::too_late), Contains("made 400 s from now"));
  by.tolerance_ms = 0;
  CHECK(holds(by, stripe, now_ms + 1'000'000'000));
}

TEST_CASE("each of several secrets is good") {
  CHECK(holds(settings_of(scheme::github, {"old", "It's a Secret to Everybody"}), github));
  CHECK(holds(settings_of(scheme::github, {"It's a Secret to Everybody", "new"}), github));
  CHECK_FALSE(holds(settings_of(scheme::github, {"old", "new"}), github));
}

TEST_CASE("GitHub's signature, and its id of the delivery") {
  const auto by = settings_of(scheme::github, {"It's a Secret to Everybody"});
  const auto verified = webhook::verify(by, github.request(), now_ms);
  REQUIRE(verified);
  CHECK(verified->delivery_id == "72d3162e-cc78");
  CHECK_THAT(refusal_of(by, github.with("x-hub-signature-256", github_signature)),
             Contains("must begin with \"sha256=\""));
  CHECK_THAT(refusal_of(by, github.with("x-hub-signature-256", "sha256=")), Contains("is not in hexadecimal digits"));
  CHECK_THAT(refusal_of(by, github.with("x-hub-signature-256", "sha256=0g")), Contains("is not in hexadecimal digits"));
  CHECK_THAT(refusal_of(by, github.with("x-hub-signature-256", "sha256=" + github_signature.substr(2))),
             Contains("does not match"));
  CHECK_THAT(refusal_of(by, github.with("X-GitHub-Delivery", std::string(256, 'x')), now_ms, errc::invalid_argument),
             Contains("X-GitHub-Delivery: must be UTF-8 of at most 255 bytes"));
}

TEST_CASE("Shopify's signature is in base64") {
  const auto by = settings_of(scheme::shopify, {"hush"});
  const auto verified = webhook::verify(by, shopify.request(), now_ms);
  REQUIRE(verified);
  CHECK(verified->delivery_id == "b54557e4");
  CHECK_THAT(refusal_of(by, shopify.with("X-Shopify-Hmac-Sha256", "VnKU")), Contains("does not match"));
  CHECK_THAT(refusal_of(by, shopify.with("X-Shopify-Hmac-Sha256", "!")), Contains("is not in base64"));
  CHECK_THAT(refusal_of(by, shopify.with_body(R"({"id":2})")), Contains("does not match"));
}

TEST_CASE("Standard Webhooks by a shared secret") {
  const auto by = settings_of(scheme::standard_webhooks, {standard_secret});
  const auto verified = webhook::verify(by, standard(symmetric).request(), standard_ms);
  REQUIRE(verified);
  CHECK(verified->delivery_id == standard_id);
  CHECK(holds(by, standard("v1,AAAA v2,AAAA " + symmetric + " v1,AAAA"), standard_ms));
  CHECK_THAT(refusal_of(by, standard("v1,AAAA"), standard_ms), Contains("webhook-signature: does not match"));
  for (const auto* bad : {"v1", "v1,", "v2,AAAA", "AAAA", "v1,!"}) {
    if (std::string(bad) == "v1,") continue;
    CHECK_THAT(refusal_of(by, standard(bad), standard_ms), Contains("must be \"v1,BASE64\""));
  }
  CHECK_THAT(refusal_of(by, standard("v1,"), standard_ms), Contains("does not match"));
  for (const auto* header : {"webhook-id", "webhook-timestamp", "webhook-signature"}) {
    CHECK(refusal_of(by, standard(symmetric).without(header), standard_ms) == std::string(header) + ": is missing");
  }
  CHECK_THAT(refusal_of(by, standard(symmetric).with("webhook-timestamp", "-1"), standard_ms),
             Contains("webhook-timestamp: must be"));
  CHECK_THAT(refusal_of(by, standard(symmetric), standard_ms + 301'000, errc::too_late), Contains("webhook-timestamp"));
}

TEST_CASE("Standard Webhooks by an Ed25519 key") {
  const auto by = settings_of(scheme::standard_webhooks, {standard_public_key});
  CHECK(by.secrets.empty());
  CHECK(holds(by, standard(asymmetric), standard_ms));
  CHECK(holds(by, standard(symmetric + " " + asymmetric), standard_ms));
  CHECK_FALSE(holds(by, standard(symmetric), standard_ms));
  CHECK_FALSE(holds(by, standard(asymmetric).with_body(R"({"test": 2432232315})"), standard_ms));
  CHECK(holds(settings_of(scheme::standard_webhooks, {standard_secret, standard_public_key}), standard(symmetric),
              standard_ms));
}

TEST_CASE("signed bytes of Standard Webhooks cannot be cut in another way: an id with a full stop is refused") {
  const auto by = settings_of(scheme::standard_webhooks, {standard_secret});
  // The same bytes "id.1614265330.{...}" with the time moved into the id would need a full stop there.
  const auto moved = standard(symmetric).with("webhook-id", standard_id + ".1614265330");
  CHECK(refusal_of(by, moved, standard_ms) == "webhook-id: must not hold a full stop");
}

TEST_CASE("an HMAC of one's own") {
  auto by = settings_of(scheme::hmac, {"k"});
  by.header = "X-Signature";
  by.delivery_header = "X-Id";
  by.hmac = {webhook::hmac_algorithm::sha512, webhook::text_encoding::base64, "v0=", "X-Time",
             webhook::signed_content::timestamp_body};
  const post good(
      "{}",
      {{"X-Signature", "v0=kb/rLEGzAPd8tf8OECrc2Swj6ECkvToBQ2Aqj3a90buV54IQnLZhwmDGFMIBtKH/tEJkvFSQTgX3Pp/zdbTFAg=="},
       {"X-Time", "1700000000"},
       {"X-Id", "7"}});
  REQUIRE(webhook::check(by));
  const auto verified = webhook::verify(by, good.request(), now_ms);
  REQUIRE(verified);
  CHECK(verified->delivery_id == "7");
  CHECK_THAT(refusal_of(by, good.with("X-Time", "1700000001")), Contains("X-Signature: does not match"));
  CHECK_THAT(refusal_of(by, good.with("X-Time", "now")), Contains("X-Time: must be a whole number"));
  CHECK(refusal_of(by, good.without("X-Time")) == "X-Time: is missing");
  CHECK_THAT(refusal_of(by, good, now_ms + 600'000, errc::too_late), Contains("X-Time"));
}

TEST_CASE("Basic and bearer") {
  const auto basic = settings_of(scheme::basic, {"shop:open sesame", "shop:pass:word"});
  const auto authorized = [](const std::string& value) { return post("{}", {{"Authorization", value}}); };
  CHECK(holds(basic, authorized("Basic " + profile::base64_of("shop:open sesame"))));
  CHECK(holds(basic, authorized("bAsIc   " + profile::base64_of("shop:pass:word"))));
  CHECK_THAT(refusal_of(basic, authorized("Basic " + profile::base64_of("shop:open"))), Contains("is not known"));
  CHECK_THAT(refusal_of(basic, authorized("Basic ?")), Contains("does not hold base64"));
  CHECK_THAT(refusal_of(basic, authorized("Basic")), Contains("must be \"Basic\""));
  CHECK_THAT(refusal_of(basic, post("{}")), Contains("Authorization: must be \"Basic\""));

  auto bearer = settings_of(scheme::bearer, {"one", "two"});
  CHECK(holds(bearer, authorized("Bearer two")));
  CHECK_FALSE(holds(bearer, authorized("Bearer three")));
  CHECK_FALSE(holds(bearer, authorized("Bearer ")));
  CHECK_FALSE(holds(bearer, authorized("two")));
  bearer.header = "X-Gitlab-Token";
  CHECK(holds(bearer, post("{}", {{"x-gitlab-token", "one"}})));
  CHECK(refusal_of(bearer, authorized("Bearer one")) == "X-Gitlab-Token: is missing");
}

TEST_CASE("no error tells a secret or a signature that would be right") {
  const auto by = settings_of(scheme::github, {"It's a Secret to Everybody"});
  const auto message = refusal_of(by, github.with("x-hub-signature-256", "sha256=00"));
  CHECK(message.find("Everybody") == std::string::npos);
  CHECK(message.find(github_signature.substr(0, 8)) == std::string::npos);
  webhook::scheme_settings standard;
  const auto refused = webhook::add_secret(standard, "whsec_c2hvcnQ=");
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message.find("c2hvcnQ") == std::string::npos);
}

TEST_CASE("secrets are what their scheme needs") {
  const auto refused = [](scheme kind, const char* text) {
    webhook::scheme_settings made;
    made.kind = kind;
    const auto added = webhook::add_secret(made, text);
    REQUIRE_FALSE(added);
    return added.error().message;
  };
  CHECK_THAT(refused(scheme::stripe, ""), Contains("empty"));
  CHECK_THAT(refused(scheme::standard_webhooks, "hush"), Contains("must be \"whsec_\""));
  CHECK_THAT(refused(scheme::standard_webhooks, "whpk_AAAA"), Contains("must be \"whpk_\" and the 32 bytes"));
  for (const auto* bad : {"user", ":password", "user:"}) {
    CHECK_THAT(refused(scheme::basic, bad), Contains("must be \"user:password\""));
  }
  CHECK_THAT(refused(scheme::bearer, "two words"), Contains("without blanks"));
}

TEST_CASE("settings that do not go together are refused") {
  const auto problem = [](webhook::scheme_settings made) {
    const auto good = webhook::check(made);
    return good ? std::string() : good.error().message;
  };
  CHECK_THAT(problem(settings_of(scheme::github, {})), Contains("scheme \"github\" needs secrets"));
  auto many = settings_of(scheme::github, {});
  many.secrets.assign(webhook::bounds::secrets + 1, "a");
  CHECK_THAT(problem(many), Contains("has 17 secrets; at most 16"));
  auto generic = settings_of(scheme::hmac, {"a"});
  CHECK_THAT(problem(generic), Contains("needs header"));
  generic.header = "X-Signature";
  CHECK(problem(generic).empty());
  generic.hmac.timestamp_header = "X-Time";
  CHECK_THAT(problem(generic), Contains("a time that is not signed proves nothing"));
  generic.hmac.timestamp_header.clear();
  generic.hmac.content = webhook::signed_content::timestamp_body;
  CHECK_THAT(problem(generic), Contains("needs timestamp_header"));
  auto stripe_with = settings_of(scheme::stripe, {"a"});
  stripe_with.header = "X";
  CHECK_THAT(problem(stripe_with), Contains("has its own header"));
  stripe_with.header.clear();
  stripe_with.delivery_header = "X";
  CHECK_THAT(problem(stripe_with), Contains("has its own id of a delivery"));
}

TEST_CASE("names of schemes are read and written") {
  for (const auto* name : {"stripe", "github", "shopify", "standard-webhooks", "hmac", "basic", "bearer"}) {
    const auto kind = webhook::parse_scheme(name);
    REQUIRE(kind);
    CHECK(webhook::name_of(*kind) == name);
  }
  CHECK_FALSE(webhook::parse_scheme("none"));
}
