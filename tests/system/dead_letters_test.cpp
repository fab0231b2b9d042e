// What the protocol refuses, from the real executable's front door to its replay, through kills.
#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/catch.hpp"
#include "tests/system/support/server.hpp"

using namespace kith;
using namespace kith::tests;
using nlohmann::json;

namespace {

std::vector<std::string> with(std::vector<std::string> arguments, const std::vector<std::string>& flags) {
  arguments.insert(arguments.end(), flags.begin(), flags.end());
  return arguments;
}

/// `kith dead-letters ARGUMENTS`: exit code and output.
std::pair<int, std::string> letters(const scratch& room, const server& at, std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "dead-letters");
  return run_kith(room, with(std::move(arguments), at.flags()));
}

json letters_json(const scratch& room, const server& at, std::vector<std::string> arguments) {
  arguments.emplace_back("--json");
  const auto [code, text] = letters(room, at, std::move(arguments));
  CAPTURE(code, text);
  return json::parse(text);
}

void publish(const scratch& room, const server& at, const std::string& lines, int code) {
  std::ofstream(room.path("events.jsonl")) << lines << std::flush;
  const auto [got, text] = run_kith(room, with({"publish", room.path("events.jsonl")}, at.flags()));
  CAPTURE(text);
  REQUIRE(got == code);
}

constexpr const char* day_retention = "[dedup]\nretention = \"1d\"\n";
const std::string old_event =
    R"({"type":"track","event":"Paid","messageId":"m-1","userId":"ada","timestamp":"2020-01-01T00:00:00Z"})";
const std::string nameless = R"({"type":"track","event":"Paid","userId":"bob"})";
const std::string good = R"({"type":"track","event":"Paid","messageId":"m-3","userId":"cleo"})";

}  // namespace

TEST_CASE("a refused event is kept through a kill, and applied by a replay once the cause is mended") {
  const scratch room;
  CHECK_THAT(run_kith(room, {"help", "dead-letters"}).second, Contains("need the role operator or admin"));
  std::string id;
  {
    server at(room, day_retention);
    publish(room, at, old_event + "\n" + nameless + "\n" + good + "\n", 65);
    at.kill();
    at.start();
    const auto list = letters_json(room, at, {"list", "--oldest"});
    REQUIRE(list.size() == 2);
    CHECK(list[0]["code"] == "too_late");
    CHECK(list[0]["edge"] == "protocol");
    CHECK(list[0]["ids"] == "user:ada");
    CHECK(list[0]["event"] == "Paid");
    CHECK(list[0]["messageId"] == "m-1");
    CHECK(list[0]["decoded"]["messageId"] == "m-1");
    CHECK(list[1]["code"] == "invalid_argument");
    id = list[0]["id"].get<std::string>();
    // It is refused as long as it is too late.
    const auto again = letters_json(room, at, {"replay", id});
    CHECK(again["rejected"] == 1);
    CHECK(letters_json(room, at, {"show", id})["attempts"] == 1);
    CHECK_THAT(letters(room, at, {"replay", id}).second, Contains("1 refused again") && Contains("dead-letters show"));
    const auto [code, table] = letters(room, at, {"list", "--search", "USER:ADA"});
    CHECK(code == 0);
    CHECK_THAT(table, Contains("CODE") && Contains(id) && Contains("too_late") && !Contains("invalid_argument"));
    CHECK_THAT(letters(room, at, {"counts"}).second, Contains("2 letters"));
    CHECK_THAT(letters(room, at, {"show", id}).second, Contains("\"messageId\": \"m-1\""));
    REQUIRE(at.stop() == 0);
    const auto [checked, report] = run_kith(room, {"check", at.data()});
    CHECK(checked == 0);
    CHECK_THAT(report, Contains("dead letters: 2"));
    CHECK_THAT(run_kith(room, {"export", "--dead-letters", at.data()}).second, Contains(id));
  }
  server at(room);  // the retention is for ever now
  CHECK(letters(room, at, {"replay"}).first == 64);
  const auto told = letters_json(room, at, {"replay", "--all"});
  CHECK(told["applied"] == 1);
  CHECK(told["rejected"] == 1);
  CHECK(letters(room, at, {"show", id}).first == 1);
  CHECK(letters(room, at, {"replay", id}).first == 1);
  const auto [code, profile] = run_kith(room, with({"get", "ada"}, at.flags()));
  REQUIRE(code == 0);
  CHECK(json::parse(profile)["events"]["Paid"]["count"] == 1);
  CHECK_THAT(letters(room, at, {"export"}).second, Contains("user:bob"));
  const auto [dropped, text] = letters(room, at, {"drop", "--code", "invalid_argument"});
  CHECK(dropped == 0);
  CHECK_THAT(text, Contains("1 dropped"));
  CHECK(letters_json(room, at, {"list"}).empty());
  CHECK(letters(room, at, {"list"}).second == "no dead letters\n");

  // What the sender got wrong is mended here.
  publish(room, at, nameless + "\n" + nameless + "\n", 65);
  const auto broken = letters_json(room, at, {"list", "--oldest"});
  REQUIRE(broken.size() == 2);
  const auto first = broken[0]["id"].get<std::string>();
  CHECK(letters(room, at, {"replay", "--all", "--set", "messageId=m-2"}).first == 64);
  CHECK(letters(room, at, {"replay", first, "--set", "messageId"}).first == 65);
  CHECK(letters_json(room, at, {"replay", first, "--set", "messageId="})["rejected"] == 1);
  const auto set = letters_json(
      room, at, {"replay", first, "--set", "messageId=m-2", "--set", "properties.total=12.5", "--set", "userId=dora"});
  CHECK(set["applied"] == 1);
  room.write("mended.json",
             R"({"type": "identify", "messageId": "m-4", "userId": "dora", "traits": {"plan": "gold"}})");
  const auto edited =
      letters_json(room, at, {"replay", broken[1]["id"].get<std::string>(), "--edit", room.path("mended.json")});
  CHECK(edited["applied"] == 1);
  const auto dora = json::parse(run_kith(room, with({"get", "dora"}, at.flags())).second);
  CHECK(dora["events"]["Paid"]["count"] == 1);
  CHECK(dora["traits"]["plan"] == "gold");
  CHECK(letters_json(room, at, {"list"}).empty());
}

TEST_CASE("check names a dead letters' directory that is damaged") {
  const scratch room;
  server at(room);
  publish(room, at, nameless + "\n", 65);
  REQUIRE(at.stop() == 0);
  const auto directory = at.data() + "/dead-letters";
  for (const auto& each : std::filesystem::directory_iterator(directory)) {
    if (each.path().filename().string().rfind("MANIFEST", 0) == 0) std::filesystem::resize_file(each.path(), 10);
  }
  const auto [code, text] = run_kith(room, {"check", at.data()});
  CAPTURE(text);
  CHECK(code == 65);
  CHECK_THAT(text, Contains("DAMAGED " + directory));
}
