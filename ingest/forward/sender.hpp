// Sends what is in the spool to the store, by the protocol over TLS, and acknowledges in the spool what the store made
// durable.
//
// Invariants
//   - Of one lane batches are sent in order, on one connection; none is applied before one that was refused
//     (net::write_forwarded). So a profile's events in a lane keep their order.
//   - Of the critical lane goes all that is there before anything more of the normal one.
//   - What the store rejects is a dead letter before it is acknowledged. A refusal of a whole batch rejects no event:
//   it
//     is sent again, until the store takes it.
//
// Thread safety: all public members, from any thread.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "actors/tracing.hpp"
#include "net/client_connection.hpp"
#include "persistence/dead_letters.hpp"
#include "persistence/spool.hpp"
#include "profile/result.hpp"

namespace kith::ingest::forward {

struct store_link {
  std::vector<net::client_options> servers;       ///< of one store; the next one is tried when one fails
  std::size_t in_flight_bytes = 4 * 1024 * 1024;  ///< of events that were sent and are not answered
  std::size_t in_flight_batches = 512;            ///< below what the store's limits allow
  std::size_t batch_bytes = 256 * 1024;           ///< of events in one batch, but for a record that is larger
  std::chrono::milliseconds retry_first{100};     ///< see net::backoff
  std::chrono::milliseconds retry_most{30'000};
};

/// Counts since the start, which only grow.
struct probe {
  using counter = std::atomic<std::uint64_t>;
  counter sent_events{0};  ///< each time that they were sent
  counter sent_batches{0};
  counter applied{0};  ///< acknowledged by the store, as it says
  counter duplicate{0};
  counter rejected{0};     ///< by the store: they are dead letters
  counter retries{0};      ///< times that a connection or a batch failed, and what was unanswered is sent again
  counter connections{0};  ///< made
};

struct sender_status {
  bool connected = false;
  std::string server;                                             ///< that is, or was last, connected to, or tried
  std::string why;                                                ///< it is not connected; empty: there was no failure
  std::array<std::int64_t, persistence::lane_count> oldest_ms{};  ///< when the oldest event that waits came; 0: none
  std::int64_t lag_ms = 0;  ///< from when the events of the last acknowledged batch came until then
};

struct sender_environment {
  std::function<std::int64_t()> now_ms;  ///< milliseconds since 1970
  std::function<void(std::string_view level, std::string_view message)> log;
  actors::tracer* traces = nullptr;  ///< null: nothing is traced. Outlives the sender
};

class sender {
 public:
  /// REQUIRES: spool and letters outlive it. Errors: invalid_argument, naming a file.
  static result<std::unique_ptr<sender>> start(persistence::spool& from, persistence::dead_letters& letters,
                                               store_link to, sender_environment with);
  ~sender();  ///< sends no more; what is unanswered is sent again after the next start
  sender(const sender&) = delete;
  sender& operator=(const sender&) = delete;

  /// From now on to these; their files are read anew. Errors, after which the former ones stay: invalid_argument.
  result<void> reconfigure(store_link to);
  /// Waits until everything is acknowledged. False: not within that time, or the store does not answer.
  bool drain(std::chrono::steady_clock::duration patience);

  const probe& stats() const noexcept;
  sender_status status() const;

 private:
  struct impl;
  explicit sender(std::shared_ptr<impl> made);
  std::shared_ptr<impl> impl_;
};

}  // namespace kith::ingest::forward
