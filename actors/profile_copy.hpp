// A profile as it was at one instant, for work away from its shard.
//
// Thread safety: none; a value.
#pragma once

#include <string>
#include <vector>

#include "profile/hash.hpp"

namespace kith::actors {

/// What one identifier's events add up to.
struct facet_copy {
  profile::hash128 address;
  std::string state;                      ///< profile::encode()
  std::vector<profile::hash128> spilled;  ///< ids that left it, those that are not in the store yet
};

struct profile_copy {
  profile::hash128 id;
  std::vector<profile::hash128> identifiers;  ///< addresses, its own among them
  std::vector<facet_copy> facets;             ///< of those that have events
};

}  // namespace kith::actors
