// Tries dead letters again that hold one event as it would have been published.
//
// Thread safety: all of it, from any thread that is no shard's; replay() blocks.
#pragma once

#include <chrono>

#include "ingest/destination.hpp"
#include "persistence/dead_letter.hpp"

namespace kith::ingest {

class event_replayer {
 public:
  static constexpr std::string_view content_type = "application/msgpack";

  /// `patience`: how long an event may take until it is durable.
  explicit event_replayer(destination& to, std::chrono::milliseconds patience = std::chrono::seconds(10))
      : to_(to), patience_(patience) {}

  /// Publishes the letter's event with the letter's source. Errors: invalid_argument (it holds no such event, or was
  /// cut), unavailable (also when the time is up: then the event may come to be applied), resource_exhausted.
  result<persistence::replay_outcome> replay(const persistence::dead_letter& letter) const;
  /// Publishes a MessagePack array of events. Errors: as above.
  result<persistence::replay_outcome> publish(std::string events, const persistence::dead_letter& of) const;

 private:
  destination& to_;
  const std::chrono::milliseconds patience_;
};

}  // namespace kith::ingest
