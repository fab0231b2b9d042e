// Publishes a stream of events in batches, several in flight, in the background.
//
// Invariants
//   - Every event that add() took is answered by exactly one call of `answered`.
//   - At most `in_flight` batches are unanswered; add() waits while they are and the next batch is full.
//
// Thread safety: all of it.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string_view>

#include "actors/service.hpp"
#include "net/client_connection.hpp"

namespace kith::net {

struct publisher_options {
  std::size_t batch_events = 128;
  std::size_t batch_bytes = 1024 * 1024;
  std::size_t in_flight = 8;             ///< batches
  std::chrono::milliseconds linger{20};  ///< an event waits so long for others to share its batch
  actors::publish_options publish;
};

/// `first`: the number of the batch's first event, counting from 0 in the order of add(); `count`: of its events.
/// Runs on the io thread.
using batch_answered =
    std::function<void(std::uint64_t first, std::size_t count, const result<actors::publish_outcome>& outcome)>;

class publisher {
 public:
  static result<std::unique_ptr<publisher>> connect(client_options options, publisher_options batching,
                                                    batch_answered answered);
  ~publisher();  ///< flush(), then closes
  publisher(const publisher&) = delete;
  publisher& operator=(const publisher&) = delete;

  /// One event as a MessagePack map. Blocks while too much is in flight.
  void add(std::string_view event);
  /// Returns when every event so far was answered.
  void flush();

 private:
  struct impl;
  explicit publisher(std::shared_ptr<impl> made);
  std::shared_ptr<impl> impl_;
};

}  // namespace kith::net
