// Ready-made mappings, as the same rules that a configuration writes.
//
// Which ids their events have decides what counts once:
// - What happens once to an object (an order is placed, a charge succeeds) is named by the object, not by the delivery:
//   `shopify:order:450789469:completed`. So a retry, a second subscription, and orders/create beside orders/paid count
//   once together. Senders warn of two event objects for one thing, which ids of deliveries would count twice.
// - What can happen often to an object (a subscription changes) is named by the sender's id of the event, or, where it
//   is not signed or not kept by retries, by the digest of the body.
#pragma once

#include <string_view>
#include <vector>

#include "ingest/webhook/mapping.hpp"

namespace kith::ingest::webhook {

/// By the topic in X-Shopify-Topic: "Order Completed" of orders/create and orders/paid, "Order Cancelled", "Order
/// Refunded" of refunds/create, identify of customers/create and customers/update. People are the customer's id as
/// userId and the e-mail address; an order is an external id `shopify_order` of theirs, by which refunds, which name no
/// customer, find them.
std::vector<rule> shopify_rules();

/// By the event's type: "Payment Succeeded", "Payment Refunded", "Refund Created", "Refund Updated", "Refund Failed",
/// "Subscription Created", "Subscription Updated", "Subscription Cancelled", "Invoice Paid", identify of customers.
/// People are `metadata.user_id` as userId, if the object has it, and an external id `stripe_customer`; guests their
/// billing e-mail address.
std::vector<rule> stripe_rules();

/// The body is an event of Kith's own shape, an array of them, or a map with such an array as `batch`.
std::vector<rule> generic_rules();

/// "shopify", "stripe", "generic"; nothing if there is none of that name.
std::vector<rule> preset_rules(std::string_view name);

}  // namespace kith::ingest::webhook
