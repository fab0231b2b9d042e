// The spool on a disk in memory that fails, tears and forgets.
#include "persistence/spool.hpp"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <set>

#include "persistence/simulated_files.hpp"
#include "tests/catch.hpp"

using namespace kith;
using namespace kith::persistence;
using namespace kith::tests;

namespace {

const std::string directory = "/data/spool";
using fault = simulated_files::fault;

/// A spool, what became of what was appended, and what it logged.
struct spool_rig {
  explicit spool_rig(file_system& files, spool_options with = small()) {
    with.log = [this](std::string_view level, std::string_view message) {
      const std::lock_guard lock(mutex);
      logged.append(level).append(": ").append(message).append("\n");
    };
    auto opened = spool::open(files, directory, with);
    if (opened) {
      store = std::move(*opened);
    } else {
      refused = opened.error().message;
      UNSCOPED_INFO(refused);
    }
  }

  static spool_options small() {
    spool_options made;
    made.bytes = 64 * 1024;
    made.keep_free = 0;
    made.segment_bytes = 600;
    made.progress_interval = std::chrono::milliseconds(0);
    return made;
  }

  /// Waits until it is durable, or is not.
  result<void> append(lane to, const std::string& text) {
    std::optional<result<void>> outcome;
    const auto taken = store->append(to, text, [&](const result<void>& is) {
      const std::lock_guard inner(mutex);
      outcome = is;
      told.notify_all();
    });
    if (!taken) return taken;
    std::unique_lock lock(mutex);
    told.wait(lock, [&] { return outcome.has_value(); });
    return *outcome;
  }
  /// All that is to be sent, from the acknowledged on; acknowledges the first `acknowledge` of them.
  std::vector<std::string> read(lane of, std::size_t acknowledge = 0) {
    std::vector<std::string> found;
    auto at = store->acknowledged(of);
    for (;;) {
      const auto records = store->read(of, at, 100);
      REQUIRE(records);
      if (records->empty()) return found;
      for (const auto& each : *records) {
        if (found.size() < acknowledge) store->acknowledge(of, each.end, each.bytes);
        found.push_back(each.payload);
      }
    }
  }
  std::string log() {
    const std::lock_guard lock(mutex);
    return logged;
  }

  std::mutex mutex;
  std::condition_variable told;
  std::string logged;
  std::string refused;
  std::unique_ptr<spool> store;
};

std::string text_of(int number) {
  return std::string("record ").append(std::to_string(number)).append(static_cast<std::size_t>(number % 90), '.');
}

std::vector<std::string> texts(int first, int last) {
  std::vector<std::string> made;
  for (int i = first; i <= last; ++i) made.push_back(text_of(i));
  return made;
}

void append_all(spool_rig& to, int first, int last, lane of = lane::normal) {
  for (int i = first; i <= last; ++i) REQUIRE(to.append(of, text_of(i)));
}

std::string segment_path(int segment, int shard = 1) {
  char name[64];
  std::snprintf(name, sizeof name, "/journal-%03d-%012d.log", shard, segment);
  return directory + name;
}

}  // namespace

TEST_CASE("what is not acknowledged is read again, in order, over restarts", "[spool]") {
  simulated_files disk;
  {
    spool_rig at(disk);
    append_all(at, 1, 40);
    append_all(at, 41, 43, lane::critical);
    CHECK(at.read(lane::normal, 15) == texts(1, 40));
    CHECK(at.read(lane::critical, 1) == texts(41, 43));
    REQUIRE(at.store->save_progress());
  }
  spool_rig at(disk);
  CHECK(at.log().empty());
  CHECK(at.read(lane::normal, 25) == texts(16, 40));
  CHECK(at.read(lane::critical, 2) == texts(42, 43));
  CHECK(at.read(lane::normal).empty());
  CHECK(at.store->status().backlog == std::array<std::uint64_t, lane_count>{0, 0});
  append_all(at, 44, 50);
  CHECK(at.read(lane::normal) == texts(44, 50));
  CHECK(at.store->status().backlog[1] > 0);
}

TEST_CASE("an acknowledgement that was not saved is forgotten by a crash, and a saved one deletes segments",
          "[spool]") {
  simulated_files disk;
  {
    spool_rig at(disk);
    append_all(at, 1, 40);
    const auto before = at.store->status().bytes;
    at.read(lane::normal, 30);
    CHECK(at.store->status().bytes == before);
    REQUIRE(at.store->save_progress());
    CHECK(at.store->status().bytes < before);
    CHECK_FALSE(disk.exists(segment_path(1)).value());
    at.read(lane::normal, 5);
  }
  const auto after = disk.crash_at(disk.operation_count(), 0);
  spool_rig again(*after);
  CHECK(again.read(lane::normal) == texts(31, 40));
}

