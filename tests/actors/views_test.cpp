// Views under the whole runtime: built once, never stale, whatever happens to the profile.
#include <random>

#include "tests/actors/support/harness.hpp"
#include "tests/catch.hpp"

using namespace kith;
using namespace kith::tests;
using nlohmann::json;
using profile::segments::definition;
using profile::segments::definition_kind;

namespace {

using paths = std::vector<std::string>;

std::shared_ptr<const profile::view_set> views_of(const std::vector<std::pair<std::string, paths>>& all) {
  std::vector<profile::view> made;
  for (const auto& [name, texts] : all) {
    std::vector<profile::view_path> read;
    for (const auto& text : texts) read.push_back(profile::parse_path(text).value());
    made.emplace_back(name, "", std::move(read));
  }
  return std::make_shared<const profile::view_set>(std::move(made));
}

/// As docs/api.md says, from the whole map.
json shown(const json& map, const paths& chosen) {
  auto made = json::object();
  for (const auto& text : chosen) {
    const auto path = profile::parse_path(text).value();
    if (path.size() == 1) {
      made[path[0]] = map.at(path[0]);
      continue;
    }
    if (!made.contains(path[0])) made[path[0]] = json::object();
    const auto* from = &map.at(path[0]);
    bool there = true;
    for (std::size_t i = 1; i < path.size() && there; ++i) {
      there = from->is_object() && from->contains(path[i]);
      if (there) from = &from->at(path[i]);
    }
    auto* to = &made;
    for (std::size_t i = 0; i < path.size() && there; ++i) to = &(*to)[path[i]];
    if (there) *to = *from;
  }
  return made;
}

profile::identifier user(const std::string& id) { return {profile::id_kind::user, "", id}; }
profile::identifier anonymous(const std::string& id) { return {profile::id_kind::anonymous, "", id}; }

json identify(const std::string& who, const std::string& id, json traits, std::int64_t time_ms = start_ms) {
  return {{"type", "identify"},
          {"messageId", id},
          {"userId", who},
          {"traits", std::move(traits)},
          {"timestamp", profile::format_time(time_ms)}};
}

struct room {
  temporary_directory directory;
  std::shared_ptr<std::atomic<std::int64_t>> clock = std::make_shared<std::atomic<std::int64_t>>(start_ms);

  actors::runtime_options options(std::shared_ptr<const profile::view_set> views) const {
    auto made = options_for(directory.path());
    made.views = std::move(views);
    made.now_ms = [clock = clock] { return clock->load(); };
    return made;
  }
};

std::shared_ptr<const profile::segments::catalog> orders() {
  definition recent;
  recent.kind = definition_kind::computed;
  recent.name = "orders_7d";
  recent.expression = "events(\"Order Completed\").within(\"7d\").count()";
  definition fresh;
  fresh.name = "fresh";
  fresh.expression = "computed.orders_7d > 0";
  return profile::segments::catalog::make({recent, fresh}).value();
}

}  // namespace

