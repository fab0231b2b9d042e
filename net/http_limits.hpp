// What a request over HTTP may be, and how long it may take.
#pragma once

#include <chrono>
#include <cstddef>

namespace kith::net {

struct http_limits {
  std::size_t target_bytes = 8 * 1024;  ///< path and query
  std::size_t header_bytes = 16 * 1024;
  std::size_t fields = 100;
  std::size_t body_bytes = 1024 * 1024;           ///< as it was sent
  std::size_t waiting_bytes = 256 * 1024 * 1024;  ///< bodies of all connections together
  std::size_t connections = 20000;
  std::chrono::milliseconds handshake_timeout{10'000};
  std::chrono::milliseconds header_timeout{10'000};  ///< from a request's first byte to the end of its header
  std::chrono::milliseconds body_timeout{60'000};    ///< from there to its last byte
  std::chrono::milliseconds idle_timeout{75'000};    ///< between requests
};

}  // namespace kith::net
