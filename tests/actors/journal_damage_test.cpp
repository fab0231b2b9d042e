// A journal that lost what it had: told once a place, counted, and no reason not to go on.
#include <utility>
#include <fstream>
#include <future>
#include <mutex>
#include <string>
#include <vector>

#include "persistence/journal.hpp"
#include "tests/actors/support/harness.hpp"
#include "tests/actors/support/hooked_store.hpp"
#include "tests/catch.hpp"

using namespace kith;
using namespace kith::tests;

namespace {

/// The one shard's last segment.
persistence::segment_file segment_of(const std::string& data) {
  auto listed = persistence::list_segments(persistence::real_files(), data + "/journal");
  REQUIRE(listed);
  REQUIRE(!listed->empty());
  return listed->back();
}

/// Where the whole records end.
std::vector<std::uint64_t> ends_in(const persistence::segment_file& segment) {
  std::vector<std::uint64_t> ends;
  REQUIRE(persistence::read_segment(persistence::real_files(), segment, true, 0, [&](auto, std::uint64_t end) {
    ends.push_back(end);
    return true;
  }));
  return ends;
}

/// A bit of that byte turns.
void damage(const std::string& path, std::uint64_t at) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekg(static_cast<std::streamoff>(at));
  const auto was = file.get();
  file.seekp(static_cast<std::streamoff>(at));
  file.put(static_cast<char>(was ^ 1));
  file.flush();
  REQUIRE(file);
}

nlohmann::json order(const std::string& id) { return track("ada", id, "2024-05-01T10:00:00Z"); }

struct log_book {
  std::mutex mutex;
  std::string text;

  actors::runtime_options in(const std::string& data) {
    auto options = options_for(data);
    options.shards = 1;
    options.log = [this](std::string_view level, std::string_view message) {
      const std::lock_guard lock(mutex);
      text.append(level).append(" ").append(message).append("\n");
    };
    return options;
  }
  std::string taken() {
    const std::lock_guard lock(mutex);
    return std::exchange(text, {});
  }
};

}  // namespace

TEST_CASE("a damaged journal was told in words that nobody understood, and counted nowhere") {
  temporary_directory directory;
  log_book told;
  {
    running kith(told.in(directory.path()));
    for (const auto* id : {"m-1", "m-2", "m-3"}) REQUIRE(kith.publish({order(id)}).applied == 1);
    CHECK(kith->stats().journal_damages == 0);
    kith.kill();
  }
  const auto segment = segment_of(directory.path());
  const auto ends = ends_in(segment);
  REQUIRE(ends.size() == 3);
  damage(segment.path, ends[1] - 1);
  told.taken();
  running kith(told.in(directory.path()));
  CHECK(kith->stats().journal_damages == 1);
  CHECK(kith.get("ada")["version"] == 2);
  const auto text = told.taken();
  CHECK_THAT(text, Contains("error the journal of shard 0 is damaged: segment 1, "));
  CHECK_THAT(text, Contains(" bytes at byte " + std::to_string(ends[0]) + ": "));
  CHECK_THAT(text, Contains("records 2 to 2 are missing"));
  CHECK_THAT(text, Contains("Acknowledged events may be lost"));
  CHECK_THAT(text, Contains("journal/quarantine"));
}

TEST_CASE("damage of a journal that is being written was passed over in silence by the history") {
  temporary_directory directory;
  log_book told;
  std::promise<void> entered;
  std::promise<void> released;
  auto go_on = released.get_future().share();
  std::once_flag once;
  store_hooks hooks;
  hooks.before = [&](store_call what, const auto&) -> result<void> {
    if (what == store_call::feed) {
      std::call_once(once, [&] {
        entered.set_value();
        go_on.wait_for(std::chrono::seconds(10));
      });
    }
    return {};
  };
  running kith(hooked(told.in(directory.path()), hooks));
  REQUIRE(kith.publish({order("m-1")}).applied == 1);
  REQUIRE(entered.get_future().wait_for(std::chrono::seconds(10)) == std::future_status::ready);
  // The history has read the first record, and nothing behind it.
  REQUIRE(kith.publish({order("m-2")}).applied == 1);
  const auto segment = segment_of(directory.path());
  const auto ends = ends_in(segment);
  REQUIRE(ends.size() == 2);
  damage(segment.path, ends[1] - 1);
  REQUIRE(kith.publish({order("m-3")}).applied == 1);
  released.set_value();
  CHECK(eventually([&] { return kith->stats().journal_damages == 1; }));
  REQUIRE(kith->checkpoint());  // reads on to the end
  CHECK(kith->stats().journal_damages == 1);
  CHECK(kith.get("ada")["version"] == 3);
  const auto text = told.taken();
  CHECK_THAT(text, Contains("is damaged: segment 1, "));
  CHECK_THAT(text, Contains("records before 3 are missing"));
  CHECK_THAT(text, Contains("the history lacks what was there"));
  CHECK(text.find("is damaged") == text.rfind("is damaged"));
}
