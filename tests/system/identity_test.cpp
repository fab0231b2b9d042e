// Who is who through the front door: the commands, the documentation's examples, what an export prints.
#include <fstream>
#include <set>
#include <sstream>

#include "cli/config.hpp"
#include "tests/catch.hpp"
#include "tests/system/support/server.hpp"

using namespace kith;
using namespace kith::tests;
using nlohmann::json;

namespace {

std::string event(const std::string& id, const json& of) {
  json made = {
      {"type", "track"}, {"event", "Order Completed"}, {"messageId", id}, {"timestamp", "2026-01-05T09:00:00Z"}};
  made.update(of);
  return made.dump() + "\n";
}

std::pair<int, std::string> at(const scratch& room, const server& running, std::vector<std::string> words) {
  for (const auto& flag : running.flags()) words.push_back(flag);
  return run_kith(room, words);
}

}  // namespace

TEST_CASE("the configurations of docs/identity.md are understood") {
  std::ifstream in(KITH_SOURCE "/docs/identity.md");
  REQUIRE(in);
  int examples = 0;
  std::string toml;
  bool inside = false;
  for (std::string line; std::getline(in, line);) {
    if (line.rfind("```", 0) == 0) {
      if (inside) {
        CAPTURE(toml);
        const auto read = cli::parse_config(toml, "identity.md");
        if (!read) FAIL(read.error().message);
        ++examples;
      }
      inside = line == "```toml";
      toml.clear();
    } else if (inside) {
      toml += line + "\n";
    }
  }
  CHECK(examples == 2);
}

TEST_CASE("kith identity shows who is joined, kith unmerge takes apart, kith export prints each profile once") {
  const scratch room;
  server running(room);
  room.write("events.jsonl", event("m-1", {{"userId", "ada"}, {"anonymousId", "a"}}) +
                                 event("m-2", {{"anonymousId", "a"}}) + event("m-3", {{"userId", "bob"}}) +
                                 event("m-4", {{"userId", "bob"}, {"anonymousId", "a"}}) +
                                 event("m-5", {{"userId", "eve"}}) + event("m-2", {{"anonymousId", "a"}}));
  const auto [published, summary] = at(room, running, {"publish", room.path("events.jsonl")});
  CAPTURE(summary);
  REQUIRE(published == 0);
  const auto versions_exported = [&] {
    std::multiset<int> versions;
    const auto [code, text] = run_kith(room, {"export", running.data()});
    CAPTURE(text);
    REQUIRE(code == 0);
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) versions.insert(json::parse(line).at("version").get<int>());
    return versions;
  };
  const auto [shown, text] = at(room, running, {"identity", "anonymous:a"});
  CAPTURE(text);
  REQUIRE(shown == 0);
  CHECK(text.find("user:ada  (1 event)") != std::string::npos);
  CHECK(text.find("user:bob  (2 events)") != std::string::npos);
  CHECK(text.find("event m-4") != std::string::npos);
  CHECK(at(room, running, {"identity", "user:nobody"}).first == 1);
  running.kill();
  CHECK(versions_exported() == std::multiset<int>{1, 4});
  running.start();
  const auto [refused, why] = at(room, running, {"unmerge", "user:ada", "user:eve"});
  CAPTURE(why);
  CHECK(refused == 65);
  const auto [done, profiles] = at(room, running, {"unmerge", "user:ada", "user:bob", "--json"});
  CAPTURE(profiles);
  REQUIRE(done == 0);
  CHECK(json::parse(profiles).at("profiles").size() == 2);
  running.kill();
  CHECK(versions_exported() == std::multiset<int>{1, 2, 2});
  running.start();
  REQUIRE(running.stop() == 0);
  CHECK(versions_exported() == std::multiset<int>{1, 2, 2});
  CHECK(run_kith(room, {"check", running.data()}).first == 0);
}
