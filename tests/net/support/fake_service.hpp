// A runtime that keeps nothing but what a test tells it: shards with threads, answers on command.
#pragma once

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
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

  // What the edges see.
  actors::shard_id shard_count() const override { return static_cast<actors::shard_id>(shards_.size()); }
  boost::asio::io_context& io(actors::shard_id home) override { return shards_[home]->io; }
  void publish(actors::shard_id home, std::string_view events, actors::publish_options options, std::string_view source,
               actors::publish_done done) override;
  void read(actors::shard_id home, std::vector<profile::hash128> addresses, profile::field_set fields,
            actors::read_done done) override;
  bool ready_for_more(actors::shard_id) const override { return ready_; }
  void on_resumed(actors::shard_id home, std::function<void()> resumed) override;
  result<actors::watch_id> watch(actors::shard_id home, actors::watch_filter filter,
                                 actors::watch_callback callback) override;
  void unwatch(actors::shard_id home, actors::watch_id watch) override;
  actors::health state() const override { return {actors::phase::ready, {}, 0, 0}; }
  actors::counters stats() const override;
  const actors::latency_recorder& latency() const override { return latency_; }
  actors::latency_recorder& latency() override { return latency_; }
  result<persistence::history_page> history(profile::hash128, const persistence::history_query&) override {
    return persistence::history_page{};
  }
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

  mutable std::mutex mutex_;
  std::vector<std::unique_ptr<shard>> shards_;
  std::map<profile::hash128, std::string> profiles_;
  std::vector<published> batches_;
  std::function<result<actors::publish_outcome>(const published&)> outcome_;
  bool holding_ = false;
  std::vector<std::pair<actors::shard_id, std::function<void()>>> held_;
  std::map<actors::watch_id, watcher> watchers_;
  actors::watch_id last_watch_ = 0;
  std::atomic<bool> ready_{true};
  actors::latency_recorder latency_;
};

}  // namespace kith::test
