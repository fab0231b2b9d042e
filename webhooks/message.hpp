// What is sent: a CloudEvent (CNCF CloudEvents 1.0, structured mode, JSON), signed as Standard Webhooks says.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "actors/told_change.hpp"

namespace kith::webhooks {

/// Stays the same however often it is sent: receivers tell repetitions by it.
std::string message_id(profile::hash128 id);

/// `source`: of the event, the server's name.
std::string cloud_event(const actors::told_change& told, std::string_view id, std::string_view source);

/// The header `webhook-signature`: "v1," and the HMAC-SHA256 of "id.timestamp.body" in base64, one a secret.
std::string signature(const std::vector<std::string>& secrets, std::string_view id, std::int64_t timestamp_s,
                      std::string_view body);

}  // namespace kith::webhooks
