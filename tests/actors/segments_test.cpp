// Segments under the whole runtime: entered and left by events and by time, kept through crashes and passivation, and
// brought up to date from the history when definitions change.
#include <map>
#include <mutex>
#include <set>

#include "profile/segments/standing.hpp"
#include "tests/actors/support/harness.hpp"
#include "tests/catch.hpp"

using namespace kith;
using namespace kith::tests;
using nlohmann::json;
using profile::segments::catalog;
using profile::segments::definition;
using profile::segments::definition_kind;

namespace {

const auto loyal_and_fresh = [] {
  return catalog_of({{"loyal", "events(\"Order Completed\").count() >= 3"},
                     {"fresh", "events(\"Order Completed\").within(\"7d\").any()"}});
};

json order(const std::string& user, const std::string& id, std::int64_t time_ms) {
  return track(user, id, profile::format_time(time_ms));
}

/// A runtime whose clock stands until it is moved.
struct timed {
  temporary_directory directory;
  std::shared_ptr<std::atomic<std::int64_t>> clock = std::make_shared<std::atomic<std::int64_t>>(start_ms);

  actors::runtime_options options(std::shared_ptr<const catalog> definitions) const {
    auto made = options_for(directory.path());
    made.definitions = std::move(definitions);
    made.now_ms = [clock = clock] { return clock->load(); };
    return made;
  }
};

/// Names of the segments a user is in.
std::set<std::string> segments_of(running& kith, const std::string& user) {
  const auto map = kith.get(user);
  if (map.is_null()) return {};
  return map.at("segments").get<std::set<std::string>>();
}

std::set<std::string> members_of(running& kith, const std::string& segment) {
  std::set<std::string> found;
  std::optional<profile::hash128> behind;
  do {
    const auto page = kith->members(segment, behind, 7);
    REQUIRE(page);
    for (const auto& each : page->items) REQUIRE(found.insert(to_hex(each.address)).second);
    behind = page->next;
  } while (behind);
  return found;
}

std::string address_text(const std::string& user) {
  return to_hex(profile::address_of(profile::id_kind::user, "", user));
}

}  // namespace

TEST_CASE("an event says which segments its profile entered") {
  const timed room;
  running kith(room.options(loyal_and_fresh()));
  const auto outcome = kith.publish({order("ada", "m-1", start_ms), order("ada", "m-2", start_ms),
                                     order("ada", "m-3", start_ms), order("ada", "m-4", start_ms)},
                                    {actors::durability::fsync, true});
  REQUIRE(outcome.details.size() == 4);
  REQUIRE(outcome.details[0].memberships);
  CHECK(outcome.details[0].memberships->entered == std::vector<std::string>{"fresh"});
  CHECK_FALSE(outcome.details[1].memberships);
  REQUIRE(outcome.details[2].memberships);
  CHECK(outcome.details[2].memberships->entered == std::vector<std::string>{"loyal"});
  CHECK_FALSE(outcome.details[3].memberships);
  CHECK(segments_of(kith, "ada") == std::set<std::string>{"fresh", "loyal"});
  CHECK(members_of(kith, "loyal") == std::set{address_text("ada")});
}

TEST_CASE("what is true of everybody is entered by a profile's first event, and what that ends never") {
  const timed room;
  running kith(room.options(catalog_of({{"all", "true"}, {"idle", "events(\"Order Completed\").count() == 0"}})));
  REQUIRE(eventually([&] { return kith->state().now == actors::phase::ready; }));
  std::mutex mutex;
  std::vector<actors::change> seen;
  boost::asio::post(kith->io(0), [&] {
    (void)kith->watch(0, {}, [&](const result<actors::change>& change) {
      const std::lock_guard lock(mutex);
      if (change) seen.push_back(*change);
    });
  });
  REQUIRE(eventually([&] { return kith->stats().watches == 1; }));
  const auto outcome = kith.publish({order("ada", "m-1", start_ms)}, {actors::durability::fsync, true});
  REQUIRE(outcome.details.at(0).memberships);
  CHECK(outcome.details[0].memberships->entered == std::vector<std::string>{"all"});
  CHECK(outcome.details[0].memberships->left.empty());
  kith.publish({order("ada", "m-2", start_ms)});
  REQUIRE(eventually([&] {
    const std::lock_guard lock(mutex);
    return !seen.empty() && seen.back().version == 2;
  }));
  CHECK(kith->stats().segments_entered == 1);
  CHECK(kith->stats().segments_left == 0);
  CHECK(segments_of(kith, "ada") == std::set<std::string>{"all"});
  CHECK(members_of(kith, "idle").empty());
  const std::lock_guard lock(mutex);
  REQUIRE(seen.size() == 2);
  CHECK(seen[0].version == 1);
  REQUIRE(seen[0].memberships);
  CHECK(seen[0].memberships->entered == std::vector<std::string>{"all"});
  CHECK_FALSE(seen[1].memberships);
}

