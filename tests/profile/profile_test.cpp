#include "profile/profile.hpp"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <random>
#include <rapidcheck.h>
#include <set>

#include "tests/catch.hpp"

using namespace kith;
using namespace kith::profile;
using nlohmann::json;

namespace {

constexpr std::int64_t day_ms = 86'400'000;
constexpr std::int64_t base_ms = 1'700'000'000'000;

std::string encoded(const json& event) {
  std::string bytes;
  json::to_msgpack(event, bytes);
  return bytes;
}

event_view parsed(const std::string& bytes) {
  reception received;
  received.received_ms = base_ms + 400 * day_ms;
  const auto event = parse_event(bytes, received);
  REQUIRE(event);
  return *event;
}

/// A profile with an owner that keeps what is spilled, as the runtime does.
struct owned_profile {
  kith::profile::profile state;
  std::set<hash128> spilled;

  bool publish(const std::string& bytes) {
    const auto event = parsed(bytes);
    auto seen = state.check(event);
    if (seen == seen::ask_spilled) seen = spilled.contains(event.id) ? seen::duplicate : seen::fresh;
    if (seen == seen::duplicate) return false;
    std::vector<spilled_id> left;
    state.apply(event, left);
    for (const auto& each : left) spilled.insert(each.id);
    return true;
  }
  json map() const {
    std::string bytes;
    msgpack::writer out(bytes);
    state.write_map(out, {1, 2});
    return json::from_msgpack(bytes);
  }
};

rc::Gen<json> trait_value(int depth) {
  return rc::gen::exec([depth]() -> json {
    const int kind = *rc::gen::inRange(0, depth > 0 ? 8 : 5);
    if (kind == 0) return nullptr;
    if (kind == 1) return *rc::gen::inRange(0, 5);
    if (kind == 2) return "text";
    if (kind == 3) return json::array({1, json::object({{"a", nullptr}})});
    if (kind == 4) return 1.5;
    json map = json::object();
    const int entries = *rc::gen::inRange(0, 3);
    for (int i = 0; i < entries; ++i) {
      map[*rc::gen::element<std::string>("a", "b", "a.b", std::string("z\0y", 3))] = *trait_value(depth - 1);
    }
    return map;
  });
}

/// Events that collide in time, id, name, paths and sessions, some of them weeks apart.
rc::Gen<json> some_event() {
  return rc::gen::exec([] {
    const auto id = "m-" + std::to_string(*rc::gen::inRange(0, 60));
    // The rest follows from the id, as a retried event is the same event.
    std::mt19937 random(static_cast<unsigned>(std::hash<std::string>{}(id)) + *rc::gen::just(7U));
    json event = {{"messageId", id}, {"userId", "ada"}};
    event["timestamp"] = base_ms + static_cast<std::int64_t>(random() % 20) * day_ms / 2 +
                         static_cast<std::int64_t>(random() % 4) * 1'200'000;
    event["type"] = random() % 2 == 0 ? "identify" : "track";
    if (event["type"] == "track") event["event"] = random() % 2 == 0 ? "Order Completed" : "Product Viewed";
    if (random() % 3 == 0) event["anonymousId"] = "a-" + std::to_string(random() % 4);
    if (random() % 3 == 0)
      event["context"] = {{"externalIds", {{{"type", "email"}, {"id", std::to_string(random() % 3)}}}}};
    return event;
  });
}

std::vector<json> generate_events() {
  auto events = *rc::gen::container<std::vector<json>>(some_event());
  std::map<std::string, json> traits;
  for (auto& event : events) {
    auto& of = traits[event["messageId"].get<std::string>()];
    if (of.is_null()) {
      of = json::object();
      const int entries = *rc::gen::inRange(0, 4);
      for (int i = 0; i < entries; ++i) of[*rc::gen::element<std::string>("plan", "address", "a")] = *trait_value(2);
    }
    event["traits"] = of;
  }
  return events;
}

}  // namespace

