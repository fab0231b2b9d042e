// Where all edges bring their events: to the profiles or a spool, or, what cannot go there, to the dead letters.
//
// Invariants
//   - What was brought is durable when `done` says so: each event applied, known already, spooled, or kept as a
//     dead letter.
//   - If one of these failed, `done` gets an error, and bringing it all again counts nothing twice.
// Thread safety: take() on the thread of shard `home`, where `done` runs too.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "actors/service.hpp"
#include "actors/tracing.hpp"
#include "ingest/destination.hpp"
#include "ingest/probe.hpp"
#include "ingest/refused_event.hpp"
#include "ingest/sieve.hpp"
#include "persistence/dead_letters.hpp"
#include "profile/result.hpp"

namespace kith::ingest {

struct arrival {
  edge by = edge::tracking;
  bool historical = false;                        ///< no rate of a person's
  std::string source;                             ///< of the credential
  std::string events;                             ///< a MessagePack array of maps
  std::uint32_t count = 0;                        ///< of them
  std::vector<std::uint32_t> indexes;             ///< of `events` in what was sent; empty: the same
  std::vector<refused_event> refused;             ///< so far
  std::vector<persistence::dead_letter> letters;  ///< of what is no event
  actors::open_span span{};                       ///< of the request that brought it
};

struct intake_outcome {
  std::uint32_t applied = 0;
  std::uint32_t duplicate = 0;
  bool only_kept = false;              ///< they are on their way: `applied` is how many will be, or are duplicates
  std::vector<refused_event> refused;  ///< by index; they are dead letters. Without their bytes
};
using intake_done = std::function<void(result<intake_outcome>)>;

class intake {
 public:
  intake(destination& to, persistence::dead_letters& letters, sieve& guards, probe& counts)
      : to_(to), letters_(letters), guards_(guards), counts_(counts) {}

  /// Errors: unavailable, resource_exhausted; nothing of it is known to be durable then.
  void take(actors::shard_id home, arrival what, intake_done done);

 private:
  struct under_way;
  void keep_refused(const std::shared_ptr<under_way>& work);

  destination& to_;
  persistence::dead_letters& letters_;
  sieve& guards_;
  probe& counts_;
};

}  // namespace kith::ingest
