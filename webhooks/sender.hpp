// Empties the queue of one endpoint: a thread, several requests at once (libcurl).
//
// Invariants
//   - What is in the queue leaves it when the endpoint answered 2xx, or for the dead letters. Both are durable with the
//     store's next flush: a crash may send a message again, with the same id.
//   - Of one profile's changes a later one is not sent before those before it have left the queue.
// Thread safety: all public members, from any thread.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "actors/service.hpp"
#include "actors/tracing.hpp"
#include "net/outgoing_url.hpp"
#include "webhooks/endpoint.hpp"

namespace kith::webhooks {

enum class sending : std::uint8_t {
  delivering,
  failing,  ///< the last request failed; it goes on trying
  gone      ///< it answered 410: nothing is sent until the configuration is read again
};

struct status {
  std::string name;
  std::string url;
  std::vector<std::string> segments;
  std::string purpose;  ///< empty: none
  sending now = sending::delivering;
  std::uint64_t delivered = 0;  ///< since the start, as all counts
  std::uint64_t failed = 0;     ///< requests
  std::uint64_t dead = 0;       ///< given up
  std::uint64_t waiting = 0;    ///< at most `looked_at`
  std::int64_t oldest_ms = 0;   ///< of those; 0: none waits
  std::int64_t last_success_ms = 0;
  std::string last_error;
};

struct sender_environment {
  actors::service& service;
  std::string source;  ///< this server's name in events
  std::function<std::int64_t()> now_ms;
  std::function<void(std::string_view level, std::string_view message)> log;
  actors::tracer* traces =
      nullptr;  ///< null: nothing is traced, and no request says `traceparent`. Outlives the sender
};

class sender {
 public:
  static constexpr std::size_t looked_at = 1000;  ///< of the queue, at once

  /// `rules`: which hosts and addresses may be sent to.
  sender(endpoint to, net::outgoing_rules rules, const sender_environment& environment);
  ~sender();  ///< requests under way are cut off, and sent again at the next start
  sender(const sender&) = delete;
  sender& operator=(const sender&) = delete;

  status now() const;

 private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

}  // namespace kith::webhooks
