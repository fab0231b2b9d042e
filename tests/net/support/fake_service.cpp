#include "tests/net/support/fake_service.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <chrono>

#include "profile/msgpack.hpp"

namespace kith::test {

bool eventually(const std::function<bool()>& condition, int seconds) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

fake_service::fake_service(unsigned shards) : latency_(shards) {
  for (unsigned i = 0; i < shards; ++i) {
    auto& made = *shards_.emplace_back(std::make_unique<shard>());
    made.thread = std::thread([&made] { made.io.run(); });
  }
}

fake_service::~fake_service() {
  for (const auto& one : shards_) one->io.stop();
  for (const auto& one : shards_) one->thread.join();
}

void fake_service::put(profile::hash128 address, std::string map) {
  const std::lock_guard lock(mutex_);
  profiles_[address] = std::move(map);
}

void fake_service::hold() {
  const std::lock_guard lock(mutex_);
  holding_ = true;
}

void fake_service::release() {
  const std::lock_guard lock(mutex_);
  holding_ = false;
  for (auto& [home, reply] : std::exchange(held_, {})) boost::asio::post(io(home), std::move(reply));
}

void fake_service::release_backwards() {
  {
    const std::lock_guard lock(mutex_);
    std::reverse(held_.begin(), held_.end());
  }
  release();
}

std::size_t fake_service::held() const {
  const std::lock_guard lock(mutex_);
  return held_.size();
}

void fake_service::set_ready(bool ready) {
  ready_ = ready;
  if (!ready) return;
  for (const auto& one : shards_) {
    boost::asio::post(one->io, [&one] {
      if (one->resumed) one->resumed();
    });
  }
}

void fake_service::emit(const actors::change& change) {
  const std::lock_guard lock(mutex_);
  for (const auto& [id, one] : watchers_) {
    if (one.filter.profile && *one.filter.profile != change.profile) continue;
    boost::asio::post(io(one.home), [callback = one.callback, change] { callback(change); });
  }
}

void fake_service::end_watches(const error& why) {
  const std::lock_guard lock(mutex_);
  for (const auto& [id, one] : std::exchange(watchers_, {})) {
    boost::asio::post(io(one.home), [callback = one.callback, why] { callback(tl::make_unexpected(why)); });
  }
}

std::size_t fake_service::watching() const {
  const std::lock_guard lock(mutex_);
  return watchers_.size();
}

std::vector<fake_service::published> fake_service::batches() const {
  const std::lock_guard lock(mutex_);
  return batches_;
}

void fake_service::answer_with(std::function<result<actors::publish_outcome>(const published&)> outcome) {
  const std::lock_guard lock(mutex_);
  outcome_ = std::move(outcome);
}

void fake_service::answer(actors::shard_id home, std::function<void()> reply) {
  const std::lock_guard lock(mutex_);
  if (holding_) {
    held_.emplace_back(home, std::move(reply));
  } else {
    boost::asio::post(io(home), std::move(reply));
  }
}

void fake_service::publish(actors::shard_id home, std::string_view events, actors::publish_options options,
                           std::string_view source, actors::publish_done done) {
  published batch{std::string(events), std::string(source), options};
  actors::publish_outcome all;
  all.applied = profile::msgpack::reader(events).next().size;
  result<actors::publish_outcome> outcome = all;
  {
    const std::lock_guard lock(mutex_);
    batches_.push_back(batch);
    if (outcome_) outcome = outcome_(batch);
  }
  answer(home, [done = std::move(done), outcome] { done(outcome); });
}

void fake_service::read(actors::shard_id home, std::vector<profile::hash128> addresses, profile::field_set,
                        actors::read_done done) {
  ++reads;
  actors::found_profiles found(addresses.size(), 1);
  {
    const std::lock_guard lock(mutex_);
    for (std::size_t i = 0; i < addresses.size(); ++i) {
      const auto at = profiles_.find(addresses[i]);
      if (at == profiles_.end()) continue;
      const auto offset = found.buffer(0).size();
      found.buffer(0).append(at->second);
      found.found(0, i, offset);
    }
  }
  answer(home, [done = std::move(done), found] { done(found); });
}

void fake_service::on_resumed(actors::shard_id home, std::function<void()> resumed) {
  shards_[home]->resumed = std::move(resumed);
}

result<actors::watch_id> fake_service::watch(actors::shard_id home, actors::watch_filter filter,
                                             actors::watch_callback callback) {
  if (filter.from == "old") return fail(errc::invalid_argument, "from: too old");
  const std::lock_guard lock(mutex_);
  watchers_.emplace(++last_watch_, watcher{home, std::move(filter), std::move(callback)});
  return last_watch_;
}

void fake_service::unwatch(actors::shard_id, actors::watch_id watch) {
  const std::lock_guard lock(mutex_);
  watchers_.erase(watch);
}

actors::counters fake_service::stats() const {
  actors::counters out;
  out.events_applied = 42;
  return out;
}

}  // namespace kith::test