TEST_CASE("time alone ends a membership, of profiles in memory and of passivated ones, to the moment") {
  const timed room;
  auto options = room.options(loyal_and_fresh());
  options.memory_bytes = 64 * 1024;  // most of them leave
  running kith(options);
  std::vector<json> events;
  for (int i = 0; i < 300; ++i) events.push_back(order("u" + std::to_string(i), "m", start_ms + i * 1000));
  kith.publish(events);
  REQUIRE(eventually([&] { return kith->stats().passivations > 100; }));
  CHECK(members_of(kith, "fresh").size() == 300);
  // At this instant the first 100 are out, the event exactly seven days ago among them.
  *room.clock = start_ms + 7 * day + 99 * 1000;
  CHECK(eventually([&] { return kith->stats().segments_left == 100; }));
  CHECK(members_of(kith, "fresh").size() == 200);
  CHECK(members_of(kith, "fresh").count(address_text("u99")) == 0);
  CHECK(members_of(kith, "fresh").count(address_text("u100")) == 1);
  CHECK(segments_of(kith, "u99").empty());
  CHECK(segments_of(kith, "u100") == std::set<std::string>{"fresh"});
}

TEST_CASE("memberships and their timers outlive a stop and a crash") {
  const timed room;
  *room.clock = start_ms + 2 * day;
  {
    running kith(room.options(loyal_and_fresh()));
    kith.publish({order("ada", "m-1", start_ms), order("bob", "m-1", start_ms + day)});
    kith.stop();
  }
  {
    running kith(room.options(loyal_and_fresh()));
    kith.publish({order("eve", "m-1", start_ms + 2 * day)});
    kith.kill();
  }
  *room.clock = start_ms + 7 * day;
  running kith(room.options(loyal_and_fresh()));
  REQUIRE(eventually([&] { return kith->state().now == actors::phase::ready; }));
  CHECK(eventually([&] { return members_of(kith, "fresh") == std::set{address_text("bob"), address_text("eve")}; }));
  *room.clock = start_ms + 9 * day;
  CHECK(eventually([&] { return members_of(kith, "fresh").empty(); }));
}

TEST_CASE("a watch tells who entered and left, by time too, and can be of one segment") {
  const timed room;
  running kith(room.options(loyal_and_fresh()));
  REQUIRE(eventually([&] { return kith->state().now == actors::phase::ready; }));
  std::mutex mutex;
  std::vector<actors::change> seen;
  boost::asio::post(kith->io(0), [&] {
    actors::watch_filter filter;
    filter.segment = "fresh";
    (void)kith->watch(0, filter, [&](const result<actors::change>& change) {
      const std::lock_guard lock(mutex);
      if (change) seen.push_back(*change);
    });
  });
  REQUIRE(eventually([&] { return kith->stats().watches == 1; }));
  const auto count = [&] {
    const std::lock_guard lock(mutex);
    return seen.size();
  };
  kith.publish({order("ada", "m-1", start_ms), order("ada", "m-2", start_ms),
                track("bob", "m", "2024-05-01T10:00:00Z", "Seen")});
  REQUIRE(eventually([&] { return count() == 1; }));
  *room.clock = start_ms + 7 * day;
  REQUIRE(eventually([&] { return count() == 2; }));
  const std::lock_guard lock(mutex);
  CHECK(seen[0].memberships->entered == std::vector<std::string>{"fresh"});
  CHECK(seen[1].memberships->left == std::vector<std::string>{"fresh"});
  CHECK(seen[1].profile == profile::address_of(profile::id_kind::user, "", "ada"));
}

