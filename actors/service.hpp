// What the runtime offers to the edges (net, admin, ingest). No CAF here: edges know only this page.
//
// Thread safety: the edges' connections live on the shards' io_contexts. publish(), read(), watch() and unwatch() are
// called on the thread of shard `home`, and their callbacks run on that same thread, never from within the call.
// The rest may be called from any thread.
#pragma once

#include <utility>
#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "actors/found_profiles.hpp"
#include "actors/latency.hpp"
#include "actors/told_change.hpp"
#include "actors/trace_context.hpp"
#include "persistence/erasure_book.hpp"
#include "persistence/store.hpp"
#include "profile/event.hpp"
#include "profile/identifier.hpp"
#include "profile/identity/rules.hpp"
#include "profile/profile.hpp"
#include "profile/result.hpp"
#include "profile/segments/catalog.hpp"
#include "profile/views.hpp"

namespace kith::actors {

using shard_id = unsigned;

enum class durability : std::uint8_t { fsync, memory };

struct publish_options {
  durability wait_for = durability::fsync;
  bool detail = false;
  std::int64_t received_ms = 0;  ///< when a forwarder took the events in, milliseconds since 1970; 0: now
  trace_context trace{};         ///< what becomes of the batch is part of it, if it is sampled
};

struct rejection {
  std::uint32_t index = 0;  ///< in the published batch
  errc code = errc::invalid_argument;
  std::string message;
  std::string encoded{};  ///< the event, as it was sent
  std::string reason{};   ///< a more exact word than the code's: "schema", "filtered", …; empty: there is none

