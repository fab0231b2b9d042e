#include "persistence/journal.hpp"

#include <algorithm>
#include <atomic>
#include <numeric>
#include <set>
#include <thread>

#include "tests/catch.hpp"
#include "tests/persistence/support/journal_rig.hpp"

using namespace kith;
using namespace kith::persistence;
using namespace kith::tests;
using call = simulated_files::call;

namespace {

struct rig {
  explicit rig(journal_options with = {}) : options(with) {
    REQUIRE(disk.make_directory(journal_directory));
    open();
  }
  void open() { at = open_journal(disk, seen, options); }
  std::size_t count(call what) const {
    const auto all = disk.operations();
    return static_cast<std::size_t>(
        std::count_if(all.begin(), all.end(), [&](const auto& each) { return each.what == what; }));
  }
  journal_options options;
  simulated_files disk;
  outcomes seen{disk};
  std::unique_ptr<journal> at;
};

std::vector<std::uint64_t> numbers(std::uint64_t from, std::uint64_t to) {
  std::vector<std::uint64_t> made(to - from + 1);
  std::iota(made.begin(), made.end(), from);
  return made;
}

std::vector<std::uint64_t> tags_of(const std::vector<outcomes::one>& all) {
  std::vector<std::uint64_t> tags;
  for (const auto& each : all) tags.push_back(each.tag);
  return tags;
}

}  // namespace

TEST_CASE("what is appended is completed in order, durable and read back", "[journal]") {
  rig made;
  for (std::uint64_t tag = 1; tag <= 40; ++tag) append(*made.at, {tag});
  REQUIRE(made.seen.reach(40));
  CHECK(tags_of(made.seen.all()) == numbers(1, 40));
  for (const auto& each : made.seen.all()) {
    REQUIRE(each.is);
    auto after = made.disk.crash_at(each.operations, 0);
    const auto tags = read_tags(*after);
    REQUIRE(std::find(tags.begin(), tags.end(), each.tag) != tags.end());
  }
  CHECK(read_tags(made.disk) == numbers(1, 40));
  const auto segments = *list_segments(made.disk, journal_directory);
  REQUIRE(segments.size() == 1);
  CHECK(made.at->durable_end() == journal_position{segments[0].segment, segments[0].bytes});
  CHECK(made.at->bytes() == segments[0].bytes);
}

TEST_CASE("what waits together is written and synced once, and completed with one call", "[journal]") {
  rig made;
  const auto appends = made.count(call::append);
  const auto syncs = made.count(call::sync);
  append(*made.at, numbers(1, 500));
  REQUIRE(made.seen.reach(500));
  CHECK(made.count(call::append) == appends + 1);
  CHECK(made.count(call::sync) == syncs + 1);
  CHECK(made.seen.all().back().call == 0);
}

TEST_CASE("one write takes no more than write_bytes, unless a single payload is larger", "[journal]") {
  rig made({1024 * 1024, 100});
  append(*made.at, numbers(1, 50));
  REQUIRE(made.seen.reach(50));
  std::map<std::size_t, std::vector<std::size_t>> groups;
  for (const auto& each : made.seen.all()) groups[each.call].push_back(payload_of(each.tag).size());
  CHECK(groups.size() > 10);
  for (const auto& [ignored, sizes] : groups) {
    CHECK((sizes.size() == 1 || std::accumulate(sizes.begin(), sizes.end(), std::size_t{0}) <= 100));
  }
  CHECK(tags_of(made.seen.all()) == numbers(1, 50));
}

TEST_CASE("many threads may append; each one's order stays", "[journal]") {
  rig made({4096, 2048});
  std::vector<std::thread> threads;
  for (std::uint64_t t = 0; t < 4; ++t) {
    threads.emplace_back([&made, t] {
      for (std::uint64_t i = 1; i <= 100; ++i) append(*made.at, {t * 1000 + i});
    });
  }
  for (auto& each : threads) each.join();
  REQUIRE(made.seen.reach(400));
  made.at.reset();
  const auto completed = tags_of(made.seen.all());
  CHECK(completed.size() == 400);
  CHECK(read_tags(made.disk) == completed);
  for (std::uint64_t t = 0; t < 4; ++t) {
    std::vector<std::uint64_t> own;
    std::copy_if(completed.begin(), completed.end(), std::back_inserter(own),
                 [&](auto tag) { return tag / 1000 == t; });
    CHECK(own == numbers(t * 1000 + 1, t * 1000 + 100));
  }
}

TEST_CASE("segments roll at segment_bytes, and sequences go on across them and restarts", "[journal]") {
  rig made({1000, 500});
  for (std::uint64_t tag = 1; tag <= 30; ++tag) {
    if (tag % 10 == 0) {
      made.at.reset();
      REQUIRE(repair_journal(made.disk, journal_directory));
      made.open();
    }
    append(*made.at, {tag});
    REQUIRE(made.seen.reach(tag));
  }
  const auto reports = *scan_journal(made.disk, journal_directory);
  CHECK(reports.size() > 5);
  std::uint64_t next = 1;
  for (const auto& each : reports) {
    CHECK(each.damages.empty());
    CHECK(each.torn_bytes == 0);
    CHECK(each.first_sequence == next);
    next = each.last_sequence + 1;
  }
  CHECK(next == 31);
  CHECK(read_tags(made.disk) == numbers(1, 30));
  std::uint64_t bytes = 0;
  const auto segments = *list_segments(made.disk, journal_directory);
  for (const auto& each : segments) bytes += each.bytes;
  CHECK(made.at->bytes() == bytes);
}