TEST_CASE("new definitions are filled from the history, for all profiles, while events go on") {
  const timed room;
  auto options = room.options(nullptr);
  options.memory_bytes = 64 * 1024;
  running kith(options);
  std::map<std::string, int> big;  // by user: orders over 50
  const auto publish = [&](int from, int to) {
    std::vector<json> events;
    for (int i = from; i < to; ++i) {
      const auto user = "u" + std::to_string(i % 200);
      auto event = order(user, "m-" + std::to_string(i), start_ms - (i % 40) * day);
      event["properties"] = {{"total", i % 7 * 20.0}};
      if (i % 7 * 20 > 50) ++big[user];
      events.push_back(std::move(event));
    }
    kith.publish(events);
  };
  publish(0, 2000);
  const auto definitions =
      catalog_of({{"big", "events(\"Order Completed\").where(e, e.properties.total > 50.0).count() >= 9"}});
  REQUIRE(kith->define(definitions));
  for (int from = 2000; from < 3000; from += 100) publish(from, from + 100);
  REQUIRE(eventually([&] { return !kith->backfilling().running; }));
  std::set<std::string> expected;
  for (const auto& [user, orders] : big) {
    if (orders >= 9) expected.insert(address_text(user));
  }
  REQUIRE(expected.size() > 50);
  REQUIRE(expected.size() < 200);
  CHECK(members_of(kith, "big") == expected);
  kith.kill();
  running again(room.options(definitions));
  REQUIRE(eventually([&] { return again->state().now == actors::phase::ready; }));
  CHECK(members_of(again, "big") == expected);
}

TEST_CASE("events that came while nothing was defined count once it is again") {
  timed room;
  const auto definitions = catalog_of({{"loyal", "events(\"Order Completed\").sum(\"properties.total\") >= 30.0"}});
  running kith(room.options(definitions));
  const auto publish = [&](int number) {
    auto event = order("ada", "m-" + std::to_string(number), start_ms);
    event["properties"] = {{"total", 10.0}};
    kith.publish({event});
  };
  publish(1);
  REQUIRE(kith->define(catalog_of({})));
  publish(2);
  REQUIRE(kith->define(definitions));
  publish(3);
  REQUIRE(eventually([&] { return !kith->backfilling().running; }));
  CHECK(members_of(kith, "loyal") == std::set<std::string>{address_text("ada")});
}

namespace {

/// 300 users, each with an order over 50 in the history, most of them on disk.
struct many : timed {
  many() {
    auto made = options(nullptr);
    made.memory_bytes = 32 * 1024;
    running kith(made);
    std::vector<json> events;
    for (int i = 0; i < 300; ++i) {
      auto event = order("u" + std::to_string(i), "m", start_ms);
      event["properties"] = {{"total", 60}};
      events.push_back(std::move(event));
    }
    kith.publish(events);
    kith.stop();
  }
  actors::runtime_options slow() const {
    auto made = options(catalog_of({{"big", big}}));
    made.backfill_rate = 40;
    return made;
  }

  static constexpr const char* big = "events(\"Order Completed\").where(e, e.properties.total > 50.0).any()";
};

}  // namespace

TEST_CASE("a backfill goes no faster than it may, says how far it is, and goes faster once it may") {
  const many room;
  running kith(room.slow());
  REQUIRE(eventually([&] { return kith->backfilling().done >= 20; }));
  const auto slow = kith->backfilling();
  CHECK(slow.running);
  CHECK_FALSE(slow.complete);
  CHECK(slow.limit == 40);
  CHECK(slow.done < 200);
  CHECK(slow.of == 300);
  CHECK(slow.per_second > 0);
  CHECK(slow.per_second < 80);
  REQUIRE(slow.seconds_left);
  CHECK(*slow.seconds_left > 2);
  CHECK(members_of(kith, "big").size() < 300);
  kith->limit_backfill(0);
  REQUIRE(eventually([&] { return kith->backfilling().complete; }));
  const auto done = kith->backfilling();
  CHECK_FALSE(done.running);
  CHECK(done.done == 300);
  CHECK(done.of == 300);
  CHECK_FALSE(done.seconds_left);
  CHECK(members_of(kith, "big").size() == 300);
}

