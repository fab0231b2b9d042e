#include "ingest/sieve.hpp"

#include <nlohmann/json.hpp>

#include "ingest/intake.hpp"
#include "tests/catch.hpp"

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
