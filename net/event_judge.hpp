// The seam for what looks at events before they are published over the protocol: it may hold some back. What judges
// (schemas, guards) lives above net/; a server is only given it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "actors/service.hpp"

namespace kith::net {

/// A batch of which something was held back.
struct judged_events {
  std::string events;                      ///< what goes on: a MessagePack array
  std::vector<std::uint32_t> indexes;      ///< of `events` in what was sent
  std::vector<actors::rejection> refused;  ///< by index in what was sent; each with its `reason`
};

/// Thread safety: judge() on the thread of shard `home`.
class event_judge {
 public:
  virtual ~event_judge() = default;

  /// `received_ms`: when a forwarder took them in, milliseconds since 1970; 0: now.
  /// `events`: a MessagePack array, of a credential's `source`. Nothing: all of it goes on as it is, which is said
  /// without looking at the events where nothing judges those of the source.
  virtual std::optional<judged_events> judge(actors::shard_id home, std::string_view events, const std::string& source,
                                             std::int64_t received_ms) = 0;
};

}  // namespace kith::net
