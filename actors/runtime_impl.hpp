// The runtime's insides: runtime.cpp opens, recovers, maintains and stops; runtime_segments.cpp defines and back-fills;
// runtime_erasure.cpp erases; runtime_keys.cpp has the journal's keys; runtime_identity.cpp takes apart and finds what
// belongs together; runtime_watching.cpp keeps what watchers are told.
#pragma once

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <condition_variable>
#include <future>
#include <mutex>
#include <set>
#include <thread>

#include "actors/backfill.hpp"
#include "actors/change_log.hpp"
#include "actors/history_feeder.hpp"
#include "actors/runtime.hpp"
#include "actors/shard.hpp"
#include "persistence/checkpoint.hpp"
#include "persistence/erasure_book.hpp"
#include "persistence/key_ring.hpp"
#include "persistence/thread_name.hpp"

namespace kith::actors {

inline constexpr std::uint64_t fed_at_once = 4 * 1024 * 1024;  ///< then other duties get their turn
inline constexpr unsigned pool_threads = 2;

using persistence::checkpoint_marks;

/// Profile actors run on shards; CAF's own scheduler has nothing to do.
inline caf::actor_system_config& without_scheduler(caf::actor_system_config& config) {
  config.set("scheduler.policy", caf::atom("sharing"));
  config.set("scheduler.max-threads", 1U);
  return config;
}

struct identity_member {
  profile::identifier who;
  profile::hash128 address;
};
/// The identifiers of what profile_actor::write_identity wrote.
std::vector<identity_member> members_of(std::string_view identity);

class runtime_impl final : public runtime {
 public:
  runtime_impl(runtime_options options, persistence::file_system& files)
      : options_(std::move(options)),
        files_(files),
        system_((persistence::name_of_started("caf"), without_scheduler(config_))),
        pool_((persistence::name_of_started("store-pool"), pool_threads)),
        latency_(options_.shards),
        views_(options_.views),
        definitions_(options_.definitions) {}
  ~runtime_impl() override { stop(std::chrono::seconds(0)); }

  result<void> open();
  void stop(std::chrono::steady_clock::duration deadline) override;
  result<void> copy_to(const std::string& directory, const std::function<bool()>& cancelled) override;
  result<void> wrap_keys(const persistence::encryption_settings& by) override;

