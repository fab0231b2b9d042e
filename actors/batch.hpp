// A batch of events, or an order, on its way: from the socket to the journal, to the actors and back to the reply.
//
// Invariants
//   - `record` does not move once it is set: `events` are views into it, and the journal writes from it.
//   - outcomes[i] is written only by the shard that applies events[i]: its profile's.
// Thread safety: `left[s]` belongs to shard s; `shards_left` is shared; all else to the home shard.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "actors/identity.hpp"
#include "actors/service.hpp"
#include "actors/tracing.hpp"
#include "persistence/erasure_book.hpp"
#include "profile/event.hpp"

namespace kith::actors {

enum class event_outcome : std::uint8_t { pending, applied, duplicate };

struct batch {
  using time_point = std::chrono::steady_clock::time_point;

  shard_id home = 0;
  std::string record;                          ///< the journal record's payload, before it is encrypted
  std::string sealed;                          ///< it, encrypted; empty: it is not, or it is durable
  std::vector<profile::event_view> events;     ///< the accepted ones
  std::vector<std::uint32_t> indexes;          ///< of the events in the sender's batch; empty: the same
  std::shared_ptr<const unmerge_order> order;  ///< in place of events
  std::vector<event_outcome> outcomes;
  std::vector<profile::hash128> profiles;                             ///< if options.detail: whose each event was
  std::vector<std::uint64_t> versions;                                ///< if options.detail: after each event
  std::vector<std::shared_ptr<const membership_change>> memberships;  ///< as versions
  std::vector<rejection> rejected;
  std::vector<std::uint32_t> left;  ///< by shard: events not applied yet
  std::atomic<std::uint32_t> shards_left{0};
  std::uint32_t received = 0;  ///< events the sender sent
  publish_options options;
  publish_done done;  ///< empty in replay
  time_point started{};
  time_point durable{};
  std::unique_ptr<batch_trace> trace;  ///< null: its trace is not sampled
  unsigned epoch = 0;                  ///< of the home shard when it started (checkpoints wait for epochs)
  bool replayed = false;               ///< of the journal, at the start
  bool journaled = false;              ///< its record needs no more writing
  bool applied = false;                ///< every event has its outcome

  bool empty() const noexcept { return events.empty() && !order; }
};

using batch_ptr = std::unique_ptr<batch>;

/// Which shard an address lives on.
inline shard_id shard_of(profile::hash128 address, std::size_t shards) noexcept {
  return static_cast<shard_id>(((address.high >> 32) * shards) >> 32);
}

/// Takes events in: parses each, refuses the bad ones with their index, builds the record of the accepted ones.
/// `suppressed`: who is not to come back; null: nobody. What names them is refused, and nothing of it is kept.
/// Errors: invalid_argument (not an array of values), too_large (over `most` events).
result<batch_ptr> make_batch(std::string_view events_array, std::string_view source, const profile::reception& received,
                             std::size_t shards, const persistence::suppressed_ids* suppressed = nullptr);

/// Does the event name anybody of them?
bool names_suppressed(const profile::event_view& event, const persistence::suppressed_ids& suppressed);

/// A batch that holds the order alone.
batch_ptr make_order(std::shared_ptr<const unmerge_order> order, std::string_view source, std::size_t shards);

/// The batch of a journal record, for replay. Events that this version refuses are counted in `rejected`. `erased`:
/// whose events are left out; null: nobody's.
result<batch_ptr> make_replay_batch(std::string_view payload, const profile::reception& received, std::size_t shards,
                                    const persistence::erased_addresses* erased = nullptr);

}  // namespace kith::actors
