// Events pass by: what is judged, what becomes of them, and what is kept of what was seen.
#include <thread>

#include "ingest/schema/gate.hpp"
#include "ingest/schema/proposal.hpp"
#include "ingest/schema/report.hpp"
#include "tests/catch.hpp"
#include "tests/ingest/support/schemas.hpp"

using namespace kith;
using namespace kith::test;
using nlohmann::json;
using schema::mode;

namespace {

constexpr std::int64_t now_ms = 1'767'600'000'000;

struct passing {
  void declare(const std::string& event, const json& document, std::uint32_t version = 1) {
    all.push_back({made(document, event, version), false, now_ms});
    schemas.replace(std::make_shared<const schema::schema_set>(modes, all));
  }
  void configure() { schemas.replace(std::make_shared<const schema::schema_set>(modes, all)); }
  schema::verdict pass(const json& event, const std::string& source = "web", std::int64_t at = now_ms) {
    const parsed_event parsed(event);
    return gate.at(0)(source, parsed.view, at);
  }
  json report(const std::string& event) {
    const auto seen = gate.observed();
    const auto found = seen.events.find(event);
    static const std::map<std::string, schema::observed_event, std::less<>> none;
    return report_of(event, schemas.current()->find(event), found == seen.events.end() ? none : found->second);
  }
  json proposal(const std::string& event) { return propose(event, gate.observed().events.find(event)->second); }

  schema::settings modes;
  std::vector<schema::known_schema> all;
  schema::registry schemas;
  schema::gate gate{schemas, 2};
};

std::string one_violation(const schema::verdict& of) {
  return of.violations.size() == 1 ? of.text() : "none or several";
}

}  // namespace

TEST_CASE_METHOD(passing, "what does not fit gets the mode of its source and event") {
  modes.invalid = mode::quarantine;
  modes.sources["ios"].events["Order"] = mode::reject;
  declare("Order", {{"required", {"id"}}});
  const auto good = pass(track("Order", {{"id", 1}}));
  CHECK(good.outcome == mode::allow);
  CHECK(good.declared);
  CHECK(good.version == 1);
  CHECK(good.text() == "");
  const auto bad = pass(track("Order", json::object()));
  CHECK(bad.outcome == mode::quarantine);
  CHECK(bad.text() == "/properties/id: required: expected to be there, found absent");
  CHECK(pass(track("Order", json::object()), "ios").outcome == mode::reject);
  modes.invalid = mode::allow;
  configure();
  const auto counted = pass(track("Order", json::object()));
  CHECK(counted.outcome == mode::allow);
  CHECK(counted.violations.size() == 1);
  const auto counts = schema::gate::counts_of(gate.observed());
  CHECK(counts.at("Order") == std::array<std::uint64_t, 3>{2, 1, 1});
}

TEST_CASE_METHOD(passing, "each type of event has its own part judged") {
  for (const auto* event : {"Order", "identify", "page", "screen", "group"}) declare(event, {{"required", {"a"}}});
  const auto absent = [&](const json& event) { return one_violation(pass(event)); };
  CHECK(absent(track("Order", json::object())) == "/properties/a: required: expected to be there, found absent");
  CHECK(absent({{"type", "identify"}, {"traits", {{"b", 1}}}}) ==
        "/traits/a: required: expected to be there, found absent");
  CHECK(absent({{"type", "group"}, {"groupId", "g"}, {"traits", {{"b", 1}}}}) ==
        "/traits/a: required: expected to be there, found absent");
  CHECK(absent({{"type", "page"}, {"name", "Home"}, {"properties", {{"b", 1}}}}) ==
        "/properties/a: required: expected to be there, found absent");
  CHECK(absent({{"type", "screen"}}) == "/properties/a: required: expected to be there, found absent");
  CHECK(absent({{"type", "screen"}, {"properties", nullptr}}) ==
        "/properties/a: required: expected to be there, found absent");
  CHECK(pass({{"type", "group"}, {"groupId", "g"}, {"traits", {{"a", 1}}}}).violations.empty());
  CHECK(pass({{"type", "alias"}, {"previousId", "old"}}).violations.empty());
}

TEST_CASE_METHOD(passing, "events without a schema: only of track the mode may be another than to allow") {
  CHECK(pass(track("Other", json::object())).outcome == mode::allow);
  modes.unknown = mode::reject;
  modes.sources["old"].unknown = mode::allow;
  configure();
  const auto unknown = pass(track("Other", json::object()));
  CHECK(unknown.outcome == mode::reject);
  CHECK_FALSE(unknown.declared);
  CHECK(unknown.text() == "event: has no schema; see /v1/schemas");
  CHECK(pass(track("Other", json::object()), "old").outcome == mode::allow);
  CHECK(pass({{"type", "identify"}}).outcome == mode::allow);
  CHECK(pass({{"type", "page"}}).outcome == mode::allow);
}