  shard_id shard_count() const override { return static_cast<shard_id>(shards_.size()); }
  boost::asio::io_context& io(shard_id shard) override { return shards_[shard]->io(); }
  void publish(shard_id home, std::string_view events, publish_options options, std::string_view source,
               publish_done done) override;
  void read(shard_id home, std::vector<profile::hash128> addresses, profile::field_set fields, read_done done) override;
  void read_names(shard_id home, std::vector<profile::hash128> addresses, read_done done) override {
    ask(home, read_group::question::names, std::move(addresses),
        profile::fields_named({"userIds", "externalIds", "anonymousIds"}), {}, std::move(done));
  }
  void read_view(shard_id home, std::vector<profile::hash128> addresses, std::string view, read_done done) override {
    ask(home, read_group::question::view, std::move(addresses), {}, std::move(view), std::move(done));
  }
  std::shared_ptr<const profile::view_set> views() const override;
  void show(std::shared_ptr<const profile::view_set> views) override;
  void read_segments(shard_id home, profile::hash128 address, read_done done) override {
    ask(home, read_group::question::segments, {address}, {}, {}, std::move(done));
  }
  void explain(shard_id home, profile::hash128 address, std::string segment, read_done done) override {
    ask(home, read_group::question::explanation, {address}, {}, std::move(segment), std::move(done));
  }
  void read_identity(shard_id home, profile::hash128 address, read_done done) override {
    ask(home, read_group::question::identity, {address}, {}, {}, std::move(done));
  }
  void read_trait_sources(shard_id home, profile::hash128 address, read_done done) override {
    ask(home, read_group::question::trait_sources, {address}, {}, {}, std::move(done));
  }
  void unmerge(shard_id home, profile::hash128 address, std::vector<profile::identifier> out, std::string_view source,
               std::function<void(result<void>)> done) override;
  void identify_by(std::shared_ptr<const profile::identity::rules> rules) override;
  void tell_outside(std::shared_ptr<const std::vector<outgoing_rule>> rules) override;
  result<void> save_memberships() override;
  result<std::vector<persistence::outgoing_item>> outgoing(std::string_view queue, persistence::outgoing_list list,
                                                           const persistence::outgoing_item* behind,
                                                           std::size_t limit) override;
  result<void> change_outgoing(std::span<const persistence::outgoing_change> changes) override;
  std::vector<ignored_identifier> ignored_identifiers() const override;
  bool ready_for_more(shard_id home) const override { return shards_[home]->ready_for_more(); }
  void on_resumed(shard_id home, std::function<void()> resumed) override {
    shards_[home]->on_resumed(std::move(resumed));
  }
  result<watch_id> watch(shard_id home, watch_filter filter, watch_callback callback) override;
  void unwatch(shard_id home, watch_id watch) override { shards_[home]->watches().remove(watch); }
  health state() const override;
  counters stats() const override;
  std::vector<shard_load> load_by_shard() const override;
  const latency_recorder& latency() const override { return latency_; }
  latency_recorder& latency() override { return latency_; }
  result<persistence::history_page> history(profile::hash128 address, const persistence::history_query& query) override;
  std::shared_ptr<const profile::segments::catalog> definitions() const override;
  result<void> define(std::shared_ptr<const profile::segments::catalog> definitions) override;
  backfill_progress backfilling() const override { return backfill_->progress(); }
  result<void> cancel_backfill() override;
  result<void> resume_backfill() override;
  std::vector<failing_definition> failing() const override;
  void limit_errors(std::uint64_t in_a_row) override { environment_->error_limit = in_a_row; }
  void limit_backfill(double per_second) override { backfill_->limit(per_second); }
  result<preview_outcome> preview(const preview_question& asked) override;
  result<persistence::members_page> members(std::string_view segment, std::optional<profile::hash128> behind,
                                            std::size_t limit) override;
  result<std::unordered_map<std::uint64_t, std::uint64_t>> member_counts() override;
  result<erasure> erase(const profile::identifier& whose) override;
  std::shared_ptr<const persistence::suppressed_ids> suppressed() const override { return book_->suppressed(); }
  result<void> lift_suppression(const persistence::salted_hash& hash) override;
  std::vector<std::string> pending_erasures() const override;
  result<void> checkpoint() override;

 private:
  result<void> copy_parts(const std::string& directory, const std::function<bool()>& cancelled);
  std::string journal_directory() const { return options_.data + "/journal"; }
  void log(std::string_view level, const std::string& message) const {
    if (options_.log) options_.log(level, message);
  }
  result<void> open_store();
  result<void> remove_unfinished_files();
  result<void> open_journals();
  result<void> make_shards_known();
  /// That no segment is missing; what is, and how to go on, otherwise.
  result<void> check_journal();
  result<void> repair_journal();
  void tell_damage(const persistence::segment_report& in, const persistence::segment_report::damage& what,
                   const std::string& then);
  void tell_unreadable(const std::string& path, const error& why);
  void failed(const error& why);
  void ask(shard_id home, read_group::question what, std::vector<profile::hash128> addresses, profile::field_set fields,
           std::string name, read_done done);
  result<void> install(const std::shared_ptr<const profile::segments::catalog>& definitions);
  result<void> forget_vanished();
  void start_backfill(checkpoint_marks past);
  void look_at_all_again();  ///< the clock went back
  bool all_current() const;  ///< every profile was brought up to date with these definitions before
  /// The facets' addresses of a profile; of one that was never linked, its own alone.
  result<std::vector<profile::hash128>> facets_of(profile::hash128 address);
  void order_unmerge(shard_id home, std::string_view identity, const std::vector<profile::identifier>& out,
                     const std::string& source, std::function<void(result<void>)> done);
  profile::reception reception_of(const publish_options& options, const profile::identity::rules& rules) const;
  result<void> refusal() const;  ///< why work is refused now, if it is