TEST_CASE("power cuts at every change lose nothing durable, and send nothing again that was saved", "[spool]") {
  struct moment {
    std::size_t operations;
    std::size_t durable;  ///< records
    std::size_t saved;
  };
  simulated_files disk;
  std::vector<moment> moments;
  {
    spool_rig at(disk);
    moments.push_back({disk.operation_count(), 0, 0});
    std::size_t saved = 0;
    for (int i = 1; i <= 24; ++i) {
      REQUIRE(at.append(lane::normal, text_of(i)));
      moments.push_back({disk.operation_count(), static_cast<std::size_t>(i), saved});
      if (i % 6 != 0) continue;
      at.read(lane::normal, 4);
      REQUIRE(at.store->save_progress());
      saved += 4;
      moments.push_back({disk.operation_count(), static_cast<std::size_t>(i), saved});
    }
  }
  for (std::size_t n = moments.front().operations; n <= disk.operation_count(); ++n) {
    moment least{};
    for (const auto& each : moments) {
      if (each.operations <= n) least = each;
    }
    for (std::uint64_t seed = 0; seed < 8; ++seed) {
      INFO("power cut at change " << n << ", seed " << seed);
      const auto after = disk.crash_at(n, seed);
      spool_rig again(*after);
      REQUIRE(again.store);
      const auto found = again.read(lane::normal);
      const auto all = texts(1, 24);
      // A run of what was appended, without gaps: from what was saved, or a save under way, to what was durable at
      // least.
      const auto first = found.empty() ? all.end() : std::find(all.begin(), all.end(), found.front());
      const auto begin = found.empty() ? least.durable : static_cast<std::size_t>(first - all.begin());
      REQUIRE(begin >= least.saved);
      REQUIRE(begin <= least.saved + 4);
      REQUIRE(begin + found.size() >= least.durable);
      REQUIRE(std::equal(found.begin(), found.end(), all.begin() + static_cast<std::ptrdiff_t>(begin)));
      REQUIRE(again.append(lane::normal, "more"));
      REQUIRE(again.read(lane::normal).back() == "more");
    }
  }
}

TEST_CASE("a torn tail is cut, and said", "[spool]") {
  simulated_files disk;
  {
    spool_rig at(disk);
    append_all(at, 1, 3);
  }
  disk.put(segment_path(1), disk.contents(segment_path(1)) + "half a rec");
  spool_rig again(disk);
  CHECK_THAT(again.log(), Contains("warning") && Contains("10 bytes at its end"));
  CHECK(again.read(lane::normal) == texts(1, 3));
}

TEST_CASE("damage in the middle is told, set aside and left out", "[spool]") {
  simulated_files disk;
  {
    spool_rig at(disk);
    append_all(at, 1, 12);
  }
  auto bytes = disk.contents(segment_path(1));
  const auto place = bytes.find("record 2");
  REQUIRE(place != std::string::npos);
  bytes[place] = 'R';
  disk.put(segment_path(1), bytes);
  spool_rig again(disk);
  CHECK_THAT(again.log(), Contains("error") && Contains("are damaged") && Contains("quarantine"));
  CHECK_FALSE(disk.list(directory + "/quarantine").value().empty());
  auto expected = texts(1, 12);
  expected.erase(expected.begin() + 1);
  CHECK(again.read(lane::normal, expected.size()) == expected);
  CHECK(again.store->status().damaged_bytes > 0);
  CHECK(again.store->status().backlog[1] == 0);
}

TEST_CASE("a full spool refuses, says so once, and takes again when it has room", "[spool]") {
  simulated_files disk;
  auto options = spool_rig::small();
  options.bytes = 4096;
  spool_rig at(disk, options);
  result<void> outcome;
  int number = 0;
  while ((outcome = at.append(lane::normal, text_of(++number)))) REQUIRE(number < 100);
  CHECK(outcome.error().code == errc::resource_exhausted);
  CHECK_THAT(outcome.error().message, Contains("the spool is full: spool.bytes = 4096"));
  CHECK_FALSE(at.append(lane::critical, text_of(number)));
  CHECK(at.store->status().refused == 2);
  CHECK(at.store->status().full);
  CHECK(at.store->status().bytes <= 4096);
  const auto told = at.log();
  CHECK(told.find("are refused") == told.rfind("are refused"));
  at.read(lane::normal, 30);
  REQUIRE(at.store->save_progress());
  CHECK_FALSE(at.store->status().full);  // before anybody tries again
  REQUIRE(at.append(lane::normal, "more"));
  CHECK_FALSE(at.store->status().full);
  CHECK_THAT(at.log(), Contains("events are taken again"));
  at.store->limit_to(10);
  CHECK_FALSE(at.append(lane::normal, "more"));
}

