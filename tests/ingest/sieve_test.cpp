#include "ingest/sieve.hpp"

#include <nlohmann/json.hpp>

#include "ingest/intake.hpp"
#include "tests/catch.hpp"
#include "tests/ingest/support/schemas.hpp"

using namespace kith;
using namespace kith::ingest;
using nlohmann::json;

namespace {

json event(const char* name, const char* id) {
  return {
      {"type", "track"}, {"event", name}, {"messageId", id}, {"userId", "u"}, {"context", {{"userAgent", "Firefox"}}}};
}

arrival arriving(const json& events) {
  arrival made;
  made.source = "web";
  const auto bytes = json::to_msgpack(events);
  made.events.assign(bytes.begin(), bytes.end());
  made.count = static_cast<std::uint32_t>(events.size());
  return made;
}

std::vector<source_settings> dropping(const char* filter) {
  source_settings made;
  made.name = "web";
  made.guards.filters.push_back(event_filter::make(filter).value());
  return {made};
}

}  // namespace

TEST_CASE("what a sieve holds back is taken out, wherever it stands, and keeps its index", "[ingest]") {
  sieve through(nullptr);
  through.replace(dropping("event.event == 'Noise'"));
  const auto all =
      json::array({event("Noise", "0"), event("A", "1"), event("Noise", "2"), event("B", "3"), event("Noise", "4")});
  auto what = arriving(all);
  what.indexes = {10, 11, 12, 13, 14};
  through.pass(0, what, 1'714'557'600'000);
  CHECK(what.count == 2);
  CHECK(what.indexes == std::vector<std::uint32_t>{11, 13});
  CHECK(json::from_msgpack(what.events).dump() == json::array({all[1], all[3]}).dump());
  REQUIRE(what.refused.size() == 3);
  CHECK(what.refused[1].index == 12);
  CHECK(what.refused[1].code == "filtered");
  CHECK(json::from_msgpack(what.refused[1].bytes).dump() == all[2].dump());
}

TEST_CASE("what a sieve lets through stays as it is", "[ingest]") {
  sieve through(nullptr);
  through.replace(dropping("event.event == 'Noise'"));
  auto what = arriving(json::array({event("A", "1"), {{"type", "nonsense"}}, 7}));
  const auto before = what.events;
  through.pass(0, what, 1'714'557'600'000);
  CHECK(what.events == before);
  CHECK(what.count == 3);
  CHECK(what.indexes.empty());
  CHECK(what.refused.empty());
}

TEST_CASE("a flood of one profile is held back where it comes from pages, not in an import", "[ingest]") {
  sieve through(nullptr);
  json flood = json::array();
  for (int i = 0; i < 300; ++i) flood.push_back(event("A", std::to_string(i).c_str()));
  auto imported = arriving(flood);
  imported.historical = true;
  through.pass(0, imported, 1'714'557'600'000);
  CHECK(imported.count == 300);
  auto from_page = arriving(flood);
  through.pass(0, from_page, 1'714'557'600'000);
  CHECK(from_page.count == 250);
  REQUIRE(from_page.refused.size() == 50);
  CHECK(from_page.refused[0].code == "rate_guard");
  CHECK(from_page.refused[0].index == 250);
}

namespace {

std::string encoded(const json& events) {
  const auto bytes = json::to_msgpack(events);
  return {bytes.begin(), bytes.end()};
}

json flood(int events) {
  json made = json::array();
  for (int i = 0; i < events; ++i) made.push_back(event("A", std::to_string(i).c_str()));
  return made;
}

}  // namespace

TEST_CASE("what programs publish passes by guards that are only the usual ones", "[ingest]") {
  sieve through(nullptr);
  auto events = flood(300);
  events[0]["context"]["userAgent"] = "Googlebot/2.1";
  CHECK_FALSE(through.judge(0, encoded(events), "web", 0));
  through.replace(dropping("event.event == 'Noise'"));
  CHECK_FALSE(through.judge(0, encoded(events), "web", 0));
  CHECK_FALSE(through.judge(0, encoded(json::array({event("Noise", "0")})), "other", 0));
}

