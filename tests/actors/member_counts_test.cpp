// How many members each segment has: kept beside the members, and the same as counting them.
#include <map>
#include <random>

#include "persistence/store.hpp"
#include "profile/segments/standing.hpp"
#include "tests/actors/support/harness.hpp"
#include "tests/catch.hpp"

using namespace kith;
using namespace kith::tests;
using nlohmann::json;
using persistence::standing_write;
using profile::hash128;
using profile::segments::catalog;
using profile::segments::definition;
using profile::segments::segment_key;

namespace {

struct kept {
  explicit kept(const std::string& directory) {
    persistence::store_options options;
    options.now_ms = [] { return start_ms; };
    auto opened = persistence::store::open(persistence::real_files(), directory + "/store", options);
    if (!opened) throw std::runtime_error(opened.error().message);
    store = std::move(*opened);
  }
  void save(std::uint64_t profile, std::vector<standing_write::membership> changed) {
    persistence::snapshot_write write;
    write.address = {profile, 0};
    write.state = "s";
    write.standing.emplace();
    write.standing->bytes = "b";
    write.standing->changed = std::move(changed);
    REQUIRE(store->save({&write, 1}));
  }
  std::uint64_t count(std::uint64_t segment) {
    const auto counts = store->count_members().value();
    const auto found = counts.find(segment);
    const auto told = found == counts.end() ? 0 : found->second;
    CHECK(store->members(segment, {}, 1'000'000)->items.size() == told);
    return told;
  }

  std::unique_ptr<persistence::store> store;
};

}  // namespace

TEST_CASE("members are counted once, however often they are saved, and with what is saved") {
  const temporary_directory room;
  {
    kept at(room.path());
    at.save(1, {{7, 100, true}, {8, 100, true}});
    at.save(1, {{7, 100, true}});  // a crash's replay enters again
    at.save(2, {{7, 100, true}, {7, 101, false}, {7, 102, true}});
    at.save(3, {{7, 100, false}});  // never was one
    at.save(4, {{7, 100, true}, {7, 101, false}});
    CHECK(at.count(7) == 2);
    CHECK(at.count(8) == 1);
    at.save(1, {{7, 103, false}});
    CHECK(at.count(7) == 1);
    REQUIRE(at.store->flush());
  }
  {
    kept again(room.path());
    CHECK(again.count(7) == 1);
    CHECK(again.count(8) == 1);
    REQUIRE(again.store->forget_members(7));
    CHECK(again.count(7) == 0);
    again.save(2, {{7, 105, false}});
    again.save(3, {{7, 105, true}});
    CHECK(again.count(7) == 1);
    REQUIRE(again.store->flush());
  }
  kept third(room.path());
  CHECK(third.count(7) == 1);
  CHECK(third.count(8) == 1);
}

namespace {

const char* const often = "events(\"Order Completed\").within(\"7d\").count() >= 2";
const char* const known = "size(ids.anonymous) > 0";

/// By segment, from the lists of members.
std::map<std::string, std::uint64_t> listed(running& kith, const std::vector<std::string>& segments) {
  std::map<std::string, std::uint64_t> made;
  for (const auto& name : segments) {
    const auto members = kith->members(name, {}, 1'000'000);
    if (!members) FAIL(members.error().message);
    made[name] = members->items.size();
  }
  return made;
}

/// By segment, as they are kept.
std::map<std::string, std::uint64_t> counts_of(running& kith, const std::vector<std::string>& segments) {
  std::map<std::string, std::uint64_t> made;
  const auto counts = kith->member_counts();
  if (!counts) FAIL(counts.error().message);
  for (const auto& name : segments) {
    const auto found = counts->find(segment_key(name));
    made[name] = found == counts->end() ? 0 : found->second;
  }
  return made;
}

/// By segment, by looking at every profile.
std::map<std::string, std::uint64_t> recomputed(running& kith, const std::vector<std::string>& segments) {
  std::map<std::string, std::uint64_t> made;
  for (const auto& name : segments) {
    const auto found = kith->preview({kith->definitions(), name, 0});
    if (!found) FAIL(found.error().message);
    made[name] = found->members;
  }
  return made;
}

/// What timers, joins and splits still do comes to rest some time.
bool are_right(running& kith, const std::vector<std::string>& segments) {
  const auto counts = counts_of(kith, segments);
  return counts == listed(kith, segments) && counts == recomputed(kith, segments);
}

}  // namespace

