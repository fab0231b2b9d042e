#include "webhooks/endpoint.hpp"

#include "profile/standard_webhooks.hpp"

namespace kith::webhooks {

result<std::string> parse_secret(std::string_view text) { return profile::parse_webhook_secret(text); }

}  // namespace kith::webhooks
