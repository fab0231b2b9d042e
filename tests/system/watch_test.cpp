// The server is killed under load, again and again, while a client watches that comes back with its last cursor: every
// change of an acknowledged event comes once, and the memberships that it was told end in the truth.
//
// KITH_KILL_ROUNDS: how often (default 4). KITH_SEED: repeats a run's choices.
#include <atomic>
#include <cstdlib>
#include <map>
#include <mutex>
#include <random>
#include <set>
#include <thread>

#include "tests/catch.hpp"
#include "tests/system/support/server.hpp"

using namespace kith;
using namespace kith::tests;
using nlohmann::json;

namespace {

constexpr std::size_t users = 40;
constexpr const char* small_journal =
    "[journal]\nsegment = \"64KiB\"\ncheckpoint_bytes = \"256KiB\"\n[memory]\nprofiles = \"256KiB\"\n"
    "[segments.even]\nexpression = 'traits.n % 2 == 0'\n"
    "[segments.many]\nexpression = 'events(\"Order Completed\").count() >= 5'\n"
    "[segments.now]\nexpression = 'events(\"Order Completed\").within(\"1s\").any()'\n";

std::string user_of(int number) { return "u" + std::to_string(static_cast<std::size_t>(number) * 7919 % users); }

std::string event(int number) {
  const auto bytes = json::to_msgpack({{"type", "track"},
                                       {"event", "Order Completed"},
                                       {"messageId", "m" + std::to_string(number)},
                                       {"userId", user_of(number)},
                                       {"traits", {{"n", number}}}});
  return {bytes.begin(), bytes.end()};
}

/// Watches over all lives. Thread safety: all of it.
class watcher {
 public:
  void watch(const server& at) {
    client_ = at.client();
    net::watch_request request;
    {
      const std::lock_guard lock(mutex_);
      request.from = cursor_;
    }
    const auto started = client_->watch(request, [this](const result<std::string_view>& change) {
      const std::lock_guard lock(mutex_);
      if (!change) return ended_ = change.error().message, void();
      const auto map = json::from_msgpack(*change);
      cursor_ = map.at("cursor");
      if (map.at("traits").is_object() && map.at("traits").contains("n")) ++times_[map.at("traits").at("n")];
      const std::string profile = map.at("profile");
      for (const auto& name : map.at("left")) {
        if (is_in_.erase({profile, name}) == 0) wrong_ += profile + " left " + name.get<std::string>() + " twice; ";
      }
      for (const auto& name : map.at("entered")) {
        if (!is_in_.insert({profile, name}).second) {
          wrong_ += profile + " entered " + name.get<std::string>() + " twice; ";
        }
      }
    });
    INFO(request.from);
    if (!started) FAIL(started.error().message);
  }
  void leave() { client_.reset(); }
  std::map<int, int> times() const {
    const std::lock_guard lock(mutex_);
    return times_;
  }
  std::set<std::pair<std::string, std::string>> is_in() const {
    const std::lock_guard lock(mutex_);
    return is_in_;
  }
  std::string wrong() const {
    const std::lock_guard lock(mutex_);
    return wrong_;
  }

 private:
  std::unique_ptr<net::client> client_;
  mutable std::mutex mutex_;
  std::string cursor_;
  std::string ended_;
  std::string wrong_;
  std::map<int, int> times_;
  std::set<std::pair<std::string, std::string>> is_in_;
};

std::set<std::pair<std::string, std::string>> truth(const server& running) {
  const auto client = running.client();
  std::set<std::pair<std::string, std::string>> is_in;
  for (std::size_t i = 0; i < users; ++i) {
    const auto found = client->get({profile::id_kind::user, "", "u" + std::to_string(i)});
    if (!found) continue;
    const auto map = json::from_msgpack(*found);
    for (const auto& segment : map.at("segments"))
      is_in.emplace(map.at("profile").get<std::string>(), segment.get<std::string>());
  }
  return is_in;
}

}  // namespace

TEST_CASE("a watch goes on behind kill -9 and SIGTERM from its last cursor, without a gap and without a repeat") {
  const auto* chosen = std::getenv("KITH_SEED");
  const auto seed = chosen != nullptr ? std::strtoul(chosen, nullptr, 10) : std::random_device{}();
  const auto* wanted = std::getenv("KITH_KILL_ROUNDS");
  const auto rounds = wanted != nullptr ? std::strtoul(wanted, nullptr, 10) : 4;
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  const scratch room;
  server running(room, small_journal);
  watcher seen;
  std::atomic<int> sent{0};
  std::set<int> acknowledged;
  std::mutex mutex;
  seen.watch(running);
  for (unsigned long round = 0; round < rounds; ++round) {
    std::vector<std::thread> load;
    for (int i = 0; i < 2; ++i) {
      load.emplace_back([&, client = std::shared_ptr(running.client(1))] {
        for (;;) {
          const int first = sent.fetch_add(5);
          std::vector<std::string> events;
          for (int n = first; n < first + 5; ++n) events.push_back(event(n));
          const auto outcome = client->publish(events);
          if (!outcome) return;
          const std::lock_guard lock(mutex);
          for (int n = first; n < first + 5; ++n) acknowledged.insert(n);
        }
      });
    }
    const auto count = [&] {
      const std::lock_guard lock(mutex);
      return acknowledged.size();
    };
    const auto until = count() + random() % 2000;
    const bool received = eventually([&] { return count() >= until && !seen.times().empty(); });
    round % 3 == 2 ? (void)running.stop() : running.kill();
    for (auto& each : load) each.join();
    REQUIRE(received);
    seen.leave();
    running.start();
    if (random() % 2 == 0) {  // what happens before it is back waits for it
      const int number = sent.fetch_add(1);
      REQUIRE(running.client()->publish({event(number)}));
      acknowledged.insert(number);
    }
    seen.watch(running);
  }
  eventually([&] {
    const auto times = seen.times();
    return std::all_of(acknowledged.begin(), acknowledged.end(), [&](int n) { return times.contains(n); });
  });
  const auto times = seen.times();
  for (const auto number : acknowledged) {
    INFO("event " << number << " of " << user_of(number));
    REQUIRE(times.contains(number));
  }
  for (const auto& [number, count] : times) {
    INFO("event " << number << " of " << user_of(number));
    REQUIRE(count == 1);
  }
  CHECK(eventually([&] { return seen.is_in() == truth(running); }));
  CHECK(seen.wrong().empty());
  seen.leave();
  REQUIRE(running.stop() == 0);
  REQUIRE(run_kith(room, {"check", running.data()}).first == 0);
}
