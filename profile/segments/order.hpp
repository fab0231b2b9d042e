// The order in which definitions are evaluated.
#pragma once

#include <cstdint>
#include <vector>

namespace kith::profile::segments {

struct evaluation_order {
  std::vector<std::uint32_t> order;  ///< all that can be ordered
  std::vector<std::vector<std::uint32_t>>
      circles;  ///< each as a -> b -> … (-> a); those that only lead into one are in none
};

/// `needs[i]`: what i depends on. Of those that are ready the lowest comes first.
evaluation_order order_of(const std::vector<std::vector<std::uint32_t>>& needs);

}  // namespace kith::profile::segments