TEST_CASE("a new segment's name is durable before its first record is completed", "[journal]") {
  rig made({1, 1});  // every record has a segment of its own
  for (std::uint64_t tag = 1; tag <= 5; ++tag) {
    append(*made.at, {tag});
    REQUIRE(made.seen.reach(tag));
    CHECK(read_tags(*made.disk.crash_at(made.seen.all().back().operations, 0)) == numbers(1, tag));
  }
}

TEST_CASE("seal ends the segment behind all that was appended before", "[journal]") {
  rig made;
  append(*made.at, numbers(1, 20));
  const auto sealed = made.at->seal();
  REQUIRE(sealed);
  REQUIRE(made.seen.reach(20));
  append(*made.at, numbers(21, 25));
  REQUIRE(made.seen.reach(25));
  std::vector<std::uint64_t> behind;
  const auto segments = *list_segments(made.disk, journal_directory);
  for (const auto& each : segments) {
    if (each.segment <= *sealed) continue;
    REQUIRE(read_segment(made.disk, each, true, 0, [&](std::string_view payload, std::uint64_t) {
      behind.push_back(tag_of(payload));
      return true;
    }));
  }
  CHECK(behind == numbers(21, 25));
  CHECK(made.at->durable_end().segment == *sealed + 1);
}

TEST_CASE("seal comes to its end while appends never pause", "[journal]") {
  simulated_files disk;
  REQUIRE(disk.make_directory(journal_directory));
  constexpr std::uint64_t most = 20000;
  std::atomic<journal*> at{nullptr};
  std::atomic<bool> sealed{false};
  std::atomic<std::uint64_t> rounds{0};
  // Whenever a record is done the next one is already waiting.
  auto opened = journal::open(disk, journal_directory, 0, {}, [&](auto, const auto&) {
    if (!sealed && ++rounds < most) append(*at, {1});
  });
  REQUIRE(opened);
  at = opened->get();
  append(**opened, {1});
  REQUIRE((*opened)->seal());
  sealed = true;
  CHECK(rounds < most);
}

TEST_CASE("segments are removed up to a number, but not the one in use", "[journal]") {
  rig made({500, 100});
  for (std::uint64_t tag = 1; tag <= 20; ++tag) append(*made.at, {tag});
  REQUIRE(made.seen.reach(20));
  const auto before = *list_segments(made.disk, journal_directory);
  REQUIRE(before.size() > 4);
  REQUIRE(made.at->remove_through(before[1].segment));
  auto left = *list_segments(made.disk, journal_directory);
  CHECK(left.size() == before.size() - 2);
  CHECK(left.front().segment == before[2].segment);
  REQUIRE(made.at->remove_through(UINT64_MAX));
  left = *list_segments(made.disk, journal_directory);
  REQUIRE(left.size() == 1);
  CHECK(left.front().segment == made.at->durable_end().segment);
  CHECK(made.at->bytes() == left.front().bytes);
  // The sequence goes on though all records are gone.
  const auto sealed = made.at->seal();
  REQUIRE(sealed);
  REQUIRE(made.at->remove_through(*sealed));
  made.at.reset();
  made.open();
  append(*made.at, {21});
  REQUIRE(made.seen.reach(21));
  CHECK(scan_journal(made.disk, journal_directory)->back().last_sequence == 21);
}

TEST_CASE("a journal completes what was appended before it goes", "[journal]") {
  rig made;
  append(*made.at, numbers(1, 1000));
  made.at.reset();
  CHECK(tags_of(made.seen.all()) == numbers(1, 1000));
  CHECK(read_tags(made.disk) == numbers(1, 1000));
}

TEST_CASE("shards share a directory and keep apart", "[journal]") {
  rig made;
  outcomes other(made.disk);
  auto second = journal::open(made.disk, journal_directory, 7, {}, other.listener());
  REQUIRE(second);
  append(*made.at, {1});
  append(**second, {2});
  REQUIRE(made.seen.reach(1));
  REQUIRE(other.reach(1));
  const auto segments = *list_segments(made.disk, journal_directory);
  REQUIRE(segments.size() == 2);
  CHECK(segments[0].shard == 0);
  CHECK(segments[1].shard == 7);
  CHECK(scan_journal(made.disk, journal_directory)->size() == 2);
}

TEST_CASE("reading goes on from an offset that it gave out, and stops when told", "[journal]") {
  auto made = make_segment(10);
  const auto segment = list_segments(*made.disk, journal_directory)->at(0);
  for (std::size_t i = 0; i < made.ends.size(); ++i) {
    std::vector<std::uint64_t> tags;
    REQUIRE(read_segment(*made.disk, segment, true, made.ends[i], [&](std::string_view payload, std::uint64_t end) {
      tags.push_back(tag_of(payload));
      CHECK(end == made.ends[tags.back() - 1]);
      return tags.size() < 3;
    }));
    const auto first = i + 2;
    CHECK(tags == (first > 10 ? std::vector<std::uint64_t>{} : numbers(first, std::min<std::uint64_t>(first + 2, 10))));
  }
}

TEST_CASE("records larger than a piece are read whole", "[journal]") {
  rig made;
  const std::string large(3 * 1024 * 1024 + 17, 'l');
  const std::string small = "s";
  const std::vector<append_request> requests{{small, 1}, {large, 2}, {small, 3}, {large, 4}};
  made.at->append(requests);
  REQUIRE(made.seen.reach(4));
  std::vector<std::size_t> sizes;
  const auto segment = list_segments(made.disk, journal_directory)->at(0);
  REQUIRE(read_segment(made.disk, segment, true, 0, [&](std::string_view payload, std::uint64_t) {
    CHECK((payload == large || payload == small));
    sizes.push_back(payload.size());
    return true;
  }));
  CHECK(sizes == std::vector<std::size_t>{small.size(), large.size(), small.size(), large.size()});
}
