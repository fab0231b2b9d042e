// The ready-made mappings over payloads shaped as the senders document them.
#include "ingest/webhook/presets.hpp"
#include "tests/catch.hpp"
#include "tests/ingest/support/webhooks.hpp"

using namespace kith;
using namespace kith::tests;
using nlohmann::json;

namespace {

json of_shopify(const std::string& topic, const json& body, std::size_t count = 1) {
  const auto made = mapped_by(webhook::shopify_rules(), body.dump(), {{"X-Shopify-Topic", topic}}, "w-" + topic);
  INFO((made.skipped_events.empty() ? made.ignored : made.skipped_events.front().reason));
  REQUIRE(made.count == count);
  REQUIRE(made.skipped_events.empty());
  return events_of(made);
}

json of_stripe(const std::string& type, const json& object, const json& previous = nullptr) {
  json event = {{"id", "evt_1"}, {"object", "event"}, {"type", type}, {"created", 1699999999}};
  event["data"]["object"] = object;
  if (!previous.is_null()) event["data"]["previous_attributes"] = previous;
  const auto made = mapped_by(webhook::stripe_rules(), event.dump(), {}, "evt_1");
  INFO((made.skipped_events.empty() ? made.ignored : made.skipped_events.front().reason));
  REQUIRE(made.count == 1);
  return events_of(made)[0];
}

const json order = json::parse(R"({"id": 820982911946154508, "order_number": 1234, "checkout_id": null,
  "email": "jon@example.com", "created_at": "2023-11-01T11:00:00-04:00", "cancelled_at": "2023-11-02T11:00:00-04:00",
  "cancel_reason": "customer", "currency": "USD", "financial_status": "pending", "total_price": "388.00",
  "subtotal_price": "378.00", "total_tax": "0.00", "total_discounts": "20.00",
  "total_shipping_price_set": {"shop_money": {"amount": "10.00", "currency_code": "USD"}},
  "discount_codes": [{"code": "WELCOME", "amount": "20.00", "type": "fixed_amount"}],
  "customer": {"id": 115310627314723954, "email": "jon@example.com"},
  "line_items": [
    {"id": 1, "product_id": 788032119674292922, "variant_id": 642667041472713922, "sku": "example-sku",
     "title": "Shirt",
     "variant_title": null, "vendor": "Acme", "price": "199.00", "quantity": 2},
    {"id": 2, "product_id": null, "title": "Gift card", "price": "0.00", "quantity": 1}]})");

}  // namespace

TEST_CASE("a Shopify order becomes Order Completed") {
  const auto event = of_shopify("orders/create", order)[0];
  CHECK(event["event"].get<std::string>() == "Order Completed");
  CHECK(event["userId"].get<std::string>() == "115310627314723954");
  CHECK(event["messageId"].get<std::string>() == "shopify:order:820982911946154508:completed");
  CHECK(event["timestamp"].get<std::string>() == "2023-11-01T11:00:00-04:00");
  CHECK(event["context"]["externalIds"].dump() ==
        R"([{"id":"jon@example.com","type":"email"},{"id":"820982911946154508","type":"shopify_order"}])");
  const auto& properties = event["properties"];
  CHECK(properties["order_id"].get<std::string>() == "820982911946154508");
  CHECK(properties["total"].get<double>() == 388.0);
  CHECK(properties["revenue"].get<double>() == 378.0);
  CHECK(properties["shipping"].get<double>() == 10.0);
  CHECK(properties["coupon"].get<std::string>() == "WELCOME");
  CHECK_FALSE(properties.contains("checkout_id"));
  REQUIRE(properties["products"].size() == 2);
  CHECK(properties["products"][0].dump() ==
        R"({"brand":"Acme","name":"Shirt","price":199.0,"product_id":"788032119674292922","quantity":2,)"
        R"("sku":"example-sku","variant":null,"variant_id":"642667041472713922"})");
  CHECK(properties["products"][1]["product_id"].is_null());
}

TEST_CASE("an order that is told as created, paid, and again, counts once") {
  auto paid = order;
  paid["financial_status"] = "paid";
  CHECK(of_shopify("orders/create", order)[0].dump() == of_shopify("orders/paid", paid)[0].dump());
}

TEST_CASE("a guest's Shopify order names the e-mail address") {
  auto guest = order;
  guest["customer"] = nullptr;
  guest["discount_codes"] = json::array();
  const auto event = of_shopify("orders/create", guest)[0];
  CHECK_FALSE(event.contains("userId"));
  CHECK(event["context"]["externalIds"][0]["id"].get<std::string>() == "jon@example.com");
  CHECK_FALSE(event["properties"].contains("coupon"));
}

TEST_CASE("a Shopify order is cancelled") {
  const auto event = of_shopify("orders/cancelled", order)[0];
  CHECK(event["event"].get<std::string>() == "Order Cancelled");
  CHECK(event["messageId"].get<std::string>() == "shopify:order:820982911946154508:cancelled");
  CHECK(event["timestamp"].get<std::string>() == "2023-11-02T11:00:00-04:00");
  CHECK(event["properties"]["reason"].get<std::string>() == "customer");
}

