// Segments through the front door: configuration, commands, backfill, SIGHUP; and real orders, whose memberships are
// those that a plain recomputation gives, in whatever order they come.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <csignal>
#include <fstream>
#include <map>
#include <random>
#include <set>
#include <sstream>

#include "profile/event.hpp"
#include "profile/identifier.hpp"
#include "tests/catch.hpp"
#include "tests/system/support/server.hpp"

using namespace kith;
using namespace kith::tests;
using nlohmann::json;

namespace {

constexpr const char* loyal = R"(events("Order Completed").count() >= 3)";
constexpr const char* big_spender = R"(events("Order Completed").sum("properties.total") > 200.0)";

std::string configured(const std::string& name, const std::string& expression) {
  return "[segments." + name + "]\nexpression = '" + expression + "'\n";
}

std::string order(const std::string& id, const std::string& user, double total) {
  return json{{"type", "track"},
              {"event", "Order Completed"},
              {"messageId", id},
              {"userId", user},
              {"timestamp", "2026-01-05T09:00:00Z"},
              {"properties", {{"total", total}}},
              {"traits", {{"country", user == "ada" ? "DE" : "FR"}}}}
             .dump() +
         "\n";
}

std::string address_of(const std::string& user) {
  return profile::to_hex(profile::address_of(profile::id_kind::user, {}, user));
}

/// A server and the commands that go to it.
struct shop {
  explicit shop(const std::string& config = {}) : running(room, config) {}

  std::pair<int, std::string> kith(std::vector<std::string> words) {
    for (const auto& flag : running.flags()) words.push_back(flag);
    return run_kith(room, words);
  }
  std::pair<int, std::string> segments(std::vector<std::string> words) {
    words.insert(words.begin(), "segments");
    return kith(std::move(words));
  }
  /// What `kith segments … --json` prints.
  json told(std::vector<std::string> words) {
    words.push_back("--json");
    const auto [code, text] = segments(words);
    CAPTURE(words, text);
    REQUIRE(code == 0);
    return json::parse(text);
  }
  void publish(const std::string& lines) {
    room.write("events.jsonl", lines);
    const auto [code, text] = kith({"publish", room.path("events.jsonl")});
    CAPTURE(text);
    REQUIRE(code == 0);
  }
  std::set<std::string> segments_of(const std::string& user) {
    std::set<std::string> names;
    for (const auto& each : told({"of", user})) names.insert(each.at("segment").get<std::string>());
    return names;
  }
  /// The ids of all members, once no profile is behind the definitions any more.
  std::set<std::string> members(const std::string& segment) {
    json page;
    REQUIRE(eventually([&] {
      page = told({"members", segment, "--limit", "1000000"});
      return page.at("complete") == true;
    }));
    std::set<std::string> ids;
    for (const auto& each : page.at("items")) ids.insert(each.at("profile").get<std::string>());
    REQUIRE(ids.size() == page.at("items").size());
    REQUIRE(page.at("next").is_null());
    return ids;
  }

