// An event as expressions see it: a map of its fields.
#pragma once

#include <array>
#include <span>
#include <string>
#include <string_view>

#include "profile/cel/arena.hpp"
#include "profile/cel/value.hpp"
#include "profile/event.hpp"

namespace kith::profile::segments {

inline constexpr std::array<std::string_view, 9> event_field_names = {
    "type", "event", "messageId", "userId", "anonymousId", "timestamp", "properties", "traits", "context"};

/// {type, event, messageId, userId, anonymousId, timestamp, properties, traits, context}. An absent identifier is no
/// entry; properties, traits and context are always there, empty perhaps. An error if the arena is full.
cel::value event_map(const event_view& event, cel::arena& memory) noexcept;

/// What lies at the path; null if there is nothing.
cel::value value_at(const cel::value& event, std::span<const std::string> path, cel::arena& memory) noexcept;

}  // namespace kith::profile::segments