TEST_CASE("a Shopify refund finds its customer by the order, and sums up what was paid back") {
  const auto refund = json::parse(R"({"id": 890088186047892319, "order_id": 820982911946154508,
    "created_at": "2023-11-03T10:00:00Z", "note": "broken",
    "refund_line_items": [{"quantity": 1, "line_item": {"product_id": 788032119674292922, "sku": "example-sku",
                           "title": "Shirt", "price": "199.00"}}],
    "transactions": [{"kind": "refund", "status": "success", "amount": "150.00", "currency": "USD"},
                     {"kind": "refund", "status": "success", "amount": "49.00", "currency": "USD"},
                     {"kind": "refund", "status": "failure", "amount": "1.00", "currency": "USD"}]})");
  const auto event = of_shopify("refunds/create", refund)[0];
  CHECK(event["event"].get<std::string>() == "Order Refunded");
  CHECK(event["messageId"].get<std::string>() == "shopify:refund:890088186047892319");
  CHECK(event["context"]["externalIds"].dump() == R"([{"id":"820982911946154508","type":"shopify_order"}])");
  CHECK(event["properties"]["total"].get<double>() == 199.0);
  CHECK(event["properties"]["currency"].get<std::string>() == "USD");
  CHECK(event["properties"]["products"][0]["price"].get<double>() == 199.0);
}

TEST_CASE("Shopify customers are identified; each update counts, each repetition does not") {
  auto customer = json::parse(R"({"id": 706405506930370084, "email": "bob@example.com", "first_name": "Bob",
    "last_name": null, "created_at": "2023-10-01T00:00:00Z", "updated_at": "2023-11-01T00:00:00Z", "tags": "vip",
    "email_marketing_consent": {"state": "subscribed"}, "default_address": {"country_code": "DE", "city": "Ulm"}})");
  const auto created = of_shopify("customers/create", customer)[0];
  CHECK(created["type"].get<std::string>() == "identify");
  CHECK(created["messageId"].get<std::string>() == "shopify:customer:706405506930370084:created");
  CHECK(created["traits"].dump() ==
        R"({"acceptsMarketing":true,"city":"Ulm","country":"DE","createdAt":"2023-10-01T00:00:00Z",)"
        R"("email":"bob@example.com","firstName":"Bob","tags":"vip"})");
  const auto first = of_shopify("customers/update", customer)[0];
  CHECK(first["timestamp"].get<std::string>() == "2023-11-01T00:00:00Z");
  CHECK(of_shopify("customers/update", customer)[0]["messageId"].get<std::string>() ==
        first["messageId"].get<std::string>());
  customer["tags"] = "";
  CHECK(of_shopify("customers/update", customer)[0]["messageId"].get<std::string>() !=
        first["messageId"].get<std::string>());
}

TEST_CASE("other topics of Shopify are ignored") {
  const auto made = mapped_by(webhook::shopify_rules(), "{}", {{"X-Shopify-Topic", "products/update"}});
  CHECK(made.count == 0);
  CHECK_FALSE(made.ignored.empty());
  CHECK_FALSE(mapped_by(webhook::shopify_rules(), "{}").ignored.empty());
}

TEST_CASE("a Stripe charge, in whole, hundredth and thousandth units") {
  const auto charge = [](const char* currency, int amount) {
    return of_stripe("charge.succeeded", {{"id", "ch_1"},
                                          {"customer", "cus_1"},
                                          {"amount", amount},
                                          {"currency", currency},
                                          {"billing_details", {{"email", "a@b.c"}}},
                                          {"metadata", {{"user_id", "ada"}}}});
  };
  const auto event = charge("usd", 1999);
  CHECK(event["event"].get<std::string>() == "Payment Succeeded");
  CHECK(event["userId"].get<std::string>() == "ada");
  CHECK(event["messageId"].get<std::string>() == "stripe:charge.succeeded:ch_1");
  CHECK(event["timestamp"].get<std::string>() == "2023-11-14T22:13:19.000Z");
  CHECK(event["properties"].dump() == R"({"amount":19.99,"charge_id":"ch_1","currency":"USD"})");
  CHECK(event["context"]["externalIds"].dump() ==
        R"([{"id":"cus_1","type":"stripe_customer"},{"id":"ch_1","type":"stripe_charge"}])");
  CHECK(charge("jpy", 500)["properties"]["amount"].get<double>() == 500.0);
  CHECK(charge("kwd", 5120)["properties"]["amount"].get<double>() == 5.12);
  CHECK(charge("isk", 500)["properties"]["amount"].get<double>() == 5.0);
}

