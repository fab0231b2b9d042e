// Identifiers that become one profile, and stop being one, under the whole runtime. The expected profiles are computed
// from the list of events by union-find and plain sums (class expected).
#include <map>
#include <numeric>
#include <random>
#include <set>
#include <thread>

#include "profile/segments/catalog.hpp"
#include "tests/actors/support/harness.hpp"
#include "tests/catch.hpp"

using namespace kith;
using namespace kith::tests;
using nlohmann::json;
using profile::id_kind;
using profile::identifier;

namespace {

identifier user(const std::string& id) { return {id_kind::user, "", id}; }
identifier anonymous(const std::string& id) { return {id_kind::anonymous, "", id}; }
identifier external(const std::string& type, const std::string& id) { return {id_kind::external, type, id}; }

json event(const std::string& id, const std::vector<identifier>& of, std::int64_t time_ms = start_ms,
           const std::string& name = "Order Completed") {
  json made = {{"type", "track"}, {"event", name}, {"messageId", id}, {"timestamp", profile::format_time(time_ms)}};
  for (const auto& each : of) {
    if (each.kind == id_kind::user) made["userId"] = each.value;
    if (each.kind == id_kind::anonymous) made["anonymousId"] = each.value;
    if (each.kind == id_kind::external) {
      made["context"]["externalIds"].push_back({{"type", each.type}, {"id", each.value}});
    }
  }
  return made;
}

json alias(const std::string& id, const std::string& previous, const std::string& to, std::int64_t time_ms = start_ms) {
  return {{"type", "alias"},
          {"messageId", id},
          {"userId", to},
          {"previousId", previous},
          {"timestamp", profile::format_time(time_ms)}};
}

actors::publish_options with_detail() {
  actors::publish_options options;
  options.detail = true;
  return options;
}

/// What the profiles are to be, by another method.
class expected {
 public:
  void add(const std::string& message, const std::vector<identifier>& of, const std::string& name) {
    for (const auto& each : of) {
      known_.emplace(key(each), key(each));
      join(key(of.front()), key(each));
    }
    events_.push_back({message, key(of.front()), name});
  }
  void check(running& kith, const std::vector<identifier>& ids) {
    std::map<std::string, std::string> profile_of;
    std::map<std::string, std::string> group_of;
    for (const auto& id : ids) {
      INFO(key(id));
      const auto map = kith.get(id);
      if (!known_.contains(key(id))) {
        CHECK(map.is_null());
        continue;
      }
      REQUIRE_FALSE(map.is_null());
      const auto group = first(key(id));
      const auto [known, fresh] = profile_of.emplace(group, map["profile"]);
      CHECK(known->second == map["profile"].get<std::string>());
      const auto [group_known, fresh_group] = group_of.emplace(map["profile"], group);
      CHECK(group_known->second == group);
      std::map<std::string, std::set<std::string>> by_name;
      std::set<std::string> all;
      for (const auto& each : events_) {
        if (first(each.of) != group) continue;
        if (all.insert(each.message).second) by_name[each.name].insert(each.message);
      }
      CHECK(map["version"] == all.size());
      CHECK(map["events"].size() == by_name.size());
      for (const auto& [name, messages] : by_name) CHECK(map["events"][name]["count"] == messages.size());
    }
  }

 private:
  struct one {
    std::string message;
    std::string of;
    std::string name;
  };
  static std::string key(const identifier& id) {
    return std::to_string(static_cast<int>(id.kind)) + id.type + "/" + id.value;
  }
  std::string first(std::string at) {
    while (known_.at(at) != at) at = known_.at(at);
    return at;
  }
  void join(const std::string& a, const std::string& b) { known_[first(a)] = first(b); }

  std::map<std::string, std::string> known_;
  std::vector<one> events_;
};

}  // namespace

TEST_CASE("an identify joins what the anonymous id did before and after") {
  const temporary_directory directory;
  running kith(options_for(directory.path()));
  kith.publish({event("m-1", {anonymous("a")}), event("m-2", {anonymous("a")})});
  const auto before = kith.get(anonymous("a"));
  CHECK(before["version"] == 2);
  json identify = {{"type", "identify"},
                   {"messageId", "m-3"},
                   {"userId", "ada"},
                   {"anonymousId", "a"},
                   {"traits", {{"email", "ada@example.com"}}}};
  const auto outcome = kith.publish({identify}, with_detail());
  CHECK(outcome.applied == 1);
  const auto ada = kith.get("ada");
  CHECK(ada["version"] == 3);
  CHECK(ada["events"]["Order Completed"]["count"] == 2);
  CHECK(ada["userIds"] == json{"ada"});
  CHECK(ada["anonymousIds"] == json{"a"});
  CHECK(to_hex(outcome.details[0].profile) == ada["profile"].get<std::string>());
  CHECK(kith.get(anonymous("a")) == ada);
  kith.publish({event("m-4", {anonymous("a")})});
  CHECK(kith.get("ada")["version"] == 4);
  CHECK(kith.get({id_kind::profile, "", before["profile"]}) == kith.get("ada"));
  CHECK(kith->stats().merges == 1);
}

