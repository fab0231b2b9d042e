// Erasing through the front door: what the commands say, what the disk holds, what a kill leaves.
#include <filesystem>
#include <fstream>
#include <iterator>

#include "tests/catch.hpp"
#include "tests/system/support/server.hpp"

using namespace kith;
using namespace kith::tests;
using nlohmann::json;

namespace {

constexpr const char* planted = "planted-5d90c1";

std::pair<int, std::string> at(const scratch& room, const server& running, std::vector<std::string> words) {
  for (const auto& flag : running.flags()) words.push_back(flag);
  return run_kith(room, words);
}

/// The file that holds the text; empty: none does.
std::string where(const std::string& directory, const std::string& text) {
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory)) {
    std::error_code gone;
    if (!entry.is_regular_file(gone)) continue;
    std::ifstream in(entry.path(), std::ios::binary);
    const std::string bytes((std::istreambuf_iterator<char>(in)), {});
    if (bytes.find(text) != std::string::npos) return entry.path();
  }
  return {};
}

int publish(const scratch& room, const server& to, const std::vector<json>& events) {
  std::string lines;
  for (const auto& each : events) lines += each.dump() + "\n";
  room.write("events.jsonl", lines);
  return at(room, to, {"publish", room.path("events.jsonl")}).first;
}

json identify(const std::string& id) {
  return {{"type", "identify"},
          {"messageId", id},
          {"userId", "ada-5d90c1"},
          {"anonymousId", "device-5d90c1"},
          {"traits", {{"note", planted}}},
          {"timestamp", "2026-01-05T09:00:00Z"}};
}

}  // namespace

TEST_CASE("who is erased is in no file, has a receipt, and does not come back by a kill") {
  const scratch room;
  // Long enough that the restarts find it unfinished, and then at once.
  server running(room, "[privacy]\npurge_after = \"20s\"\n");
  auto broken = identify("m-2");
  broken["type"] = "nonsense";  // it becomes a dead letter
  REQUIRE(publish(room, running, {identify("m-1"), broken}) == 65);
  REQUIRE(!where(running.data(), planted).empty());
  const auto receipt = room.path("receipt");
  const auto [erased, said] =
      at(room, running, {"privacy", "erase", "anonymous:device-5d90c1", "--reason", "ticket 7", "--save", receipt});
  CAPTURE(said);
  REQUIRE(erased == 0);
  CHECK(at(room, running, {"get", "ada-5d90c1"}).first == 1);
  running.kill();
  running.start();
  CHECK(at(room, running, {"get", "ada-5d90c1"}).first == 1);
  CHECK(publish(room, running, {identify("m-3")}) == 65);
  CHECK(at(room, running, {"get", "ada-5d90c1"}).first == 1);
  CHECK(at(room, running, {"privacy", "lift", "ada-5d90c1"}).first == 65);  // its bytes are still there

  const auto [checked, told] = at(room, running, {"privacy", "verify", receipt, "--json"});
  CAPTURE(told);
  REQUIRE(checked == 0);
  const auto claims = json::parse(told);
  CHECK(claims.at("reason") == "ticket 7");
  CHECK(claims.at("ids").size() == 2);
  CHECK(claims.at("deadLetters") == 1);
  std::ifstream in(receipt);
  std::string text((std::istreambuf_iterator<char>(in)), {});
  text[text.find('.') + 5] ^= 1;
  room.write("forged", text);
  CHECK(at(room, running, {"privacy", "verify", room.path("forged")}).first == 65);

  REQUIRE(running.stop() == 0);
  running.start();
  // Until a purge has finished it the suppression cannot be lifted.
  CHECK(at(room, running, {"privacy", "suppressed", "ada-5d90c1"}).first == 0);
  REQUIRE(eventually(
      [&] {
        return at(room, running, {"privacy", "lift", "ada-5d90c1"}).first == 0;
      },
      std::chrono::seconds(120)));
  for (const auto* each : {planted, "ada-5d90c1", "device-5d90c1"}) {
    CAPTURE(each);
    CHECK(eventually([&] { return where(running.data(), each).empty(); }));
  }
  CHECK(run_kith(room, {"check", running.data()}).first != 0);  // a server runs on it
}

TEST_CASE("the key that wraps the journal's keys is rotated by SIGHUP, and a start with another one is refused") {
  const scratch room;
  const std::string first(64, '1');
  const std::string second(64, '2');
  room.write("key", first);
  const auto config = "[encryption]\nkey_file = \"" + room.path("key") + "\"\n";
  server running(room, config);
  REQUIRE(publish(room, running, {identify("m-1")}) == 0);
  room.write("key", second);
  running.send(SIGHUP);
  REQUIRE(eventually([&] { return running.log().find("is encrypted by the key") != std::string::npos; }));
  running.kill();
  running.start();
  CHECK(at(room, running, {"get", "ada-5d90c1"}).first == 0);
  running.kill();

  room.write("key", first);
  room.write("c.toml", config);
  const auto [refused, why] =
      run_kith(room, {"serve", "--dev", "--data", running.data(), "--config", room.path("c.toml")});
  CAPTURE(why);
  CHECK(refused == 78);
  CHECK(why.find("/keys/ring-") != std::string::npos);
  CHECK(why.find("encryption.old_key_file") != std::string::npos);
  const auto [sound, unopened] = run_kith(room, {"check", running.data()});
  CAPTURE(unopened);
  CHECK(sound == 0);
  CHECK(unopened.find(" not looked into: ") != std::string::npos);
  const auto [other, mismatch] = run_kith(room, {"check", running.data(), "--key-file", room.path("key")});
  CAPTURE(mismatch);
  CHECK(other == 78);
  CHECK(mismatch.find("--key-file " + room.path("key") + " does not open the journal's keys: ") != std::string::npos);
  CHECK(mismatch.find("sound") == std::string::npos);
  room.write("key", second);
  const auto [whole, opened] = run_kith(room, {"check", running.data(), "--key-file", room.path("key")});
  CAPTURE(opened);
  CHECK(whole == 0);
  CHECK(opened.find("not looked into") == std::string::npos);
  running.start();
  CHECK(at(room, running, {"get", "ada-5d90c1"}).first == 0);
}
