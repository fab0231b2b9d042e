// Aggregates that a profile must be given from its past events; see profile::backfill.
#pragma once

#include <cstdint>
#include <vector>

#include "profile/profile.hpp"
#include "profile/segments/catalog.hpp"

namespace kith::profile::segments {

/// The keys, sorted, of those that the catalog's definitions read and the profile does not hold whole. Empty if it has
/// no event of their names.
std::vector<std::uint64_t> missing_aggregates(const profile& of, const catalog& with);

/// The event names that these aggregates are of, each once: the past events to read.
std::vector<std::string_view> event_names(const catalog& with, std::span<const std::uint64_t> keys);

}  // namespace kith::profile::segments
