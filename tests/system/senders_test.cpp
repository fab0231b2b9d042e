// What shops already run, against the real executable: Segment's libraries for servers and browsers, and signed
// webhooks. Whatever is sent again, their customer is one profile with the right counts.
#include <openssl/hmac.h>

#include "profile/encoding.hpp"
#include "tests/catch.hpp"
#include "tests/ingest/support/authorization_server.hpp"
#include "tests/system/support/edge.hpp"

using namespace kith;
using namespace kith::tests;
using nlohmann::json;

namespace {

constexpr const char* config = R"([sources.shop]
scheme = "shopify"
secrets = ["shop secret"]
mapping = "shopify"

[sources.pay]
scheme = "stripe"
secrets = ["whsec_old", "whsec_pay"]
mapping = "stripe"

[sources.code]
scheme = "github"
secrets = ["code secret"]
[[sources.code.map]]
name = "star"
when = "headers['x-github-event'] == 'star'"
event = "'Repository Starred'"
userId = "body.sender.id"
[sources.code.schemas]
unknown = "allow"

[sources.dev-ingest]
drop = ["event.event == 'Heartbeat'"]
)";

std::string hmac(std::string_view secret, std::string_view of) {
  unsigned char made[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()), reinterpret_cast<const unsigned char*>(of.data()),
       of.size(), made, &size);
  return {reinterpret_cast<const char*>(made), size};
}

std::string hex(std::string_view bytes) {
  std::string made;
  for (const char each : bytes) {
    constexpr std::string_view digits = "0123456789abcdef";
    made += digits[static_cast<unsigned char>(each) >> 4U];
    made += digits[static_cast<unsigned char>(each) & 15U];
  }
  return made;
}

}  // namespace

TEST_CASE("Segment's libraries, a tag manager's snippet and kith.js make one profile of one customer") {
  const scratch room;
  server running(room);
  const edge with(running);
  run_node(room, running, with, "node.mjs", "7001");
  run_node(room, running, with, "node.mjs", "7001");  // a process that starts again sends its order again
  run_node(room, running, with, "browser.mjs", "7001");
  const auto profile = profile_of(running, "7001");
  INFO(profile.dump(2));
  CHECK(count(profile, "Order Completed") == 2);  // node's, which has its messageId, and the page's
  CHECK(count(profile, "Product Viewed") == 1);
  CHECK(count(profile, "Newsletter Joined") == 1);
  CHECK(count(profile, "Article Read") == 1);
  CHECK(count(profile, "Page Left") == 1);
  CHECK(profile.at("traits").dump() == R"({"age":36,"country":"DE","newsletter":true,"plan":"gold","seen":true})");
  CHECK(profile.at("anonymousIds").size() == 1);
}

TEST_CASE("what a page says before its reader agrees stays in the page, and nothing is said of who opted out") {
  const scratch room;
  server running(room, "[sources.dev-ingest]\ndrop = [\"event.context.globalPrivacyControl\"]\n");
  const edge with(running);
  run_node(room, running, with, "consent.mjs", "7002");
  const auto profile = profile_of(running, "7002");
  INFO(profile.dump(2));
  CHECK(count(profile, "Before Consent") == 1);
  CHECK(count(profile, "After Consent") == 1);
  CHECK(count(profile, "Refused") == 0);
  CHECK(profile.at("consent").at("news").at("granted") == true);
  CHECK(profile.at("consent").at("ads").at("granted") == false);
  CHECK(count(profile, "Agreed Later") == 1);
  CHECK(count(profile, "Not Tracked") == 0);
  const auto letters = letters_of(room, running, {"list"});
  REQUIRE(letters.size() == 1);
  CHECK(letters[0].at("event").get<std::string>() == "Recorded");
  CHECK(letters[0].at("code").get<std::string>() == "filtered");
}

