// A small run of the journal on a disk that fails at every call, and that loses power at every change.
#include <algorithm>
#include <map>
#include <set>

#include "tests/catch.hpp"
#include "tests/persistence/support/journal_rig.hpp"

using namespace kith;
using namespace kith::persistence;
using namespace kith::tests;
using fault = simulated_files::fault;

namespace {

constexpr journal_options small{1500, 700};  // many segments, several writes a group
constexpr std::uint64_t last_tag = 30;

/// What a run on a disk came to.
struct run {
  bool opened = false;
  std::vector<std::uint64_t> appended;
  std::set<std::uint64_t> needless;      ///< in segments whose removal was asked for
  std::size_t removal = SIZE_MAX;        ///< the disk's operations when it was
  std::vector<outcomes::one> completed;  ///< in order
};

/// One group after another, so that the same calls come in the same order; a seal and a removal in between.
run work(simulated_files& disk, std::uint64_t first = 1) {
  run made;
  outcomes seen(disk);
  if (disk.make_directory(journal_directory)) {
    auto opened = journal::open(disk, journal_directory, 0, small, seen.listener());
    made.opened = opened.has_value();
    for (auto tag = first; made.opened && made.appended.size() < last_tag;) {
      std::vector<std::uint64_t> group;
      for (std::uint64_t i = 0; i <= tag % 4; ++i) group.push_back(tag++);
      append(**opened, group);
      made.appended.insert(made.appended.end(), group.begin(), group.end());
      if (!seen.reach(made.appended.size())) throw std::runtime_error("the journal does not complete");
      if (made.appended.size() < 15 || made.removal != SIZE_MAX) continue;
      const auto before = made.appended;
      const auto sealed = (*opened)->seal();
      if (!sealed) continue;
      made.removal = disk.operation_count();
      made.needless.insert(before.begin(), before.end());
      // A failure here is the caller's to see; the journal itself goes on.
      static_cast<void>((*opened)->remove_through(*sealed));
    }
  }
  made.completed = seen.all();
  return made;
}

/// Every durable record is there, no other is, and each once and in order.
void check_found(const run& made, const std::vector<std::uint64_t>& found, std::size_t operations) {
  REQUIRE(std::is_sorted(found.begin(), found.end()));
  REQUIRE(std::adjacent_find(found.begin(), found.end()) == found.end());
  const std::set<std::uint64_t> there(found.begin(), found.end());
  for (const auto tag : found) REQUIRE(std::count(made.appended.begin(), made.appended.end(), tag) == 1);
  for (const auto& each : made.completed) {
    if (!each.is || each.operations > operations) continue;
    if (operations > made.removal && made.needless.contains(each.tag)) continue;
    INFO("tag " << each.tag);
    REQUIRE(there.contains(each.tag));
  }
}

void check_outcomes(const run& made) {
  REQUIRE(made.completed.size() == made.appended.size());
  bool failed = false;
  for (std::size_t i = 0; i < made.completed.size(); ++i) {
    REQUIRE(made.completed[i].tag == made.appended[i]);
    failed |= !made.completed[i].is;
    REQUIRE(failed == !made.completed[i].is);  // nothing is well after the first failure
    if (failed) REQUIRE(made.completed[i].is.error() == made.completed.back().is.error());
  }
}

/// Repairs, and says what can be read then. A power cut alone, or a failed call, is never taken for damage.
std::vector<std::uint64_t> recover(simulated_files& disk) {
  const auto there = disk.exists(journal_directory);
  if (!there || !*there) return {};
  const auto reports = repair_journal(disk, journal_directory);
  REQUIRE(reports);
  for (const auto& report : *reports) {
    for (const auto& damage : report.damages) FAIL(damage.what << " at " << damage.offset);
  }
  return read_tags(disk);
}

/// What one recovery showed, later power cuts must not take back.
void check_stays(simulated_files& disk, const run& before, const std::vector<std::uint64_t>& found) {
  auto after = work(disk, 1000);
  REQUIRE(after.opened);
  check_outcomes(after);
  for (const std::uint64_t seed : {0U, 5U}) {
    const auto again = disk.crash_at(disk.operation_count(), seed);
    const auto left = recover(*again);
    const std::set<std::uint64_t> there(left.begin(), left.end());
    // Its own removal took what came before it.
    for (const auto& each : after.completed) REQUIRE((there.contains(each.tag) || after.needless.contains(each.tag)));
  }
  for (std::size_t n = 0; n <= std::min(after.removal, disk.operation_count()); n += 3) {
    const auto again = disk.crash_at(n, n % 4);
    const auto left = recover(*again);
    const std::set<std::uint64_t> there(left.begin(), left.end());
    for (const auto tag : found) {
      INFO("tag " << tag << ", second power cut at " << n);
      REQUIRE(there.contains(tag));
    }
  }
  static_cast<void>(before);
}

}  // namespace

