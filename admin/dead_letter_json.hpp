// A dead letter as JSON: for the API, exports and the command line.
#pragma once

#include <nlohmann/json.hpp>

#include "persistence/dead_letter.hpp"

namespace kith::admin {

/// `bytes` as text, or in base64 where they are not UTF-8, as `encoding` says; MessagePack is `decoded` beside it.
nlohmann::json letter_json(const persistence::dead_letter& letter);

}  // namespace kith::admin
