// Every bound on a queue, buffer, batch or loop, with its name and default. Configurable ones are members of structs
// that the configuration fills; the rest are constants.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace kith::limits {

inline constexpr std::size_t message_id_bytes = 255;
inline constexpr std::size_t identifier_bytes = 512;       ///< userId, anonymousId, external id's value
inline constexpr std::size_t identifier_type_bytes = 255;  ///< external id's type
inline constexpr std::size_t event_name_bytes = 255;
inline constexpr std::size_t trait_path_bytes = 1024;
inline constexpr std::size_t external_ids_per_event = 32;
inline constexpr std::size_t max_nesting = 32;  ///< arrays and maps within one another, the outermost is 1
inline constexpr std::size_t views = 64;        ///< that are configured
inline constexpr std::size_t view_paths = 256;
inline constexpr std::size_t purposes = 64;                    ///< of consent, that are configured
inline constexpr std::size_t consent_purposes = 128;           ///< that a profile keeps a word about
inline constexpr std::size_t consent_purposes_per_event = 64;  ///< and that an event says one about
inline constexpr std::size_t consent_text_bytes = 64;          ///< a purpose's name, source or version
inline constexpr std::size_t retained_names = 256;  ///< traits, and events, that have a retention of their own
inline constexpr std::int64_t future_tolerance_ms = 5 * 60 * 1000;
inline constexpr std::int64_t session_gap_ms = 30 * 60 * 1000;

/// What an event may be.
struct event {
  std::size_t bytes = 32 * 1024;
  std::size_t nesting = max_nesting;
};

/// What a connection may do.
struct connection {
  std::size_t frame_bytes = 4 * 1024 * 1024;
  std::size_t batch_events = 65536;  ///< events in one publish
  std::size_t get_many_ids = 10000;
  std::size_t in_flight_requests = 1024;  ///< past it the server stops reading the socket
  std::size_t in_flight_bytes = 16 * 1024 * 1024;
  std::size_t outbound_bytes = 16 * 1024 * 1024;  ///< replies and notifications waiting for a slow reader
  std::size_t watches = 64;
  std::size_t connections = 20000;  ///< of all clients together
  std::chrono::milliseconds handshake_timeout{10'000};
  std::chrono::milliseconds frame_timeout{30'000};  ///< from a frame's first byte to its last
  std::chrono::milliseconds hello_timeout{10'000};  ///< from the handshake to `hello` where a token is needed
  double events_per_second = 0;                     ///< a credential's quota; 0: none
  double requests_per_second = 0;                   ///< a connection's quota; 0: none
};

}  // namespace kith::limits