  std::string_view word() const noexcept { return reason.empty() ? name_of(code) : std::string_view(reason); }
};

/// Names of segments.
struct membership_change {
  std::vector<std::string> entered;
  std::vector<std::string> left;
};

struct detail {
  profile::hash128 profile;
  std::uint64_t version = 0;                             ///< after this event
  std::shared_ptr<const membership_change> memberships;  ///< by this event; null: none
  bool rejected = false;
};

struct publish_outcome {
  std::uint32_t applied = 0;
  std::uint32_t duplicate = 0;
  std::vector<rejection> rejected;
  std::vector<detail> details;  ///< one an event in order, if asked for
};

using publish_done = std::function<void(result<publish_outcome>)>;
using read_done = std::function<void(const result<found_profiles>&)>;

struct change {
  profile::hash128 profile;
  std::uint64_t version = 0;
  std::shared_ptr<const std::string> traits;             ///< MessagePack map that the event set; null: none
  std::shared_ptr<const membership_change> memberships;  ///< null: none
  std::string cursor;                                    ///< resume behind this change
};
struct watch_filter {
  std::optional<profile::hash128> profile;  ///< nothing: all profiles
  std::string from;                         ///< a cursor; empty: from now on
  std::string segment;                      ///< only changes that enter or leave it; empty: all
};
/// Called for each change; with an error once, when the watch ends by itself (fell too far behind, shutdown).
using watch_callback = std::function<void(const result<change>&)>;
using watch_id = std::uint64_t;

struct counters {
  std::uint64_t events_applied = 0;
  std::uint64_t events_duplicate = 0;
  std::uint64_t events_rejected = 0;
  std::uint64_t events_clamped = 0;
  std::uint64_t events_too_late = 0;
  std::uint64_t events_suppressed = 0;  ///< refused, for they name somebody who was erased
  std::uint64_t batches = 0;
  std::uint64_t reads = 0;
  std::uint64_t views_served = 0;       ///< of the reads
  std::uint64_t views_built = 0;        ///< of those: at the first read, and where what they show had changed
  std::uint64_t views_withheld = 0;     ///< of those served: without consent to the view's purpose
  std::uint64_t consent_unknown = 0;    ///< events that spoke of a purpose that is not configured; it was kept
  std::uint64_t consent_overflows = 0;  ///< events of which a purpose was left out, for the profile has too many
  std::uint64_t traits_forgotten = 0;   ///< traits of profiles that were past their retention
  std::uint64_t outgoing_withheld = 0;  ///< changes that a webhook was not told of, without consent to its purpose
  std::uint64_t profiles_active = 0;    ///< actors in memory
  std::uint64_t profile_bytes = 0;      ///< memory held by them
  std::uint64_t profiles_stored = 0;    ///< snapshots, estimated
  std::uint64_t activations = 0;
  std::uint64_t passivations = 0;
  std::uint64_t snapshots_written = 0;
  std::uint64_t journal_bytes = 0;  ///< of files
  std::uint64_t journal_syncs = 0;
  std::uint64_t in_flight_bytes = 0;    ///< of batches not answered yet
  std::uint64_t history_lag_bytes = 0;  ///< durable in the journal, not yet in the history
  std::uint64_t watches = 0;
  std::uint64_t segments_entered = 0;
  std::uint64_t segments_left = 0;
  std::uint64_t segment_errors = 0;  ///< expressions that gave an error, and counted as false
  std::uint64_t timers = 0;          ///< profiles that time alone may change
  std::uint64_t merges = 0;          ///< joins of profiles, for the first time
  std::uint64_t splits = 0;          ///< profiles that an unmerge made
  std::uint64_t ids_blocked = 0;     ///< times an identifier was left out of joining, by reason
  std::uint64_t ids_not_unique = 0;
  std::uint64_t ids_excess = 0;
  std::uint64_t ids_unmerged = 0;
  std::uint64_t events_unreadable = 0;    ///< met in the journal, whose keys were destroyed with their persons'
  std::uint64_t journal_damages = 0;      ///< places of the journal that are damaged or missing, met since the start
  std::uint64_t erasures_pending = 0;     ///< whose bytes are not all gone from the disk yet
  std::uint64_t overlaps = 0;             ///< events that two profiles had counted before they were joined
  std::uint64_t overlaps_unresolved = 0;  ///< those that count twice, since the history does not have them any more
  double memory_window_seconds = 0;       ///< age of the oldest event answered with `memory` and not yet synced
};

/// As in counters, of one shard. Events count where they came in, which is seldom where their profiles are.
struct shard_load {
  std::uint64_t events_applied = 0;
  std::uint64_t profiles_active = 0;
  std::uint64_t profile_bytes = 0;
  std::uint64_t journal_bytes = 0;
  std::uint64_t in_flight_bytes = 0;
  std::uint64_t batches_in_flight = 0;
  std::uint64_t unsynced_records = 0;  ///< handed to the journal, not durable yet
  std::uint64_t runs_waiting = 0;      ///< actors with mail whose turn has not come
  std::uint64_t urgent_runs_waiting = 0;
  std::uint64_t saves_under_way = 0;
  std::uint64_t timers = 0;
  double processor_seconds = 0;  ///< that its thread has used
  bool takes_more = true;        ///< false: its sockets are not read for a while
};

/// An identifier that was left out of joining.
struct ignored_identifier {
  profile::identifier who;
  profile::identity::ignored reason = profile::identity::ignored::no;
  std::uint64_t times = 0;
  std::int64_t last_ms = 0;  ///< milliseconds since 1970
};

enum class phase : std::uint8_t { recovering, ready, failed, stopping };
struct health {
  phase now = phase::recovering;
  std::string reason;  ///< why it failed, for people
  std::uint64_t replayed_bytes = 0;
  std::uint64_t replay_bytes = 0;
};

/// Bringing all profiles up to date after definitions changed.
struct backfill_progress {
  bool running = false;
  bool cancelled = false;  ///< until it is resumed, the definitions change or the server starts again
  bool complete = true;    ///< every profile was brought up to date
  std::uint64_t done = 0;
  std::uint64_t of = 0;                ///< profiles, estimated
  double per_second = 0;               ///< profiles, of late
  double limit = 0;                    ///< of that; 0: none
  std::optional<double> seconds_left;  ///< at that rate
};

/// A definition whose expression came to an error too often in a row, without one value between.
struct failing_definition {
  profile::segments::definition_kind kind = profile::segments::definition_kind::segment;
  std::string name;
  std::string expression;
  std::uint64_t times = 0;
  std::string error;  ///< the last of them
};

struct preview_question {
  std::shared_ptr<const profile::segments::catalog> definitions;  ///< the segment's, and those that it depends on
  std::string segment;
  std::size_t sample = 10;
};
struct preview_outcome {
  std::uint64_t profiles = 0;  ///< looked at
  std::uint64_t members = 0;   ///< of them
  std::uint64_t errors = 0;    ///< of them: the expression came to an error, and counted as false
  std::string first_error;
  std::vector<std::string> sample;  ///< profile maps of some members: their ids
  bool complete = true;             ///< false: the time was up before all were looked at
  double seconds = 0;
};

/// What was erased.
struct erasure {
  std::string id;          ///< 32 hexadecimal digits; empty: it had been erased before, and nothing was left
  std::int64_t at_ms = 0;  ///< milliseconds since 1970
  std::vector<profile::identifier> identifiers;  ///< those whose words are known
  std::vector<persistence::salted_hash> hashes;  ///< of all identifiers, as they are suppressed
  std::uint64_t history_events = 0;
  std::uint64_t dead_letters = 0;
  std::int64_t gone_by_ms = 0;  ///< when at the latest its bytes are gone from the disk
};

/// Is nothing to be kept of a refused event: was it refused as suppressed, or for something else, and names somebody
/// who is? `encoded`: as it came; what is no MessagePack map names nobody.
bool names_suppressed(std::string_view code, std::string_view encoded, const persistence::suppressed_ids& suppressed);

class service {
 public:
  virtual ~service() = default;