TEST_CASE_METHOD(passing, "the version that the event names counts, else the newest") {
  declare("Order", {{"type", "object"}, {"properties", {{"a", {{"type", "integer"}}}}}}, 1);
  declare("Order", {{"type", "object"}, {"properties", {{"a", {{"type", "string"}}}}}}, 3);
  auto event = track("Order", {{"a", 1}});
  CHECK(one_violation(pass(event)) == "/properties/a: type: expected string, found integer");
  CHECK(pass(event).version == 3);
  for (const json& version : {json(1), json("1")}) {
    event["context"]["schemaVersion"] = version;
    CHECK(pass(event).violations.empty());
    CHECK(pass(event).version == 1);
  }
  for (const json& version : {json(2), json("x"), json(0), json(true), json("99999999999")}) {
    event["context"]["schemaVersion"] = version;
    const auto verdict = pass(event);
    REQUIRE(verdict.violations.size() == 1);
    CHECK(verdict.violations[0].pointer == "/context/schemaVersion");
    CHECK(verdict.version == 0);
  }
  event["context"]["schemaVersion"] = nullptr;
  CHECK(pass(event).version == 3);
}

TEST_CASE_METHOD(passing, "the report tells what was seen against what is declared") {
  declare("Order", json::parse(R"({
    "properties": {
      "id": {"type": "string"}, "total": {"type": "number"}, "coupon": {"type": "string"}, "any": {"type": "object"},
      "products": {"type": "array", "items": {"$ref": "#/$defs/product"}}},
    "$defs": {"product": {
      "type": "object", "properties": {"sku": {"type": "string"}, "next": {"$ref": "#/$defs/product"}}}}})"));
  declare("Never", json::object());
  pass(track("Order", {{"id", "1"}, {"total", 2}, {"any", {{"x", 1}}}}), "web", now_ms);
  pass(track("Order", {{"id", 7}, {"extra", 1}, {"products", json::array({{{"sku", "a"}, {"price", 3}}})}}), "ios",
       now_ms + 1000);
  pass(track("Loose", {{"a", 1}}));
  const auto order = report("Order");
  CHECK(order["declared"].get<bool>());
  CHECK(order["count"].get<int>() == 2);
  CHECK(order["invalid"].get<int>() == 1);
  CHECK(order["sources"].dump() ==
        R"([{"count":1,"first":"2026-01-05T08:00:01.000Z","last":"2026-01-05T08:00:01.000Z","source":"ios"},)"
        R"({"count":1,"first":"2026-01-05T08:00:00.000Z","last":"2026-01-05T08:00:00.000Z","source":"web"}])");
  CHECK(order["undeclaredProperties"].dump() == R"(["/extra","/products/*/price"])");
  CHECK(order["neverSeen"].dump() == R"(["/coupon","/products/*/next"])");
  CHECK(order["typeConflicts"].dump() ==
        R"([{"declared":["string"],"observed":{"integer":1,"string":1},"pointer":"/id"}])");
  CHECK(order["violations"].dump() == R"([{"count":1,"pointer":"/properties/id","rule":"type"}])");
  CHECK(order["outcomes"].dump() == R"({"allow":2,"quarantine":0,"reject":0})");
  const auto never = report("Never");
  CHECK(never["count"].get<int>() == 0);
  CHECK(never["version"].get<int>() == 1);
  const auto loose = report("Loose");
  CHECK_FALSE(loose["declared"].get<bool>());
  CHECK(loose["version"].is_null());
  CHECK(reported_events(*schemas.current(), gate.observed()) == std::vector<std::string>{"Loose", "Never", "Order"});
}