TEST_CASE("any order and any repetition of the same events give the same bytes") {
  REQUIRE(rc::check("order and repetition", [] {
    const auto events = generate_events();
    owned_profile straight;
    for (const auto& event : events) straight.publish(encoded(event));
    auto again = events;
    again.insert(again.end(), events.begin(), events.end());
    std::mt19937 random(*rc::gen::arbitrary<unsigned>());
    std::shuffle(again.begin(), again.end(), random);
    owned_profile shuffled;
    for (const auto& event : again) shuffled.publish(encoded(event));
    RC_ASSERT(straight.state.encode() == shuffled.state.encode());
    RC_ASSERT(straight.spilled == shuffled.spilled);
    std::set<std::string> ids;
    for (const auto& event : events) ids.insert(event["messageId"].get<std::string>());
    RC_ASSERT(straight.state.version() == ids.size());
  }));
}

TEST_CASE("any split into batches that are joined gives the same bytes") {
  REQUIRE(rc::check("join", [] {
    const auto events = generate_events();
    owned_profile whole;
    owned_profile parts[3];
    for (const auto& event : events) {
      // Joining requires that no event was applied to two parts: each id goes to one.
      const auto part = std::hash<std::string>{}(event["messageId"].get<std::string>()) % 3;
      whole.publish(encoded(event));
      parts[part].publish(encoded(event));
    }
    std::vector<int> order = {0, 1, 2};
    std::mt19937 random(*rc::gen::arbitrary<unsigned>());
    std::shuffle(order.begin(), order.end(), random);
    kith::profile::profile joined;
    std::set<hash128> spilled;
    for (const int part : order) {
      std::vector<spilled_id> left;
      joined.join(parts[part].state, left);
      for (const auto& each : left) spilled.insert(each.id);
      spilled.insert(parts[part].spilled.begin(), parts[part].spilled.end());
    }
    RC_ASSERT(joined.encode() == whole.state.encode());
    RC_ASSERT(spilled == whole.spilled);
  }));
}

TEST_CASE("traits are what JSON Merge Patch makes of them in the order of time and id") {
  REQUIRE(rc::check("merge patch", [] {
    auto events = generate_events();
    owned_profile profile;
    for (const auto& event : events) profile.publish(encoded(event));
    std::sort(events.begin(), events.end(), [](const json& a, const json& b) {
      return std::pair(a["timestamp"].get<std::int64_t>(), a["messageId"].get<std::string>()) <
             std::pair(b["timestamp"].get<std::int64_t>(), b["messageId"].get<std::string>());
    });
    json expected = json::object();
    for (const auto& event : events) expected.merge_patch(event["traits"]);
    RC_ASSERT((events.empty() ? json::object() : profile.map()["traits"]) == expected);
  }));
}

TEST_CASE("state survives encoding") {
  REQUIRE(rc::check("encode and decode", [] {
    owned_profile profile;
    for (const auto& event : generate_events()) profile.publish(encoded(event));
    const auto bytes = profile.state.encode();
    const auto decoded = kith::profile::profile::decode(bytes);
    RC_ASSERT(decoded.has_value());
    RC_ASSERT(decoded->encode() == bytes);
  }));
}

TEST_CASE("damaged state is refused or harmless, never a crash") {
  REQUIRE(rc::check("mutations", [] {
    owned_profile profile;
    for (const auto& event : generate_events()) profile.publish(encoded(event));
    auto bytes = profile.state.encode();
    const int flips = *rc::gen::inRange(1, 4);
    for (int i = 0; i < flips; ++i) {
      bytes[static_cast<std::size_t>(*rc::gen::inRange<int>(0, static_cast<int>(bytes.size())))] ^=
          static_cast<char>(1 << *rc::gen::inRange(0, 8));
    }
    bytes.resize(static_cast<std::size_t>(*rc::gen::inRange<int>(1, static_cast<int>(bytes.size()) + 1)));
    if (const auto decoded = kith::profile::profile::decode(bytes)) {
      std::string map;
      msgpack::writer out(map);
      decoded->write_map(out, {1, 2});
    }
  }));
}

