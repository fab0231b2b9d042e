// What is past a retention: gone from the history once it is compacted, and its events refused once their ids may be.
#include "tests/actors/support/harness.hpp"
#include "tests/catch.hpp"

using namespace kith;
using namespace kith::tests;

namespace {

constexpr std::int64_t day_ms = 86'400'000;
constexpr std::int64_t first_day_ms = 1'704'110'400'000;
constexpr int users = 20;

/// The day's event of each user.
std::vector<nlohmann::json> events_of(int day) {
  std::vector<nlohmann::json> events;
  for (int user = 0; user < users; ++user) {
    events.push_back(track("u" + std::to_string(user), "m-" + std::to_string(day),
                           profile::format_time(first_day_ms + day * day_ms)));
  }
  return events;
}

std::vector<std::string> history_of(running& kith, int user) {
  persistence::history_query oldest_first;
  oldest_first.newest_first = false;
  const auto address = profile::address_of(profile::id_kind::user, "", "u" + std::to_string(user));
  const auto page = kith->history(address, oldest_first);
  std::vector<std::string> ids;
  for (const auto& item : page.value().items) {
    ids.push_back(nlohmann::json::from_msgpack(item.encoded)["messageId"].get<std::string>());
  }
  return ids;
}

}  // namespace

TEST_CASE("compaction drops what is past the history's retention, and keeps what is younger") {
  temporary_directory directory;
  const auto today = std::make_shared<std::atomic<int>>(0);
  auto options = options_for(directory.path());
  options.now_ms = [today] { return first_day_ms + *today * day_ms; };
  options.store.history_retention_ms = 10 * day_ms;
  options.dedup_retention_ms = 30 * day_ms;
  running kith(options);
  const auto live_through = [&](int day) {
    *today = day;
    CHECK(kith.publish(events_of(day)).applied == users);
    REQUIRE(kith->checkpoint());  // a table of the store each; a few together are compacted
  };
  for (const int day : {0, 1, 2}) live_through(day);
  CHECK(history_of(kith, 7) == std::vector<std::string>{"m-0", "m-1", "m-2"});
  for (const int day : {20, 21, 22, 23, 24}) live_through(day);
  const std::vector<std::string> young{"m-20", "m-21", "m-22", "m-23", "m-24"};
  CHECK(eventually([&] { return history_of(kith, 0) == young; }));
  for (int user = 0; user < users; ++user) CHECK(history_of(kith, user) == young);
  CHECK(kith.get("u7")["version"] == 8);  // profiles keep what they counted

  // The bare ids stay for dedup.retention.
  CHECK(kith.publish(events_of(0)).duplicate == users);
  CHECK(kith.publish(events_of(24)).duplicate == users);
  CHECK(history_of(kith, 7) == young);
  *today = 31;
  const auto late = kith.publish(events_of(0));
  REQUIRE(late.rejected.size() == users);
  for (const auto& each : late.rejected) CHECK(each.code == errc::too_late);
  CHECK(kith.publish(events_of(2)).duplicate == users);
  CHECK(kith.get("u7")["version"] == 8);
}

TEST_CASE(
    "events that waited at a forwarder have the time at which it took them, and are judged by what is known now") {
  temporary_directory directory;
  auto options = options_for(directory.path());
  constexpr auto today_ms = first_day_ms + 40 * day_ms;
  options.now_ms = [] { return today_ms; };
  options.dedup_retention_ms = 30 * day_ms;
  running kith(options);
  actors::publish_options waited;
  waited.received_ms = today_ms - 10 * day_ms;

  // Without a time of its own it came when the forwarder took it; a sender's clock is compared with the forwarder's.
  auto timeless = track("u0", "m-1", "");
  timeless.erase("timestamp");
  auto skewed = track("u0", "m-2", profile::format_time(waited.received_ms - day_ms));
  skewed["sentAt"] = profile::format_time(waited.received_ms - hour);
  CHECK(kith.publish({timeless, skewed}, waited).applied == 2);
  const auto seen = kith.get("u0");
  CHECK(seen["lastSeen"] == profile::format_time(waited.received_ms));
  CHECK(seen["firstSeen"] == profile::format_time(waited.received_ms - day_ms + hour));

  // Which ids are still known is a question of now, not of then.
  const auto late = kith.publish({track("u0", "m-3", profile::format_time(today_ms - 31 * day_ms))}, waited);
  REQUIRE(late.rejected.size() == 1);
  CHECK(late.rejected[0].code == errc::too_late);
  CHECK(kith.publish({track("u0", "m-4", profile::format_time(today_ms - 29 * day_ms))}, waited).applied == 1);

  // A forwarder whose clock is ahead does not make the future.
  waited.received_ms = today_ms + day_ms;
  auto ahead = track("u1", "m-1", "");
  ahead.erase("timestamp");
  CHECK(kith.publish({ahead}, waited).applied == 1);
  CHECK(kith.get("u1")["lastSeen"] == profile::format_time(today_ms));
}