  void recover();
  result<void> replay(const persistence::segment_file& segment, bool last);
  void replay_record(std::string_view payload, const std::string& path);
  void wait_for_replayed(std::uint64_t most_in_flight);

  // The log of changes
  result<void> resume_changes();  ///< as the process before left it
  result<void> tell_differences();
  bool changes_wanted() const;  ///< somebody watches, and no log is kept
  bool changes_due();           ///< a checkpoint makes room in the log
  void keep_changes();
  result<void> tend_changes();
  result<void> begin_changes();
  result<void> end_changes();
  result<void> open_change_logs();
  result<change_log_head> seal_changes();
  /// What that head tells of is in flushed snapshots.
  result<void> changes_saved(const change_log_head& head, bool forget);
  std::uint64_t change_log_bytes() const;

  enum class catching_up : bool { no, yes };
  void maintain();
  result<void> feed_history();
  void hold_back_if_behind();
  bool shards_busy();
  bool checkpoint_due();
  result<void> checkpoint(catching_up history, bool forget_changes = false);
  result<void> drain();  ///< what was published before has been applied

  // runtime_erasure.cpp
  struct subject;
  struct erased_counts {
    std::uint64_t events = 0;
    std::uint64_t letters = 0;
  };
  result<subject> find_subject(const profile::identifier& whose);
  /// Durable, and from then on refused everywhere.
  result<void> begin_erasure(const persistence::pending_erasure& work);
  result<void> show_suppressed();
  /// Nobody can read it any more. REQUIRES: it began; erasing_mutex_ is held.
  result<erased_counts> carry_out(const persistence::pending_erasure& work);
  erasure told_of(const persistence::pending_erasure& work, const erased_counts& counts) const;
  std::shared_ptr<erasure_order> order_of(const persistence::pending_erasure& work);
  result<void> take_from_queues(const persistence::pending_erasure& work, const erasure_order& order);
  result<void> finish_begun();  ///< by an earlier process
  bool purge_due() const;
  result<void> purge_erased();
  result<void> check_journal_gone();
  // runtime_keys.cpp
  struct key_change {
    std::uint32_t epoch;
    std::map<unsigned, std::uint64_t> through;  ///< records of those before are in segments up to these, by shard
  };
  bool seals() const noexcept { return keys_ && options_.encryption.journal; }
  result<void> open_keys();
  /// The highest epoch that is given up; 0: none is.
  result<std::uint32_t> check_keys();
  std::unique_ptr<persistence::record_opener> make_opener() const;
  std::unique_ptr<persistence::record_sealer> make_sealer(shard_id id) const;
  /// REQUIRES, of these: checkpoint_mutex_ is held, or nothing runs yet.
  result<bool> change_keys(bool at_once);  ///< for a new epoch, if it is time
  result<void> note_keys_changed(const checkpoint_marks& sealed);
  result<void> forget_keys();  ///< of epochs that no segment has records of
  /// Nobody can read the journal's events of these any more.
  result<void> destroy_keys(const std::vector<profile::hash128>& addresses);
  result<void> save_dirty();
  result<void> feed_through(const checkpoint_marks& marks);
  template <class F>
  result<void> on_every_shard(F work);  ///< work(shard, done), waits for every done
  result<void> remove_needless(const checkpoint_marks& marks);
  std::uint64_t journal_bytes() const;