TEST_CASE("an alias joins the previous id, as a user's or an anonymous one, in any order of arrival") {
  for (const bool alias_first : {true, false}) {
    const temporary_directory directory;
    running kith(options_for(directory.path()));
    if (alias_first) kith.publish({alias("m-0", "old", "new")});
    kith.publish({event("m-1", {anonymous("old")}), event("m-2", {user("old")}), event("m-3", {user("new")})});
    if (!alias_first) kith.publish({alias("m-0", "old", "new")});
    CHECK(kith.get("new")["version"] == 4);
    CHECK(kith.get("old") == kith.get("new"));
    CHECK(kith.get(anonymous("old")) == kith.get("new"));
  }
}

TEST_CASE("an event that two profiles counted before they were joined counts once") {
  const temporary_directory directory;
  running kith(options_for(directory.path()));
  kith.publish({event("order-1", {anonymous("a")}), event("page", {anonymous("a")}, start_ms, "Page Viewed")});
  kith.publish({event("order-1", {user("ada")}), event("order-2", {user("ada")})});
  // Old enough to have left the recent ids of both.
  kith.publish({event("old", {anonymous("a")}, start_ms - 60 * day), event("old", {user("ada")}, start_ms - 60 * day)});
  kith.publish({event("link", {user("ada"), anonymous("a")}, start_ms, "Signed In")});
  auto ada = kith.get("ada");
  CHECK(ada["version"] == 5);
  CHECK(ada["events"]["Order Completed"]["count"] == 3);
  CHECK(kith->stats().overlaps == 2);
  CHECK(kith->stats().overlaps_unresolved == 0);
  // Nor does a retry under either id.
  const auto retried = kith.publish({event("order-1", {anonymous("a")}), event("order-1", {user("ada")}),
                                     event("old", {anonymous("a")}), event("old", {user("ada"), anonymous("b")})});
  CHECK(retried.duplicate == 4);
  CHECK(kith.get("ada")["version"] == 5);
  kith.stop();
  running again(options_for(directory.path()));
  ada = again.get("ada");
  CHECK(ada["version"] == 5);
  CHECK(ada["events"]["Order Completed"]["count"] == 3);
  CHECK(again.publish({event("old", {anonymous("a")}), event("order-1", {user("ada")})}).duplicate == 2);
}

TEST_CASE("an event that both sides counted with memory a moment ago, and that no file has yet, counts once") {
  const temporary_directory directory;
  auto options = options_for(directory.path());
  options.journal.gathering = std::chrono::seconds(5);
  running kith(options);
  const actors::publish_options memory{actors::durability::memory, false};
  kith.publish({event("m-1", {user("ada")}), event("m-1", {anonymous("a")}), event("m-2", {anonymous("a")})}, memory);
  kith.publish({event("m-3", {user("ada"), anonymous("a")})}, memory);
  CHECK(kith.get("ada")["version"] == 3);
  CHECK(kith->stats().overlaps == 1);
  CHECK(kith->stats().overlaps_unresolved == 0);
}

TEST_CASE("values that say nothing join nobody, are counted and shown") {
  const temporary_directory directory;
  running kith(options_for(directory.path()));
  kith.publish({event("m-1", {user("ada"), anonymous("null")}), event("m-2", {user("bob"), anonymous("null")}),
                event("m-3", {user("undefined"), anonymous("c")}), event("m-4", {user(" Guest "), anonymous("d")}),
                event("m-5", {user("00000000-0000-0000-0000-000000000000"), anonymous("e")}),
                event("m-6", {user("undefined")})});
  CHECK(kith.get("ada")["version"] == 1);
  CHECK(kith.get("ada")["profile"] != kith.get("bob")["profile"]);
  CHECK(kith.get(anonymous("c"))["version"] == 1);  // where m-3 went
  CHECK(kith.get(anonymous("d"))["version"] == 1);
  CHECK(kith.get(anonymous("e"))["version"] == 1);
  CHECK(kith.get("undefined")["version"] == 1);  // nothing else said whose m-6 was
  CHECK(kith->stats().ids_blocked == 5);
  const auto ignored = kith->ignored_identifiers();
  CHECK(std::any_of(ignored.begin(), ignored.end(), [](const auto& each) {
    return each.who.value == "null" && each.reason == profile::identity::ignored::blocked && each.times > 0;
  }));
}

