// Real orders, published twice, shuffled, over several connections and through a kill -9: each customer's count is
// exact.
#include <csignal>
#include <fstream>
#include <random>
#include <set>

#include "tests/catch.hpp"
#include "tests/system/support/server.hpp"

using namespace kith;
using namespace kith::tests;

namespace {

/// What the file itself says should come out.
struct orders {
  std::vector<std::string> lines;
  std::map<std::string, tally> expected;
  std::vector<std::string> users;
  bool all_of_cdnow = false;  ///< else a sample
};

orders load_orders() {
  orders made;
  std::ifstream in(std::string(KITH_SOURCE) + "/../shared/data/cdnow_orders.jsonl");
  made.all_of_cdnow = in.is_open();
  if (!in) in = std::ifstream(std::string(KITH_SOURCE) + "/scripts/sample_orders.jsonl");
  std::set<std::string> ids;
  for (std::string line; std::getline(in, line);) {
    made.lines.push_back(line);
    const auto event = nlohmann::json::parse(line);
    if (!ids.insert(event.at("messageId").get<std::string>()).second) continue;
    const auto type = event.at("type").get<std::string>();
    auto& of = made.expected[event.at("userId").get<std::string>()];
    ++of.version;
    ++of.events[type == "track" ? event.at("event").get<std::string>() : type];
  }
  for (const auto& [user, counted] : made.expected) made.users.push_back(user);
  return made;
}

std::uint64_t applied_so_far(net::client& from) {
  const auto stats = from.stats();
  return stats ? nlohmann::json::from_msgpack(*stats).at("events_applied").get<std::uint64_t>() : 0;
}

}  // namespace

TEST_CASE("orders published twice, shuffled, through a kill -9, count once") {
  const auto given = load_orders();
  REQUIRE(given.lines.size() > 100);
  const auto seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937 random(seed);

  constexpr std::size_t publishers = 4;
  std::vector<std::string> twice = given.lines;
  twice.insert(twice.end(), given.lines.begin(), given.lines.end());
  std::shuffle(twice.begin(), twice.end(), random);
  std::array<std::string, publishers> parts;
  for (std::size_t i = 0; i < twice.size(); ++i) parts[i % publishers] += twice[i] + "\n";

  const scratch room;
  server running(room);
  std::vector<std::unique_ptr<process>> publishing;
  for (std::size_t i = 0; i < publishers; ++i) {
    const auto name = "part-" + std::to_string(i);
    room.write(name, parts[i]);
    std::vector<std::string> command = {KITH_EXECUTABLE, "publish", room.path(name), "--json", "--batch", "8"};
    for (const auto& flag : running.flags()) command.push_back(flag);
    publishing.push_back(std::make_unique<process>(command, room.path(name + ".out")));
  }

  {
    const auto watching = running.client();
    REQUIRE(eventually([&] { return applied_so_far(*watching) > given.lines.size() / 4; }));
  }
  running.kill();
  bool all_done = true;
  for (const auto& each : publishing) all_done = all_done && !each->running();
  REQUIRE_FALSE(all_done);  // else the kill came too late to prove anything
  running.start();

  for (const auto& each : publishing) {
    const auto status = each->wait();
    INFO(each->output());
    REQUIRE(status == 0);
  }
  const auto reading = running.client();
  const auto tallies = read_tallies(*reading, given.users);
  REQUIRE(tallies == given.expected);
  if (given.all_of_cdnow) {
    std::uint64_t all = 0;
    for (const auto& [user, counted] : tallies) all += counted.events.at("Order Completed");
    REQUIRE(all == 6919);
    REQUIRE(tallies.size() == 2357);
  }

  SECTION("a third time changes nothing") {
    room.write("all", [&] {
      std::string all;
      for (const auto& line : given.lines) all += line + "\n";
      return all;
    }());
    std::vector<std::string> command = {"publish", room.path("all"), "--json"};
    for (const auto& flag : running.flags()) command.push_back(flag);
    const auto [status, output] = run_kith(room, command);
    INFO(output);
    REQUIRE(status == 0);
    REQUIRE(nlohmann::json::parse(output).at("duplicate") == given.lines.size());
    REQUIRE(read_tallies(*reading, given.users) == given.expected);
  }
  SECTION("the directory that is left holds the same, and is sound") {
    REQUIRE(running.stop() == 0);
    const auto [sound, report] = run_kith(room, {"check", running.data()});
    INFO(report);
    REQUIRE(sound == 0);
    const auto [status, output] = run_kith(room, {"export", running.data()});
    REQUIRE(status == 0);
    std::map<std::string, tally> exported;
    std::istringstream lines(output);
    for (std::string line; std::getline(lines, line);) {
      const auto profile = nlohmann::json::parse(line);
      exported[profile.at("userIds").at(0).get<std::string>()] = tally_of(profile);
    }
    REQUIRE(exported == given.expected);
  }
}
