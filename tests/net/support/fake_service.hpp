// A runtime that keeps nothing but what a test tells it: shards with threads, answers on command.
#pragma once

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "actors/service.hpp"

namespace kith::test {

/// Polls until it is true; false after so many seconds.
bool eventually(const std::function<bool()>& condition, int seconds = 10);

class fake_service final : public actors::service {
 public:
  explicit fake_service(unsigned shards = 2);
  ~fake_service() override;

  // What a test does.
  void put(profile::hash128 address, std::string map);
  /// Publishes and reads are answered only by release() from now on.
  void hold();
  void release();
  /// Answers the held ones, the newest first.
  void release_backwards();
  std::size_t held() const;
  void set_ready(bool ready);
  /// To the watches whose filter lets it through.
  void emit(const actors::change& change);
  void end_watches(const error& why);
  std::size_t watching() const;

  struct published {
    std::string events;
    std::string source;
    actors::publish_options options;
  };
  std::vector<published> batches() const;
  /// What publish answers; else every event is applied.
  void answer_with(std::function<result<actors::publish_outcome>(const published&)> outcome);
  std::atomic<std::size_t> reads{0};
  std::atomic<std::size_t> view_reads{0};  ///< of them

  /// What read_segments and explain answer, as MessagePack; else not_found.
  void put_segments(profile::hash128 address, std::string list);
  void put_explanation(profile::hash128 address, const std::string& segment, std::string map);
  void put_members(const std::string& segment, std::vector<persistence::members_page::item> sorted);
  /// What preview answers from now on.
  void put_preview(result<actors::preview_outcome> outcome);
  actors::preview_question previewed() const;  ///< the last question
  void put_failing(std::vector<actors::failing_definition> failing);
  void set_backfill(actors::backfill_progress progress);
  void set_phase(actors::phase phase) { phase_ = phase; }
  /// What define answers from now on; nothing: it takes the definitions.
  void refuse_definitions(std::optional<error> why);
  std::size_t defined() const;  ///< how often

