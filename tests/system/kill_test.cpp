// The server is killed at random instants under load. An oracle that shares no code with it records every outcome that
// was acknowledged: nothing acknowledged is lost, nothing counts twice.
//
// KITH_KILL_ROUNDS: how often (default 8). KITH_SEED: repeats a run's choices.
#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <mutex>
#include <random>
#include <set>
#include <thread>

#include "tests/catch.hpp"
#include "tests/system/support/server.hpp"

using namespace kith;
using namespace kith::tests;

namespace {

constexpr std::size_t publishers = 4;
constexpr std::size_t users = 60;
constexpr std::size_t batch_events = 20;
// Small, so that every round seals segments and some write checkpoints.
constexpr const char* small_journal =
    "[journal]\nsegment = \"64KiB\"\ncheckpoint_bytes = \"256KiB\"\n[memory]\nprofiles = \"64KiB\"\n";

unsigned number_from_environment(const char* name, unsigned otherwise) {
  const char* text = std::getenv(name);
  return text != nullptr ? static_cast<unsigned>(std::strtoul(text, nullptr, 10)) : otherwise;
}

struct sent_event {
  std::string user;
  std::string id;
  std::string bytes;
};

/// What was sent, and what of it the server promised to keep. Thread safety: all of it.
class oracle {
 public:
  /// A few events, new ones mostly, some of those that were sent before, acknowledged or not.
  std::vector<sent_event> next_batch(std::mt19937_64& random) {
    const std::lock_guard lock(mutex_);
    std::vector<sent_event> batch;
    while (batch.size() < batch_events) {
      if (sent_.size() > 100 && random() % 5 == 0) {
        batch.push_back(sent_[random() % sent_.size()]);
      } else {
        sent_.push_back(make(random));
        ids_[sent_.back().user].insert(sent_.back().id);
        batch.push_back(sent_.back());
      }
    }
    return batch;
  }
  void acknowledged(const std::vector<sent_event>& batch) {
    const std::lock_guard lock(mutex_);
    for (const auto& event : batch) acknowledged_[event.user].insert(event.id);
    count_ += batch.size();
  }
  std::size_t acknowledged_count() const { return count_; }

  std::vector<sent_event> all_sent() const { return sent_; }
  std::size_t sent_to(const std::string& user) const { return size_in(ids_, user); }
  std::size_t acknowledged_of(const std::string& user) const { return size_in(acknowledged_, user); }

 private:
  using ids_by_user = std::map<std::string, std::set<std::string>>;

  static std::size_t size_in(const ids_by_user& ids, const std::string& user) {
    const auto found = ids.find(user);
    return found == ids.end() ? 0 : found->second.size();
  }
  sent_event make(std::mt19937_64& random) {
    const auto user = std::string("u").append(std::to_string(random() % users));
    const auto id = std::string("m").append(std::to_string(random()));
    // Spread over 60 days: many are past the recent ones, so that their ids go to disk.
    const auto time = 1'700'000'000'000 + static_cast<std::int64_t>(random() % (60ULL * 86'400'000));
    const auto bytes = nlohmann::json::to_msgpack({{"type", "track"},
                                                   {"event", "Order Completed"},
                                                   {"messageId", id},
                                                   {"userId", user},
                                                   {"timestamp", time},
                                                   {"properties", {{"total", 1.5}}}});
    return {user, id, {bytes.begin(), bytes.end()}};
  }

