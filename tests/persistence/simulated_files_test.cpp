#include "persistence/simulated_files.hpp"

#include <array>
#include <atomic>
#include <functional>
#include <set>
#include <thread>

#include "tests/catch.hpp"

using namespace kith;
using namespace kith::persistence;
using call = simulated_files::call;
using fault = simulated_files::fault;

namespace {

constexpr std::uint64_t lose_all = 0;
constexpr std::uint64_t keep_all = 1;

result<void> append(file& to, std::string_view bytes) {
  const std::array<std::string_view, 1> pieces{bytes};
  return to.append(pieces);
}

/// /d/f holds "durable", synced with its directory; then "unsynced!" is appended.
struct half_synced {
  half_synced() {
    REQUIRE(disk.make_directory("/d"));
    at = std::move(*disk.open("/d/f", open_mode::create));
    REQUIRE(append(*at, "durable"));
    REQUIRE(at->sync());
    REQUIRE(disk.sync_directory("/d"));
    REQUIRE(append(*at, "unsynced!"));
  }
  std::string after_crash(std::uint64_t seed) const {
    return disk.crash_at(disk.operation_count(), seed)->contents("/d/f");
  }
  simulated_files disk;
  std::unique_ptr<file> at;
};

}  // namespace

TEST_CASE("a power cut keeps what was synced and any part of what was not", "[simulated_files]") {
  const half_synced made;
  CHECK(made.after_crash(lose_all) == "durable");
  CHECK(made.after_crash(keep_all) == "durableunsynced!");
  std::set<std::string> seen;
  for (std::uint64_t seed = 2; seed < 400; ++seed) {
    const auto left = made.after_crash(seed);
    REQUIRE(left.starts_with("durable"));
    REQUIRE(left.size() <= 16);
    REQUIRE(made.after_crash(seed) == left);
    seen.insert(left);
  }
  CHECK(seen.contains("durable"));                         // lost
  CHECK(seen.contains("durableunsy"));                     // torn
  CHECK(seen.contains("durableunsynced!"));                // kept
  CHECK(seen.contains("durable" + std::string(9, '\0')));  // the size was kept, the bytes were not
}

TEST_CASE("a power cut may keep later writes and lose earlier ones", "[simulated_files]") {
  half_synced made;
  REQUIRE(append(*made.at, std::string(64, 'x')));
  bool reordered = false;
  for (std::uint64_t seed = 2; seed < 400; ++seed) {
    const auto left = made.after_crash(seed);
    reordered |= left.size() == 80 && left.substr(7, 9) == std::string(9, '\0') && left.back() == 'x';
  }
  CHECK(reordered);
}

TEST_CASE("what a failed sync covered is never made durable by a later one", "[simulated_files]") {
  half_synced made;
  made.disk.fail(made.disk.calls(), fault::io_error);
  CHECK(made.at->sync().error().code == errc::unavailable);
  REQUIRE(append(*made.at, "later"));
  REQUIRE(made.at->sync());
  CHECK(made.disk.contents("/d/f") == "durableunsynced!later");
  CHECK(made.after_crash(lose_all) == "durable" + std::string(9, '\0') + "later");
  CHECK(made.after_crash(keep_all) == "durableunsynced!later");
}

TEST_CASE("names are durable with their directory's sync only", "[simulated_files]") {
  simulated_files disk;
  disk.put("/d/old", "old");
  auto made = std::move(*disk.open("/d/new", open_mode::create));
  REQUIRE(append(*made, "new"));
  REQUIRE(made->sync());
  const auto created = disk.operation_count();
  CHECK_FALSE(*disk.crash_at(created, lose_all)->exists("/d/new"));
  REQUIRE(disk.rename("/d/new", "/d/old"));
  std::set<std::string> seen;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    seen.insert(disk.crash_at(disk.operation_count(), seed)->contents("/d/old"));
  }
  CHECK(seen == std::set<std::string>{"old", "new"});
  REQUIRE(disk.sync_directory("/d"));
  REQUIRE(disk.remove("/d/old"));
  CHECK(disk.crash_at(disk.operation_count(), lose_all)->contents("/d/old") == "new");
  CHECK_FALSE(*disk.crash_at(disk.operation_count(), keep_all)->exists("/d/old"));
  // Before all of it.
  CHECK(disk.crash_at(created, lose_all)->contents("/d/old") == "old");
}