TEST_CASE("which identifier is blocked may change: what was counted stays counted once") {
  const temporary_directory directory;
  auto options = options_for(directory.path());
  {
    running kith(options);
    kith.publish({event("m-1", {user("shared"), anonymous("a")})});
    kith.kill();
  }
  profile::identity::settings settings;
  settings.types["user"].blocked = {"shared"};
  options.identity = profile::identity::rules::make(settings).value();
  {
    running kith(options);
    CHECK(kith.get("shared")["version"] == 1);
    CHECK(kith.publish({event("m-2", {user("shared"), anonymous("b")})}).applied == 1);
    CHECK(kith.get(anonymous("b"))["version"] == 1);
    kith.kill();
  }
  // And the other way round: m-2 stays with b, whatever comes first now; that it names both is heard.
  options.identity = profile::identity::default_rules();
  running kith(options);
  CHECK(kith.get(anonymous("b"))["version"] == 2);
  CHECK(kith.publish({event("m-2", {user("shared"), anonymous("b")})}).duplicate == 1);
  CHECK(kith.get("shared") == kith.get(anonymous("b")));
}

TEST_CASE("a profile takes no more identifiers of a type than its limit, and goes on living") {
  const temporary_directory directory;
  auto options = options_for(directory.path());
  profile::identity::settings settings;
  settings.limit = {3, 0};
  options.identity = profile::identity::rules::make(settings).value();
  running kith(options);
  for (int i = 0; i < 6; ++i) {
    kith.publish({event("m-" + std::to_string(i), {user("ada"), anonymous("a-" + std::to_string(i))})});
  }
  CHECK(kith.get("ada")["version"] == 6);
  CHECK(kith.identity(user("ada"))["identifiers"].size() == 4);
  CHECK(kith->stats().ids_excess == 3);
  CHECK(kith.get(anonymous("a-2"))["profile"] == kith.get("ada")["profile"]);
  CHECK(kith.get(anonymous("a-5")).is_null());
  // Two profiles that would be over it together stay two.
  for (int i = 0; i < 2; ++i) {
    kith.publish({event("n-" + std::to_string(i), {user("bob"), anonymous("b-" + std::to_string(i))})});
  }
  kith.publish({alias("m-x", "bob", "ada")});
  CHECK(kith.get("bob")["profile"] != kith.get("ada")["profile"]);
}

TEST_CASE("e-mail addresses count trimmed and in lower case") {
  const temporary_directory directory;
  running kith(options_for(directory.path()));
  kith.publish(
      {event("m-1", {external("email", "Ada@Example.com ")}), event("m-2", {external("email", "ada@example.com")})});
  const auto ada = kith.get(external("email", "ADA@EXAMPLE.COM"));
  CHECK(ada["version"] == 2);
  CHECK(ada["externalIds"] == json{{{"type", "email"}, {"id", "ada@example.com"}}});
}

TEST_CASE("an unmerge gives each side its own state back, and later events the side they name") {
  const temporary_directory directory;
  auto options = options_for(directory.path());
  for (const int life : {0, 1, 2}) {  // live, from the journal, from the store
    running kith(options);
    if (life == 0) {
      kith.publish({event("m-1", {user("ada"), anonymous("a")}), event("m-2", {anonymous("a")}),
                    event("m-3", {user("bob"), anonymous("b")}), event("m-4", {user("bob")}),
                    event("m-5", {user("ada"), anonymous("b")})});  // somebody else's device
      REQUIRE(kith.get("ada")["version"] == 5);
      CHECK(kith.unmerge(user("ada"), {user("nobody")}).error().code == errc::invalid_argument);
      CHECK(kith.unmerge(user("nobody"), {user("nobody")}).error().code == errc::not_found);
      CHECK(kith.unmerge(user("ada"), {user("ada"), user("bob"), anonymous("a"), anonymous("b")}).error().code ==
            errc::invalid_argument);
      REQUIRE(kith.unmerge(user("ada"), {user("bob"), anonymous("b")}));
      kith.publish({event("m-6", {anonymous("b")}), event("m-7", {user("ada"), anonymous("b")})});
    }
    INFO("life " << life);
    const auto ada = kith.get("ada");
    CHECK(ada["version"] == 4);  // m-1 m-2 m-5 m-7
    CHECK(kith.get(anonymous("a")) == ada);
    const auto bob = kith.get("bob");
    CHECK(bob["version"] == 3);  // m-3 m-4 m-6
    CHECK(kith.get(anonymous("b")) == bob);
    CHECK(kith.identity(user("ada"))["unmerged"].size() == 4);
    if (life == 1) kith.stop();
  }
  // Somebody says that they are one after all.
  running kith(options);
  kith.publish({alias("m-8", "bob", "ada", actors::runtime_options().now_ms ? 0 : 4'102'444'800'000)});
  CHECK(kith.get("ada")["version"] == 8);
  CHECK(kith.get(anonymous("b")) == kith.get("ada"));
}