TEST_CASE("counts of members are right through time, joins, unmerges, passivation, a crash and a stop") {
  const auto seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937 random(seed);
  const temporary_directory room;
  const auto clock = std::make_shared<std::atomic<std::int64_t>>(start_ms);
  auto options = options_for(room.path());
  options.memory_bytes = 64 * 1024;
  options.now_ms = [clock] { return clock->load(); };
  options.definitions = catalog_of({{"often", often}, {"known", known}});
  const std::vector<std::string> names = {"known", "often"};
  int number = 0;
  for (int life = 0; life < 3; ++life) {
    running kith(options);
    CHECK(eventually([&] { return are_right(kith, names); }));
    for (int batch = 0; batch < 6; ++batch) {
      std::vector<json> events;
      for (int i = 0; i < 100; ++i) {
        auto event = track("u" + std::to_string(random() % 120), std::to_string(++number),
                           profile::format_time(*clock - static_cast<std::int64_t>(random() % 10) * day));
        if (random() % 3 == 0) event.erase("userId");
        if (!event.contains("userId") || random() % 8 == 0) event["anonymousId"] = "a" + std::to_string(random() % 150);
        events.push_back(std::move(event));
      }
      kith.publish(events);
      *clock += day / 2;
      for (int i = 0; i < 3; ++i) {
        const profile::identifier user{profile::id_kind::user, "", "u" + std::to_string(random() % 120)};
        const auto map = kith.get(user);
        if (map.is_null() || map["anonymousIds"].empty()) continue;
        (void)kith.unmerge(user, {{profile::id_kind::anonymous, "", map["anonymousIds"][0].get<std::string>()}});
      }
      (void)counts_of(kith, names);
    }
    CHECK(eventually([&] { return are_right(kith, names); }));
    if (life == 0) kith.kill();
    else kith.stop();
  }
}

TEST_CASE("a segment that is deleted and made again at once has its members, and no others") {
  const temporary_directory room;
  auto options = options_for(room.path());
  options.now_ms = [] { return start_ms; };
  options.definitions = catalog_of({{"buyer", "events(\"Order Completed\").any()"}, {"other", "true"}}, start_ms - 1);
  running kith(options);
  std::vector<json> events;
  for (int i = 0; i < 50; ++i) events.push_back(track("u" + std::to_string(i), "m", profile::format_time(start_ms)));
  kith.publish(events);
  CHECK(counts_of(kith, {"buyer", "other"}) == std::map<std::string, std::uint64_t>{{"buyer", 50}, {"other", 50}});
  kith->limit_backfill(1);  // most profiles never see the definitions between
  REQUIRE(kith->define(catalog_of({{"other", "true"}}, start_ms - 1)));
  kith->limit_backfill(0);
  REQUIRE(kith->define(
      catalog_of({{"buyer", "events(\"Order Completed\").count() == 1"}, {"other", "true"}}, start_ms + 1)));
  REQUIRE(eventually([&] { return kith->backfilling().complete; }));
  CHECK(counts_of(kith, {"buyer", "other"}) == std::map<std::string, std::uint64_t>{{"buyer", 50}, {"other", 50}});
}

TEST_CASE("members of a segment that goes while the server is down are gone when it is made again") {
  const temporary_directory room;
  auto options = options_for(room.path());
  options.now_ms = [] { return start_ms; };
  options.definitions = catalog_of({{"buyer", "events(\"Order Completed\").any()"}, {"other", "true"}});
  {
    running kith(options);
    kith.publish({track("ada", "m", profile::format_time(start_ms))});
    kith.stop();
  }
  options.definitions = catalog_of({{"other", "true"}});
  running kith(options);
  REQUIRE(eventually([&] { return kith->backfilling().complete; }));
  REQUIRE(kith->define(catalog_of({{"buyer", "false"}, {"other", "true"}})));
  REQUIRE(eventually([&] { return kith->backfilling().complete; }));
  CHECK(counts_of(kith, {"buyer", "other"}) == std::map<std::string, std::uint64_t>{{"buyer", 0}, {"other", 1}});
}

TEST_CASE("the stage segment is measured for changes that a publish makes, and for no others") {
  const temporary_directory room;
  auto options = options_for(room.path());
  options.now_ms = [] { return start_ms; };
  options.definitions = catalog_of({{"buyer", "events(\"Order Completed\").any()"}});
  const auto measured = [](running& kith) {
    return kith->latency().snapshot(actors::stage::segment, actors::window::ever, {}).count() +
           kith->latency().snapshot(actors::stage::segment, actors::window::minute, {}).count();
  };
  {
    running kith(options);
    kith.publish({track("ada", "1", profile::format_time(start_ms)), track("bob", "1", profile::format_time(start_ms)),
                  track("ada", "2", profile::format_time(start_ms)),
                  track("eve", "1", "2024-05-01T10:00:00Z", "Seen")});
    // Once in each window: of ada's two orders only one changed anything.
    REQUIRE(eventually([&] { return measured(kith) == 4; }));
    kith.kill();
  }
  running again(options);
  CHECK(counts_of(again, {"buyer"})["buyer"] == 2);
  CHECK(measured(again) == 0);
}
