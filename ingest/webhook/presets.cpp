#include "ingest/webhook/presets.hpp"

#include <string>

namespace kith::ingest::webhook {

namespace {

using fields = std::vector<std::pair<std::string, std::string>>;

std::string topic(std::string_view name) { return "headers['x-shopify-topic'] == '" + std::string(name) + "'"; }

/// As double, if it is there: Shopify writes money as texts.
std::string money(const std::string& path) { return "double(" + path + ")"; }

rule shopify_order() {
  rule made;
  made.user_id = "body.customer.id";
  made.external_ids = {{"email", "body.email"}, {"shopify_order", "body.id"}};
  // Only what stays as it was between orders/create and orders/paid: whichever comes first makes the event.
  made.property = {{"order_id", "string(body.id)"},
                   {"order_number", "string(body.order_number)"},
                   {"checkout_id", "string(body.checkout_id)"},
                   {"total", money("body.total_price")},
                   {"revenue", money("body.subtotal_price")},
                   {"subtotal", money("body.subtotal_price")},
                   {"shipping", money("body.total_shipping_price_set.shop_money.amount")},
                   {"tax", money("body.total_tax")},
                   {"discount", money("body.total_discounts")},
                   {"coupon", "body.discount_codes.map(c, c.code)[0]"},
                   {"currency", "body.currency"},
                   {"products",
                    "body.line_items.map(i, {"
                    "'product_id': has(i.product_id) && i.product_id != null ? dyn(string(i.product_id)) : null,"
                    "'variant_id': has(i.variant_id) && i.variant_id != null ? dyn(string(i.variant_id)) : null,"
                    "'sku': has(i.sku) ? i.sku : null,"
                    "'name': has(i.title) ? i.title : null,"
                    "'variant': has(i.variant_title) ? i.variant_title : null,"
                    "'brand': has(i.vendor) ? i.vendor : null,"
                    "'price': double(i.price),"
                    "'quantity': i.quantity})"}};
  return made;
}

rule shopify_customer(std::string_view name) {
  rule made;
  made.type = "identify";
  made.user_id = "body.id";
  made.external_ids = {{"email", "body.email"}};
  made.trait = {{"email", "body.email"},
                {"firstName", "body.first_name"},
                {"lastName", "body.last_name"},
                {"phone", "body.phone"},
                {"tags", "body.tags"},
                {"createdAt", "body.created_at"},
                {"locale", "body.locale"},
                {"country", "body.default_address.country_code"},
                {"city", "body.default_address.city"},
                {"postalCode", "body.default_address.zip"},
                {"acceptsMarketing", "body.email_marketing_consent.state == 'subscribed'"},
                {"currency", "body.currency"}};
  made.name = name;
  return made;
}

// Stripe counts money in the smallest unit (docs.stripe.com/currencies): of some currencies that is the whole one, of
// some a thousandth. ISK and UGX have no smaller unit and are still sent in hundredths.
constexpr std::string_view whole_units =
    "['bif', 'clp', 'djf', 'gnf', 'jpy', 'kmf', 'krw', 'mga', 'pyg', 'rwf', 'vnd', 'vuv', 'xaf', 'xof', 'xpf']";
constexpr std::string_view thousandths = "['bhd', 'jod', 'kwd', 'omr', 'tnd']";

std::string in_major_units(const std::string& amount, const std::string& currency) {
  return "double(" + amount + ") / (" + currency + " in " + std::string(whole_units) + " ? 1.0 : " + currency + " in " +
         std::string(thousandths) + " ? 1000.0 : 100.0)";
}

std::string object(std::string_view field) { return "body.data.object." + std::string(field); }

std::string major(std::string_view amount) { return in_major_units(object(amount), object("currency")); }

/// Once: it happens to the object once, so the object names it.
rule stripe(const std::string& type, const std::string& event, bool once) {
  rule made;
  made.name = type;
  made.when = "body.type == '" + type + "'";
  made.event = "'" + event + "'";
  made.user_id = object("metadata.user_id");
  made.timestamp = "timestamp(body.created)";
  made.message_id = once ? "'stripe:" + type + ":' + " + object("id") : "'stripe:' + body.id";
  return made;
}

/// An id, or the whole object where the sender expanded it.
std::string id_or_object(const std::string& path) {
  return "type(" + path + ") == string ? " + path + " : " + path + ".id";
}

void of_customer(rule& made) { made.external_ids = {{"stripe_customer", id_or_object(object("customer"))}}; }

rule stripe_charge(const std::string& type, const std::string& event, bool once, const std::string& amount) {
  auto made = stripe(type, event, once);
  of_customer(made);
  made.external_ids.emplace_back("stripe_charge", object("id"));
  made.external_ids.emplace_back("email",
                                 object("customer") + " == null ? " + object("billing_details.email") + " : null");
  made.property = {{"charge_id", object("id")},
                   {"payment_intent_id", object("payment_intent")},
                   {"invoice_id", object("invoice")},
                   {"amount", amount},
                   {"currency", object("currency.upperAscii()")},
                   {"description", object("description")}};
  return made;
}

rule stripe_refund(const std::string& type, const std::string& event, bool once) {
  auto made = stripe(type, event, once);
  made.external_ids = {{"stripe_charge", id_or_object(object("charge"))}};
  made.property = {{"refund_id", object("id")},
                   {"charge_id", id_or_object(object("charge"))},
                   {"payment_intent_id", object("payment_intent")},
                   {"amount", major("amount")},
                   {"currency", object("currency.upperAscii()")},
                   {"reason", object("reason")},
                   {"status", object("status")}};
  return made;
}

rule stripe_subscription(const std::string& type, const std::string& event, bool once) {
  auto made = stripe(type, event, once);
  of_customer(made);
  made.property = {{"subscription_id", object("id")},
                   {"status", object("status")},
                   {"previous_status", "body.data.previous_attributes.status"},
                   {"currency", object("currency.upperAscii()")},
                   {"cancel_at_period_end", object("cancel_at_period_end")},
                   {"plans", object("items.data.map(i, i.price.id)")},
                   {"quantity", object("items.data[0].quantity")}};
  return made;
}

rule stripe_customer(const std::string& type, bool once) {
  auto made = stripe(type, {}, once);
  made.type = "identify";
  made.event.clear();
  made.external_ids = {{"stripe_customer", object("id")}, {"email", object("email")}};
  made.trait = {{"email", object("email")},          {"name", object("name")},
                {"phone", object("phone")},          {"country", object("address.country")},
                {"city", object("address.city")},    {"postalCode", object("address.postal_code")},
                {"delinquent", object("delinquent")}};
  return made;
}

rule stripe_invoice() {
  auto made = stripe("invoice.paid", "Invoice Paid", true);
  of_customer(made);
  made.property = {{"invoice_id", object("id")},
                   {"subscription_id", "has(" + object("subscription") + ") ? " + object("subscription") + " : " +
                                           object("parent.subscription_details.subscription")},
                   {"amount", major("amount_paid")},
                   {"currency", object("currency.upperAscii()")},
                   {"billing_reason", object("billing_reason")}};
  return made;
}

}  // namespace

std::vector<rule> shopify_rules() {
  std::vector<rule> made;
  auto completed = shopify_order();
  completed.name = "orders/completed";
  completed.when = "headers['x-shopify-topic'] in ['orders/create', 'orders/paid']";
  completed.event = "'Order Completed'";
  completed.timestamp = "body.created_at";
  completed.message_id = "'shopify:order:' + string(body.id) + ':completed'";
  made.push_back(std::move(completed));

  auto cancelled = shopify_order();
  cancelled.name = "orders/cancelled";
  cancelled.when = topic("orders/cancelled");
  cancelled.event = "'Order Cancelled'";
  cancelled.timestamp = "body.cancelled_at";
  cancelled.message_id = "'shopify:order:' + string(body.id) + ':cancelled'";
  cancelled.property.emplace_back("reason", "body.cancel_reason");
  made.push_back(std::move(cancelled));

  rule refunded;
  refunded.name = "refunds/create";
  refunded.when = topic("refunds/create");
  refunded.event = "'Order Refunded'";
  refunded.external_ids = {{"shopify_order", "body.order_id"}};
  refunded.timestamp = "body.created_at";
  refunded.message_id = "'shopify:refund:' + string(body.id)";
  refunded.property = {{"order_id", "string(body.order_id)"},
                       {"refund_id", "string(body.id)"},
                       {"total",
                        "sum(body.transactions.filter(t, t.kind == 'refund' && !(t.status in ['failure', 'error']))"
                        ".map(t, double(t.amount)))"},
                       {"currency", "body.transactions[0].currency"},
                       {"reason", "body.note"},
                       {"products",
                        "body.refund_line_items.map(r, {"
                        "'product_id': r.line_item.product_id == null ? null : dyn(string(r.line_item.product_id)),"
                        "'sku': r.line_item.sku, 'name': r.line_item.title,"
                        "'price': double(r.line_item.price), 'quantity': r.quantity})"}};
  made.push_back(std::move(refunded));

  auto created = shopify_customer("customers/create");
  created.when = topic("customers/create");
  created.timestamp = "body.created_at";
  created.message_id = "'shopify:customer:' + string(body.id) + ':created'";
  made.push_back(std::move(created));

  auto updated = shopify_customer("customers/update");
  updated.when = topic("customers/update");
  updated.timestamp = "body.updated_at";
  updated.message_id = "'shopify:customer:' + digest";
  made.push_back(std::move(updated));
  return made;
}

std::vector<rule> stripe_rules() {
  // A charge may be refunded in parts: the event has the sum so far, and what it was before.
  const auto refunded = in_major_units(
      "(" + object("amount_refunded") +
          " - (has(body.data.previous_attributes) && has(body.data.previous_attributes.amount_refunded) ? "
          "body.data.previous_attributes.amount_refunded : 0))",
      object("currency"));
  return {stripe_charge("charge.succeeded", "Payment Succeeded", true, major("amount")),
          stripe_charge("charge.refunded", "Payment Refunded", false, refunded),
          stripe_refund("refund.created", "Refund Created", true),
          stripe_refund("refund.updated", "Refund Updated", false),
          stripe_refund("refund.failed", "Refund Failed", true),
          stripe_subscription("customer.subscription.created", "Subscription Created", true),
          stripe_subscription("customer.subscription.updated", "Subscription Updated", false),
          stripe_subscription("customer.subscription.deleted", "Subscription Cancelled", true),
          stripe_customer("customer.created", true),
          stripe_customer("customer.updated", false),
          stripe_invoice()};
}

std::vector<rule> generic_rules() {
  rule made;
  made.name = "generic";
  made.each = "type(body) == list ? body : type(body) == map && has(body.batch) ? body.batch : [body]";
  made.base = "item";
  return {std::move(made)};
}

std::vector<rule> preset_rules(std::string_view name) {
  if (name == "shopify") return shopify_rules();
  if (name == "stripe") return stripe_rules();
  return name == "generic" ? generic_rules() : std::vector<rule>();
}

}  // namespace kith::ingest::webhook
