// A profile's state: what all events about one identifier add up to.
//
// Invariants
//   - The state is a function of the *set* of applied events: any order, repetition or split into batches gives the
//     same encode() bytes. Everything in it is a join-semilattice or a sum over distinct event ids.
//   - Events whose ids are "recent" (their UTC day is less than `recent_days` before the day of the newest event) have
//     their 16-byte hash here. Older ids are handed out once by apply() and must be kept by the owner for ever
//     (or for dedup.retention), together with the snapshot that lacks them: once an id was spilled, check() answers
//     `ask_spilled` for every id that is not recent.
//
// Thread safety: none; a profile belongs to one actor.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "profile/event.hpp"
#include "profile/hash.hpp"
#include "profile/msgpack.hpp"
#include "profile/result.hpp"
#include "profile/state.hpp"

namespace kith::profile {

class privacy_rules;

namespace segments {
class catalog;
}

/// Which parts of a profile map a reader wants; a bit each.
struct field_set {
  std::uint32_t bits = ~0U;
  bool has(unsigned field) const noexcept { return (bits >> field) & 1U; }
  /// Is anything of it derived: computed, segments?
  bool needs_standing() const noexcept;
};

/// What readers see of a profile that is not in its state.
struct derived {
  std::string_view computed;                     ///< a MessagePack map; empty: none
  std::span<const std::string_view> segments{};  ///< names
  const privacy_rules* rules = nullptr;          ///< of consent; null: none
};

/// The keys of a profile map, in the order in which they are written. `fields` of get names them.
/// False if `name` is none of: profile version userIds anonymousIds externalIds traits computed segments consent
/// firstSeen lastSeen events sessions.
bool field_index(std::string_view name, unsigned& field) noexcept;
/// All of them, for people: with commas between.
const std::string& field_list();
/// REQUIRES: each is one of them.
field_set fields_named(std::initializer_list<std::string_view> names) noexcept;

enum class seen : std::uint8_t {
  fresh,        ///< never counted
  duplicate,    ///< counted
  ask_spilled,  ///< not recent: the owner looks it up among the spilled ids
};

/// An id that left the recent ones, for the owner to keep.
struct spilled_id {
  hash128 id;
  std::int64_t time_ms;  ///< at least as new as the event (its UTC day's last millisecond): for dropping by retention
};

class profile {
 public:
  static constexpr int default_recent_days = 7;

  /// Has the event been counted? It may bear another time than the first try did.
  seen check(const event_view& event) const noexcept;

  /// Counts the event. REQUIRES: check() said `fresh`, or said `ask_spilled` and the owner did not find the id.
  /// Ids that are not recent any more, this one's perhaps, are added to `spilled`. The event goes into the aggregates
  /// of `observed_by` too; those of its name that the catalog (or null) does not have are dropped, as they would lack
  /// it.
  void apply(const event_view& event, std::vector<spilled_id>& spilled, int recent_days = default_recent_days,
             const segments::catalog* observed_by = nullptr);

  // Aggregates of a new definition are built from history: ask segments::missing_aggregates(), read the profile's past
  // events, hand each to backfill() once, in any order, then mark_built(). REQUIRES: from the reading of the history to
  // mark_built() no event is applied; version() tells whether one was, and then the history is read again.

  /// Counts a past event in those of the aggregates `keys` that are not built. Nothing else changes.
  void backfill(const segments::catalog& with, std::span<const std::uint64_t> keys, const event_view& event);
  /// From here on they hold all events, and a standing is due to be evaluated whole. What is not marked is not encoded:
  /// an interrupted backfill begins anew.
  void mark_built(const segments::catalog& with, std::span<const std::uint64_t> keys);

  /// Takes out the traits that are past the time that they are kept for: traits::forget(). Part of the state is then a
  /// function of the time, too.
  bool forget_traits(const privacy_rules& rules, std::int64_t now_ms, std::vector<std::string>& lost);

  /// Joins another state into this one. REQUIRES: no event was applied to both. Commutative and associative. An
  /// aggregate that one side lacks though it has events of that name is missing afterwards.
  void join(const profile& other, std::vector<spilled_id>& spilled, int recent_days = default_recent_days);

  /// Takes out what only the number of events tells of one that another part of the same person counted too: the rest
  /// is the same however often it came. Aggregates of its name are missing afterwards. REQUIRES: the event, of that
  /// name, was applied to this.
  void retract(hash128 id, std::string_view name);
  /// Is it among the recent ids? check() tells more.
  bool recently_counted(hash128 id) const noexcept;
  /// Has it counted events whose ids are not among the recent ones?
  bool has_spilled() const noexcept;
  std::vector<hash128> recent_event_ids() const;

  /// Number of events applied.
  std::uint64_t version() const noexcept { return state_.of().version; }
  bool empty() const noexcept { return version() == 0; }

  /// Canonical bytes, with a format version in front.
  std::string encode() const;
  /// Errors: internal, if the bytes are damaged or of a later format.
  static result<profile> decode(std::string_view bytes);

  /// Does the event name an identifier that is not in the profile map yet?
  bool learns_identifier(const event_view& event) const;

  /// Resident bytes that the state holds beside sizeof(profile).
  std::size_t heap_bytes() const noexcept { return state_.heap_bytes(); }
  /// Tells the processor that an event or a read is going to need this.
  void prefetch() const noexcept { state_.prefetch(); }
  void prefetch_head() const noexcept { state_.prefetch_head(); }  ///< some time before prefetch()

  /// Which event set each trait: `[{path: [key, …], value, at: RFC 3339 time, messageId}, …]`, by path.
  void write_trait_sources(msgpack::writer& out) const;
  /// Writes the profile map of the public contract; `id` is the profile's address.
  void write_map(msgpack::writer& out, hash128 id, field_set fields = {}, const derived& with = {}) const;

  /// For the domain's own readers.
  const state& inside() const noexcept { return state_; }

 private:
  state state_;
};

}  // namespace kith::profile
