// Tells endpoints of what happens in the runtime: what changes comes into the store's queues (actors/told_change.hpp),
// a sender empties each.
//
// Thread safety: all public members, from any thread that is no shard's; they may block.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "webhooks/sender.hpp"

namespace kith::webhooks {

/// What goes into which queue, for the runtime.
std::shared_ptr<const std::vector<actors::outgoing_rule>> rules_of(const std::vector<endpoint>& endpoints);

/// Something that an endpoint was not told in time.
struct dead_letter {
  persistence::outgoing_item item;
  actors::told_change told;
};

class deliverer {
 public:
  explicit deliverer(sender_environment environment);
  ~deliverer();
  deliverer(const deliverer&) = delete;
  deliverer& operator=(const deliverer&) = delete;

  /// From now on these, and what waits for each of them. What waits for others stays in the store. `rules`: which hosts
  /// and addresses may be sent to.
  void deliver_to(std::vector<endpoint> endpoints, const net::outgoing_rules& rules = {});
  std::vector<status> statuses() const;

  /// Errors: not_found (no such endpoint).
  result<std::vector<dead_letter>> dead_letters(const std::string& name, const persistence::outgoing_item* behind,
                                                std::size_t limit) const;
  enum class fate : std::uint8_t { replay, drop };
  /// Those ids, or all. How many they were. Errors: not_found (the endpoint, or an id).
  result<std::size_t> decide(const std::string& name, const std::optional<std::vector<std::string>>& ids, fate what);

 private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

}  // namespace kith::webhooks
