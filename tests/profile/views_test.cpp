// Which parts of a profile a view shows, and that what changes them is noticed.
#include "profile/views.hpp"

#include <nlohmann/json.hpp>
#include <random>

#include "profile/limits.hpp"
#include "tests/catch.hpp"

using namespace kith;
using namespace kith::profile;
using nlohmann::json;

namespace {

constexpr std::int64_t base_ms = 1'700'000'000'000;

view_path path(const std::string& text) {
  const auto parsed = parse_path(text);
  if (!parsed) FAIL(parsed.error().message);
  return *parsed;
}

view view_of(const std::vector<std::string>& paths) {
  std::vector<view_path> all;
  for (const auto& text : paths) all.push_back(path(text));
  return {"test", "", all};
}

std::string why_not(const std::string& text) {
  const auto parsed = parse_path(text);
  REQUIRE_FALSE(parsed);
  REQUIRE(parsed.error().code == errc::invalid_argument);
  return parsed.error().message;
}

json shown(const view& by, const json& map) {
  const auto bytes = json::to_msgpack(map);
  std::string written;
  msgpack::writer out(written);
  by.write({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, out);
  return json::from_msgpack(written);
}

json shown(const view& by, const kith::profile::profile& of) {
  std::string map;
  msgpack::writer whole(map);
  of.write_map(whole, {1, 2}, by.fields());
  std::string written;
  msgpack::writer out(written);
  by.write(map, out);
  return json::from_msgpack(written);
}

}  // namespace

TEST_CASE("a view's paths are read, and wrong ones refused with what is allowed") {
  CHECK(path("lastSeen") == view_path{"lastSeen"});
  CHECK(path("traits.address.city") == view_path{"traits", "address", "city"});
  CHECK(path("events.Order Completed.count") == view_path{"events", "Order Completed", "count"});
  CHECK(check_path({"events", "page.viewed", "lastAt"}));
  CHECK(path_text({"computed", "orders_30d"}) == "computed.orders_30d");
  CHECK(why_not("trait.plan").find("begins with none of profile, version, userIds") != std::string::npos);
  CHECK(why_not("segments.loyal").find("segments is shown whole") != std::string::npos);
  CHECK(why_not("traits..plan").find("empty key") != std::string::npos);
  CHECK(why_not("").find("empty key") != std::string::npos);
  CHECK(why_not("events.page.viewed.count").find("count, firstAt and lastAt") != std::string::npos);
  CHECK(why_not("events.Seen.count.more").find("count, firstAt and lastAt") != std::string::npos);
  std::string deep = "traits";
  for (std::size_t i = 0; i < limits::max_nesting; ++i) deep += ".a";
  CHECK(why_not(deep).find("at most 32") != std::string::npos);
  CHECK_FALSE(check_path({}));
}

TEST_CASE("a view is the profile map with the chosen parts only") {
  const json map = {{"version", 7},
                    {"traits", {{"plan", "gold"}, {"address", {{"city", "Bonn"}, {"zip", "53111"}}}, {"age", 5}}},
                    {"computed", {{"orders_30d", 3}, {"other", 1}}},
                    {"segments", {"loyal"}},
                    {"events", {{"Order Completed", {{"count", 3}, {"firstAt", "a"}, {"lastAt", "b"}}}}}};
  CHECK(shown(view_of({"traits.plan", "traits.address.city", "computed.orders_30d", "segments",
                       "events.Order Completed.count", "version"}),
              map) == json{{"version", 7},
                           {"traits", {{"plan", "gold"}, {"address", {{"city", "Bonn"}}}}},
                           {"computed", {{"orders_30d", 3}}},
                           {"segments", {"loyal"}},
                           {"events", {{"Order Completed", {{"count", 3}}}}}});
  // The field is always there; below it, what is not there is left out, and so is a map of which nothing is left.
  CHECK(shown(view_of({"traits.address.street", "traits.plan.name", "events.Seen"}), map) ==
        json{{"traits", json::object()}, {"events", json::object()}});
  // The whole takes in its parts, in whatever order they are named.
  CHECK(shown(view_of({"traits.address.city", "traits.address"}), map) ==
        json{{"traits", {{"address", map["traits"]["address"]}}}});
  CHECK(shown(view_of({"traits", "traits.plan"}), map) == json{{"traits", map["traits"]}});
}

TEST_CASE("a view that is not there is refused with those that are") {
  CHECK(view_set().find("x").error().message.find("none is configured: [views.NAME]") != std::string::npos);
  const view_set two({{"card", "", {{"traits"}}}, {"slim", "", {{"version"}}}});
  CHECK(*two.find("slim") == 1);
  const auto none = two.find("fat");
  REQUIRE_FALSE(none);
  CHECK(none.error().code == errc::invalid_argument);
  CHECK(none.error().message == "view: there is none named \"fat\"; there are card, slim");
}

TEST_CASE(
    "whatever changes what a view shows is noticed before it is applied, and what it does not show mostly is not") {
  const std::vector<view> views = {view_of({"version"}),
                                   view_of({"sessions"}),
                                   view_of({"firstSeen"}),
                                   view_of({"lastSeen"}),
                                   view_of({"userIds"}),
                                   view_of({"anonymousIds", "externalIds"}),
                                   view_of({"traits"}),
                                   view_of({"traits.a"}),
                                   view_of({"traits.a.b"}),
                                   view_of({"traits.a.b.c"}),
                                   view_of({"events.One.count"}),
                                   view_of({"events.One.lastAt", "events.Two"}),
                                   view_of({"events", "traits.b"}),
                                   view_of({"profile", "consent"})};
  std::mt19937 random(7);
  const auto any = [&](unsigned n) { return static_cast<int>(random() % n); };
  const std::function<json(int)> value = [&](int depth) -> json {
    switch (any(depth > 0 ? 5 : 3)) {
      case 0: return any(2);
      case 1: return nullptr;
      case 2: return "x";
      default: {
        auto map = json::object();
        for (const auto* key : {"a", "b", "c"}) {
          if (any(3) == 0) map[key] = value(depth - 1);
        }
        return map;
      }
    }
  };
  int changed = 0;
  int spared = 0;
  for (int round = 0; round < 200; ++round) {
    kith::profile::profile state;
    for (int i = 0; i < 12; ++i) {
      json event = {{"messageId", std::to_string(i)},
                    {"userId", "u" + std::to_string(any(2))},
                    {"timestamp", base_ms + any(1000) * 60'000}};
      if (any(3) == 0) event["anonymousId"] = "a" + std::to_string(any(2));
      if (any(4) == 0) event["context"] = {{"externalIds", {{{"type", "email"}, {"id", "A@b.c"}}}}};
      if (any(2) == 0) {
        event["type"] = "identify";
        event["traits"] = {{"a", value(2)}, {"b", any(2)}};
      } else {
        event["type"] = "track";
        event["event"] = any(2) == 0 ? "One" : "Two";
      }
      std::string bytes;
      json::to_msgpack(event, bytes);
      reception received;
      received.received_ms = base_ms + 100'000'000;
      const auto parsed = parse_event(bytes, received);
      REQUIRE(parsed);
      std::vector<json> before;
      std::vector<bool> noticed;
      for (const auto& each : views) {
        before.push_back(shown(each, state));
        noticed.push_back(each.changes_with(state, *parsed));
      }
      std::vector<spilled_id> spilled;
      state.apply(*parsed, spilled);
      for (std::size_t v = 0; v < views.size(); ++v) {
        const bool another = shown(views[v], state) != before[v];
        CAPTURE(event.dump(), v, before[v].dump());
        if (another) REQUIRE(noticed[v]);
        changed += another ? 1 : 0;
        spared += noticed[v] ? 0 : 1;
      }
    }
  }
  CHECK(changed > 1000);
  CHECK(spared > 10'000);
}
