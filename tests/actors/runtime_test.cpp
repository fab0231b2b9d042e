#include "actors/runtime.hpp"

#include <filesystem>
#include <fstream>
#include <mutex>
#include <set>

#include "tests/actors/support/harness.hpp"
#include "tests/catch.hpp"

using namespace kith;
using namespace kith::tests;
using nlohmann::json;

namespace {

std::uint64_t orders_of(const json& map, const std::string& name = "Order Completed") {
  return map.is_null() ? 0 : map["events"][name]["count"].get<std::uint64_t>();
}

/// One order a day from 2024-01-01 on, for `days` days.
std::vector<json> daily_orders(const std::string& user, int days) {
  std::vector<json> events;
  for (int day = 0; day < days; ++day) {
    const auto time = profile::format_time(1704110400000 + day * 86'400'000LL);
    events.push_back(track(user, user + "-" + std::to_string(day), time));
  }
  return events;
}

/// Of this process's threads, as ps -L has them.
std::set<std::string> thread_names() {
  std::set<std::string> names;
  for (const auto& each : std::filesystem::directory_iterator("/proc/self/task")) {
    std::ifstream in(each.path() / "comm");
    if (std::string name; std::getline(in, name)) names.insert(name);
  }
  return names;
}

}  // namespace

TEST_CASE("threads had no names") {
  temporary_directory directory;
  running kith(options_for(directory.path()));
  std::set<std::string> names;
  for (const auto* each : {"shard-0", "shard-1", "journal-0", "journal-1", "maintenance", "changes", "store-pool"}) {
    CAPTURE(each);
    CHECK(eventually([&] { return (names = thread_names()).contains(each); }));
  }
  CHECK(std::all_of(names.begin(), names.end(), [](const auto& each) { return each.size() <= 15; }));
}

TEST_CASE("an event is counted once, whatever is sent again") {
  temporary_directory directory;
  running kith(options_for(directory.path()));
  const auto event = track("ada", "m-1", "2024-05-01T10:00:00Z");
  CHECK(kith.publish({event}).applied == 1);
  const auto again = kith.publish({event, event, track("ada", "m-2", "2024-05-01T10:00:01Z")});
  CHECK(again.applied == 1);
  CHECK(again.duplicate == 2);
  CHECK(orders_of(kith.get("ada")) == 2);
  CHECK(kith.get("nobody").is_null());
}

TEST_CASE("bad events are refused by index and the others counted") {
  temporary_directory directory;
  running kith(options_for(directory.path()));
  actors::publish_options options;
  options.detail = true;
  const auto outcome = kith.publish({track("ada", "m-1", "2024-05-01T10:00:00Z"), json{{"type", "track"}},
                                     track("bob", "m-1", "2024-05-01T10:00:00Z"), json(7)},
                                    options);
  CHECK(outcome.applied == 2);
  REQUIRE(outcome.rejected.size() == 2);
  CHECK(outcome.rejected[0].index == 1);
  CHECK(outcome.rejected[1].index == 3);
  REQUIRE(outcome.details.size() == 4);
  CHECK(outcome.details[0].version == 1);
  CHECK(outcome.details[1].rejected);
  CHECK(outcome.details[2].profile == profile::address_of(profile::id_kind::user, "", "bob"));
  kith.kill();
  running again(options_for(directory.path()));
  CHECK(orders_of(again.get("ada")) == 1);
  CHECK(orders_of(again.get("bob")) == 1);
}

TEST_CASE("a reader does not see what is not durable, unless the sender asked for memory") {
  temporary_directory directory;
  gated_files files(persistence::real_files());
  running kith(options_for(directory.path()), files);
  files.closed = true;
  auto durable = kith.send({track("ada", "m-1", "2024-05-01T10:00:00Z")});
  const auto quick = kith.publish({track("bob", "m-1", "2024-05-01T10:00:00Z")}, {actors::durability::memory, false});
  CHECK(quick.applied == 1);
  CHECK(orders_of(kith.get("bob")) == 1);
  CHECK(kith.get("ada").is_null());
  CHECK(durable.wait_for(std::chrono::seconds(0)) != std::future_status::ready);
  files.closed = false;
  CHECK(durable.get()->applied == 1);
  CHECK(orders_of(kith.get("ada")) == 1);
}