TEST_CASE("segments and computed traits are of the joined profile") {
  const temporary_directory directory;
  auto options = options_for(directory.path());
  std::vector<profile::segments::definition> all(2);
  all[0].name = "loyal";
  all[0].expression = "events(\"Order Completed\").count() >= 3";
  all[1].name = "busy";
  all[1].expression = "events(\"Order Completed\").within(\"3660d\").count() >= 2";
  options.definitions = profile::segments::catalog::make(all).value();
  running kith(options);
  kith.publish({event("m-1", {anonymous("a")}), event("m-2", {anonymous("a")}), event("m-3", {user("ada")})});
  CHECK(kith.get(anonymous("a"))["segments"] == json{"busy"});
  CHECK(kith.get("ada")["segments"] == json::array());
  kith.publish({event("m-4", {user("ada"), anonymous("a")}, start_ms, "Signed In")});
  CHECK(eventually([&] { return kith.get("ada")["segments"] == json{"busy", "loyal"}; }));
  const auto members = kith->members("busy", {}, 10);
  REQUIRE(members);
  REQUIRE(members->items.size() == 1);  // the anonymous profile is none any more
  CHECK(to_hex(members->items[0].address) == kith.get("ada")["profile"].get<std::string>());
  REQUIRE(kith.unmerge(user("ada"), {anonymous("a")}));
  CHECK(eventually([&] { return kith.get("ada")["segments"] == json::array(); }));
  CHECK(eventually([&] { return kith.get(anonymous("a"))["segments"] == json{"busy"}; }));
}

TEST_CASE("a watch on an identifier follows it into the profile it is joined to") {
  const temporary_directory directory;
  running kith(options_for(directory.path()));
  kith.publish({event("m-1", {anonymous("a")})});
  std::mutex mutex;
  std::vector<actors::change> seen;
  actors::watch_filter filter;
  filter.profile = profile::address_of(id_kind::anonymous, "", "a");
  std::promise<void> watching;
  boost::asio::post(kith->io(0), [&] {
    REQUIRE(kith->watch(0, filter, [&](const result<actors::change>& change) {
      const std::lock_guard lock(mutex);
      if (change) seen.push_back(*change);
    }));
    watching.set_value();
  });
  watching.get_future().wait();
  const auto sees = [&](std::uint64_t version) {
    return eventually([&] {
      const std::lock_guard lock(mutex);
      return std::any_of(seen.begin(), seen.end(), [&](const auto& each) { return each.version == version; });
    });
  };
  kith.publish({event("m-2", {anonymous("a")})});
  CHECK(sees(2));
  kith.publish({event("m-3", {user("ada"), anonymous("a")})});
  CHECK(sees(3));
  kith.publish({event("m-4", {user("ada")})});
  CHECK(sees(4));
}

TEST_CASE("a timeline is of all identifiers, paged without gap or repeat") {
  const temporary_directory directory;
  running kith(options_for(directory.path()));
  std::vector<json> events;
  for (int i = 0; i < 20; ++i) {
    events.push_back(event("m-" + std::to_string(i), {i % 2 == 0 ? user("ada") : anonymous("a")}, start_ms + i / 3));
  }
  kith.publish(events);
  kith.publish({event("m-x", {user("ada"), anonymous("a")}, start_ms + 1000)});
  const auto address = profile::address_of(id_kind::anonymous, "", "a");
  for (const bool newest_first : {true, false}) {
    persistence::history_query query;
    query.limit = 3;
    query.newest_first = newest_first;
    std::set<std::string> ids;
    std::vector<std::int64_t> times;
    for (;;) {
      const auto page = kith->history(address, query);
      REQUIRE(page);
      for (const auto& each : page->items) {
        CHECK(ids.insert(to_hex(each.id)).second);
        times.push_back(each.time_ms);
      }
      if (page->next.empty()) break;
      query.cursor = page->next;
    }
    CHECK(ids.size() == 21);
    if (newest_first) std::reverse(times.begin(), times.end());
    CHECK(std::is_sorted(times.begin(), times.end()));
  }
}