  runtime_options options_;
  persistence::file_system& files_;
  caf::actor_system_config config_;
  caf::actor_system system_;
  std::unique_ptr<persistence::store> store_;
  std::unique_ptr<persistence::key_ring> keys_;  ///< null: there are none, and nothing is encrypted
  boost::asio::thread_pool pool_;
  latency_recorder latency_;
  std::vector<std::unique_ptr<shard>> shards_;
  std::unique_ptr<shard_environment> environment_;
  std::unique_ptr<history_feeder> feeder_;
  std::unique_ptr<backfill> backfill_;
  mutable std::mutex views_mutex_;
  std::shared_ptr<const profile::view_set> views_;
  mutable std::mutex definitions_mutex_;
  mutable std::mutex errors_mutex_;
  std::shared_ptr<definition_errors> errors_;                      ///< of the definitions that were installed last
  std::shared_ptr<const profile::segments::catalog> definitions_;  ///< changes only once ready, by define()
  checkpoint_marks past_;      ///< what the definitions need of the journal in the history; guarded as the backfill is
  std::mutex defining_mutex_;  ///< one define() or end of recovery at a time
  std::atomic<bool> accepting_{false};
  std::atomic<bool> previewing_{false};

  mutable std::mutex health_mutex_;
  health health_;
  error failure_;

  std::mutex replay_mutex_;
  std::condition_variable replay_moved_;
  std::uint64_t replay_in_flight_ = 0;
  std::uint64_t replayed_events_ = 0;

  std::unique_ptr<persistence::record_opener> opener_;  ///< the recovery thread's; null: as keys_
  std::vector<key_change> key_changes_;
  time_point epoch_began_ = now();
  std::atomic<std::uint64_t> replayed_unreadable_{0};
  std::atomic<std::uint64_t> journal_damages_{0};

  std::unique_ptr<persistence::erasure_book> book_;
  std::mutex erasing_mutex_;  ///< one erasure at a time
  std::mutex purging_mutex_;
  std::set<std::string> carried_out_;                             ///< guarded by erasing_mutex_, as the next
  std::map<std::string, std::shared_ptr<erasure_order>> orders_;  ///< of those begun and not carried out, by id
  std::mutex drain_mutex_;
  time_point purge_tried_{};  ///< the maintenance thread's
  std::mutex outgoing_mutex_;
  std::shared_ptr<const std::vector<outgoing_rule>> outgoing_rules_;  ///< as they were told last

  std::mutex checkpoint_mutex_;
  std::atomic<bool> copying_{false};                                ///< and that is held for long
  checkpoint_marks marks_;                                          ///< as the file has them
  std::mutex changes_mutex_;                                        ///< guards the log of changes against a checkpoint
  std::vector<std::unique_ptr<persistence::journal>> change_logs_;  ///< by shard; none: no log is kept
  change_log_head change_head_;                                     ///< as the file has it, or will
  std::uint64_t log_generation_ = 0;
  std::vector<std::deque<std::string>> still_written_;   ///< by shard, what a log that ends may be writing from
  std::atomic<std::uint64_t> change_log_bytes_then_{0};  ///< behind the last checkpoint
  backfill_credit telling_{backfill::under_way};
  std::mutex maintenance_mutex_;
  std::condition_variable maintenance_wake_;
  std::condition_variable changes_wake_;
  std::atomic<bool> stopping_{false};
  bool stopped_ = false;
  std::atomic<time_point> last_checkpoint_{now()};
  std::atomic<std::uint64_t> journal_bytes_then_{0};  ///< behind the last checkpoint
  time_point busy_measured_ = now();
  std::chrono::nanoseconds shards_used_{0};
  bool busy_ = false;
  std::thread recovery_;
  std::thread maintenance_;
  std::thread changes_keeper_;
};

template <class F>
result<void> runtime_impl::on_every_shard(F work) {
  std::vector<std::future<result<void>>> waiting;
  for (const auto& each : shards_) {
    auto promise = std::make_shared<std::promise<result<void>>>();
    waiting.push_back(promise->get_future());
    each->post([at = each.get(), work, promise] {
      work(*at, [promise](result<void> outcome) { promise->set_value(std::move(outcome)); });
    });
  }
  result<void> all;
  for (auto& each : waiting) {
    // A shard that has failed may never answer: what it holds is in the journal.
    while (each.wait_for(std::chrono::milliseconds(100)) != std::future_status::ready) {
      if (state().now == phase::failed) return fail(errc::unavailable, "the disk failed meanwhile");
    }
    if (auto outcome = each.get(); !outcome) all = outcome;
  }
  return all;
}

}  // namespace kith::actors