TEST_CASE("a backfill that is cancelled stays where it is, while events count, until it is resumed") {
  const many room;
  running kith(room.slow());
  REQUIRE(eventually([&] { return kith->backfilling().done >= 10; }));
  REQUIRE(kith->cancel_backfill());
  std::uint64_t done = 0;  // what was under way ends
  REQUIRE(eventually([&] { return std::exchange(done, kith->backfilling().done) == kith->backfilling().done; }));
  kith->limit_backfill(0);
  const auto cancelled = kith->backfilling();
  CHECK(cancelled.cancelled);
  CHECK_FALSE(cancelled.running);
  CHECK_FALSE(cancelled.complete);
  CHECK(cancelled.done < 200);
  std::vector<json> events;
  for (int i = 0; i < 300; ++i) {
    events.push_back(track("u" + std::to_string(i), "n", "2024-05-01T10:00:00Z", "Seen"));
  }
  kith.publish({events.begin(), events.begin() + 299});
  // An event brings its profile up to date, from its history.
  CHECK(members_of(kith, "big").size() == 299);
  CHECK(kith->backfilling().done == cancelled.done);
  REQUIRE(kith->resume_backfill());
  CHECK_FALSE(kith->resume_backfill());
  REQUIRE(eventually([&] { return kith->backfilling().complete; }));
  CHECK(members_of(kith, "big").size() == 300);
  CHECK_FALSE(kith->cancel_backfill());
}

TEST_CASE("a backfill that a stop interrupts goes on with those that are not up to date") {
  const many room;
  {
    running kith(room.slow());
    REQUIRE(eventually([&] { return kith->backfilling().done >= 50; }));
    REQUIRE(kith->cancel_backfill());
    kith.stop();
  }
  auto options = room.slow();
  options.backfill_rate = 0;
  running again(options);
  REQUIRE(eventually([&] { return again->backfilling().complete; }));
  CHECK(again->backfilling().done == 300);
  CHECK(again->stats().activations <= 250);
  CHECK(members_of(again, "big").size() == 300);
  again.stop();
  running third(options);
  CHECK(third->backfilling().complete);
  CHECK(third->stats().activations == 0);
  CHECK(members_of(third, "big").size() == 300);
}

TEST_CASE(
    "a definition that errs so often in a row is told once, and the others stay as they are when it is disabled") {
  const timed room;
  auto options = room.options(catalog_of({{"bad", "traits.plan == \"gold\""},
                                          {"rare", "traits.rare == 1"},
                                          {"fresh", "events(\"Order Completed\").within(\"7d\").any()"}}));
  options.error_limit = 50;
  running kith(options);
  const auto publish = [&](int from, int to) {
    std::vector<json> events;
    for (int i = from; i < to; ++i) {
      auto event = order("u" + std::to_string(i), "m", start_ms);
      if (i % 40 == 39) event["traits"] = {{"rare", 1}};
      events.push_back(std::move(event));
    }
    // One by one: how many are in a row depends on their order.
    for (auto& each : events) kith.publish({std::move(each)});
  };
  publish(0, 49);
  CHECK(kith->failing().empty());
  publish(49, 130);
  const auto failing = kith->failing();
  REQUIRE(failing.size() == 1);
  CHECK(failing[0].name == "bad");
  CHECK(failing[0].kind == definition_kind::segment);
  CHECK(failing[0].expression == "traits.plan == \"gold\"");
  CHECK(failing[0].times == 50);
  CHECK(failing[0].error == "no such key 'plan'");
  CHECK(members_of(kith, "fresh").size() == 130);
  CHECK(members_of(kith, "rare").size() == 3);
  CHECK(kith->stats().segment_errors == 130 + 127);  // three have the trait

  // What is disabled is in nobody's way, and tells nothing any more.
  kith->limit_errors(0);
  std::vector<definition> all(kith->definitions()->definitions().begin(), kith->definitions()->definitions().end());
  for (auto& each : all) each.disabled = each.name != "rare";
  REQUIRE(kith->define(catalog::make(all).value()));
  REQUIRE(eventually([&] { return kith->backfilling().complete; }));
  CHECK(kith->failing().empty());
  CHECK(members_of(kith, "fresh").empty());
  CHECK(members_of(kith, "rare").size() == 3);
  for (auto& each : all) each.disabled = false;
  REQUIRE(kith->define(catalog::make(all).value()));
  REQUIRE(eventually([&] { return kith->backfilling().complete; }));
  CHECK(members_of(kith, "fresh").size() == 130);
  kith->limit_errors(1);
  kith.publish({order("ada", "m", start_ms)});
  CHECK(kith->failing().size() == 2);
}