  virtual shard_id shard_count() const = 0;
  virtual boost::asio::io_context& io(shard_id shard) = 0;

  /// `events`: the MessagePack array of events, as it stands in the request. Copied. `source`: of the credential.
  /// Errors of the whole: invalid_argument (not an array), unavailable (recovering, stopping, journal failed),
  /// resource_exhausted (disk full).
  virtual void publish(shard_id home, std::string_view events, publish_options options, std::string_view source,
                       publish_done done) = 0;
  virtual void read(shard_id home, std::vector<profile::hash128> addresses, profile::field_set fields,
                    read_done done) = 0;
  /// What people know these by: the maps of read() with userIds, externalIds and anonymousIds only. Of a profile that
  /// is not in memory, and stays out of it, those that its own identifier came with; none, if they cannot be read.
  virtual void read_names(shard_id home, std::vector<profile::hash128> addresses, read_done done) = 0;
  /// As read(), through a view. Errors: also invalid_argument (there is no such view).
  virtual void read_view(shard_id home, std::vector<profile::hash128> addresses, std::string view, read_done done) = 0;
  /// Never null.
  virtual std::shared_ptr<const profile::view_set> views() const = 0;
  /// From now on these can be read.
  virtual void show(std::shared_ptr<const profile::view_set> views) = 0;
  /// The segments that one profile is in: `[{segment, since, until?}, …]`.
  virtual void read_segments(shard_id home, profile::hash128 address, read_done done) = 0;
  /// Why a profile is in a segment, or is not: segments::write_explanation.
  virtual void explain(shard_id home, profile::hash128 address, std::string segment, read_done done) = 0;
  /// Who a profile is made of: `{profile, identifiers: [{kind, type?, id, profile, version}], links: [{at, messageId,
  /// between: [identifier, identifier]}], unmerged: [{at, between: [profile, profile]}]}`.
  virtual void read_identity(shard_id home, profile::hash128 address, read_done done) = 0;
  /// Which event set each trait of a profile: profile::write_trait_sources.
  virtual void read_trait_sources(shard_id home, profile::hash128 address, read_done done) = 0;
  /// Takes identifiers out of a profile, which become one of their own. Durable before `done` is called.
  /// Errors: not_found, invalid_argument (they are not all of this profile, or are all of it), too_large, unavailable.
  virtual void unmerge(shard_id home, profile::hash128 address, std::vector<profile::identifier> out,
                       std::string_view source, std::function<void(result<void>)> done) = 0;
  virtual void identify_by(std::shared_ptr<const profile::identity::rules> rules) = 0;
  virtual std::vector<ignored_identifier> ignored_identifiers() const = 0;
  /// False while too much is in flight on the shard: the edge stops reading its sockets until `resumed` is called.
  virtual bool ready_for_more(shard_id home) const = 0;
  virtual void on_resumed(shard_id home, std::function<void()> resumed) = 0;

