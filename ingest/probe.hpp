// What the ingest edges count, for admin to show.
//
// Thread safety: all of it; counts are relaxed and only ever grow.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string_view>

namespace kith::ingest {

enum class edge : std::uint8_t { tracking, webhook, cloudevents };
inline constexpr std::size_t edge_count = 3;

constexpr std::string_view name_of(edge which) noexcept {
  constexpr std::array<std::string_view, edge_count> names = {"tracking", "webhook", "cloudevents"};
  return names[static_cast<std::size_t>(which)];
}

struct probe {
  using counter = std::atomic<std::uint64_t>;
  struct of_edge {
    counter requests{0};
    counter events{0};        ///< that came in
    counter refused{0};       ///< of them, or of what could not be told apart into events: they are dead letters
    counter bad_requests{0};  ///< answered with 4xx: nothing of them was kept
    counter unauthenticated{0};
    counter over_quota{0};
    counter unavailable{0};  ///< answered with 503: the sender tries again
  };
  std::array<of_edge, edge_count> edges;

  of_edge& of(edge which) noexcept { return edges[static_cast<std::size_t>(which)]; }
  static void add(counter& to, std::uint64_t n = 1) noexcept { to.fetch_add(n, std::memory_order_relaxed); }
};

}  // namespace kith::ingest