TEST_CASE("a disk after a power cut crashes again from what it then has", "[simulated_files]") {
  const half_synced made;
  const auto second = made.disk.crash_at(made.disk.operation_count(), keep_all);
  auto at = std::move(*second->open("/d/f", open_mode::append));
  REQUIRE(append(*at, "2"));
  CHECK(second->crash_at(0, lose_all)->contents("/d/f") == "durableunsynced!");
  CHECK(second->crash_at(1, keep_all)->contents("/d/f") == "durableunsynced!2");
}

TEST_CASE("the call with the asked number fails, whatever it is", "[simulated_files]") {
  half_synced made;
  auto& disk = made.disk;
  std::string read;
  const std::vector<std::function<bool()>> works{
      [&] { return append(*made.at, "x").has_value(); },
      [&] { return made.at->sync().has_value(); },
      [&] { return made.at->truncate(3).has_value(); },
      [&] { return made.at->size().has_value(); },
      [&] { return made.at->read_at(0, 1, read).has_value(); },
      [&] { return disk.open("/d/f", open_mode::read).has_value(); },
      [&] { return disk.open("/d/g", open_mode::create).has_value(); },
      [&] { return disk.rename("/d/g", "/d/h").has_value(); },
      [&] { return disk.remove("/d/h").has_value(); },
      [&] { return disk.make_directory("/e").has_value(); },
      [&] { return disk.sync_directory("/d").has_value(); },
      [&] { return disk.list("/d").has_value(); },
      [&] { return disk.exists("/d").has_value(); },
      [&] { return disk.free_bytes("/d").has_value(); },
  };
  for (const auto& each : works) {
    const auto names = disk.contents("/d/f");
    disk.fail(disk.calls(), fault::io_error);
    CHECK_FALSE(each());                    // fails once
    CHECK(disk.contents("/d/f") == names);  // without effect
    CHECK(each());                          // and then no more
  }
  disk.fail(disk.calls(), fault::no_space, true);
  CHECK(append(*made.at, "x").error() == error{errc::resource_exhausted, "/d/f: append: No space left on device"});
  CHECK(made.at->sync().error().code == errc::resource_exhausted);
  disk.heal();
  CHECK(made.at->sync());
}

TEST_CASE("a short write leaves a part and fails", "[simulated_files]") {
  std::set<std::size_t> parts;
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    simulated_files disk(seed);
    REQUIRE(disk.make_directory("/d"));
    auto at = std::move(*disk.open("/d/f", open_mode::create));
    disk.fail(disk.calls(), fault::short_write);
    REQUIRE_FALSE(append(*at, "12345678"));
    const auto left = disk.contents("/d/f");
    REQUIRE(std::string("12345678").starts_with(left));
    parts.insert(left.size());
  }
  CHECK(parts.size() > 4);
}

TEST_CASE("many threads may use a simulated disk at once", "[simulated_files]") {
  simulated_files disk;
  REQUIRE(disk.make_directory("/d"));
  std::atomic<int> done{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&disk, &done, i] {
      for (int n = 0; n < 50; ++n) {
        auto name = "/d/" + std::to_string(i);
        name += "-" + std::to_string(n);
        auto at = disk.open(name, open_mode::create);
        if (at && append(**at, name) && (*at)->sync() && disk.sync_directory("/d")) ++done;
      }
    });
  }
  for (auto& each : threads) each.join();
  CHECK(done == 200);
  const auto left = disk.crash_at(disk.operation_count(), lose_all);
  const auto names = *left->list("/d");
  REQUIRE(names.size() == 200);
  for (const auto& name : names) CHECK(left->contents("/d/" + name) == "/d/" + name);
}
