// Copies of a runtime's directory, taken while it serves: a start from one has all that was acknowledged before.
#include <thread>

#include "persistence/check.hpp"
#include "tests/actors/support/harness.hpp"
#include "tests/catch.hpp"

using namespace kith;
using namespace kith::tests;
using nlohmann::json;

namespace {

actors::runtime_options options_in(const std::string& directory) {
  actors::runtime_options made;
  made.data = directory;
  made.shards = 2;
  made.journal.segment_bytes = 64 * 1024;  // so that many retire meanwhile
  made.checkpoint_interval = std::chrono::seconds(1);
  made.now_ms = [] { return start_ms; };
  made.definitions = catalog_of({{"buyers", "events(\"Order Completed\").any()"}});
  return made;
}

json order(int n) {
  auto event = track("u" + std::to_string(n % 50), "m-" + std::to_string(n), "2024-05-01T09:00:00Z");
  event["properties"]["total"] = n;
  return event;
}

bool never() { return false; }

bool sound(const std::string& directory) {
  const auto found = persistence::check_directory(persistence::real_files(), directory,
                                                  [](std::string_view, std::uint64_t, std::uint64_t) {});
  REQUIRE(found);
  for (const auto& each : found->findings) UNSCOPED_INFO(each.where << ": " << each.what);
  return found->sound();
}

std::uint64_t versions(running& kith) {
  std::uint64_t sum = 0;
  for (int user = 0; user < 50; ++user) {
    const auto profile = kith.get("u" + std::to_string(user));
    if (!profile.is_null()) sum += profile.at("version").get<std::uint64_t>();
  }
  return sum;
}

}  // namespace

TEST_CASE("a copy taken under load holds what was acknowledged before it, once, and a start goes on from there") {
  const temporary_directory room;
  running live(options_in(room.path() + "/live"));
  REQUIRE(eventually([&] { return live->state().now == actors::phase::ready; }));
  std::atomic<int> acknowledged{0};
  std::atomic<bool> enough{false};
  std::thread sender([&] {
    for (int n = 0; !enough; ++n) {
      live.publish({order(n)});
      acknowledged = n + 1;
    }
  });
  std::vector<int> before;
  for (int i = 0; i < 3; ++i) {
    const int then = acknowledged + 20;
    REQUIRE(eventually([&] { return acknowledged >= then; }));
    before.push_back(acknowledged);
    const auto copied = live->copy_to(room.path() + "/copy" + std::to_string(i), never);
    if (!copied) enough = true, sender.join();
    INFO((copied ? "" : copied.error().message));
    REQUIRE(copied);
  }
  enough = true;
  sender.join();
  const int all = acknowledged;
  for (int i = 0; i < 3; ++i) {
    const auto directory = room.path() + "/copy" + std::to_string(i);
    INFO("copy " << i << ", " << before[static_cast<std::size_t>(i)] << " events before it, " << all << " in all");
    CHECK(sound(directory));
    running restored(options_in(directory));
    REQUIRE(eventually([&] { return restored->state().now == actors::phase::ready; }));
    const auto had = versions(restored);
    CHECK(had >= static_cast<std::uint64_t>(before[static_cast<std::size_t>(i)]));
    CHECK(had <= static_cast<std::uint64_t>(all));
    for (int n = 0; n < all; ++n) restored.publish({order(n)});  // a sender tries again what it is not sure of
    CHECK(versions(restored) == static_cast<std::uint64_t>(all));
    CHECK(restored.get("u1").at("segments").size() == 1);
  }
}

TEST_CASE("a copy does not go where something is already, and says so") {
  const temporary_directory room;
  running live(options_in(room.path() + "/live"));
  REQUIRE(eventually([&] { return live->state().now == actors::phase::ready; }));
  live.publish({order(1)});
  REQUIRE(live->copy_to(room.path() + "/copy", never));
  const auto again = live->copy_to(room.path() + "/copy", never);
  REQUIRE_FALSE(again);
  CHECK(again.error().message.find("store: copying to") != std::string::npos);
  live.publish({order(2)});
  CHECK(versions(live) == 2);
}

TEST_CASE("a copy is given up between two files, and the next one is whole") {
  const temporary_directory room;
  running live(options_in(room.path() + "/live"));
  REQUIRE(eventually([&] { return live->state().now == actors::phase::ready; }));
  live.publish({order(1)});
  int asked = 0;
  const auto given_up = live->copy_to(room.path() + "/half", [&] { return ++asked > 1; });
  REQUIRE_FALSE(given_up);
  CHECK(given_up.error().message == "the copy was cancelled");
  live.publish({order(2)});
  REQUIRE(live->copy_to(room.path() + "/copy", never));
  CHECK(sound(room.path() + "/copy"));
}