TEST_CASE("a failed sync is final: refused loudly, nothing acknowledged lost, mended by a restart") {
  temporary_directory directory;
  gated_files files(persistence::real_files());
  running kith(options_for(directory.path()), files);
  CHECK(kith.publish({track("ada", "m-1", "2024-05-01T10:00:00Z")}).applied == 1);
  files.failing = true;
  const auto refused = kith.send({track("ada", "m-2", "2024-05-01T10:00:01Z")}).get();
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == errc::unavailable);
  CHECK(kith->state().now == actors::phase::failed);
  files.failing = false;
  CHECK_FALSE(kith.send({track("ada", "m-3", "2024-05-01T10:00:02Z")}).get());
  CHECK(orders_of(kith.get("ada")) == 1);
  kith.kill();
  running again(options_for(directory.path()), files);
  again.publish({track("ada", "m-2", "2024-05-01T10:00:01Z")});
  CHECK(orders_of(again.get("ada")) == 2);
}

TEST_CASE("state comes back after a crash, from the journal, and after a stop, from snapshots") {
  temporary_directory directory;
  const auto events = daily_orders("ada", 40);
  json before;
  {
    running kith(options_for(directory.path()));
    CHECK(kith.publish(events).applied == 40);
    before = kith.get("ada");
    kith.kill();
  }
  {
    running kith(options_for(directory.path()));
    CHECK(kith.get("ada") == before);
    CHECK(kith.publish(events).duplicate == 40);
    kith.stop();
  }
  running kith(options_for(directory.path()));
  CHECK(kith->stats().events_applied == 0);  // nothing had to be replayed
  CHECK(kith.get("ada") == before);
  CHECK(kith.publish(events).duplicate == 40);
  CHECK(kith.get("ada") == before);
}

TEST_CASE("profiles over the memory budget are passivated and come back whole") {
  temporary_directory directory;
  auto options = options_for(directory.path());
  options.memory_bytes = 512 * 1024;
  running kith(options);
  constexpr int people = 5000;
  for (int round = 0; round < 3; ++round) {
    for (int from = 0; from < people; from += 500) {
      std::vector<json> events;
      for (int i = from; i < from + 500; ++i) {
        const auto user = "u" + std::to_string(i);
        events.push_back(track(user, user + "-" + std::to_string(round), "2024-05-0" + std::to_string(round + 1)));
      }
      CHECK(kith.publish(events).applied == 500);
    }
  }
  CHECK(eventually([&] { return kith->stats().profile_bytes <= options.memory_bytes; }));
  CHECK(kith->stats().passivations > 0);
  for (int i = 0; i < people; i += 97) CHECK(orders_of(kith.get("u" + std::to_string(i))) == 3);
}

TEST_CASE("what profiles are known by is told of those on disk, and leaves them there") {
  temporary_directory directory;
  auto options = options_for(directory.path());
  options.memory_bytes = 1;  // whatever is idle is passivated
  running kith(options);
  const auto address = [](const std::string& user) { return profile::address_of(profile::id_kind::user, {}, user); };
  constexpr std::size_t people = 200;
  std::vector<json> events;
  std::vector<profile::hash128> addresses;
  for (std::size_t i = 0; i < people; ++i) {
    const auto user = "u" + std::to_string(i);
    events.push_back(track(user, user, "2024-05-01"));
    addresses.push_back(address(user));
  }
  // The one whose address is lower is the profile that both become, though no event is addressed to it.
  std::string before = "ada";
  std::string after = "ada.lovelace";
  if (address(after) < address(before)) std::swap(before, after);
  events.push_back({{"type", "alias"}, {"messageId", "a-1"}, {"previousId", before}, {"userId", after}});
  addresses.push_back(address(before));
  addresses.push_back(address("nobody"));
  kith.publish(events);
  REQUIRE(eventually([&] { return kith->stats().profiles_active == 0; }));

  const auto activations = kith->stats().activations;
  const auto reads = kith->stats().reads;
  std::promise<std::vector<json>> promise;
  boost::asio::post(kith->io(0), [&] {
    kith->read_names(0, addresses, [&](const result<actors::found_profiles>& found) {
      std::vector<json> told;
      for (std::size_t i = 0; found && i < found->size(); ++i) {
        const auto one = found->at(i);
        told.push_back(one ? json::from_msgpack(*one) : json());
      }
      promise.set_value(std::move(told));
    });
  });
  const auto told = promise.get_future().get();
  REQUIRE(told.size() == addresses.size());
  for (std::size_t i = 0; i < people; ++i) {
    CHECK(told[i] == json{{"userIds", json::array({"u" + std::to_string(i)})},
                          {"anonymousIds", json::array()},
                          {"externalIds", json::array()}});
  }
  CHECK(told[people].at("userIds") == json::array({before}));
  CHECK(told[people + 1].is_null());
  CHECK(kith->stats().activations == activations);
  CHECK(kith->stats().reads == reads + addresses.size());
}