TEST_CASE("profiles joined from all sides at once, through crashes and passivation, are those that plain sums give") {
  std::vector<unsigned> seeds = {1, 2, 4, 8, 10, 11, 16, 21, 24};
  if (const auto* one = std::getenv("KITH_SEED")) seeds = {static_cast<unsigned>(std::stoul(one))};
  for (const unsigned seed : seeds) {
    INFO("seed " << seed);
    std::mt19937 chance(seed);
    const auto pick = [&](int most) { return static_cast<int>(chance() % static_cast<unsigned>(most)); };
    std::vector<identifier> ids;
    for (int i = 0; i < 40; ++i) ids.push_back(anonymous("a" + std::to_string(i)));
    for (int i = 0; i < 25; ++i) ids.push_back(user("u" + std::to_string(i)));
    for (int i = 0; i < 15; ++i) ids.push_back(external("crm", "x" + std::to_string(i)));
    expected plain;
    std::vector<json> events;
    for (int i = 0; i < 240; ++i) {
      std::vector<identifier> of;
      if (pick(2) == 0) of.push_back(ids[static_cast<std::size_t>(40 + pick(25))]);
      if (pick(4) == 0) of.push_back(ids[static_cast<std::size_t>(65 + pick(15))]);
      if (of.empty() || pick(6) == 0) of.push_back(ids[static_cast<std::size_t>(pick(40))]);
      const auto name = pick(3) == 0 ? "Page Viewed" : "Order Completed";
      const auto message = "m-" + std::to_string(i);
      plain.add(message, of, name);
      events.push_back(event(message, of, start_ms - pick(20) * day, name));
    }
    std::shuffle(events.begin(), events.end(), chance);
    const temporary_directory directory;
    auto options = options_for(directory.path());
    options.memory_bytes = seed % 2 == 0 ? 32 * 1024 : 64 * 1024 * 1024;
    const int lives = 1 + static_cast<int>(seed % 3);
    const auto a_life = events.size() / static_cast<std::size_t>(lives) + 1;
    for (int life = 0; life < lives; ++life) {
      running kith(options);
      std::vector<std::future<result<actors::publish_outcome>>> sent;
      const auto from = static_cast<std::size_t>(life) * a_life;
      for (auto i = from; i < std::min(from + a_life, events.size()); ++i) {
        sent.push_back(kith.send({events[i]}, {}, static_cast<actors::shard_id>(i % 2)));
        if (pick(5) == 0) sent.push_back(kith.send({events[i]}, {}, static_cast<actors::shard_id>(pick(2))));
        if (pick(40) == 0) CHECK(kith->checkpoint());
      }
      for (auto& each : sent) CHECK(each.get());
      if (life + 1 == lives) {
        INFO("at the end of the last life");
        plain.check(kith, ids);
      }
      if (pick(2) == 0) {
        kith.kill();
      } else {
        kith.stop();
      }
    }
    running kith(options);
    INFO("after the lives");
    plain.check(kith, ids);
    // Once more, all of it: nothing changes.
    for (const auto& each : events) CHECK(kith.publish({each}).duplicate == 1);
    plain.check(kith, ids);
    kith.kill();
    running again(options);
    plain.check(again, ids);
  }
}

