// Backups without a server: what is written, given up and remembered.
#include "admin/backups.hpp"

#include <atomic>
#include <filesystem>
#include <fstream>
#include <memory>

#include "tests/actors/support/harness.hpp"
#include "tests/catch.hpp"

using namespace kith;
using namespace kith::tests;

namespace {

struct archive {
  temporary_directory room;
  std::string data = room.path() + "/data";
  std::string directory = room.path() + "/backups";
  std::vector<std::string> logged;
  std::atomic<std::int64_t> now_ms{start_ms};
  admin::backups::writer write = [](const auto&, const auto&) { return result<void>(); };
  std::unique_ptr<admin::backups> kept;

  void open() {
    std::filesystem::create_directories(data);
    kept = std::make_unique<admin::backups>(
        persistence::real_files(), data, admin::backup_settings{directory, 7},
        [this](const auto& into, const auto& cancelled) { return write(into, cancelled); },
        [this] { return now_ms.load(); }, [this](auto, auto text) { logged.emplace_back(text); });
  }
  std::string make() {
    const auto name = kept->begin().value();
    REQUIRE(eventually([&] { return kept->state().value().running.empty(); }));
    ++now_ms;
    return name;
  }
};

}  // namespace

TEST_CASE("a backup that is being written is given up when the server stops, and nothing of it stays") {
  archive at;
  std::atomic<bool> began{false};
  at.write = [&](const std::string& into, const std::function<bool()>& cancelled) -> result<void> {
    std::filesystem::create_directories(into + "/store");
    began = true;
    if (!eventually(cancelled)) return {};
    return fail(errc::unavailable, "the copy was cancelled");
  };
  at.open();
  const auto name = at.kept->begin().value();
  REQUIRE(eventually([&] { return began.load(); }));
  at.kept.reset();
  CHECK(std::filesystem::is_empty(at.directory));
  REQUIRE(at.logged.size() == 1);
  CHECK(at.logged[0] ==
        "backup " + name + ": the copy was cancelled; " + at.directory + "/" + name + ".partial is removed");
}

TEST_CASE("what the server's parts write is not written twice, and requests of people are in a backup") {
  archive at;
  for (const auto* name : {"keys", "privacy", "privacy/requests", "journal"}) {
    std::filesystem::create_directories(at.data + "/" + name);
    std::ofstream(at.data + "/" + name + "/book") << "data";
  }
  at.write = [](const std::string& into, const auto&) -> result<void> {
    for (const auto* name : {"keys", "privacy", "journal"}) {
      std::filesystem::create_directories(into + "/" + name);
      std::ofstream(into + "/" + name + "/book") << "of a part";
    }
    return {};
  };
  at.open();
  const auto copy = at.directory + "/" + at.make();
  CHECK(at.kept->state().value().error.empty());
  CHECK(std::filesystem::file_size(copy + "/privacy/book") == 9);
  CHECK(std::filesystem::file_size(copy + "/privacy/requests/book") == 4);
}

TEST_CASE("what of a backup cannot be written is removed at once, and the failure told") {
  archive at;
  at.write = [](const std::string&, const auto&) -> result<void> {
    return fail(errc::resource_exhausted, "disk full");
  };
  at.open();
  const auto name = at.make();
  CHECK(std::filesystem::is_empty(at.directory));
  const auto state = at.kept->state().value();
  CHECK(state.failed == name);
  CHECK_THAT(state.error, Contains("disk full"));
  CHECK(state.failures == 1);
}

TEST_CASE("a backup's manifest is read once, and what is gone is listed no more") {
  archive at;
  at.open();
  const auto first = at.make();
  const auto second = at.make();
  const auto told = at.kept->state().value();
  REQUIRE(told.items.size() == 2);
  CHECK(told.items[0].name == second);
  CHECK(told.last_ms == start_ms + 1);
  std::filesystem::remove(at.directory + "/" + second + "/backup.json");  // nobody looks
  CHECK(at.kept->state().value().last_ms == start_ms + 1);
  std::filesystem::remove_all(at.directory + "/" + second);
  const auto left = at.kept->state().value();
  REQUIRE(left.items.size() == 1);
  CHECK(left.items[0].name == first);
  CHECK(left.last_ms == start_ms);
}