TEST_CASE("power cuts at every change lose nothing durable and invent nothing", "[journal][crash]") {
  simulated_files disk;
  const auto made = work(disk);
  check_outcomes(made);
  REQUIRE(made.completed.back().is);
  for (std::size_t n = 0; n <= disk.operation_count(); ++n) {
    for (std::uint64_t seed = 0; seed < 24; ++seed) {
      INFO("power cut at change " << n << ", seed " << seed);
      const auto after = disk.crash_at(n, seed);
      const auto found = recover(*after);
      check_found(made, found, n);
      REQUIRE(recover(*after) == found);
    }
  }
}

TEST_CASE("what a recovery has shown stays through power cuts in it and behind it", "[journal][crash]") {
  simulated_files disk;
  const auto made = work(disk);
  for (std::size_t n = 0; n <= disk.operation_count(); n += 2) {
    for (const std::uint64_t seed : {1U, 2U, 3U, 4U}) {
      INFO("power cut at change " << n << ", seed " << seed);
      const auto after = disk.crash_at(n, seed);
      const auto found = recover(*after);
      // In the middle of the repair: nothing durable goes.
      for (std::size_t m = 0; m <= after->operation_count(); ++m) {
        const auto twice = after->crash_at(m, seed + m);
        check_found(made, recover(*twice), n);
      }
      check_stays(*after, made, found);
    }
  }
}

TEST_CASE("a failure of any call completes with errors what is not durable, from then on", "[journal][fault]") {
  std::uint64_t calls = 0;
  {
    simulated_files disk;
    REQUIRE(work(disk).completed.back().is);
    calls = disk.calls();
  }
  for (const auto how : {fault::io_error, fault::no_space, fault::short_write}) {
    for (const bool and_after : {false, true}) {
      for (std::uint64_t nth = 0; nth < calls; ++nth) {
        INFO("call " << nth << (and_after ? " and all behind it" : "") << ", fault " << static_cast<int>(how));
        simulated_files disk(nth);
        disk.fail(nth, how, and_after);
        const auto made = work(disk);
        check_outcomes(made);
        for (const auto& each : made.completed) {
          if (each.is) continue;
          REQUIRE(each.is.error().code == (how == fault::no_space ? errc::resource_exhausted : errc::unavailable));
          REQUIRE(each.is.error().message.find(journal_directory) == 0);
        }
        disk.heal();
        for (const std::uint64_t seed : {0U, 2U, 3U}) {
          const auto after = disk.crash_at(disk.operation_count(), seed);
          check_found(made, recover(*after), disk.operation_count());
        }
        // The same process's machine stays up: what the new start shows must not hang on the page cache.
        const auto found = recover(disk);
        check_found(made, found, disk.operation_count());
        if (nth % 5 == 0) {
          const auto restarted = disk.crash_at(disk.operation_count(), 0);
          CHECK(recover(*restarted) == found);
        }
      }
    }
  }
}

TEST_CASE("a failure in the repair is reported, and the next repair succeeds", "[journal][fault]") {
  const auto make = [] {
    const auto made = make_segment(6);
    auto disk = std::make_unique<simulated_files>();
    auto bytes = made.disk->contents(made.path);
    bytes[made.ends[1] + 30] = static_cast<char>(bytes[made.ends[1] + 30] + 1);
    disk->put(made.path, bytes.substr(0, bytes.size() - 3));
    return disk;
  };
  const std::vector<std::uint64_t> expected{1, 2, 4, 5};
  const auto clean = make();
  REQUIRE(repair_journal(*clean, journal_directory));
  REQUIRE(read_tags(*clean) == expected);
  const auto calls = clean->calls();
  for (const auto how : {fault::io_error, fault::no_space, fault::short_write}) {
    for (std::uint64_t nth = 0; nth < calls; ++nth) {
      const auto disk = make();
      disk->fail(nth, how);
      const auto failed = repair_journal(*disk, journal_directory);
      if (how == fault::io_error && nth + 40 < calls) CHECK_FALSE(failed);
      disk->heal();
      const auto after = disk->crash_at(disk->operation_count(), nth);
      for (auto* each : {disk.get(), after.get()}) {
        REQUIRE(repair_journal(*each, journal_directory));
        REQUIRE(read_tags(*each) == expected);
        REQUIRE(each->list(journal_directory + "/quarantine")->size() == 1);
      }
    }
  }
}

TEST_CASE("nothing more is written after a failed sync", "[journal][fault]") {
  simulated_files disk;
  REQUIRE(disk.make_directory(journal_directory));
  outcomes seen(disk);
  const auto journal = open_journal(disk, seen);
  append(*journal, {1});
  REQUIRE(seen.reach(1));
  disk.fail(disk.calls() + 1, fault::io_error);  // the append succeeds, its sync does not
  append(*journal, {2});
  REQUIRE(seen.reach(2));
  const auto operations = disk.operation_count();
  append(*journal, {3, 4});
  REQUIRE(seen.reach(4));
  CHECK(disk.operation_count() == operations);
  const auto segment = list_segments(disk, journal_directory)->at(0);
  CHECK(journal->seal().error() == error{errc::unavailable, segment.path + ": sync: Input/output error"});
  CHECK(seen.all().back().is.error() == journal->seal().error());
  CHECK(journal->durable_end().offset < segment.bytes);
}