  mutable std::mutex mutex_;
  std::vector<sent_event> sent_;
  ids_by_user ids_;
  ids_by_user acknowledged_;
  std::atomic<std::size_t> count_{0};
};

/// Clients that publish until the server is gone or they are told to end.
class load {
 public:
  load(const server& at, oracle& oracle, std::uint64_t seed) {
    for (std::size_t i = 0; i < publishers; ++i) {
      threads_.emplace_back(
          [this, client = std::shared_ptr(at.client(1)), &oracle, random = std::mt19937_64(seed + i)]() mutable {
            while (!ended_) {
              const auto batch = oracle.next_batch(random);
              std::vector<std::string> events;
              for (const auto& event : batch) events.push_back(event.bytes);
              const auto outcome = client->publish(events);
              if (!outcome) return;
              if (outcome->applied + outcome->duplicate != batch.size()) rejected_ = true;
              oracle.acknowledged(batch);
            }
          });
    }
  }
  ~load() { end(); }
  void end() {
    ended_ = true;
    for (auto& thread : threads_) {
      if (thread.joinable()) thread.join();
    }
  }
  bool saw_rejections() const { return rejected_; }

 private:
  std::atomic<bool> ended_{false};
  std::atomic<bool> rejected_{false};
  std::vector<std::thread> threads_;
};

std::vector<std::string> all_users() {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < users; ++i) names.push_back(std::string("u").append(std::to_string(i)));
  return names;
}

/// Nothing acknowledged is missing, nothing is there that was never sent; how many events there are.
std::uint64_t check_against(const oracle& oracle, const server& running) {
  const auto names = all_users();
  const auto client = running.client();
  auto tallies = read_tallies(*client, names);
  std::uint64_t sum = 0;
  for (const auto& user : names) {
    const auto counted = tallies[user];
    CAPTURE(user);
    REQUIRE(counted.version >= oracle.acknowledged_of(user));
    REQUIRE(counted.version <= oracle.sent_to(user));
    REQUIRE((counted.version == 0 || counted.events.at("Order Completed") == counted.version));
    sum += counted.version;
  }
  return sum;
}

/// Publishes everything again: what the server says it applied must be just what was missing.
void check_by_republishing(const oracle& oracle, const server& running) {
  const auto before = check_against(oracle, running);
  const auto client = running.client();
  const auto sent = oracle.all_sent();
  std::uint64_t applied = 0;
  for (std::size_t first = 0; first < sent.size(); first += 500) {
    std::vector<std::string> events;
    for (auto i = first; i < std::min(first + 500, sent.size()); ++i) events.push_back(sent[i].bytes);
    const auto outcome = client->publish(events);
    REQUIRE(outcome);
    REQUIRE(outcome->rejected.empty());
    applied += outcome->applied;
  }
  REQUIRE(before + applied == sent.size());
  auto tallies = read_tallies(*client, all_users());
  for (const auto& user : all_users()) REQUIRE(tallies[user].version == oracle.sent_to(user));
}

}  // namespace

TEST_CASE("kill -9 at random instants loses nothing acknowledged and counts nothing twice") {
  const auto seed = number_from_environment("KITH_SEED", std::random_device{}());
  const auto rounds = number_from_environment("KITH_KILL_ROUNDS", 8);
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  const scratch room;
  server running(room, small_journal);
  oracle oracle;
  for (unsigned round = 0; round < rounds; ++round) {
    CAPTURE(round);
    {
      load clients(running, oracle, random());
      const auto until = oracle.acknowledged_count() + random() % 3000;
      REQUIRE(eventually([&] { return oracle.acknowledged_count() >= until; }));
      running.kill();
      clients.end();
      REQUIRE_FALSE(clients.saw_rejections());
    }
    if (round % 4 == 3) {
      const auto [sound, report] = run_kith(room, {"check", running.data()});
      INFO(report);
      REQUIRE(sound == 0);
    }
    running.start();
    check_against(oracle, running);
  }
  check_by_republishing(oracle, running);
  REQUIRE(running.stop() == 0);
}

TEST_CASE("SIGTERM under load ends in time, with everything acknowledged on disk") {
  const scratch room;
  server running(room);
  oracle oracle;
  {
    load clients(running, oracle, std::random_device{}());
    REQUIRE(eventually([&] { return oracle.acknowledged_count() > 2000; }));
    REQUIRE(running.stop(std::chrono::seconds(45)) == 0);
  }
  running.start();
  check_by_republishing(oracle, running);
}
