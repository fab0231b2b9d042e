// What shards tell of profiles, and do for the admin API, waited for.
//
// Thread safety: from any thread that is no shard's.
#pragma once

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "actors/service.hpp"

namespace kith::admin {

using profile_question = std::function<void(actors::service&, actors::read_done)>;

/// Blocks, for ten seconds at most. The answer as MessagePack; nothing: there is no such profile. Errors: unavailable,
/// and what the shard says.
result<std::optional<std::string>> ask_profile(actors::service& service, profile_question question);

/// The same of several, in the order in which they were asked for.
using told_profiles = std::vector<std::optional<std::string>>;
result<told_profiles> ask_profiles(actors::service& service, profile_question question);

/// Blocks, for ten seconds at most, until the events are durable; `events` is a MessagePack array of them. Errors:
/// unavailable (also when the time is up: then they may come to be applied), and those of service::publish.
result<actors::publish_outcome> publish_and_wait(actors::service& service, std::string events, std::string source);

/// What people, and events, name the profile of this map by: a user id, else an external one, else an anonymous one.
/// Nothing: it has none of them.
std::optional<profile::identifier> readable_identifier(const nlohmann::json& of);

/// `{kind, type?, id}`, kind "user", "anonymous", "external" or "profile".
nlohmann::json identifier_json(const profile::identifier& of);

}  // namespace kith::admin
