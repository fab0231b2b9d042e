// What the protocol server counts, for admin to show.
//
// Thread safety: all of it; counts are relaxed and only ever grow, but for `connections_open`.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "profile/result.hpp"

namespace kith::net {

inline constexpr std::size_t errc_count = static_cast<std::size_t>(errc::internal) + 1;

/// Of any server.
struct connection_counts {
  std::atomic<std::uint64_t> connections_open{0};
  std::atomic<std::uint64_t> connections_total{0};
  std::atomic<std::uint64_t> connections_refused{0};  ///< over the bound
};

struct probe : connection_counts {
  using counter = std::atomic<std::uint64_t>;

  counter handshake_failures{0};
  counter timeouts{0};  ///< handshake, hello and half-sent frames
  counter malformed_frames{0};
  counter frames{0};
  counter notifications_ignored{0};  ///< clients have none to send
  counter bytes_in{0};               ///< inside TLS
  counter bytes_out{0};
  counter quota_refusals{0};
  counter events_held_back{0};               ///< by schemas and guards: they are dead letters
  counter reads_paused{0};                   ///< times that a connection was not read for a while
  counter watches_ended{0};                  ///< because their reader was too slow
  std::array<counter, errc_count> errors{};  ///< replies with an error, by errc

  void error(errc code) noexcept { add(errors[static_cast<std::size_t>(code)]); }
  static void add(counter& to, std::uint64_t n = 1) noexcept { to.fetch_add(n, std::memory_order_relaxed); }
};

}  // namespace kith::net