TEST_CASE("a view is built at its first read, and again only when something that it shows has changed") {
  const room at;
  running kith(
      at.options(views_of({{"card", {"traits.plan", "events.Order Completed.count"}}, {"other", {"version"}}})));
  kith.publish({identify("ada", "m-1", {{"plan", "gold"}, {"age", 7}})});
  const auto built = [&] { return kith->stats().views_built; };
  const json card = {{"traits", {{"plan", "gold"}}}, {"events", json::object()}};
  CHECK(built() == 0);
  for (int i = 0; i < 5; ++i) CHECK(kith.view(user("ada"), "card") == card);
  CHECK(built() == 1);
  CHECK(kith->stats().views_served == 5);
  // Nothing that it shows: another trait, another event, the same value once more, a duplicate.
  kith.publish({identify("ada", "m-2", {{"age", 8}}), track("ada", "m-3", "2024-05-01T10:00:00Z", "Seen"),
                identify("ada", "m-4", {{"plan", "gold"}}), identify("ada", "m-1", {{"plan", "gold"}})});
  CHECK(kith.view(user("ada"), "card") == card);
  CHECK(built() == 1);
  kith.publish({identify("ada", "m-5", {{"plan", "basic"}}, start_ms + 1)});
  CHECK(kith.view(user("ada"), "card")["traits"]["plan"] == "basic");
  CHECK(built() == 2);
  kith.publish({track("ada", "m-6", "2024-05-01T10:00:00Z"), track("ada", "m-7", "2024-05-01T10:00:00Z")});
  CHECK(built() == 2);  // whoever nobody reads is not built
  CHECK(kith.view(user("ada"), "card")["events"]["Order Completed"]["count"] == 2);
  CHECK(kith.view(user("ada"), "other") == json{{"version", 7}});
  CHECK(kith.view(user("ada"), "card")["events"]["Order Completed"]["count"] == 2);
  CHECK(built() == 4);
  CHECK(kith.view(user("nobody"), "card").is_null());
}

TEST_CASE("a view shows what time alone changes, and is spared by the time that changes nothing of it") {
  const room at;
  auto options = at.options(views_of({{"state", {"computed.orders_7d", "segments"}}, {"plan", {"traits.plan"}}}));
  options.definitions = orders();
  running kith(options);
  kith.publish({track("ada", "m-1", "2024-05-01T10:00:00Z"), identify("ada", "m-2", {{"plan", "gold"}})});
  CHECK(kith.view(user("ada"), "state") == json{{"computed", {{"orders_7d", 1}}}, {"segments", {"fresh"}}});
  CHECK(kith.view(user("ada"), "plan") == json{{"traits", {{"plan", "gold"}}}});
  CHECK(kith->stats().views_built == 2);
  *at.clock = start_ms + 7 * day;
  REQUIRE(eventually([&] { return kith->stats().segments_left == 1; }));
  CHECK(kith.view(user("ada"), "state") == json{{"computed", {{"orders_7d", 0}}}, {"segments", json::array()}});
  CHECK(kith.view(user("ada"), "plan") == json{{"traits", {{"plan", "gold"}}}});
  CHECK(kith->stats().views_built == 3);
}

TEST_CASE("a view follows the definitions of what it shows") {
  const room at;
  auto options = at.options(views_of({{"state", {"computed", "segments"}}}));
  options.definitions = orders();
  running kith(options);
  kith.publish({track("ada", "m-1", "2024-05-01T10:00:00Z")});
  CHECK(kith.view(user("ada"), "state")["segments"] == json{"fresh"});
  REQUIRE(kith->define(catalog_of({{"buyer", "events(\"Order Completed\").count() > 0"}})));
  CHECK(kith.view(user("ada"), "state") == json{{"computed", json::object()}, {"segments", {"buyer"}}});
  REQUIRE(kith->define(catalog_of({})));
  CHECK(kith.view(user("ada"), "state") == json{{"computed", json::object()}, {"segments", json::array()}});
}

TEST_CASE("other views hold from one moment on, and those that are gone are refused by name") {
  const room at;
  running kith(at.options(views_of({{"card", {"traits.plan"}}, {"old", {"version"}}})));
  kith.publish({identify("ada", "m-1", {{"plan", "gold"}, {"age", 7}})});
  CHECK(kith.view(user("ada"), "card") == json{{"traits", {{"plan", "gold"}}}});
  kith->show(views_of({{"new", {"version"}}, {"card", {"traits.age"}}}));
  CHECK(kith->views()->all().size() == 2);
  CHECK(kith.view(user("ada"), "card") == json{{"traits", {{"age", 7}}}});
  CHECK(kith.view(user("ada"), "new") == json{{"version", 1}});
  CHECK_THROWS_WITH(kith.view(user("ada"), "old"), "view: there is none named \"old\"; there are new, card");
}

