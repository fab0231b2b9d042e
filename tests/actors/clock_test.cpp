// The wall clock jumps, both ways: who is in which segment is what the time says that it shows now.
#include <set>

#include "tests/actors/support/harness.hpp"
#include "tests/catch.hpp"

using namespace kith;
using namespace kith::tests;
using nlohmann::json;

namespace {

struct room {
  temporary_directory directory;
  std::shared_ptr<std::atomic<std::int64_t>> clock = std::make_shared<std::atomic<std::int64_t>>(start_ms);

  actors::runtime_options options() const {
    auto made = options_for(directory.path());
    made.definitions = catalog_of({{"fresh", "events(\"Order Completed\").within(\"7d\").any()"},
                                   {"asleep", "!events(\"Order Completed\").within(\"7d\").any()"}});
    made.views = std::make_shared<const profile::view_set>(std::vector<profile::view>{{"state", "", {{"segments"}}}});
    made.now_ms = [clock = clock] { return clock->load(); };
    return made;
  }
};

json order(const std::string& user, const std::string& id, std::int64_t time_ms) {
  return track(user, id, profile::format_time(time_ms));
}

std::size_t members_of(running& kith, const std::string& segment) {
  std::size_t count = 0;
  std::optional<profile::hash128> behind;
  do {
    const auto page = kith->members(segment, behind, 100);
    REQUIRE(page);
    count += page->items.size();
    behind = page->next;
  } while (behind);
  return count;
}

json segments_of(running& kith, const std::string& user) { return kith.get(user).at("segments"); }

}  // namespace

TEST_CASE("the clock jumps by thirty days and back, and memberships follow, in memory and on disk") {
  const room at;
  auto options = at.options();
  options.memory_bytes = 64 * 1024;  // most of them are on disk
  constexpr std::size_t people = 300;
  running kith(options);
  std::vector<json> events;
  for (std::size_t i = 0; i < people; ++i) events.push_back(order("u" + std::to_string(i), "m", start_ms));
  kith.publish(events);
  REQUIRE(eventually([&] { return kith->stats().passivations > people / 2; }));
  CHECK(members_of(kith, "fresh") == people);
  for (int jump = 0; jump < 2; ++jump) {
    CAPTURE(jump);
    *at.clock = start_ms + 30 * day;
    REQUIRE(eventually([&] { return members_of(kith, "asleep") == people; }));
    CHECK(members_of(kith, "fresh") == 0);
    CHECK(segments_of(kith, "u0") == json{"asleep"});
    CHECK(kith.view({profile::id_kind::user, "", "u1"}, "state")["segments"] == json{"asleep"});
    *at.clock = start_ms + hour;
    REQUIRE(eventually([&] { return members_of(kith, "fresh") == people; }));
    CHECK(members_of(kith, "asleep") == 0);
    CHECK(segments_of(kith, "u0") == json{"fresh"});
    CHECK(kith.view({profile::id_kind::user, "", "u1"}, "state")["segments"] == json{"fresh"});
    REQUIRE(eventually([&] { return kith->backfilling().complete; }));
  }
  // And then time goes on as ever.
  *at.clock = start_ms + 7 * day;
  CHECK(eventually([&] { return members_of(kith, "fresh") == 0; }));
}

TEST_CASE("the clock goes back by a day, and what ended in that day ends again in its time") {
  const room at;
  running kith(at.options());
  *at.clock = start_ms + 6 * day;
  kith.publish({order("ada", "m-1", start_ms), order("bob", "m-1", start_ms + 5 * day)});
  *at.clock = start_ms + 7 * day + hour;
  REQUIRE(eventually([&] { return segments_of(kith, "ada") == json{"asleep"}; }));
  *at.clock = start_ms + 6 * day + hour;
  REQUIRE(eventually([&] { return segments_of(kith, "ada") == json{"fresh"}; }));
  CHECK(segments_of(kith, "bob") == json{"fresh"});
  // An event of the day that was taken back is one of the future: it counts now, and that is counted.
  const auto clamped = kith->stats().events_clamped;
  CHECK(kith.publish({order("eve", "m-1", start_ms + 7 * day + hour)}).applied == 1);
  CHECK(kith->stats().events_clamped == clamped + 1);
  CHECK(kith.get("eve")["lastSeen"] == profile::format_time(start_ms + 6 * day + hour));
  *at.clock = start_ms + 7 * day - 1;
  CHECK(segments_of(kith, "ada") == json{"fresh"});
  *at.clock = start_ms + 7 * day;
  CHECK(eventually([&] { return segments_of(kith, "ada") == json{"asleep"}; }));
  *at.clock = start_ms + 12 * day;
  CHECK(eventually([&] { return segments_of(kith, "bob") == json{"asleep"}; }));
  CHECK(segments_of(kith, "eve") == json{"fresh"});
}

TEST_CASE("who was saved at a time that has not come yet is looked at when it is loaded") {
  const room at;
  {
    running kith(at.options());
    kith.publish({order("ada", "m-1", start_ms)});
    *at.clock = start_ms + 30 * day;
    REQUIRE(eventually([&] { return segments_of(kith, "ada") == json{"asleep"}; }));
    kith.stop();
  }
  *at.clock = start_ms + day;
  running kith(at.options());
  CHECK(segments_of(kith, "ada") == json{"fresh"});
  *at.clock = start_ms + 7 * day;
  CHECK(eventually([&] { return segments_of(kith, "ada") == json{"asleep"}; }));
}

TEST_CASE("sessions are of the events' time, whatever the clock does") {
  const room at;
  running kith(at.options());
  kith.publish({order("ada", "m-1", start_ms)});
  *at.clock = start_ms + 30 * day;
  kith.publish({order("ada", "m-2", start_ms + 60'000)});
  *at.clock = start_ms + hour;
  kith.publish({order("ada", "m-3", start_ms + 2 * 60'000)});
  const auto sessions = kith.get("ada").at("sessions");
  CHECK(sessions["count"] == 1);
  CHECK(sessions["lastEnd"] == profile::format_time(start_ms + 2 * 60'000));
}