TEST_CASE("a disk with little room refuses before it is full", "[spool]") {
  simulated_files disk;
  disk.set_free_bytes(1000);
  auto options = spool_rig::small();
  options.keep_free = 1001;
  spool_rig at(disk, options);
  const auto outcome = at.append(lane::normal, "one");
  REQUIRE_FALSE(outcome);
  CHECK(outcome.error().code == errc::resource_exhausted);
  CHECK_THAT(outcome.error().message, Contains("spool.keep_free = 1001"));
}

TEST_CASE("a failed sync is final, what was durable before is still read", "[spool]") {
  simulated_files disk;
  spool_rig at(disk);
  append_all(at, 1, 3);
  disk.fail(disk.calls() + 1, fault::io_error);  // the append succeeds, its sync fails
  const auto failed = at.append(lane::normal, text_of(4));
  REQUIRE_FALSE(failed);
  disk.heal();
  const auto refused = at.append(lane::normal, text_of(5));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == errc::unavailable);
  CHECK_THAT(refused.error().message, Contains("the spool failed") && Contains("start again"));
  CHECK_FALSE(at.store->status().failed.empty());
  CHECK(at.read(lane::normal) == texts(1, 3));
}

TEST_CASE("every call that fails leaves what was told to be durable", "[spool]") {
  std::uint64_t calls = 0;
  {
    simulated_files disk;
    spool_rig at(disk);
    append_all(at, 1, 12);
    at.read(lane::normal, 8);
    REQUIRE(at.store->save_progress());
    calls = disk.calls();
  }
  for (std::uint64_t nth = 0; nth < calls; ++nth) {
    for (const auto how : {fault::io_error, fault::short_write}) {
      INFO("call " << nth);
      simulated_files disk;
      disk.fail(nth, how);
      std::set<std::string> durable;
      bool saved = false;
      {
        spool_rig at(disk);
        if (!at.store) continue;
        for (int i = 1; i <= 12; ++i) {
          if (at.append(lane::normal, text_of(i))) durable.insert(text_of(i));
        }
        auto from = at.store->acknowledged(lane::normal);
        const auto records = at.store->read(lane::normal, from, 100);
        if (records && !records->empty()) {
          at.store->acknowledge(lane::normal, records->front().end, records->front().bytes);
          saved = true;
          static_cast<void>(at.store->save_progress());
        }
      }
      disk.heal();
      const auto after = disk.crash_at(disk.operation_count(), nth % 3);
      spool_rig again(*after);
      REQUIRE(again.store);
      const auto found = again.read(lane::normal);
      for (const auto& each : durable) {
        if (saved && each == text_of(1)) continue;
        INFO(each);
        REQUIRE(std::count(found.begin(), found.end(), each) == 1);
      }
    }
  }
}

TEST_CASE("a damaged progress sends everything again, and missing segments are told", "[spool]") {
  simulated_files disk;
  {
    spool_rig at(disk);
    append_all(at, 1, 40);
    at.read(lane::normal, 12);
    REQUIRE(at.store->save_progress());
  }
  const auto good = disk.contents(directory + "/progress");
  disk.put(directory + "/progress", good + "x");
  {
    spool_rig at(disk);
    CHECK_THAT(at.log(), Contains("progress: is damaged"));
    const auto found = at.read(lane::normal);
    CHECK(found.back() == text_of(40));
    CHECK(found.size() > 28);
  }
  disk.put(directory + "/progress", good);
  const auto segments = list_segments(disk, directory).value();
  const auto middle =
      std::find_if(segments.begin(), segments.end(), [](const auto& each) { return each.shard == 1; }) + 1;
  REQUIRE(disk.remove(middle->path));
  spool_rig at(disk);
  const auto found = at.read(lane::normal);
  CHECK(found.back() == text_of(40));
  CHECK(found.size() < 28);
  CHECK_THAT(at.log(), Contains("is missing; what was in it is lost"));
  CHECK(at.store->status().damaged_bytes > 0);
}

TEST_CASE("a progress without its segments is told", "[spool]") {
  simulated_files disk;
  {
    spool_rig at(disk);
    append_all(at, 1, 40);
    at.read(lane::normal, 30);
    REQUIRE(at.store->save_progress());
  }
  const auto segments = list_segments(disk, directory).value();
  for (const auto& each : segments) REQUIRE(disk.remove(each.path));
  spool_rig at(disk);
  REQUIRE(at.store);
  CHECK_THAT(at.log(), Contains("lane normal") && Contains("are missing; what was in them is lost"));
  append_all(at, 41, 43);
  CHECK(at.read(lane::normal) == texts(41, 43));
}