TEST_CASE("late events are counted once for ever, through passivation and restarts") {
  temporary_directory directory;
  auto options = options_for(directory.path());
  options.memory_bytes = 1;  // whatever is idle is passivated
  const auto events = daily_orders("ada", 60);
  {
    running kith(options);
    CHECK(kith.publish({events.begin() + 30, events.end()}).applied == 30);
    CHECK(eventually([&] { return kith->stats().profiles_active == 0; }));
    const auto all = kith.publish(events);
    CHECK(all.applied == 30);
    CHECK(all.duplicate == 30);
    REQUIRE(kith->checkpoint());
    kith.kill();
  }
  running kith(options);
  CHECK(kith.publish(events).duplicate == 60);
  CHECK(orders_of(kith.get("ada")) == 60);
}

TEST_CASE("a hot profile does not starve its neighbours") {
  temporary_directory directory;
  auto options = options_for(directory.path());
  options.shards = 1;
  running kith(options);
  std::vector<json> flood;
  for (int i = 0; i < 60'000; ++i) flood.push_back(track("hot", "h-" + std::to_string(i), "2024-05-01T10:00:00Z"));
  std::atomic<int> order{0};
  std::atomic<int> hot{0};
  std::atomic<int> cold{0};
  const auto flood_bytes = encode(flood);
  const auto event_bytes = encode({track("cold", "c-1", "2024-05-01T10:00:00Z")});
  const actors::publish_options memory{actors::durability::memory, false};
  boost::asio::post(kith->io(0), [&] {  // both are handed over in one turn, the flood first
    kith->publish(0, flood_bytes, memory, "test", [&](const auto&) { hot = ++order; });
    kith->publish(0, event_bytes, memory, "test", [&](const auto&) { cold = ++order; });
  });
  REQUIRE(eventually([&] { return hot > 0 && cold > 0; }));
  CHECK(cold == 1);
  CHECK(hot == 2);
}

TEST_CASE("critical events overtake normal ones") {
  temporary_directory directory;
  auto options = options_for(directory.path());
  options.shards = 1;
  running kith(options);
  std::vector<json> flood;
  for (int i = 0; i < 60'000; ++i) flood.push_back(track("ada", "h-" + std::to_string(i), "2024-05-01T10:00:00Z"));
  auto alarm = track("ada", "c-1", "2024-05-01T10:00:00Z");
  alarm["priority"] = "critical";
  std::atomic<int> order{0};
  std::atomic<int> normal{0};
  std::atomic<int> critical{0};
  const auto flood_bytes = encode(flood);
  const auto alarm_bytes = encode({alarm});
  const actors::publish_options memory{actors::durability::memory, false};
  boost::asio::post(kith->io(0), [&] {
    kith->publish(0, flood_bytes, memory, "test", [&](const auto&) { normal = ++order; });
    kith->publish(0, alarm_bytes, memory, "test", [&](const auto&) { critical = ++order; });
  });
  REQUIRE(eventually([&] { return normal > 0 && critical > 0; }));
  CHECK(critical == 1);
}

TEST_CASE("back-pressure: in-flight bytes over the bound are told, and the edge is called when they have gone") {
  temporary_directory directory;
  gated_files files(persistence::real_files());
  auto options = options_for(directory.path());
  options.in_flight_bytes = 1000;
  running kith(options, files);
  std::atomic<bool> resumed{false};
  kith->on_resumed(0, [&] { resumed = true; });
  files.closed = true;
  std::vector<std::future<result<actors::publish_outcome>>> waiting;
  for (int i = 0; i < 20; ++i) waiting.push_back(kith.send({track("ada", "m-" + std::to_string(i), "2024-05-01")}));
  std::promise<bool> ready;
  boost::asio::post(kith->io(0), [&] { ready.set_value(kith->ready_for_more(0)); });
  CHECK_FALSE(ready.get_future().get());
  files.closed = false;
  for (auto& each : waiting) CHECK(each.get()->applied == 1);
  CHECK(eventually([&] { return resumed.load(); }));
}

TEST_CASE("checkpoints delete journal segments and keep the history") {
  temporary_directory directory;
  running kith(options_for(directory.path()));
  for (int i = 0; i < 30; ++i) {
    auto events = daily_orders("u" + std::to_string(i), 200);
    for (auto& event : events) event["properties"] = {{"note", std::string(200, 'x')}};
    kith.publish(events);
  }
  const auto before = kith->stats().journal_bytes;
  REQUIRE(kith->checkpoint());
  CHECK(kith->stats().journal_bytes < before / 10);
  persistence::history_query query;
  query.limit = 1000;
  const auto page = kith->history(profile::address_of(profile::id_kind::user, "", "u7"), query);
  REQUIRE(page);
  CHECK(page->items.size() == 200);
  CHECK(page->items.front().time_ms > page->items.back().time_ms);
}

TEST_CASE("the history shows an event at once, and a retried one only once") {
  temporary_directory directory;
  running kith(options_for(directory.path()));
  const auto event = track("ada", "m-1", "2024-05-01T10:00:00Z");
  kith.publish({event});
  kith.publish({event});
  const auto page = kith->history(profile::address_of(profile::id_kind::user, "", "ada"), {});
  REQUIRE(page);
  REQUIRE(page->items.size() == 1);
  CHECK(page->items[0].source == "test");
  CHECK(json::from_msgpack(page->items[0].encoded)["messageId"] == "m-1");
}

TEST_CASE("a watch gets every change once, and resumes behind its cursor") {
  temporary_directory directory;
  running kith(options_for(directory.path()));
  std::mutex mutex;
  std::vector<actors::change> changes;
  const auto watch = [&](std::string from) {
    std::promise<result<actors::watch_id>> promise;
    boost::asio::post(kith->io(0), [&] {
      promise.set_value(kith->watch(0, {std::nullopt, from, {}}, [&](const result<actors::change>& change) {
        const std::lock_guard lock(mutex);
        if (change) changes.push_back(*change);
      }));
    });
    return promise.get_future().get();
  };
  const auto count = [&] {
    const std::lock_guard lock(mutex);
    return changes.size();
  };
  const auto first = watch("");
  REQUIRE(first);
  // A watch starts where the sources are when they hear of it: wait for one profile's changes to come through, the last
  // of them too.
  std::uint64_t sent = 0;
  REQUIRE(eventually([&] {
    if (count() == 0) kith.publish({track("u", "m" + std::to_string(sent++), "2024-05-01")});
    const std::lock_guard lock(mutex);
    return !changes.empty() && changes.back().version == sent;
  }));
  REQUIRE(eventually([&] { return count() == static_cast<std::size_t>(sent); }));
  const auto base = count();
  for (int i = 0; i < 50; ++i) kith.publish({track("w" + std::to_string(i), "m", "2024-05-01")});
  REQUIRE(eventually([&] { return count() >= base + 50; }));
  std::string cursor;
  {
    const std::lock_guard lock(mutex);
    cursor = changes[base + 19].cursor;
  }
  boost::asio::post(kith->io(0), [&] { kith->unwatch(0, *first); });
  REQUIRE(eventually([&] { return kith->stats().watches == 0; }));
  const auto before = count();
  REQUIRE(watch(cursor));
  REQUIRE(eventually([&] { return count() >= before + 30; }));
  const std::lock_guard lock(mutex);
  CHECK(changes.size() == before + 30);
  std::set<std::string> resumed;
  for (auto i = before; i < changes.size(); ++i) resumed.insert(to_hex(changes[i].profile));
  CHECK(resumed.size() == 30);
  CHECK_FALSE(watch("1.2.3"));
  CHECK_FALSE(watch("nonsense"));
}