  /// Errors: invalid_argument (a cursor that is malformed, of another server, or forgotten since nobody watched). One
  /// whose changes are not kept any more ends the watch with not_found.
  virtual result<watch_id> watch(shard_id home, watch_filter filter, watch_callback callback) = 0;
  virtual void unwatch(shard_id home, watch_id watch) = 0;

  virtual health state() const = 0;
  virtual counters stats() const = 0;
  /// What each shard carries, in their order.
  virtual std::vector<shard_load> load_by_shard() const = 0;
  virtual const latency_recorder& latency() const = 0;
  virtual latency_recorder& latency() = 0;

  /// Blocking; for threads that are no shard's. Waits (bounded) until what was published before is in the history.
  virtual result<persistence::history_page> history(profile::hash128 address,
                                                    const persistence::history_query& query) = 0;
  /// Never null.
  virtual std::shared_ptr<const profile::segments::catalog> definitions() const = 0;
  /// Blocking, for a short while: from now on these hold, all of them. Profiles follow in the background.
  virtual result<void> define(std::shared_ptr<const profile::segments::catalog> definitions) = 0;
  virtual backfill_progress backfilling() const = 0;
  /// No more profiles are brought up to date but by what happens to them. Errors: invalid_argument, if none are.
  virtual result<void> cancel_backfill() = 0;
  /// Errors: invalid_argument, if it was not cancelled.
  virtual result<void> resume_backfill() = 0;
  virtual void limit_backfill(double per_second) = 0;  ///< 0: no limit
  /// Of the present definitions. They go on being evaluated: who keeps them is to define() them as disabled.
  virtual std::vector<failing_definition> failing() const = 0;
  virtual void limit_errors(std::uint64_t in_a_row) = 0;  ///< past which a definition is failing; 0: never
  /// Blocking, for a bounded time: who would be in that segment now. Changes nothing. Errors: resource_exhausted
  /// (another preview is under way), unavailable.
  virtual result<preview_outcome> preview(const preview_question& asked) = 0;
  /// Blocking. Members in the order of addresses, those behind `behind`.
  virtual result<persistence::members_page> members(std::string_view segment, std::optional<profile::hash128> behind,
                                                    std::size_t limit) = 0;
  /// Blocking. Of every segment, by segments::segment_key.
  virtual result<std::unordered_map<std::uint64_t, std::uint64_t>> member_counts() = 0;

  /// From now on who enters and leaves goes into these queues of the store; null: into none.
  virtual void tell_outside(std::shared_ptr<const std::vector<outgoing_rule>> rules) = 0;
  /// Blocking: what changed until now is in the queues, and in what members() tells.
  virtual result<void> save_memberships() = 0;
  /// Blocking; as persistence::store.
  virtual result<std::vector<persistence::outgoing_item>> outgoing(std::string_view queue,
                                                                   persistence::outgoing_list list,
                                                                   const persistence::outgoing_item* behind,
                                                                   std::size_t limit) = 0;
  virtual result<void> change_outgoing(std::span<const persistence::outgoing_change> changes) = 0;

  /// Blocking: the profile of that identifier, all of its identifiers, is erased (docs/privacy.md). When it returns,
  /// nobody can read it, no crash brings it back, and what names it is refused from then on; its bytes go later.
  /// Errors: not_found (there is no such profile, and it is not suppressed), invalid_argument, too_large (over the
  /// bounds), unavailable, resource_exhausted. After the last two it may have been done, or may be yet.
  virtual result<erasure> erase(const profile::identifier& whose) = 0;
  /// Never null.
  virtual std::shared_ptr<const persistence::suppressed_ids> suppressed() const = 0;
  /// Who has this hash may come back. Errors: not_found, unavailable (its erasure is not finished).
  virtual result<void> lift_suppression(const persistence::salted_hash& hash) = 0;
  /// Of the erasures whose bytes are not all gone yet.
  virtual std::vector<std::string> pending_erasures() const = 0;

  /// Blocking: writes all dirty profiles, flushes, deletes journal segments that are not needed any more, and finishes
  /// erasures.
  virtual result<void> checkpoint() = 0;
};

}  // namespace kith::actors
