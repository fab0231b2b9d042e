// kith backup and kith restore through their front doors.
#include <filesystem>

#include "tests/catch.hpp"
#include "tests/system/support/server.hpp"

using namespace kith;
using namespace kith::tests;

namespace {

std::string orders(int from, int to) {
  std::string lines;
  for (int n = from; n < to; ++n) {
    lines += R"({"type":"track","event":"Order Completed","userId":"ada","messageId":"o-)";
    lines += std::to_string(n) + "\"}\n";
  }
  return lines;
}

std::vector<std::string> with(std::vector<std::string> command, const std::vector<std::string>& more) {
  command.insert(command.end(), more.begin(), more.end());
  return command;
}

std::size_t entries(const std::string& directory) {
  return static_cast<std::size_t>(
      std::distance(std::filesystem::directory_iterator(directory), std::filesystem::directory_iterator{}));
}

}  // namespace

TEST_CASE("a backup of a running server is restored, checked and served") {
  const scratch room;
  server live(room, "[backup]\ndirectory = \"" + room.path("backups") + "\"\nkeep = 1\n");
  room.write("first", orders(0, 100));
  room.write("second", orders(100, 120));
  const std::vector<std::string> dev = {"--dev", live.data()};
  REQUIRE(run_kith(room, with({"publish", room.path("first")}, dev)).first == 0);
  REQUIRE(run_kith(room, with({"backup"}, dev)).first == 0);
  REQUIRE(run_kith(room, with({"publish", room.path("second")}, dev)).first == 0);
  auto [code, path] = run_kith(room, with({"backup"}, dev));
  INFO(path);
  REQUIRE(code == 0);
  path.resize(path.find('\n'));
  CHECK(entries(room.path("backups")) == 1);  // keep = 1
  const auto listed = run_kith(room, with({"backup", "--list"}, dev));
  CHECK(listed.second.find(path.substr(path.rfind('/') + 1)) != std::string::npos);

  const auto target = room.path("restored");
  const auto restored = run_kith(room, {"restore", path, target});
  INFO(restored.second);
  REQUIRE(restored.first == 0);
  CHECK(run_kith(room, {"check", target}).first == 0);
  const auto profiles = run_kith(room, {"export", target});
  CHECK(profiles.first == 0);
  CHECK(profiles.second.find("\"version\":120") != std::string::npos);

  CHECK(run_kith(room, {"restore", path, target}).second.find("is not empty") != std::string::npos);
  std::filesystem::rename(target + "/audit", room.path("audit"));
  const auto without_audit = run_kith(room, {"check", target});
  CHECK(without_audit.first == 65);
  CHECK(without_audit.second.find("DAMAGED " + target + "/audit: is gone, although privacy/receipt.key is there") !=
        std::string::npos);
  CHECK(run_kith(room, {"restore", live.data(), room.path("no")}).second.find("is no backup") != std::string::npos);
  CHECK(live.stop() == 0);
}

TEST_CASE("without a directory for backups the server says how to have one") {
  const scratch room;
  server live(room);
  const auto asked = run_kith(room, {"backup", "--dev", live.data()});
  CHECK(asked.first != 0);
  CHECK(asked.second.find("set backup.directory") != std::string::npos);
}