TEST_CASE("profiles joined and taken apart again and again, through crashes and passivation, are what the links say") {
  std::vector<unsigned> seeds = {1, 2, 3, 4, 5, 6};
  if (const auto* one = std::getenv("KITH_SEED")) seeds = {static_cast<unsigned>(std::stoul(one))};
  for (const unsigned seed : seeds) {
    INFO("seed " << seed);
    std::mt19937 chance(seed);
    const auto pick = [&](std::size_t most) { return static_cast<std::size_t>(chance()) % most; };
    constexpr std::size_t people = 14;  // user ids; behind them the same as anonymous ids, which an alias names too
    const auto id_of = [](std::size_t i) {
      return i < people ? user("u" + std::to_string(i)) : anonymous("u" + std::to_string(i - people));
    };
    // What was said: per pair when they were linked explicitly the last time, and when they were taken apart.
    std::map<std::pair<std::size_t, std::size_t>, std::int64_t> linked;
    std::map<std::pair<std::size_t, std::size_t>, std::int64_t> parted;
    std::vector<std::size_t> orders(2 * people);
    std::set<std::size_t> known;
    const auto pair_of = [](std::size_t a, std::size_t b) { return std::pair{std::min(a, b), std::max(a, b)}; };
    const auto group_of = [&](std::size_t who) {
      std::set<std::size_t> group{who};
      for (bool more = true; more;) {
        more = false;
        for (const auto& [ends, time_ms] : linked) {
          const auto apart = parted.find(ends);
          if (apart != parted.end() && time_ms <= apart->second) continue;
          if (group.contains(ends.first) == group.contains(ends.second)) continue;
          group.insert({ends.first, ends.second});
          more = true;
        }
      }
      return group;
    };
    const auto check = [&](running& kith) {
      std::map<std::string, std::set<std::size_t>> profiles;
      for (const auto each : known) {
        const auto map = kith.get(id_of(each));
        INFO(id_of(each).value);
        REQUIRE_FALSE(map.is_null());
        profiles[map["profile"]].insert(each);
        const auto group = group_of(each);
        const auto counted = std::accumulate(group.begin(), group.end(), std::size_t{0},
                                             [&](std::size_t sum, std::size_t one) { return sum + orders[one]; });
        CHECK((counted == 0 || map["events"]["Order Completed"]["count"] == counted));
      }
      for (const auto& [profile, members] : profiles) CHECK(members == group_of(*members.begin()));
    };
    const temporary_directory directory;
    const auto clock = std::make_shared<std::atomic<std::int64_t>>(start_ms);
    auto options = options_for(directory.path());
    options.now_ms = [clock] { return clock->load(); };
    int next = 0;
    for (int life = 0; life < 3; ++life) {
      INFO("life " << life);
      options.memory_bytes = pick(2) == 0 ? 8 * 1024 : 64 * 1024 * 1024;
      running kith(options);
      for (int step = 0; step < 40; ++step) {
        *clock += 1000;
        std::vector<std::future<result<actors::publish_outcome>>> sent;
        for (int i = 0; i < 3; ++i) {
          const auto who = pick(2 * people);
          sent.push_back(kith.send({event("m-" + std::to_string(next++), {id_of(who)}, *clock)}));
          ++orders[who];
          known.insert(who);
        }
        for (int i = 0; i < 2; ++i) {
          const auto a = pick(people);
          const auto b = pick(people);
          if (a == b) continue;
          sent.push_back(kith.send({alias("m-" + std::to_string(next++), id_of(b).value, id_of(a).value, *clock)}));
          linked[pair_of(a, b)] = linked[pair_of(a, b + people)] = *clock;
          known.insert({a, b, b + people});
        }
        for (auto& each : sent) {
          const auto outcome = each.get();
          INFO((outcome ? "" : outcome.error().message));
          REQUIRE(outcome);
        }
        *clock += 1000;
        const auto group = group_of(pick(people));
        if (group.size() > 1 && pick(2) == 0) {
          std::set<std::size_t> leaving;
          for (const auto each : group) {
            if (leaving.size() + 1 < group.size() && pick(2) == 0) leaving.insert(each);
          }
          if (leaving.empty()) leaving.insert(*group.begin());
          std::vector<identifier> out;
          for (const auto each : leaving) out.push_back(id_of(each));
          const auto done = kith.unmerge(id_of(*group.begin()), out);
          INFO((done ? "" : done.error().message));
          REQUIRE(done);
          std::map<bool, std::size_t> last;
          for (const auto each : group) {
            const bool leaves = leaving.contains(each);
            if (last.contains(leaves)) linked[pair_of(last[leaves], each)] = *clock;  // each side stays together
            last[leaves] = each;
            for (const auto other : group) {
              if (leaves != leaving.contains(other)) parted[pair_of(each, other)] = *clock;
            }
          }
        }
        if (pick(6) == 0) {
          const auto done = kith->checkpoint();
          INFO((done ? "" : done.error().message));
          REQUIRE(done);
        }
        if (step % 10 == 9) check(kith);
      }
      if (pick(2) == 0) {
        kith.kill();
      } else {
        kith.stop();
      }
    }
    running kith(options);
    check(kith);
  }
}