TEST_CASE("views take memory only of profiles whose views are read, count in the budget, and outlive passivation") {
  const room at;
  const paths whole = {"traits", "version"};
  auto options = at.options(views_of({{"whole", whole}}));
  options.memory_bytes = 256 * 1024;
  running kith(options);
  const std::string text(500, 'x');
  for (int i = 0; i < 100; ++i) kith.publish({identify("u" + std::to_string(i), "m", {{"text", text}})});
  REQUIRE(kith->stats().passivations == 0);
  const auto before = kith->stats().profile_bytes;
  for (int i = 0; i < 100; ++i) kith.view(user("u" + std::to_string(i)), "whole");
  CHECK(kith->stats().views_built == 100);
  CHECK(eventually([&] { return kith->stats().profile_bytes > before + 100 * text.size(); }));
  for (int i = 100; i < 600; ++i) kith.publish({identify("u" + std::to_string(i), "m", {{"text", text}})});
  REQUIRE(eventually([&] { return kith->stats().passivations > 300; }));
  for (int i = 0; i < 600; i += 7) {
    const auto who = user("u" + std::to_string(i));
    REQUIRE(kith.view(who, "whole") == shown(kith.get(who), whole));
  }
}

TEST_CASE("a view is never another one than the whole profile, through joins, unmerges, late events and time") {
  const room at;
  const std::vector<std::pair<std::string, paths>> all = {
      {"ids", {"profile", "userIds", "anonymousIds"}},
      {"traits", {"traits.a", "traits.b.c"}},
      {"counts", {"events.Order Completed", "firstSeen", "lastSeen"}},
      {"state", {"computed.orders_7d", "segments"}},
      {"rest", {"version", "sessions", "externalIds", "consent"}},
  };
  auto options = at.options(views_of(all));
  options.definitions = orders();
  running kith(options);
  std::mt19937 random(11);
  const auto any = [&](unsigned n) { return std::to_string(random() % n); };
  for (int i = 0; i < 600; ++i) {
    json event = {{"type", "track"},
                  {"messageId", std::to_string(i)},
                  {"timestamp", profile::format_time(*at.clock - static_cast<std::int64_t>(random() % 10) * day)}};
    const auto kind = random() % 4;
    event["event"] = kind == 0 ? "Order Completed" : "Seen";
    if (kind == 1) {
      event["type"] = "identify";
      event["traits"] = {{"a", any(3)}, {"b", {{"c", any(3)}, {"d", i}}}};
    }
    // Most name one identifier; some join an anonymous one to a user.
    if (random() % 8 != 0) {
      event[random() % 2 == 0 ? "userId" : "anonymousId"] = "p" + any(6);
    } else {
      event["userId"] = "p" + any(6);
      event["anonymousId"] = "p" + any(6);
    }
    if (i % 150 == 149) {
      // Any identifier of a profile that has several: out of it.
      const auto who = kith.identity(user("p" + any(6)));
      if (!who.is_null() && who["identifiers"].size() > 1) {
        const auto& one = who["identifiers"][0];
        const bool is_user = one["kind"] == "user";
        const std::string id = one["id"];
        REQUIRE(kith.unmerge(is_user ? user(id) : anonymous(id), {is_user ? user(id) : anonymous(id)}));
      }
    }
    if (random() % 16 == 0) *at.clock += day / 2;
    kith.publish({event});
    for (const auto& who : {user("p" + any(6)), anonymous("p" + any(6))}) {
      const auto& [name, chosen] = all[random() % all.size()];
      CAPTURE(i, name, who.value);
      // Time may change it between the two reads.
      REQUIRE(eventually([&] {
        const auto seen = kith.view(who, name);
        const auto map = kith.get(who);
        return map.is_null() ? seen.is_null() : seen == shown(map, chosen);
      }));
    }
  }
  CHECK(kith->stats().merges > 3);
  CHECK(kith->stats().views_built < kith->stats().views_served);
}