TEST_CASE("a hot profile keeps many recent ids and lets them go by the day") {
  owned_profile profile;
  for (int i = 0; i < 5000; ++i) {
    CHECK(profile.publish(encoded({{"type", "track"},
                                   {"event", "e"},
                                   {"messageId", std::to_string(i)},
                                   {"userId", "u"},
                                   {"timestamp", base_ms + i * 100'000LL}})));
  }
  for (int i = 0; i < 5000; i += 7) {
    CHECK_FALSE(profile.publish(encoded({{"type", "track"},
                                         {"event", "e"},
                                         {"messageId", std::to_string(i)},
                                         {"userId", "u"},
                                         {"timestamp", base_ms + i * 100'000LL}})));
  }
  CHECK(profile.spilled.empty());
  profile.publish(encoded({{"type", "track"},
                           {"event", "e"},
                           {"messageId", "late"},
                           {"userId", "u"},
                           {"timestamp", base_ms + 60 * day_ms}}));
  CHECK(profile.spilled.size() == 5000);
  CHECK_FALSE(profile.publish(encoded({{"type", "track"},
                                       {"event", "e"},
                                       {"messageId", "17"},
                                       {"userId", "u"},
                                       {"timestamp", base_ms + 60 * day_ms}})));
}

TEST_CASE("the profile map has every key of the contract") {
  owned_profile profile;
  profile.publish(encoded({{"type", "track"},
                           {"event", "Order Completed"},
                           {"messageId", "m"},
                           {"userId", "ada"},
                           {"anonymousId", "a-1"},
                           {"timestamp", "2024-05-01T10:00:00Z"},
                           {"context", {{"externalIds", {{{"type", "email"}, {"id", "ada@example.com"}}}}}},
                           {"traits", {{"plan", "gold"}}}}));
  const auto map = profile.map();
  CHECK(map["userIds"] == json{"ada"});
  CHECK(map["anonymousIds"] == json{"a-1"});
  CHECK(map["externalIds"] == json{{{"type", "email"}, {"id", "ada@example.com"}}});
  CHECK(map["traits"] == json{{"plan", "gold"}});
  CHECK(map["events"]["Order Completed"] ==
        json{{"count", 1}, {"firstAt", "2024-05-01T10:00:00.000Z"}, {"lastAt", "2024-05-01T10:00:00.000Z"}});
  CHECK(map["version"] == 1);
  for (const auto* key : {"profile", "computed", "segments", "consent", "firstSeen", "lastSeen"})
    CHECK(map.contains(key));
}

TEST_CASE("at the same time the larger messageId wins") {
  for (const bool swapped : {false, true}) {
    std::vector<std::string> ids = {"a", "b"};
    if (swapped) std::swap(ids[0], ids[1]);
    owned_profile profile;
    for (const auto& id : ids) {
      profile.publish(encoded(
          {{"type", "identify"}, {"messageId", id}, {"userId", "u"}, {"timestamp", base_ms}, {"traits", {{"v", id}}}}));
    }
    CHECK(profile.map()["traits"]["v"] == "b");
  }
}

TEST_CASE("a state whose recent ids are out of order, or stand there twice, is damaged") {
  owned_profile of;
  for (int i = 0; i < 2; ++i) {
    of.publish(encoded(
        {{"type", "page"}, {"userId", "u"}, {"messageId", std::to_string(i)}, {"timestamp", base_ms + i * day_ms}}));
  }
  const auto bytes = of.state.encode();
  const auto first = bytes.size() - 40;  // each id: day (4), id (16)
  auto swapped = bytes;
  std::rotate(swapped.begin() + static_cast<std::ptrdiff_t>(first),
              swapped.begin() + static_cast<std::ptrdiff_t>(first) + 20, swapped.end());
  CHECK_FALSE(kith::profile::profile::decode(swapped));
  auto same_under_two_days = bytes;
  same_under_two_days.replace(first + 24, 16, bytes.substr(first + 4, 16));
  CHECK_FALSE(kith::profile::profile::decode(same_under_two_days));
  CHECK(kith::profile::profile::decode(bytes));
}
