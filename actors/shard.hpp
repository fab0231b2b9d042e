// A shard: one thread that runs connections (Asio) and profile actors (CAF) in turn, and owns both.
//
// Invariants
//   - An actor of this shard is in `directory_` and in `actors_` exactly once, and runs on this thread only.
//   - A turn is bounded: at most `handlers_a_turn` socket handlers, then at most `runs_a_turn` actor runs of at most
//     `messages_a_run` messages each, or `longest_turn`; urgent actors first, but for one run in `urgent_in_a_row`. A
//     hot profile goes to the back after each run.
//   - Nothing here blocks: reads and writes of the store run on the pool, journal writes on the journal's thread.
// Thread safety: post(), deliver_from_elsewhere(), counters() and the constructor's and stop()'s callers may be on any
// thread; everything else belongs to the shard's thread.
#pragma once

#include <utility>
#include <array>
#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <caf/actor_system.hpp>
#include <caf/execution_unit.hpp>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <queue>
#include <thread>
#include <tsl/robin_map.h>
#include <tsl/robin_set.h>
#include <unordered_map>
#include <vector>

#include "actors/backfill_credit.hpp"
#include "actors/batch.hpp"
#include "actors/clock.hpp"
#include "actors/definition_errors.hpp"
#include "actors/directory.hpp"
#include "actors/profile_actor.hpp"
#include "actors/profile_copy.hpp"
#include "actors/runtime.hpp"
#include "actors/told_change.hpp"
#include "actors/watches.hpp"
#include "persistence/erasure_book.hpp"
#include "persistence/journal.hpp"
#include "persistence/sealed_record.hpp"
#include "persistence/store.hpp"

namespace kith::actors {

class shard;

/// What all shards share.
struct shard_environment {
  shard_environment(caf::actor_system& actor_system, persistence::file_system& file_calls,
                    persistence::store& snapshots, boost::asio::thread_pool& threads, latency_recorder& latencies,
                    const runtime_options& settings, std::vector<std::unique_ptr<shard>>& all_shards,
                    std::function<void(const error&)> on_failure)
      : system(actor_system),
        files(file_calls),
        store(snapshots),
        pool(threads),
        latency(latencies),
        options(settings),
        shards(all_shards),
        failed(std::move(on_failure)),
        changes_directory(settings.data + "/changes"),
        error_limit(settings.error_limit) {}

  caf::actor_system& system;
  persistence::file_system& files;
  persistence::store& store;
  boost::asio::thread_pool& pool;  ///< for calls that block
  latency_recorder& latency;
  const runtime_options& options;
  std::vector<std::unique_ptr<shard>>& shards;
  const std::function<void(const error&)> failed;  ///< the disk failed; from any thread
  const std::string changes_directory;             ///< of what watchers are told (actors/change_log.hpp)
  std::function<result<void>()> catch_up;          ///< blocking: the history takes in what is durable
  std::function<result<void>()> make_durable;      ///< blocking: what was applied before is durable
  std::function<void()> log_wanted;                ///< somebody watches, and no log is kept; from any thread
  std::vector<profile::hash128> told_events;       ///< keys, sorted, which a replay is not to tell; changes behind it
  std::atomic<bool> checkpointing{false};          ///< facets that changed must be saved before they move
  std::atomic<std::uint64_t> facets_moving{0};     ///< messages with facets on their way
  std::atomic<std::uint64_t> moves{0};             ///< of facets so far; tells old word of a facet from new
  std::atomic<std::uint64_t> error_limit;          ///< see service::limit_errors
  std::atomic<bool> clock_went_back{false};        ///< profiles that are not in memory are to be looked at
  std::atomic<std::uint64_t> watch_count{0};
  std::atomic<time_point> last_watch{now()};  ///< when one ended, or the process began
  std::atomic<bool> watched{false};           ///< somebody watches, or a log is kept for those who did
  std::atomic<std::uint64_t> log_id{0};       ///< of the log of changes, begins cursors; 0: none is kept
  std::atomic<bool> log_survives{false};      ///< a crash, and so do its cursors; until then none is given
  std::atomic<bool> history_behind{false};    ///< so far that nothing more is taken in
};

/// Written by the shard's thread, read by any.
struct shard_counters {
  std::atomic<std::uint64_t> applied{0}, duplicate{0}, rejected{0}, clamped{0}, too_late{0}, suppressed{0}, batches{0},
      reads{0}, views_served{0}, views_built{0}, views_withheld{0}, consent_unknown{0}, consent_overflows{0},
      traits_forgotten{0}, outgoing_withheld{0}, active{0}, bytes{0}, activations{0}, passivations{0}, saved{0},
      in_flight{0}, syncs{0}, entered{0}, left{0}, segment_errors{0}, timers{0}, merges{0}, splits{0}, overlaps{0},
      overlaps_unresolved{0};
  std::atomic<std::uint64_t> batches_in_flight{0}, unsynced{0}, runs{0}, urgent_runs{0}, saves{0}, full{0};
  std::array<std::atomic<std::uint64_t>, 5> ids_ignored{};  ///< by profile::identity::ignored
  std::atomic<std::int64_t> oldest_unsynced_ns{0};          ///< steady clock; 0: nothing waits