TEST_CASE("what programs publish is held back by what is configured of their source", "[ingest]") {
  sieve through(nullptr);
  auto sources = dropping("event.event == 'Noise'");
  sources[0].guards.crawlers_said = sources[0].guards.rate_said = true;
  sources[0].guards.profile_burst = 3;
  through.replace(sources);
  auto events = flood(4);
  events.insert(events.begin() + 1, event("Noise", "n"));
  events[0]["context"]["userAgent"] = "Googlebot/2.1";
  events[0]["userId"] = "v";
  events.push_back(7);
  events.push_back(event("A", "more"));
  const auto judged = through.judge(0, encoded(events), "web", 0);
  REQUIRE(judged);
  REQUIRE(judged->refused.size() == 3);
  CHECK(judged->refused[0].reason == "crawler");
  CHECK(judged->refused[0].index == 0);
  CHECK(judged->refused[1].reason == "filtered");
  CHECK(judged->refused[1].index == 1);
  CHECK(judged->refused[1].encoded == encoded(events[1]));
  CHECK(judged->refused[2].reason == "rate_guard");
  CHECK(judged->refused[2].index == 6);
  CHECK(judged->indexes == std::vector<std::uint32_t>{2, 3, 4, 5});
  CHECK(judged->events == encoded(json::array({events[2], events[3], events[4], 7})));
}

TEST_CASE("a backlog that a forwarder sends at once is judged by when it came", "[ingest]") {
  sieve through(nullptr);
  auto sources = dropping("false");
  sources[0].guards.rate_said = true;
  sources[0].guards.profile_rate = 1;
  sources[0].guards.profile_burst = 1;
  through.replace(sources);
  constexpr std::int64_t then_ms = 1'700'000'000'000;
  const auto one = encoded(json::array({event("A", "0")}));
  CHECK_FALSE(through.judge(0, one, "web", then_ms));
  CHECK_FALSE(through.judge(0, one, "web", then_ms + 1000));
  CHECK(through.judge(0, one, "web", then_ms + 1500));
  CHECK(through.judge(0, one, "web", then_ms));  // an earlier one behind it gives nothing back
  CHECK_FALSE(through.judge(0, one, "web", then_ms + 2500));
}

TEST_CASE("what programs publish is judged by schemas once there are some, by the modes of the source", "[ingest]") {
  namespace schema = kith::ingest::schema;
  schema::registry schemas;
  schema::gate gate(schemas, 2);
  sieve through(&gate);
  const auto events = json::array({event("A", "0"), event("Unknown", "1")});
  CHECK_FALSE(through.judge(1, encoded(events), "web", 0));
  CHECK(gate.observed().events.empty());

  schema::settings modes;
  modes.invalid = schema::mode::quarantine;
  modes.sources["strict"].invalid = schema::mode::reject;
  modes.sources["strict"].unknown = schema::mode::quarantine;
  const auto declare = [&](std::vector<schema::known_schema> all) {
    schemas.replace(std::make_shared<const schema::schema_set>(modes, std::move(all)));
  };
  declare({});
  const auto unknown = through.judge(1, encoded(events), "strict", 0);
  REQUIRE(unknown);
  CHECK(unknown->refused.size() == 2);
  CHECK(unknown->refused[0].message == "there is no schema for this event");

  declare({{kith::test::made({{"required", {"total"}}}, "A", 1), false, 0}});
  const auto quarantined = through.judge(1, encoded(events), "web", 0);
  REQUIRE(quarantined);
  REQUIRE(quarantined->refused.size() == 1);
  CHECK(quarantined->refused[0].reason == "quarantined");
  CHECK(quarantined->refused[0].message == "/properties/total: required: expected to be there, found absent");
  CHECK(quarantined->events == encoded(json::array({events[1]})));
  const auto rejected = through.judge(1, encoded(events), "strict", 0);
  REQUIRE(rejected);
  CHECK(rejected->refused[0].reason == "schema");
  CHECK(rejected->refused[1].reason == "quarantined");
  CHECK(rejected->events == "\x90");
  const auto seen = gate.observed();
  CHECK(seen.events.at("A").count("web") == 1);
}

TEST_CASE("a batch that is broken is left to where it is refused as a whole", "[ingest]") {
  sieve through(nullptr);
  through.replace(dropping("event.event == 'Noise'"));
  const auto good = encoded(json::array({event("Noise", "0"), event("A", "1")}));
  CHECK(through.judge(0, good, "web", 0));
  CHECK_FALSE(through.judge(0, std::string_view(good).substr(0, good.size() - 1), "web", 0));
  CHECK_FALSE(through.judge(0, "\x07", "web", 0));
}