  // What the edges see.
  actors::shard_id shard_count() const override { return static_cast<actors::shard_id>(shards_.size()); }
  boost::asio::io_context& io(actors::shard_id home) override { return shards_[home]->io; }
  void publish(actors::shard_id home, std::string_view events, actors::publish_options options, std::string_view source,
               actors::publish_done done) override;
  void read(actors::shard_id home, std::vector<profile::hash128> addresses, profile::field_set fields,
            actors::read_done done) override;
  void read_names(actors::shard_id home, std::vector<profile::hash128> addresses, actors::read_done done) override {
    read(home, std::move(addresses), {}, std::move(done));
  }
  /// As read(), of the whole map, if there is such a view.
  void read_view(actors::shard_id home, std::vector<profile::hash128> addresses, std::string view,
                 actors::read_done done) override;
  std::shared_ptr<const profile::view_set> views() const override;
  void show(std::shared_ptr<const profile::view_set> views) override;
  void read_segments(actors::shard_id home, profile::hash128 address, actors::read_done done) override;
  void explain(actors::shard_id home, profile::hash128 address, std::string segment, actors::read_done done) override;
  void read_identity(actors::shard_id home, profile::hash128, actors::read_done done) override {
    answer_one(home, nullptr, std::move(done));
  }
  void read_trait_sources(actors::shard_id home, profile::hash128, actors::read_done done) override {
    answer_one(home, nullptr, std::move(done));
  }
  void unmerge(actors::shard_id home, profile::hash128, std::vector<profile::identifier>, std::string_view,
               std::function<void(result<void>)> done) override {
    answer(home, [done = std::move(done)] { done(fail(errc::not_found, "there is no such profile")); });
  }
  void identify_by(std::shared_ptr<const profile::identity::rules>) override {}
  void tell_outside(std::shared_ptr<const std::vector<actors::outgoing_rule>>) override {}
  result<void> save_memberships() override { return {}; }
  result<std::vector<persistence::outgoing_item>> outgoing(std::string_view, persistence::outgoing_list,
                                                           const persistence::outgoing_item*, std::size_t) override {
    return std::vector<persistence::outgoing_item>();
  }
  result<void> change_outgoing(std::span<const persistence::outgoing_change>) override { return {}; }
  std::vector<actors::ignored_identifier> ignored_identifiers() const override { return {}; }
  bool ready_for_more(actors::shard_id) const override { return ready_; }
  void on_resumed(actors::shard_id home, std::function<void()> resumed) override;
  result<actors::watch_id> watch(actors::shard_id home, actors::watch_filter filter,
                                 actors::watch_callback callback) override;
  void unwatch(actors::shard_id home, actors::watch_id watch) override;
  actors::health state() const override { return {phase_, {}, 0, 0}; }
  actors::counters stats() const override;
  std::vector<actors::shard_load> load_by_shard() const override { return {}; }
  const actors::latency_recorder& latency() const override { return latency_; }
  actors::latency_recorder& latency() override { return latency_; }
  result<persistence::history_page> history(profile::hash128, const persistence::history_query&) override {
    return persistence::history_page{};
  }
  std::shared_ptr<const profile::segments::catalog> definitions() const override;
  result<void> define(std::shared_ptr<const profile::segments::catalog> definitions) override;
  actors::backfill_progress backfilling() const override;
  result<void> cancel_backfill() override;
  result<void> resume_backfill() override;
  void limit_backfill(double) override {}
  void limit_errors(std::uint64_t) override {}
  std::vector<actors::failing_definition> failing() const override;
  result<actors::preview_outcome> preview(const actors::preview_question& asked) override;
  result<persistence::members_page> members(std::string_view segment, std::optional<profile::hash128> behind,
                                            std::size_t limit) override;
  result<std::unordered_map<std::uint64_t, std::uint64_t>> member_counts() override;
  result<actors::erasure> erase(const profile::identifier&) override {
    return fail(errc::not_found, "there is no such profile");
  }
  std::shared_ptr<const persistence::suppressed_ids> suppressed() const override {
    return std::make_shared<const persistence::suppressed_ids>(std::string(32, 's'),
                                                               persistence::suppressed_ids::table());
  }
  result<void> lift_suppression(const persistence::salted_hash&) override {
    return fail(errc::not_found, "no identifier of this hash is suppressed");
  }
  std::vector<std::string> pending_erasures() const override { return {}; }
  result<void> checkpoint() override { return {}; }

 private:
  struct shard {
    boost::asio::io_context io{1};
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work{io.get_executor()};
    std::thread thread;
    std::function<void()> resumed;
  };
  struct watcher {
    actors::shard_id home;
    actors::watch_filter filter;
    actors::watch_callback callback;
  };
  void answer(actors::shard_id home, std::function<void()> reply);
  void answer_one(actors::shard_id home, const std::string* told, actors::read_done done);

  mutable std::mutex mutex_;
  std::vector<std::unique_ptr<shard>> shards_;
  std::map<profile::hash128, std::string> profiles_;
  std::shared_ptr<const profile::view_set> views_ = std::make_shared<const profile::view_set>();
  std::vector<published> batches_;
  std::function<result<actors::publish_outcome>(const published&)> outcome_;
  bool holding_ = false;
  std::vector<std::pair<actors::shard_id, std::function<void()>>> held_;
  std::map<actors::watch_id, watcher> watchers_;
  actors::watch_id last_watch_ = 0;
  std::atomic<bool> ready_{true};
  std::atomic<actors::phase> phase_{actors::phase::ready};
  std::map<profile::hash128, std::string> segments_;
  std::map<std::pair<profile::hash128, std::string>, std::string> explanations_;
  std::map<std::string, std::vector<persistence::members_page::item>, std::less<>> members_;
  actors::backfill_progress backfill_;
  std::vector<actors::failing_definition> failing_;
  result<actors::preview_outcome> preview_;
  actors::preview_question previewed_;
  std::optional<error> define_refusal_;
  std::size_t defined_ = 0;
  std::shared_ptr<const profile::segments::catalog> definitions_;
  actors::latency_recorder latency_;
};

}  // namespace kith::test