  static void add(std::atomic<std::uint64_t>& counter, std::uint64_t n) noexcept {
    counter.store(counter.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
};

/// Profiles asked for together; answered when all are.
struct read_group {
  enum class question : std::uint8_t { map, names, view, segments, explanation, identity, trait_sources };
  shard_id home = 0;
  question asks = question::map;
  std::string name;                                ///< of the view, or of the segment that is explained
  std::shared_ptr<const profile::view_set> views;  ///< that the view is one of
  std::uint32_t view = 0;
  std::vector<profile::hash128> addresses;
  found_profiles found;
  profile::field_set fields;
  std::atomic<std::size_t> left{0};
  std::optional<error> failure;  ///< written by the one shard that answers an explanation, or that knows no such view

  bool shows_standing() const noexcept {
    if (asks == question::map || asks == question::names || asks == question::view) return fields.needs_standing();
    return asks != question::identity && asks != question::trait_sources;
  }
  read_done done;
};

class shard : public caf::execution_unit {
 public:
  static constexpr std::size_t handlers_a_turn = 64;
  static constexpr std::size_t runs_a_turn = 1024;
  static constexpr std::size_t messages_a_run = 64;
  static constexpr std::chrono::milliseconds longest_turn{2};  ///< then sockets and timers, though runs are left
  static constexpr std::size_t urgent_in_a_row = 4;            ///< runs; the last one is a normal one's, if any waits
  static constexpr std::size_t runs_a_look = 8;                ///< at the clock
  static constexpr std::size_t states_ahead = 4;  ///< so many runs before an actor's, its state is called for
  static constexpr std::size_t due_a_turn = 4096;
  static constexpr std::int64_t clock_slack_ms = 1000;  ///< the clock went back by no more: it will be there again soon
  static constexpr std::size_t copied_a_turn = 128;
  static constexpr std::size_t copied_bytes_a_turn = 256 * 1024;
  static constexpr std::size_t recalled_a_page = 1000;  ///< events read from the history at once, for new definitions
  static constexpr std::size_t heads_ahead = 12;        ///< and before that the head of it
  static constexpr std::size_t lookups_together = 64;  ///< events or reads whose actors and states are called for ahead
  static constexpr std::size_t saves_at_once = 1000;
  static constexpr std::size_t save_jobs = 4;
  static constexpr std::size_t swept_a_tick = 8192;
  static constexpr std::size_t ignored_shown = 256;
  static constexpr std::uint32_t ticks_forwards_stay = 10;  ///< a second

  shard(shard_environment& environment, shard_id id);
  ~shard() override;

  /// `sealer`: encrypts what goes to the journal; null: nothing does.
  void start(std::unique_ptr<persistence::journal> journal, std::unique_ptr<persistence::record_sealer> sealer);
  void stop();  ///< ends the thread; what is in flight stays undone. The journal ends with the shard

  boost::asio::io_context& io() noexcept { return io_; }
  shard_id id() const noexcept { return id_; }
  persistence::journal& journal() noexcept { return *journal_; }
  const shard_counters& counters() const noexcept { return counters_; }
  std::chrono::nanoseconds processor_time() noexcept { return actors::processor_time(thread_); }
  template <class F>
  void post(F work) {
    boost::asio::post(io_, std::move(work));
  }

  // Publishing (shard_publish.cpp)
  void publish(batch_ptr work);  ///< to the journal, then to the actors (or at once, with `memory`)
  void replay(batch_ptr work);   ///< to the actors
  /// From now on watchers are told of all that happens. The profiles of which they may know otherwise than is true:
  /// each is to be refreshed, which tells them.
  std::vector<profile::hash128> end_replay();
  void journaled(const std::vector<std::uint64_t>& tags, const result<void>& outcome);
  bool ready_for_more() const noexcept {
    return in_flight_bytes_ < environment_.options.in_flight_bytes && !too_full() &&
           watches_.unlogged_bytes() < environment_.options.in_flight_bytes &&
           !environment_.history_behind.load(std::memory_order_relaxed);
  }
  void on_resumed(std::function<void()> resumed) { resumed_.push_back(std::move(resumed)); }
  void next_epoch(std::function<void()> drained);
  void count_refused(const batch& work);
  /// Later records are encrypted by that epoch's keys, without those of the addresses that were destroyed; all before
  /// this were handed to the journal. REQUIRES: records are encrypted.
  void seal_by(std::shared_ptr<const persistence::key_epoch> epoch, const std::vector<profile::hash128>& destroyed);

  // Reading (shard_read.cpp)
  void read(std::unique_ptr<read_group> group);
  void serve(read_group& group);
  void answer_read(profile_actor& actor, const read_profile& message);
  /// Copies a bounded number of the profiles in memory, from `hand` in the list of actors down; where to go on, 0: that
  /// was the last. All that stay in memory are met; one may be met twice.
  std::size_t copy_some(std::size_t hand, std::vector<profile_copy>& into) const;

  // Segments (shard_segments.cpp)
  using catalog = profile::segments::catalog;
  /// From now on these definitions, and their rules, hold. REQUIRES: not null.
  void define(std::shared_ptr<const catalog> definitions, std::shared_ptr<definition_errors> errors);
  /// What these definitions need of the past may be read.
  void history_is_complete();
  /// Saved timers of this shard's profiles, at the start.
  void add_timer(std::int64_t due_ms, profile::hash128 address);
  /// The addresses of the profiles in memory.
  std::vector<profile::hash128> active() const;
  /// Activates the profile if need be and brings it up to date.
  void refresh(profile::hash128 address, backfill_credit& credit);
  /// Saves what changed who is in which segment.
  void save_memberships(std::function<void(result<void>)> done);
  bool needs_standing(const read_profile& message) const noexcept {
    return definitions_ != nullptr && message.of->shows_standing();
  }

  // Identity (shard_identity.cpp)
  const profile::identity::rules& identity_rules() const noexcept { return *identity_rules_; }
  void identify_by(std::shared_ptr<const profile::identity::rules> rules) { identity_rules_ = std::move(rules); }
  /// To the actor of that address, which is activated if need be.
  template <class Message>
  void tell(profile::hash128 address, Message message) {
    deliver(address, std::make_unique<identity_message>(std::move(message)));
  }
  void hand_on(profile::hash128 address, caf::mailbox_element_ptr mail);
  void load_again(profile_actor& actor) { to_load_.push_back(actor.address()); }
  /// May facets leave the actor now? Then facets_moved() is to be called where they arrive. If not, it is being saved.
  bool may_move(profile_actor& actor);
  std::uint64_t next_move() { return ++environment_.moves; }
  void facets_move() { ++environment_.facets_moving; }
  void facets_moved() { --environment_.facets_moving; }
  void look_again(profile_actor& actor);
  void left_all(profile_actor& actor);
  /// It is to be saved with the others when memberships are.
  void memberships_changed(const profile_actor& actor) { membership_changed_.push_back(actor.address()); }
  void ask_overlap(std::shared_ptr<const overlap_question> asked);
  void pass_order(take_apart what);
  void note_ignored(const profile::identifier& who, profile::identity::ignored reason);
  std::vector<ignored_identifier> ignored_identifiers() const;
  void count_merge() { shard_counters::add(counters_.merges, 1); }
  void count_split() { shard_counters::add(counters_.splits, 1); }
  void broken_identity(profile::hash128 facet);
  /// Whom the outside is told of from now on.
  void tell_outside(std::shared_ptr<const std::vector<outgoing_rule>> rules);
  std::int64_t wall_ms() const { return environment_.options.now_ms(); }

  // Erasing
  /// Who is refused from now on (null: nobody), and whose erasure is not finished (null: nobody's).
  void suppress(std::shared_ptr<const persistence::suppressed_ids> all,
                std::shared_ptr<const persistence::erased_addresses> unfinished);
  const persistence::suppressed_ids* suppressed() const noexcept { return suppressed_.get(); }
  const persistence::erased_addresses* unfinished() const noexcept { return unfinished_.get(); }
  /// Somebody who is suppressed: what others said to them before they were erased may still come.
  void note_vanished(profile::hash128 address) { vanished_.insert(address); }
  bool vanished(profile::hash128 address) const { return !vanished_.empty() && vanished_.contains(address); }
  /// Of an actor that is gone: its timer, what watchers are to be told of it, its name among the ignored.
  void forget(const profile_actor& actor);

  // Keeping (shard_store.cpp)
  void checkpoint(std::function<void(result<void>)> done);  ///< saves what is dirty now

  // For the actors
  void mail_arrived(profile_actor& actor, bool urgent);
  void deliver_from_elsewhere(caf::strong_actor_ptr to, caf::mailbox_element_ptr mail);
  void exec_later(caf::resumable* work) override;
  int recent_days() const noexcept { return environment_.options.recent_days; }
  std::vector<profile::spilled_id>& scratch_spilled() noexcept { return scratch_spilled_; }
  bool ask_spilled(profile_actor& actor, profile::hash128 id);
  void became_dirty(profile_actor& actor) { dirty_.push_back(actor.address()); }
  void count_bytes(profile_actor& actor);
  void event_done(batch& work, std::uint32_t index);
  /// To watchers. `event`: which brought it about; null: none.
  void publish_change(profile_actor& actor, const profile::event_view* event = nullptr);
  /// The event of this batch that was published last changed memberships.
  void note_membership_latency(const batch& of) {
    if (!of.replayed) changed_memberships_.push_back(of.started);
  }
  const catalog* definitions() const noexcept { return definitions_.get(); }
  /// Of consent, and of how long traits are kept.
  const profile::privacy_rules& rules() const noexcept { return catalog_->rules(); }
  /// False: its past is being read, and its mail waits until it has been.
  bool make_current(profile_actor& actor);
  bool is_current(const standing_slot& at) const noexcept { return !definitions_ || at.now.fits(*definitions_); }
  /// Before the event is applied, and evaluate() after it.
  void before_event(const profile_actor& actor, const profile::event_view& event);
  void evaluate(profile_actor& actor, const profile::event_view& event, batch& of);
  void standing_due(profile_actor& actor);
  /// Was it evaluated at a time that has not come yet, since the clock went back?
  bool is_ahead(const standing_slot& at) const { return ahead_until_ms_ != 0 && at.now.evaluated_ms() > wall_ms(); }
  /// What watchers were told before a crash of who it is with, or not, is set right.
  void tell_difference(profile_actor& actor);
  /// Of the evaluation before; null: nothing entered or left.
  const std::shared_ptr<const membership_change>& last_change() const noexcept { return last_change_; }
  void refreshed(backfill_credit& credit);

  // Views (shard_views.cpp)
  /// From now on these can be read.
  void show(std::shared_ptr<const profile::view_set> views);
  /// REQUIRES: the event is not applied yet.
  void outdate_views_by_event(profile_actor& actor, const profile::event_view& event);

  // Watching
  watch_hub& watches() noexcept { return watches_; }
  /// What watchers were told that the store may not have. REQUIRES: not started.
  void remember(told_memberships told) { told_ = std::move(told); }

 private:
  using save_continuation = std::function<void(const result<void>&)>;
  struct checkpoint_run {
    std::vector<profile::hash128> addresses;
    std::function<void(result<void>)> done;
  };
  struct question {
    profile::hash128 address;
    profile::hash128 id;
    std::vector<profile::hash128> at;  ///< the facets that may have spilled it
  };

  /// Behind a timer lies a profile, active or not, whose standing may be due.
  struct timer {
    std::int64_t due_ms;
    profile::hash128 address;
    friend bool operator>(const timer& a, const timer& b) noexcept { return a.due_ms > b.due_ms; }
  };
  /// The past of a profile, on its way from the history.
  struct recall {
    profile::hash128 address;
    profile::hash128 of;  ///< the facet
    std::shared_ptr<const catalog> definitions;
    std::vector<std::uint64_t> keys;
    std::string cursor;
  };
  struct recalled_page {
    result<persistence::history_page> events;
    std::vector<bool> spilled;  ///< by event: its id is among the store's spilled ones
  };

  void run();
  void run_actors();
  bool runnable() const noexcept { return !urgent_runs_.empty() || !normal_runs_.empty(); }
  void end_turn();
  void tick();

  void deliver(batch& work);
  void dispatch(batch& work);
  void batch_applied(batch& work);
  void finish(batch& work);
  void send_to_journal();
  std::string_view journal_payload(batch& work);
  batch& take(batch_ptr work);
  void release(batch& work);
  void note_unsynced();
  void event_done_here(batch& work);
  // shard_tracing.cpp; of batches whose trace is sampled
  void note_evaluation(batch& of, time_point begun);
  void trace_journal(batch& work, time_point durable, const result<void>& outcome);
  void trace_shares(batch& work);
  void trace_told(profile::hash128 id, bool by_event);
  void start_order(batch& work) { pass_order({work.order, {}, &work}); }
  void deliver(profile::hash128 address, identity_mail message);
  void settled(const overlap_question& asked, const result<std::vector<counted_twice>>& found);

  profile_actor* find(profile::hash128 address) const noexcept { return directory_.find(address); }
  profile_actor& activate(profile::hash128 address);
  void drop(profile_actor& actor);
  void look_at_clock();
  void fire_timers();
  /// Work of this shard's own is to be done in the next turn.
  bool has_due() const noexcept { return !timers_.empty() && timers_.top().due_ms <= timers_seen_ms_; }
  void keep_timer(profile_actor& actor);
  void note_transitions(profile_actor& actor, bool by_event);
  void pass_over(profile_actor& actor, std::string_view segment, bool entered);
  template <class Wants>
  void tell_of(profile_actor& actor, const std::string& segment, bool entered, bool by_event, Wants wants);
  void tell_membership(profile_actor& actor, const std::string& segment, bool entered, bool by_event);
  void look_at_consent(const profile_actor& actor);
  bool tell_consent(profile_actor& actor, bool by_event);
  void forget_traits(profile_actor& actor, std::int64_t now_ms);
  void write_withheld(profile_actor& actor, const std::string& purpose, std::string& to);
  void keep_memberships(profile_actor& actor, std::int64_t before_ms);
  void note_errors(const profile_actor& actor);
  void ask_history(std::shared_ptr<recall> wanted);
  void recalled(const std::shared_ptr<recall>& wanted, const recalled_page& page);
  void write_answer(profile_actor& actor, read_group& group, std::uint32_t index);
  void write_view(profile_actor& actor, const read_group& group, std::string& to);
  template <class Changes>
  void outdate_views(profile_actor& actor, Changes changes);
  void outdate_views_by_standing(profile_actor& actor);
  void outdate_views_by_forgetting(profile_actor& actor);
  bool can_answer(const profile_actor& actor, const read_group& group) const noexcept;
  profile::derived derived_of(const profile_actor& actor, profile::field_set fields);  ///< as far as they show it
  bool serve_one(read_group& group, std::uint32_t index, profile_actor* actor);
  /// Answers those of a group that are not in memory, which stay out of it.
  void read_stored_names(read_group& group, std::vector<std::uint32_t> indexes);
  /// Calls each(index), with the memory that the look-up of address_at(index) needs called for some time before.
  template <class Addresses, class F>
  void for_each_called_ahead(const std::vector<std::uint32_t>& indexes, Addresses address_at, F each) {
    for (std::size_t from = 0; from < indexes.size(); from += lookups_together) {
      const auto to = std::min(from + lookups_together, indexes.size());
      for (auto i = from; i < to; ++i) directory_.prefetch_place(address_at(indexes[i]));
      for (auto i = from; i < to; ++i) directory_.prefetch_actor(address_at(indexes[i]));
      for (auto i = from; i < to; ++i) each(indexes[i]);
    }
  }
  void send_loads();
  void send_questions();
  using stored_values = result<std::vector<std::optional<std::string>>>;
  void loaded(const std::vector<profile::hash128>& addresses, stored_values states, const stored_values& standings,
              const stored_values& identities);
  result<void> load_standing(profile_actor& actor, const stored_values& standings, std::size_t index);
  void answered(const std::vector<question>& questions, const std::vector<result<bool>>& answers);
  void save(const std::vector<profile_actor*>& actors, bool let_go, save_continuation then);
  void saved(const std::vector<profile::hash128>& addresses, bool let_go, const result<void>& outcome);
  bool may_forget(const profile_actor& forward) const noexcept;
  void sweep();
  void save_run(std::vector<profile::hash128> addresses, std::function<void(result<void>)> done);
  void checkpoint_step(const std::shared_ptr<checkpoint_run>& run);
  std::size_t budget() const noexcept;
  bool over_budget() const noexcept { return bytes_ > budget(); }
  /// Far over, with saves under way that will free memory: no more work is taken in until they have.
  bool too_full() const noexcept { return bytes_ > budget() + budget() / 8 && save_jobs_ > 0; }
  void resume_reading();

  shard_environment& environment_;
  const shard_id id_;
  boost::asio::io_context io_{1};
  boost::asio::steady_timer timer_{io_};
  std::unique_ptr<persistence::journal> journal_;
  std::unique_ptr<persistence::record_sealer> sealer_;  ///< null: records are not encrypted
  std::thread thread_;
  bool stopped_ = false;
  shard_counters counters_;

  directory directory_;
  std::vector<profile_actor*> actors_;
  std::size_t hand_ = 0;  ///< where the sweep goes on
  std::uint32_t tick_ = 0;
  std::size_t bytes_ = 0;
  std::deque<profile_actor*> urgent_runs_;
  std::deque<profile_actor*> normal_runs_;
  std::vector<profile::hash128> dirty_;  ///< since the last checkpoint; may name clean or absent ones
  std::size_t save_jobs_ = 0;

  // Collected in a turn, sent at its end.
  std::vector<persistence::append_request> to_journal_;
  std::vector<std::vector<batch*>> hand_over_;  ///< by shard
  std::vector<std::vector<batch*>> applied_elsewhere_;
  std::vector<batch*> applied_here_;
  std::vector<std::vector<batch*>> done_elsewhere_;  ///< by shard; one for each event
  struct addressed_mail {
    profile::hash128 to;
    caf::mailbox_element_ptr mail;
  };
  std::vector<std::vector<addressed_mail>> handed_on_;  ///< by shard
  std::vector<read_group*> answered_;
  std::vector<time_point> changed_memberships_;  ///< when the frames came whose events did
  std::vector<profile::hash128> to_load_;
  std::vector<question> to_ask_;

  tsl::robin_map<batch*, batch_ptr> batches_;  ///< from publish() or replay() to release()
  std::size_t in_flight_bytes_ = 0;
  unsigned epoch_ = 0;
  std::array<std::size_t, 2> epoch_in_flight_{};
  std::function<void()> drained_;
  std::vector<std::function<void()>> resumed_;
  bool paused_ = false;              ///< somebody may have stopped reading since ready_for_more() said no
  std::deque<time_point> unsynced_;  ///< when each record was handed to the journal, oldest first
  std::vector<profile::spilled_id> scratch_spilled_;
  std::vector<std::uint32_t> scratch_indexes_;  ///< of events or reads
  std::vector<std::pair<std::uint32_t, profile_actor*>> scratch_readers_;
  std::vector<std::uint32_t> scratch_stored_;  ///< of reads that the store answers
  watch_hub watches_;
  std::shared_ptr<const profile::view_set> views_;
  std::uint32_t views_generation_ = 0;  ///< of what is built of them
  std::string scratch_map_;
  bool replaying_ = true;
  told_memberships told_;
  std::shared_ptr<const profile::identity::rules> identity_rules_;
  mutable std::mutex ignored_mutex_;
  std::vector<ignored_identifier> ignored_;  ///< those seen most recently; guarded, since anybody may ask

  std::shared_ptr<const persistence::suppressed_ids> suppressed_;    ///< null: none
  std::shared_ptr<const persistence::erased_addresses> unfinished_;  ///< null: none
  tsl::robin_set<profile::hash128, profile::hash128_hasher> vanished_;

  std::shared_ptr<const catalog> catalog_;      ///< never null
  std::shared_ptr<const catalog> definitions_;  ///< the same, if profiles need a standing; else null
  std::shared_ptr<definition_errors> errors_;   ///< of definitions_
  std::unordered_map<std::uint64_t, std::string_view> segment_names_;
  std::shared_ptr<const std::vector<outgoing_rule>> outgoing_rules_;  ///< null: none
  bool outgoing_asks_consent_ = false;                                ///< any of them
  /// By outgoing rule: did its purpose have consent when the outside was told last, and does it now?
  struct consent_change {
    bool before = true;
    bool now = true;
  };
  std::vector<consent_change> scratch_consent_;
  std::vector<std::string> scratch_forgotten_;  ///< traits of the profile that is being evaluated
  std::int64_t last_told_us_ = 0;               ///< later changes come behind it in the queues
  std::priority_queue<timer, std::vector<timer>, std::greater<>> timers_;
  tsl::robin_map<profile::hash128, std::int64_t, profile::hash128_hasher> timed_;  ///< the earliest timer of each
  std::int64_t timers_seen_ms_ = 0;                                                ///< timers up to here are due
  std::int64_t ahead_until_ms_ = 0;  ///< no standing is of a later time; 0: none is of a time that has not come
  profile::segments::transitions scratch_transitions_;
  std::vector<std::string_view> scratch_changing_;  ///< views the event that is being applied
  std::vector<std::string_view> scratch_names_;
  std::string scratch_computed_;
  std::shared_ptr<const membership_change> last_change_;
  batch* evaluating_ = nullptr;  ///< the batch whose event is being evaluated, if it is traced
  bool history_complete_ = false;
  std::vector<std::shared_ptr<recall>> waiting_recalls_;  ///< for the history to be complete
  std::vector<profile::hash128> membership_changed_;      ///< since the last save_memberships()
};

}  // namespace kith::actors
