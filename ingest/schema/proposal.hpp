// A schema from what was observed.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "ingest/schema/observed.hpp"

namespace kith::ingest::schema {

/// A schema of the event that all that was seen of it fits: types, what was always there as `required`, formats that
/// all strings have, and an enum where a few words recur (see observed_value::words). 2020-12.
nlohmann::json propose(const std::string& event, const std::map<std::string, observed_event, std::less<>>& seen);

}  // namespace kith::ingest::schema