  const scratch room;
  server running;
};

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

/// CDNOW's orders, or a sample of them.
struct orders {
  std::vector<std::string> lines;
  std::set<std::string> loyal;  ///< by a recomputation that knows nothing of Kith
  std::set<std::string> big_spenders;
};

orders load_orders() {
  orders made;
  std::ifstream in(std::string(KITH_SOURCE) + "/../shared/data/cdnow_orders.jsonl");
  if (!in) in = std::ifstream(std::string(KITH_SOURCE) + "/scripts/sample_orders.jsonl");
  std::set<std::string> seen;
  std::map<std::string, int> count;
  std::map<std::string, long> cents;
  for (std::string line; std::getline(in, line);) {
    made.lines.push_back(line + "\n");
    const auto event = json::parse(line);
    if (!seen.insert(event.at("messageId")).second || event.value("event", "") != "Order Completed") continue;
    const auto user = event.at("userId").get<std::string>();
    ++count[user];
    cents[user] += std::lround(event.at("properties").at("total").get<double>() * 100);
  }
  for (const auto& [user, n] : count) {
    if (n >= 3) made.loyal.insert(address_of(user));
    if (cents[user] > 200'00) made.big_spenders.insert(address_of(user));
  }
  return made;
}

std::string joined(const std::vector<std::string>& lines) {
  std::string all;
  for (const auto& line : lines) all += line;
  return all;
}

}  // namespace

TEST_CASE("a segment is told with its members and explained, from its definition to its end") {
  shop at(configured("buyer", R"(events("Order Completed").any())"));
  at.publish(order("1", "ada", 120) + order("2", "ada", 90) + order("3", "bob", 10));
  REQUIRE(at.segments_of("ada") == std::set<std::string>{"buyer"});
  REQUIRE(at.members("buyer") == std::set<std::string>{address_of("ada"), address_of("bob")});
  const auto lines = at.segments({"members", "buyer", "--all", "--json"}).second;
  REQUIRE(std::count(lines.begin(), lines.end(), '\n') == 2);
  REQUIRE(at.members("buyer").count(json::parse(lines.substr(0, lines.find('\n'))).at("profile")) == 1);
  REQUIRE(contains(at.segments({"members", "buyer", "--all"}).second, address_of("bob") + "  20"));
  REQUIRE(contains(at.segments({"members", "buyer"}).second, "user:bob"));
  REQUIRE(at.segments({"members", "buyer", "--all", "--limit", "5"}).first == 64);
  REQUIRE(contains(at.segments({"of", "ada"}).second, "SEGMENT  SINCE"));
  REQUIRE(at.segments({"of", "nobody"}).first == 1);

  // Over the profiles that are there already.
  const auto made = at.told({"define", "big_spender", "--expression", big_spender, "--owner", "crm"});
  REQUIRE(made.at("version") == 1);
  REQUIRE(made.at("source") == "api");
  REQUIRE(at.members("big_spender") == std::set<std::string>{address_of("ada")});
  at.publish(order("4", "bob", 200));
  REQUIRE(at.members("big_spender") == std::set<std::string>{address_of("ada"), address_of("bob")});

  const auto why = at.told({"explain", "ada", "big_spender"});
  REQUIRE(why.at("segment") == "big_spender");
  REQUIRE(why.at("member") == true);
  REQUIRE(why.at("expression") == big_spender);
  REQUIRE(why.at("parts").at(0).at("value") == "true");
  REQUIRE(contains(at.segments({"explain", "ada", "big_spender"}).second, "big_spender: a member since "));
  REQUIRE(at.segments({"explain", "ada", "none"}).first == 1);
  REQUIRE(at.segments({"explain", "nobody", "buyer"}).first == 1);

  const auto list = at.told({"list"});
  REQUIRE(list.size() == 2);
  REQUIRE(list.at(0).at("name") == "big_spender");
  REQUIRE(list.at(0).at("members") == 2);
  REQUIRE(list.at(1).at("source") == "config");

  REQUIRE(at.told({"define", "big_spender", "--expression", "false"}).at("version") == 2);
  REQUIRE(at.members("big_spender").empty());
  REQUIRE(at.told({"show", "big_spender"}).at("expression") == "false");
  REQUIRE(at.told({"delete", "big_spender"}).at("deleted") == "big_spender");
  REQUIRE(at.segments({"show", "big_spender"}).first == 1);
  REQUIRE(at.segments({"members", "big_spender"}).first == 1);
  REQUIRE(at.segments({"delete", "big_spender"}).first == 1);
  REQUIRE(at.running.stop() == 0);
}

TEST_CASE("computed traits are defined, used by segments and read with the profile") {
  shop at;
  at.publish(order("1", "ada", 120.5) + order("2", "ada", 90) + order("3", "bob", 10));
  REQUIRE(at.told({"define", "revenue", "--computed", "--expression",
                   R"(events("Order Completed").sum("properties.total"))"})
              .at("kind") == "computed");
  at.told({"define", "rich", "--expression", "computed.revenue > 200.0"});
  REQUIRE(at.members("rich") == std::set<std::string>{address_of("ada")});
  const auto [code, text] = at.kith({"get", "ada", "--fields", "computed,segments"});
  REQUIRE(code == 0);
  REQUIRE(json::parse(text).at("computed") == json{{"revenue", 210.5}});
  const auto refused = at.segments({"delete", "revenue", "--computed"});
  REQUIRE(refused.first == 65);
  REQUIRE(contains(refused.second, "computed.revenue is needed by segments.rich"));
  REQUIRE(at.told({"show", "revenue", "--computed"}).at("version") == 1);
}

TEST_CASE("a wrong expression is shown with its place and changes nothing") {
  shop at;
  const auto [code, text] = at.segments({"define", "bad", "--expression", "trait.country == \"DE\""});
  CAPTURE(text);
  REQUIRE(code == 65);
  REQUIRE(contains(text, "bad: 1:1: "));
  REQUIRE(contains(text, "\n  trait.country == \"DE\"\n  ^"));
  REQUIRE(at.told({"list"}).empty());
  const auto reader = at.kith({"segments", "list", "--token", "guess"});
  REQUIRE(reader.first == 77);
  REQUIRE(at.segments({"list", "--admin", "127.0.0.1:1"}).first == 69);
}

TEST_CASE("a preview tells who would be a member, and changes nothing") {
  shop at(configured("buyer", R"(events("Order Completed").any())"));
  at.publish(order("1", "ada", 120) + order("2", "ada", 90) + order("3", "bob", 10));
  at.running.kill();
  at.running.start();
  const auto told = at.told({"preview", std::string(R"(in_segment("buyer") && )") + big_spender});
  REQUIRE(told.at("members") == 1);
  REQUIRE(told.at("profiles") == 2);
  REQUIRE(told.at("complete") == true);
  REQUIRE(told.at("sample").at(0).at("profile") == address_of("ada"));
  REQUIRE(told.at("sample").at(0).at("userIds") == json::array({"ada"}));
  const auto text = at.segments({"preview", "traits.country == 'FR'", "--sample", "1"}).second;
  CAPTURE(text);
  REQUIRE(contains(text, "1 of 2 profiles would be members (50.0 %)\n"));
  REQUIRE(contains(text, address_of("bob") + "  [\"bob\"]"));
  const auto wrong = at.segments({"preview", "traits.country == "});
  REQUIRE(wrong.first == 65);
  REQUIRE(contains(wrong.second, "preview: 1:"));
  REQUIRE(at.segments({"preview", "true", "--sample", "101"}).first == 64);
  REQUIRE(at.told({"list"}).size() == 1);
}

TEST_CASE("a segment whose expression errs for everybody is disabled, and lives on when it is enabled") {
  shop at("[segments]\nerror_limit = 20\n" + configured("bad", "traits.plan == \"gold\"") +
          configured("buyer", R"(events("Order Completed").any())"));
  std::string lines;
  for (int i = 0; i < 30; ++i) lines += order("m", "u" + std::to_string(i), 10);
  at.publish(lines);
  REQUIRE(eventually([&] { return !at.told({"show", "bad"}).at("disabled").is_null(); }));
  const auto told = at.told({"show", "bad"}).at("disabled");
  REQUIRE(told.at("error") == "no such key 'plan'");
  REQUIRE(contains(told.at("reason"), " times in a row"));
  REQUIRE(at.members("buyer").size() == 30);
  REQUIRE(contains(at.segments({"list"}).second, "disabled: bad: its expression came to an error"));
  REQUIRE(contains(at.segments({"show", "bad"}).second, "no such key 'plan'"));
  REQUIRE(contains(at.running.log(), "segment bad is disabled: "));
  at.running.kill();
  at.running.start();
  REQUIRE_FALSE(at.told({"show", "bad"}).at("disabled").is_null());
  lines.clear();
  for (int i = 0; i < 16; ++i) {
    lines += json{{"type", "identify"},
                  {"messageId", "p"},
                  {"userId", "u" + std::to_string(i)},
                  {"traits", {{"plan", "gold"}}}}
                 .dump() +
             "\n";
  }
  at.publish(lines);
  REQUIRE(at.segments_of("u1") == std::set<std::string>{"buyer"});
  REQUIRE(at.told({"enable", "bad"}).at("disabled").is_null());
  REQUIRE(at.members("bad").size() == 16);
}

TEST_CASE("expressions are checked without a server") {
  const scratch room;
  const auto check = [&](std::vector<std::string> words) {
    words.insert(words.begin(), {"segments", "check"});
    return run_kith(room, words);
  };
  REQUIRE(check({loyal}) == std::pair<int, std::string>(0, "good\n"));
  const auto [code, text] = check({"trait.country == 'DE'"});
  CAPTURE(text);
  REQUIRE(code == 65);
  REQUIRE(contains(text, "expression: 1:1: "));
  REQUIRE(contains(text, "did you mean \"traits\"?"));
  REQUIRE(contains(text, "\n  trait.country == 'DE'\n  ^"));
  const auto machine = json::parse(check({"1 +", "--json"}).second);
  REQUIRE(machine.at("valid") == false);
  REQUIRE(machine.at("problems").at(0).at("line") == 1);
  REQUIRE(check({"in_segment(\"buyer\")"}).first == 65);
  room.write("kith.toml", configured("buyer", "true"));
  REQUIRE(check({"in_segment(\"buyer\")", "--config", room.path("kith.toml")}).first == 0);
  REQUIRE(run_kith(room, {"segments"}).first == 64);
  REQUIRE(run_kith(room, {"segments", "dance"}).first == 64);
  REQUIRE(run_kith(room, {"segments", "define", "a"}).first == 64);
}

TEST_CASE("wrong definitions stop the start with 78, each with its place") {
  const scratch room;
  room.write("kith.toml", configured("good", "true") + configured("bad", "trait.x == 1") + configured("worse", "1 +"));
  const auto [code, text] = run_kith(
      room, {"serve", "--dev", "--data", room.path("data"), "--config", room.path("kith.toml"), "--check-config"});
  CAPTURE(text);
  REQUIRE(code == 78);
  REQUIRE(contains(text, "kith.toml:4:14: segments.bad: 1:1: "));
  REQUIRE(contains(text, "kith.toml:6:14: segments.worse: 1:"));
  REQUIRE(run_kith(room, {"serve", "--dev", "--data", room.path("data"), "--config", room.path("kith.toml")}).first ==
          78);
}

TEST_CASE("SIGHUP brings the configuration's segments, and leaves those of the API") {
  shop at(configured("buyer", R"(events("Order Completed").any())"));
  at.publish(order("1", "ada", 120) + order("2", "bob", 10));
  at.told({"define", "german", "--expression", "traits.country == 'DE'"});
  REQUIRE(at.members("german") == std::set<std::string>{address_of("ada")});
  const auto reload = [&](const std::string& config, const std::string& logged) {
    at.room.write("kith.toml", config);
    at.running.send(SIGHUP);
    const auto done = eventually([&] { return contains(at.running.log(), logged); });
    CAPTURE(at.running.log());
    REQUIRE(done);
  };
  reload(configured("big", R"(events("Order Completed").sum("properties.total") > 100.0)"),
         "what may change of the configuration are reloaded");
  REQUIRE(at.members("big") == std::set<std::string>{address_of("ada")});
  REQUIRE(at.segments_of("ada") == std::set<std::string>{"big", "german"});
  REQUIRE(at.segments({"show", "buyer"}).first == 1);
  const auto refused = at.segments({"delete", "big"});
  REQUIRE(refused.first == 65);
  REQUIRE(contains(refused.second, "is in the server's configuration"));
  reload(configured("big", "1 +"), "the old segments and computed traits stay");
  reload(configured("german", "true"), "segments.german: was made by the API too");
  REQUIRE(at.segments_of("ada") == std::set<std::string>{"big", "german"});
  // The next start would find that too; without it the API's are there again.
  at.room.write("kith.toml", configured("big", "true"));
  REQUIRE(at.running.stop() == 0);
  at.running.start();
  REQUIRE(at.members("big") == std::set<std::string>{address_of("ada"), address_of("bob")});
  REQUIRE(at.told({"show", "big"}).at("version") == 2);
  REQUIRE(at.segments_of("bob") == std::set<std::string>{"big"});
}

TEST_CASE("watch prints who enters and leaves a segment") {
  shop at(configured("buyer", R"(events("Order Completed").any())"));
  std::vector<std::string> command = {KITH_EXECUTABLE, "watch", "--segment", "buyer", "--count", "1"};
  for (const auto& flag : at.running.flags()) command.push_back(flag);
  process watching(command, at.room.path("watch.out"));
  const auto client = at.running.client();
  REQUIRE(eventually([&] { return json::from_msgpack(client->stats().value()).at("watches") == 1; }));
  at.publish("{\"type\":\"identify\",\"messageId\":\"0\",\"userId\":\"ada\",\"traits\":{\"n\":1}}\n");
  at.publish(order("1", "ada", 120));
  REQUIRE(watching.wait() == 0);
  const auto change = json::parse(watching.output());
  REQUIRE(change.at("entered") == json::array({"buyer"}));
  REQUIRE(change.at("left") == json::array());
  REQUIRE(change.at("profile") == address_of("ada"));
}

TEST_CASE("memberships of real orders are those of a plain recomputation, in every order of arrival") {
  const auto given = load_orders();
  REQUIRE(given.lines.size() > 100);
  REQUIRE_FALSE(given.loyal.empty());
  REQUIRE_FALSE(given.big_spenders.empty());
  const auto seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937 random(seed);
  const auto both = configured("loyal", loyal) + configured("big_spender", big_spender);
  auto lines = given.lines;

  SECTION("as they were") {
    shop at(both);
    at.publish(joined(lines));
    REQUIRE(at.members("loyal") == given.loyal);
    REQUIRE(at.members("big_spender") == given.big_spenders);
  }
  SECTION("shuffled, some of them twice, through a kill -9") {
    for (int round = 0; round < 2; ++round) {
      auto some_twice = lines;
      some_twice.insert(some_twice.end(), lines.begin(), lines.begin() + static_cast<std::ptrdiff_t>(lines.size() / 3));
      std::shuffle(some_twice.begin(), some_twice.end(), random);
      shop at(both);
      const auto half = some_twice.begin() + static_cast<std::ptrdiff_t>(some_twice.size() / 2);
      at.publish(joined({some_twice.begin(), half}));
      at.running.kill();
      at.running.start();
      at.publish(joined({half, some_twice.end()}));
      REQUIRE(at.members("loyal") == given.loyal);
      REQUIRE(at.members("big_spender") == given.big_spenders);
    }
  }
  SECTION("backwards, defined when half of them are there") {
    std::reverse(lines.begin(), lines.end());
    shop at;
    const auto half = lines.begin() + static_cast<std::ptrdiff_t>(lines.size() / 2);
    at.publish(joined({lines.begin(), half}));
    at.told({"define", "loyal", "--expression", loyal});
    at.told({"define", "big_spender", "--expression", big_spender});
    at.publish(joined({half, lines.end()}));
    REQUIRE(at.members("loyal") == given.loyal);
    REQUIRE(at.members("big_spender") == given.big_spenders);
  }
}

TEST_CASE("memberships of real orders are right where customers are known by several ids, joined and taken apart") {
  constexpr std::int64_t day = 86'400'000;
  constexpr const char* recent = R"(events("Order Completed").within("90d").count() >= 2)";
  struct one {
    std::string user;
    std::string device;  ///< empty: the order names the user
    std::int64_t time_ms;
    long cents;
  };
  // The orders, moved so that the newest is ten days ago; each third of a customer's under another identifier.
  std::map<std::string, one> all;
  std::int64_t newest = INT64_MIN;
  for (const auto& line : load_orders().lines) {
    const auto event = json::parse(line);
    if (event.value("event", "") != "Order Completed" || !event.contains("userId")) continue;
    std::int64_t time_ms = 0;
    REQUIRE(profile::parse_time(event.at("timestamp").get<std::string>(), time_ms));
    newest = std::max(newest, time_ms);
    const auto user = event.at("userId").get<std::string>();
    const auto device = all.size() % 3 == 0 ? "" : (all.size() % 3 == 1 ? "web-" : "app-") + user;
    all.emplace(event.at("messageId").get<std::string>(),
                one{user, device, time_ms, std::lround(event.at("properties").at("total").get<double>() * 100)});
  }
  const auto now_ms =
      std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
          .count();
  std::vector<std::string> lines;
  std::set<std::string> users;
  const auto publishable = [&](const std::string& id, const one& of, const std::string& also = {}) {
    json event = {{"type", "track"},
                  {"event", "Order Completed"},
                  {"messageId", id},
                  {"timestamp", profile::format_time(of.time_ms)},
                  {"properties", {{"total", static_cast<double>(of.cents) / 100}}}};
    if (of.device.empty() || !also.empty()) event["userId"] = of.user;
    if (!of.device.empty()) event["anonymousId"] = of.device;
    return event.dump() + "\n";
  };
  for (auto& [id, of] : all) {
    of.time_ms += now_ms - 10 * day - day / 4 - newest;
    lines.push_back(publishable(id, of));
    users.insert(of.user);
  }
  for (const auto& user : users) {
    for (const auto* device : {"web-", "app-"}) {
      lines.push_back(json{{"type", "identify"},
                           {"messageId", "link-" + (device + user)},
                           {"userId", user},
                           {"anonymousId", device + user}}
                          .dump() +
                      "\n");
    }
  }
  const auto seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937 random(seed);
  std::shuffle(lines.begin(), lines.end(), random);

  // Whose web orders are taken out again.
  std::set<std::string> apart;
  const auto members_of = [&](const std::string& segment) {
    std::map<std::string, std::pair<int, int>> counts;  // of all and of the recent, by profile
    std::map<std::string, long> cents;
    for (const auto& [id, of] : all) {
      const bool alone = apart.count(of.user) > 0 && of.device == "web-" + of.user;
      const auto address = alone ? profile::to_hex(profile::address_of(profile::id_kind::anonymous, {}, of.device))
                                 : address_of(of.user);
      ++counts[address].first;
      if (of.time_ms > now_ms - 90 * day) ++counts[address].second;
      cents[address] += of.cents;
    }
    std::set<std::string> ids;
    for (const auto& [address, n] : counts) {
      if (segment == "loyal" ? n.first >= 3 : segment == "recent" ? n.second >= 2 : cents[address] > 200'00) {
        ids.insert(address);
      }
    }
    return ids;
  };
  shop at(configured("loyal", loyal) + configured("big_spender", big_spender) + configured("recent", recent));
  const auto half = lines.begin() + static_cast<std::ptrdiff_t>(lines.size() / 2);
  at.publish(joined({lines.begin(), half}));
  at.running.kill();
  at.running.start();
  at.publish(joined({half, lines.end()}));
  const auto all_as_expected = [&] {
    for (const auto* segment : {"loyal", "big_spender", "recent"}) {
      INFO(segment);
      const auto expected = members_of(segment);
      CHECK_FALSE(expected.empty());
      CHECK(at.members(segment) == expected);
    }
  };
  all_as_expected();
  for (const auto& user : users) {
    if (apart.size() == 6) break;
    if (random() % 3 != 0) continue;
    const auto [code, text] = at.kith({"unmerge", "user:" + user, "anonymous:web-" + user});
    CAPTURE(text);
    REQUIRE(code == 0);
    apart.insert(user);
  }
  all_as_expected();
  at.running.kill();
  at.running.start();
  all_as_expected();
  // An order that names both sides is the user's; one under the device's own id is not.
  const auto user = *apart.begin();
  one more{user, "web-" + user, now_ms - day, 500'00};
  at.publish(publishable("more-1", more, "user") + publishable("more-2", more));
  all.emplace("more-2", more);
  more.device.clear();
  all.emplace("more-1", more);
  all_as_expected();
}
