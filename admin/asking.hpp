// What a shard tells of one profile, waited for.
//
// Thread safety: from any thread that is no shard's.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "actors/service.hpp"

namespace kith::admin {

using profile_question = std::function<void(actors::service&, actors::read_done)>;

/// Blocks, for ten seconds at most. The answer as MessagePack; nothing: there is no such profile. Errors: unavailable,
/// and what the shard says.
result<std::optional<std::string>> ask_profile(actors::service& service, profile_question question);

}  // namespace kith::admin