TEST_CASE_METHOD(passing, "a schema is proposed that all that was seen fits") {
  const auto plan = [](int i) { return i % 3 == 0 ? "free" : "gold"; };
  std::vector<json> sent;
  for (int i = 0; i < 120; ++i) {
    json properties = {{"id", "order-" + std::to_string(i)},
                       {"plan", plan(i)},
                       {"firstName", plan(i)},
                       {"email", "p" + std::to_string(i) + "@example.com"},
                       {"at", "2026-01-05T08:00:00Z"},
                       {"total", i % 2 == 0 ? json(i) : json(i + 0.5)},
                       {"count", i},
                       {"note", i % 2 == 0 ? json(nullptr) : json("x y")},
                       {"products", json::array({{{"sku", "a1"}}, {{"sku", "b"}, {"gift", true}}})}};
    if (i % 5 == 0) properties["coupon"] = "SAVE";
    properties["user" + std::to_string(100000 + i)] = 1;
    sent.push_back(properties);
    gate.at(static_cast<std::size_t>(i) % 2)("web", parsed_event(track("Order", properties)).view, now_ms);
  }
  const auto proposed = proposal("Order");
  CHECK(proposed["x-kith-event"].get<std::string>() == "Order");
  const auto& properties = proposed["properties"];
  CHECK(properties["id"].dump() == R"({"type":"string"})");
  CHECK(properties["plan"].dump() == R"({"enum":["free","gold"],"type":"string"})");
  // It is a word, and recurs, but its key says that it is a person's.
  CHECK(properties["firstName"].dump() == R"({"type":"string"})");
  CHECK(properties["email"].dump() == R"({"format":"email","type":"string"})");
  CHECK(properties["at"].dump() == R"({"format":"date-time","type":"string"})");
  CHECK(properties["total"].dump() == R"({"type":"number"})");
  CHECK(properties["count"].dump() == R"({"type":"integer"})");
  CHECK(properties["note"].dump() == R"({"type":["null","string"]})");
  CHECK(properties["products"].dump() ==
        R"({"items":{"properties":{"gift":{"type":"boolean"},"sku":{"type":"string"}},"required":["sku"],)"
        R"("type":"object"},"type":"array"})");
  CHECK(proposed["required"].dump() == R"(["at","count","email","firstName","id","note","plan","products","total"])");
  const auto text = proposed.dump();
  for (const auto* value : {"order-", "@example", "SAVE", "user100"}) CHECK(text.find(value) == text.npos);
  const auto compiled = made(proposed);
  for (const auto& each : sent) CHECK(violations_of(*compiled, each) == std::vector<std::string>{});
}

TEST_CASE_METHOD(passing, "of traits, which describe a person, no words are kept") {
  for (int i = 0; i < 200; ++i) pass({{"type", "identify"}, {"traits", {{"plan", i % 2 == 0 ? "free" : "gold"}}}});
  CHECK(proposal("identify")["properties"]["plan"].dump() == R"({"type":"string"})");
  const auto seen = gate.observed();
  CHECK(seen.events.at("identify").at("web").properties.members.at("plan").words.empty());
}

TEST_CASE_METHOD(passing, "words that do not recur are not kept") {
  for (int i = 0; i < 15; ++i) pass(track("Order", {{"plan", "gold"}}));
  const auto seen = gate.observed();
  for (const auto& each : seen.events.at("Order").at("web").properties.members.at("plan").words) {
    CHECK(each.text.empty());
  }
}

TEST_CASE_METHOD(passing, "after the first thousand one event of some is gone through, and all are counted") {
  for (int i = 0; i < 3000; ++i) pass(track("Order", {{"a", 1}}));
  const auto seen = gate.observed();
  const auto& order = seen.events.at("Order").at("web");
  CHECK(order.count == 3000);
  CHECK(order.walked == 1000 + 3000 / 64 - 1000 / 64);
}

TEST_CASE_METHOD(passing, "what is observed is bounded") {
  json wide = json::object();
  for (int i = 0; i < 20; ++i) {
    for (int j = 0; j < 20; ++j) {
      wide[std::string("p") + static_cast<char>('a' + i)][std::string("q") + static_cast<char>('a' + j)] = 1;
    }
  }
  pass(track("Wide", wide));
  json deep = 1;
  for (int i = 0; i < 12; ++i) deep = {{"d", deep}};
  pass(track("Deep", deep));
  for (int i = 0; i < 1100; ++i) pass(track("Event" + std::to_string(i), json::object()));
  for (int i = 0; i < 70; ++i) pass(track("Wide", json::object()), "source" + std::to_string(i));
  const auto seen = gate.observed();
  CHECK(seen.events.at("Wide").at("web").incomplete);
  CHECK(seen.events.at("Deep").at("web").incomplete);
  CHECK(seen.events.size() == schema::observing::events);
  CHECK(seen.events.at("Wide").size() == schema::observing::sources);
  CHECK(seen.unlisted == (1100 + 2 - schema::observing::events) + (70 + 1 - schema::observing::sources));
}

TEST_CASE_METHOD(passing, "schemas change and reports are read while events pass") {
  declare("Order", {{"type", "object"}});
  std::thread other([&] {
    for (std::uint32_t i = 2; i < 60; ++i) {
      declare("Order", {{"type", "object"}, {"title", std::to_string(i)}}, i);
      gate.observed();
    }
  });
  const parsed_event event(track("Order", {{"a", 1}}));
  std::uint32_t last = 0;
  bool forwards = true;
  for (int i = 0; i < 5000; ++i) {
    const auto verdict = gate.at(1)("web", event.view, now_ms);
    forwards = forwards && verdict.version >= last && verdict.violations.empty();
    last = verdict.version;
  }
  other.join();
  CHECK(forwards);
  CHECK(gate.at(1)("web", event.view, now_ms).version == 59);
}
