// Counts of the admin server.
//
// Thread safety: all of it.
#pragma once

#include <atomic>
#include <cstdint>

namespace kith::admin {

struct probe {
  using counter = std::atomic<std::uint64_t>;

  counter requests{0};
  counter unauthenticated{0};  ///< answered with 401
  counter forbidden{0};        ///< answered with 403, for want of a role
  counter forged{0};           ///< answered with 403: another site's page sent them
  counter throttled{0};        ///< answered with 429
  counter sessions_opened{0};
  counter sign_ins_refused{0};
  counter idempotent_replays{0};  ///< answered as the first request with that Idempotency-Key was

  static void add_one(counter& to) noexcept { to.fetch_add(1, std::memory_order_relaxed); }
};

}  // namespace kith::admin
