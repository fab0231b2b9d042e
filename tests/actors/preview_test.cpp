// Previews under the whole runtime: they say what a definition would come to, and leave everything as it was.
#include <future>
#include <map>
#include <random>
#include <set>

#include "profile/segments/standing.hpp"
#include "tests/actors/support/harness.hpp"
#include "tests/catch.hpp"

using namespace kith;
using namespace kith::tests;
using nlohmann::json;
using profile::id_kind;
using profile::segments::catalog;
using profile::segments::definition;
using profile::segments::definition_kind;

namespace {

/// As the admin API asks: beside the definitions that there are.
actors::preview_question question(const std::string& expression, const std::string& beside = "true",
                                  std::size_t sample = 10) {
  const auto all = catalog_of({{"beside", beside}, {"preview", expression}});
  actors::preview_question asked;
  asked.definitions = all->needed_by(*all->find(definition_kind::segment, "preview"));
  asked.segment = "preview";
  asked.sample = sample;
  return asked;
}

json order(const std::string& user, const std::string& id, std::int64_t time_ms, double total = 10) {
  auto made = track(user, id, profile::format_time(time_ms));
  made["properties"] = {{"total", total}};
  return made;
}

actors::runtime_options at_start(const temporary_directory& room) {
  auto made = options_for(room.path());
  made.now_ms = [] { return start_ms; };
  return made;
}

actors::preview_outcome preview(running& kith, const actors::preview_question& asked) {
  auto outcome = kith->preview(asked);
  if (!outcome) throw std::runtime_error(outcome.error().message);
  return *outcome;
}

}  // namespace

TEST_CASE("a preview looks at what is in memory and what is on disk, and activates and writes nothing") {
  const temporary_directory room;
  std::vector<json> events;
  for (int i = 0; i < 600; ++i) {
    const auto user = "u" + std::to_string(i % 300);
    events.push_back(order(user, "m-" + std::to_string(i), start_ms - (i % 20) * day, i % 3 * 30.0));
  }
  // Of all there is something on disk; of those who come again, less than in memory.
  const auto second_life = events.begin() + 400;
  {
    running first(at_start(room));
    first.publish({events.begin(), second_life});
    REQUIRE(first->checkpoint());
  }
  running kith(at_start(room));
  kith.publish({second_life, events.end()});
  const auto before = kith->stats();
  REQUIRE(before.profiles_active == 200);

  const auto all = preview(kith, question("events(\"Order Completed\").count() == 2"));
  CHECK(all.profiles == 300);
  CHECK(all.members == 300);
  CHECK(all.complete);
  CHECK(all.errors == 0);
  // Kept by nobody, so from the history.
  const auto big = preview(
      kith,
      question("events(\"Order Completed\").where(e, e.properties.total > 50.0).within(\"7d\").any()", "true", 3));
  std::set<std::string> expected;
  for (int i = 0; i < 600; ++i) {
    if (i % 3 == 2 && i % 20 < 7) {
      expected.insert(to_hex(profile::address_of(id_kind::user, "", "u" + std::to_string(i % 300))));
    }
  }
  CHECK(big.profiles == 300);
  CHECK(big.members == expected.size());
  REQUIRE(big.sample.size() == 3);
  auto lowest = expected.begin();
  for (const auto& each : big.sample) {
    const auto ids = json::from_msgpack(each);
    CHECK(ids["profile"] == *lowest++);
    CHECK(ids["userIds"].size() == 1);
    CHECK(ids.size() == 4);
  }

  const auto after = kith->stats();
  CHECK(after.activations == before.activations);
  CHECK(after.snapshots_written == before.snapshots_written);
  CHECK(after.segments_entered == 0);
  CHECK(kith->definitions()->empty());
}

TEST_CASE("a preview sees joined identifiers as one profile, in memory and on disk, and those taken apart as two") {
  const temporary_directory room;
  auto options = at_start(room);
  running kith(options);
  std::vector<json> events;
  for (int i = 0; i < 50; ++i) {
    const auto user = "u" + std::to_string(i);
    auto link = order(user, "link", start_ms);
    auto alone = order(user, "alone", start_ms);
    link["anonymousId"] = "a-" + user;
    alone["anonymousId"] = "a-" + user;
    alone.erase("userId");
    auto third = alone;
    third["messageId"] = "third";
    third["anonymousId"] = "b-" + user;
    third["context"] = {{"externalIds", {{{"type", "crm"}, {"id", user}}}}};
    auto bridge = order(user, "bridge", start_ms);
    bridge["context"] = third["context"];
    // In every order of arrival.
    for (const auto& each : {link, alone, third, bridge}) events.push_back(each);
    std::rotate(events.end() - 4, events.end() - 4 + i % 4, events.end());
  }
  kith.publish(events);
  const auto both = [&](std::uint64_t profiles, std::uint64_t members) {
    for (const auto* expression :
         {"events(\"Order Completed\").count() == 4 && size(ids.anonymous) == 2",
          "events(\"Order Completed\").where(e, e.properties.total > 0.0).within(\"3d\").count() == 4"}) {
      const auto found = preview(kith, question(expression));
      CHECK(found.profiles == profiles);
      CHECK(found.members == members);
    }
  };
  both(50, 50);
  REQUIRE(kith->checkpoint());
  SECTION("from the store") {
    kith.stop();
    running again(options);
    REQUIRE(again->stats().profiles_active == 0);
    const auto found = preview(again, question("events(\"Order Completed\").count() == 4"));
    CHECK(found.profiles == 50);
    CHECK(found.members == 50);
    CHECK(again->stats().activations == 0);
    const auto sampled = json::from_msgpack(found.sample.front());
    CHECK(sampled["profile"] ==
          to_hex(profile::address_of(id_kind::user, "", sampled["userIds"][0].get<std::string>())));
    CHECK(sampled["anonymousIds"].size() == 2);
    REQUIRE(again.unmerge({id_kind::user, "", "u1"}, {{id_kind::anonymous, "", "a-u1"}}));
    CHECK(preview(again, question("true")).profiles == 51);
    again.stop();
    running third(options);
    CHECK(preview(third, question("true")).profiles == 51);
    CHECK(preview(third, question("events(\"Order Completed\").count() == 4")).members == 49);
  }
  SECTION("some of them in memory") {
    for (int i = 0; i < 50; i += 2) {
      REQUIRE(kith.unmerge({id_kind::user, "", "u" + std::to_string(i)},
                           {{id_kind::anonymous, "", "a-u" + std::to_string(i)}}));
    }
    both(75, 25);
  }
}

