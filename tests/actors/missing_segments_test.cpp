// A start on a directory whose files were lost: refused while that costs acknowledged events, unless they are given up.
#include <filesystem>

#include "persistence/journal_format.hpp"
#include "tests/actors/support/harness.hpp"
#include "tests/catch.hpp"

using namespace kith;
using namespace kith::tests;

namespace {

actors::runtime_options small(const std::string& data) {
  auto options = options_for(data);
  options.shards = 1;
  options.journal.segment_bytes = 100;  // an event each
  return options;
}

void publish(running& kith, int from, int to) {
  for (int i = from; i < to; ++i) kith.publish({track("ada", "m-" + std::to_string(i), "2024-05-01T10:00:00Z")});
}

std::uint64_t events_of(running& kith) {
  const auto map = kith.get("ada");
  return map.is_null() ? 0 : map["version"].get<std::uint64_t>();
}

std::string segment_path(const std::string& data, std::uint64_t segment) {
  return data + "/journal/" + persistence::format::file_name(0, segment);
}

std::uint64_t first_segment(const std::string& data) {
  return persistence::list_segments(persistence::real_files(), data + "/journal").value().at(0).segment;
}

/// Why a start is refused.
error refusal_of(const std::string& data) {
  const auto started = actors::runtime::start(small(data), persistence::real_files());
  return started ? error{errc::internal, "it started"} : started.error();
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

/// The start is refused for this file, and goes on with `left` events when they are given up.
void check_gap(const std::string& data, std::uint64_t segment, std::uint64_t left) {
  const auto path = segment_path(data, segment);
  const auto kept = data + "/kept";
  std::filesystem::rename(path, kept);
  const auto why = refusal_of(data);
  INFO(why.message);
  CHECK(why.code == errc::internal);
  CHECK(contains(why.message, persistence::format::file_name(0, segment) + " is missing"));
  CHECK(contains(why.message, "--accept-missing-journal"));

  std::filesystem::rename(kept, path);
  {
    running whole(small(data));
    CHECK(events_of(whole) == 10);
  }
  std::filesystem::remove(path);
  auto options = small(data);
  options.accept_missing_journal = true;
  {
    running without(options);
    CHECK(events_of(without) == left);
  }
  running again(small(data));
  CHECK(events_of(again) == left);
}

}  // namespace

TEST_CASE("a lost first segment went unnoticed and its acknowledged events vanished") {
  temporary_directory directory;
  {
    running kith(small(directory.path()));
    publish(kith, 0, 10);
  }
  check_gap(directory.path(), 1, 9);
}

TEST_CASE("the only segment of a shard is missed when it is lost") {
  temporary_directory directory;
  auto options = small(directory.path());
  options.journal.segment_bytes = 1024 * 1024;
  {
    running kith(options);
    publish(kith, 0, 10);
  }
  check_gap(directory.path(), 1, 0);
}

TEST_CASE("a segment lost between two others keeps the server from starting") {
  temporary_directory directory;
  {
    running kith(small(directory.path()));
    publish(kith, 0, 10);
  }
  check_gap(directory.path(), 4, 9);
}

TEST_CASE("the first segment behind a checkpoint is missed when it is lost") {
  temporary_directory directory;
  {
    running kith(small(directory.path()));
    publish(kith, 0, 5);
    REQUIRE(kith->checkpoint());
    publish(kith, 5, 10);
  }
  const auto first = first_segment(directory.path());
  CHECK(first > 1);
  check_gap(directory.path(), first, 9);
}

TEST_CASE("all segments lost are missed too, and new ones are numbered behind them") {
  temporary_directory directory;
  {
    running kith(small(directory.path()));
    publish(kith, 0, 5);
    REQUIRE(kith->checkpoint());
  }
  const auto first = first_segment(directory.path());
  std::filesystem::remove_all(directory.path() + "/journal");
  CHECK(contains(refusal_of(directory.path()).message, persistence::format::file_name(0, first) + " is missing"));
  auto options = small(directory.path());
  options.accept_missing_journal = true;
  {
    running kith(options);
    CHECK(events_of(kith) == 5);
    publish(kith, 5, 10);
  }
  running again(small(directory.path()));
  CHECK(events_of(again) == 10);
}

TEST_CASE("a store that is gone beside a checkpoint keeps the server from starting") {
  temporary_directory directory;
  {
    running kith(small(directory.path()));
    publish(kith, 0, 5);
    kith.stop();
  }
  std::filesystem::remove_all(directory.path() + "/store");
  const auto why = refusal_of(directory.path());
  INFO(why.message);
  CHECK(contains(why.message, "there is no store"));
}

TEST_CASE("without its checkpoint a directory is fine as long as no segment was deleted") {
  temporary_directory directory;
  {
    running kith(small(directory.path()));
    publish(kith, 0, 5);
    REQUIRE(kith->checkpoint());
  }
  std::filesystem::remove(directory.path() + "/checkpoint");
  const auto why = refusal_of(directory.path());
  INFO(why.message);
  CHECK(contains(why.message, "checkpoint: there is none that is whole"));
  auto options = small(directory.path());
  options.accept_missing_journal = true;
  running kith(options);
  CHECK(events_of(kith) == 5);
}