TEST_CASE("a guest's Stripe charge names the billing e-mail address; an expanded customer is read, too") {
  json charge = {{"id", "ch_1"}, {"customer", nullptr}, {"amount", 1}, {"currency", "eur"}};
  charge["billing_details"]["email"] = "a@b.c";
  const auto ids = of_stripe("charge.succeeded", charge)["context"]["externalIds"];
  CHECK(ids.dump() == R"([{"id":"ch_1","type":"stripe_charge"},{"id":"a@b.c","type":"email"}])");
  charge["customer"] = {{"id", "cus_2"}};
  CHECK(of_stripe("charge.succeeded", charge)["context"]["externalIds"][0]["id"].get<std::string>() == "cus_2");
}

TEST_CASE("a Stripe charge that is refunded in parts tells each part, by the event's id") {
  const json charge = {{"id", "ch_1"}, {"customer", "cus_1"}, {"amount_refunded", 1500}, {"currency", "eur"}};
  const auto second = of_stripe("charge.refunded", charge, {{"amount_refunded", 1000}});
  CHECK(second["event"].get<std::string>() == "Payment Refunded");
  CHECK(second["properties"]["amount"].get<double>() == 5.0);
  CHECK(second["messageId"].get<std::string>() == "stripe:evt_1");
  CHECK(of_stripe("charge.refunded", charge)["properties"]["amount"].get<double>() == 15.0);
}

TEST_CASE("Stripe's refunds are events of another name, found by the charge") {
  const json refund = {
      {"id", "re_1"}, {"charge", "ch_1"}, {"amount", 500}, {"currency", "eur"}, {"status", "succeeded"}};
  const auto created = of_stripe("refund.created", refund);
  CHECK(created["event"].get<std::string>() == "Refund Created");
  CHECK(created["context"]["externalIds"].dump() == R"([{"id":"ch_1","type":"stripe_charge"}])");
  CHECK(of_stripe("refund.failed", refund)["event"].get<std::string>() == "Refund Failed");
  CHECK(of_stripe("refund.updated", refund)["messageId"].get<std::string>() == "stripe:evt_1");
}

TEST_CASE("Stripe's subscriptions, customers and invoices") {
  const auto subscription = json::parse(R"({"id": "sub_1", "customer": "cus_1", "status": "active", "currency": "eur",
    "cancel_at_period_end": false, "items": {"data": [{"quantity": 3, "price": {"id": "price_1"}}]}})");
  const auto updated = of_stripe("customer.subscription.updated", subscription, {{"status", "trialing"}});
  CHECK(
      updated["properties"].dump() ==
      R"({"cancel_at_period_end":false,"currency":"EUR","plans":["price_1"],"previous_status":"trialing","quantity":3,)"
      R"("status":"active","subscription_id":"sub_1"})");
  CHECK(of_stripe("customer.subscription.created", subscription)["messageId"].get<std::string>() ==
        "stripe:customer.subscription.created:sub_1");
  CHECK(of_stripe("customer.subscription.deleted", subscription)["event"].get<std::string>() ==
        "Subscription Cancelled");

  const auto customer = of_stripe("customer.updated", {{"id", "cus_1"}, {"email", "a@b.c"}, {"name", "Ada"}});
  CHECK(customer["type"].get<std::string>() == "identify");
  CHECK(customer["traits"].dump() == R"({"email":"a@b.c","name":"Ada"})");

  json invoice = {{"id", "in_1"}, {"customer", "cus_1"}, {"amount_paid", 1000}, {"currency", "eur"}};
  invoice["parent"]["subscription_details"]["subscription"] = "sub_1";
  const auto paid = of_stripe("invoice.paid", invoice);
  CHECK(paid["properties"]["subscription_id"].get<std::string>() == "sub_1");
  CHECK(paid["properties"]["amount"].get<double>() == 10.0);
}

TEST_CASE("the generic mapping takes an event, an array and a batch") {
  const auto generic = [](const std::string& text) { return mapped_by(webhook::generic_rules(), text); };
  const std::string one = R"({"type": "track", "event": "E", "userId": 5, "messageId": "m"})";
  CHECK(events_of(generic(one))[0].dump() == R"({"event":"E","messageId":"m","type":"track","userId":"5"})");
  CHECK(generic("[" + one + "," + one + "]").count == 2);
  CHECK(generic(R"({"batch": [)" + one + R"(], "sentAt": "2023-11-14"})").count == 1);
  CHECK(generic(R"([{"userId": "a", "event": "E"}])").count == 1);
  CHECK(generic("[]").count == 0);
  for (const auto* bad : {"7", "null", R"("text")", "[7]", R"({"batch": 1})", "{}"}) {
    INFO(bad);
    const auto made = generic(bad);
    CHECK(made.count == 0);
    CHECK(made.skipped_events.size() == 1);
  }
}

TEST_CASE("presets are found by name, and compile") {
  for (const auto* name : {"shopify", "stripe", "generic"}) {
    const auto made = webhook::mapping::make(webhook::preset_rules(name), name);
    INFO((made ? std::string() : made.error().message));
    CHECK(made);
  }
  CHECK(webhook::preset_rules("github").empty());
}