TEST_CASE("a preview uses the definitions that there are, and tells of errors") {
  const temporary_directory room;
  running kith(at_start(room));
  std::vector<json> events;
  for (int i = 0; i < 40; ++i) {
    auto event = order("u" + std::to_string(i), "m", start_ms);
    if (i % 4 == 0) event["traits"] = {{"plan", "gold"}};
    events.push_back(std::move(event));
  }
  kith.publish(events);
  const auto within = preview(kith, question("in_segment(\"beside\") && has(traits.plan)",
                                             "events(\"Order Completed\").where(e, true).count() == 1"));
  CHECK(within.members == 10);
  const auto erring = preview(kith, question("traits.plan == \"gold\""));
  CHECK(erring.members == 10);
  CHECK(erring.errors == 30);
  CHECK(erring.first_error.find("plan") != std::string::npos);
}

TEST_CASE("a second preview is refused while one is under way") {
  const temporary_directory room;
  running kith(at_start(room));
  kith.publish({order("ada", "m", start_ms)});
  std::promise<void> open;
  const auto opened = open.get_future().share();
  std::promise<void> held;
  boost::asio::post(kith->io(0), [&] {
    held.set_value();
    opened.wait();
  });
  held.get_future().wait();
  const auto ask = [&] { return std::async(std::launch::async, [&] { return kith->preview(question("true")); }); };
  auto one = ask();
  auto other = ask();
  const auto is_ready = [](const auto& of) {
    return of.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
  };
  const bool answered = eventually([&] { return is_ready(one) || is_ready(other); });
  auto& refused = is_ready(one) ? one : other;
  auto& waiting = is_ready(one) ? other : one;
  const auto answer = answered ? refused.get() : result<actors::preview_outcome>();
  open.set_value();
  REQUIRE_FALSE(answer);
  CHECK(answer.error().code == errc::resource_exhausted);
  const auto outcome = waiting.get();
  REQUIRE(outcome);
  CHECK(outcome->members == 1);
  CHECK(kith->preview(question("true")));
}

TEST_CASE("a preview says what the definition then comes to, for profiles joined at random, while events go on") {
  const auto seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937 random(seed);
  const temporary_directory room;
  auto options = at_start(room);
  options.memory_bytes = 128 * 1024;
  options.definitions = catalog_of({{"beside", "events(\"Order Completed\").within(\"10d\").count() >= 2"}});
  const std::vector<std::string> expressions = {
      "events(\"Order Completed\").count() >= 4",
      "events(\"Order Completed\").where(e, e.properties.total > 40.0).within(\"12d\").count() >= 2",
      "events(\"Order Completed\").sum(\"properties.total\") > 150.0 && !in_segment(\"beside\")",
      "events(\"Order Completed\").distinct(\"properties.total\") >= 3 || size(ids.anonymous) > 1"};
  running kith(options);
  for (int batch = 0; batch < 10; ++batch) {
    std::vector<json> events;
    for (int i = 0; i < 150; ++i) {
      auto event = order("u" + std::to_string(random() % 150), std::to_string(batch) + "-" + std::to_string(i),
                         start_ms - static_cast<std::int64_t>(random() % 30) * day, static_cast<double>(random() % 70));
      if (random() % 3 == 0) event.erase("userId");
      if (!event.contains("userId") || random() % 6 == 0) event["anonymousId"] = "a" + std::to_string(random() % 200);
      events.push_back(std::move(event));
    }
    kith.publish(events);
    (void)preview(kith, question(expressions[batch % expressions.size()]));
  }
  std::vector<actors::preview_outcome> previews;
  for (const auto& each : expressions) {
    previews.push_back(preview(kith, question(each, options.definitions->definitions()[0].expression)));
  }
  for (std::size_t i = 0; i < expressions.size(); ++i) {
    INFO(expressions[i]);
    REQUIRE(kith->define(
        catalog_of({{"beside", options.definitions->definitions()[0].expression}, {"preview", expressions[i]}})));
    REQUIRE(eventually([&] { return !kith->backfilling().running; }));
    const auto counts = kith->member_counts();
    REQUIRE(counts);
    const auto found = counts->find(profile::segments::segment_key("preview"));
    CHECK(previews[i].members == (found == counts->end() ? 0 : found->second));
    CHECK(previews[i].members > 0);
    CHECK(previews[i].members < previews[i].profiles);
  }
}