TEST_CASE("signed webhooks of a shop, a payment provider and a code host reach the profile of their customer, once") {
  const scratch room;
  server running(room, config);
  const edge with(running);
  const std::string order = R"({"id": 9001, "email": "ada@example.com", "currency": "EUR", "total_price": "20.50",
      "created_at": "2026-11-01T10:00:00Z", "customer": {"id": 7001, "email": "ada@example.com"},
      "line_items": [{"product_id": 1, "sku": "a-1", "name": "Mug", "quantity": 2, "price": "10.25"}]})";
  const auto shop = [&](const std::string& delivery, const std::string& secret) {
    return with.post("/v1/webhooks/shop", order,
                     {{"X-Shopify-Topic", "orders/create"},
                      {"X-Shopify-Webhook-Id", delivery},
                      {"X-Shopify-Hmac-SHA256", profile::base64_of(hmac(secret, order))}});
  };
  CHECK(shop("d-1", "shop secret").first == 200);
  CHECK(shop("d-1", "shop secret").first == 200);  // sent again
  CHECK(shop("d-2", "shop secret").first == 200);  // told again
  CHECK(shop("d-3", "another secret").first == 401);

  const auto now = std::to_string(
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count());
  const std::string charge = R"({"id": "evt_1", "type": "charge.succeeded", "created": 1793500000, "data": {"object": {
      "id": "ch_1", "object": "charge", "amount": 2050, "currency": "eur", "created": 1793500000,
      "metadata": {"user_id": "7001"}}}})";
  for (int times = 0; times < 2; ++times) {
    const auto got =
        with.post("/v1/webhooks/pay", charge,
                  {{"Stripe-Signature", "t=" + now + ",v1=" + hex(hmac("whsec_pay", now + "." + charge))}});
    CHECK(got == std::pair<unsigned, std::string>(200, times == 0 ? R"({"success":true,"applied":1,"duplicate":0})"
                                                                  : R"({"success":true,"applied":0,"duplicate":1})"));
  }
  const std::string star = R"({"action": "created", "sender": {"id": 7001, "login": "ada"}})";
  for (int times = 0; times < 2; ++times) {
    CHECK(with.post("/v1/webhooks/code", star,
                    {{"X-GitHub-Event", "star"},
                     {"X-GitHub-Delivery", "g-1"},
                     {"X-Hub-Signature-256", "sha256=" + hex(hmac("code secret", star))}})
              .first == 200);
  }
  const std::string basic = "Basic " + profile::base64_of(with.write_key + ":");
  CHECK(with.post("/v1/cloudevents",
                  R"({"specversion": "1.0", "id": "1", "source": "/crm", "type": "Call Taken", "subject": "7001"})",
                  {{"Content-Type", "application/cloudevents+json"}, {"Authorization", basic}})
            .first == 200);

  const auto profile = profile_of(running, "7001");
  INFO(profile.dump(2));
  CHECK(count(profile, "Order Completed") == 1);
  CHECK(count(profile, "Payment Succeeded") == 1);
  CHECK(count(profile, "Repository Starred") == 1);
  CHECK(count(profile, "Call Taken") == 1);
}

TEST_CASE("what is refused or held back stands in the dead letters with a reason, and is applied after the mend") {
  const scratch room;
  server running(room, config);
  const edge with(running);
  const std::string basic = "Basic " + profile::base64_of(with.write_key + ":");
  const std::string beat = R"({"userId": "7001", "event": "Heartbeat", "messageId": "h-1"})";
  CHECK(with.post("/v1/track", beat, {{"Authorization", basic}}).first == 200);
  const std::string order = R"({"id": 9002, "customer": {"id": 7001}, "total_price": "1.00", "currency": "EUR"})";
  CHECK(with.post("/v1/webhooks/shop", order,
                  {{"X-Shopify-Topic", "orders/create"},
                   {"X-Shopify-Hmac-SHA256", profile::base64_of(hmac("new secret", order))}})
            .first == 401);
  const auto letters = [&](std::vector<std::string> words) { return letters_of(room, running, std::move(words)); };
  const auto listed = letters({"list", "--oldest"});
  INFO(listed.dump(2));
  REQUIRE(listed.size() == 2);
  CHECK(listed[0].at("code").get<std::string>() == "filtered");
  CHECK(listed[0].at("message").get<std::string>() ==
        "a filter of its source held it back: event.event == 'Heartbeat'");
  CHECK(listed[1].at("code").get<std::string>() == "signature");

  // The operator learns of the shop's new secret, and lets heartbeats in.
  std::string mended = config;
  mended.replace(mended.find("shop secret"), 11, "new secret");
  mended.replace(mended.find("Heartbeat"), 9, "Nothing");
  room.write("kith.toml", mended);
  running.send(SIGHUP);
  const auto replayed = [&] { return letters({"replay", "--all"}).at("applied").get<int>(); };
  int applied = 0;
  CHECK(eventually([&] { return (applied += replayed()) == 2; }));
  const auto profile = profile_of(running, "7001");
  CHECK(count(profile, "Heartbeat") == 1);
  CHECK(count(profile, "Order Completed") == 1);
  CHECK(letters({"list"}).empty());
}

TEST_CASE("a client of an authorization server publishes by its access token, until it may no more") {
  authorization_server issuer;
  const scratch room;
  server running(room,
                 "[oauth]\nresource = \"https://kith.example\"\n[[oauth.issuers]]\nissuer = \"" + issuer.issuer() +
                     "\"\naudience = \"https://kith.example\"\nscopes = {\"events:write\" = [\"publish\"]}\nca = \"" +
                     issuer.ca() + "\"\n");
  const edge with(running);
  const auto track = [&](const std::string& token, const std::string& id) {
    return with.post("/v1/track", R"({"userId": "7001", "event": "Synced", "messageId": ")" + id + R"("})",
                     {{"Authorization", "Bearer " + token}});
  };
  CHECK(track(issuer.token("RS256"), "s-1").first == 200);
  CHECK(track(issuer.token("ES256"), "s-1").first == 200);
  CHECK(track(issuer.token("ES256"), "s-2").first == 200);
  const auto reader = track(issuer.token("RS256", "profiles:read"), "s-3");
  CHECK(reader.first == 403);
  CHECK_THAT(reader.second, Contains("forbidden"));
  auto forged = issuer.token("RS256");
  forged[forged.size() - 10] = forged[forged.size() - 10] == 'A' ? 'B' : 'A';
  CHECK(track(forged, "s-4").first == 401);
  CHECK(track("not.a.token", "s-5").first == 401);
  CHECK(count(profile_of(running, "7001"), "Synced") == 2);
}
