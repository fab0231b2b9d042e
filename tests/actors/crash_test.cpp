// Power cuts and failing file calls under the whole runtime. The journal is on a simulated disk; the store, which holds
// nothing before the first checkpoint, in a real directory that is emptied between lives.
//
// KITH_EACH_FAULT: every kind of fault at every call; without it the kinds take turns.
#include <array>
#include <cstdlib>
#include <filesystem>

#include "persistence/simulated_files.hpp"
#include "tests/actors/support/fault_stride.hpp"
#include "tests/actors/support/harness.hpp"
#include "tests/catch.hpp"

using namespace kith;
using namespace kith::tests;
using persistence::simulated_files;

namespace {

constexpr int events_sent = 14;

nlohmann::json event_number(int i) {
  return track("u" + std::to_string(i % 3), "m-" + std::to_string(i), "2024-05-01T10:00:00Z");
}

actors::runtime_options small(const std::string& data) {
  auto options = options_for(data);
  options.journal.segment_bytes = 400;  // so that segments are rolled on the way
  return options;
}

std::uint64_t orders_of(running& kith, const std::string& user) {
  const auto map = kith.get(user);
  return map.is_null() ? 0 : map["version"].get<std::uint64_t>();
}

std::uint64_t all_orders(running& kith) {
  return orders_of(kith, "u0") + orders_of(kith, "u1") + orders_of(kith, "u2");
}

/// What a life with this disk acknowledged: the number of the disk's operations by then, for each event.
std::vector<std::pair<int, std::size_t>> live(simulated_files& disk, const std::string& data) {
  std::vector<std::pair<int, std::size_t>> acknowledged;
  running kith(small(data), disk);
  for (int i = 0; i < events_sent; ++i) {
    const auto outcome = kith.send({event_number(i)}, {}, static_cast<actors::shard_id>(i % 2)).get();
    if (outcome) acknowledged.emplace_back(i, disk.operation_count());
  }
  return acknowledged;
}

void check_after(simulated_files& disk, const std::string& data, std::size_t at_least) {
  std::filesystem::remove_all(data + "/store");
  running kith(small(data), disk);
  const auto there = all_orders(kith);
  CHECK(there >= at_least);
  CHECK(there <= events_sent);
  for (int i = 0; i < events_sent; ++i) kith.publish({event_number(i)});
  CHECK(all_orders(kith) == events_sent);  // each exactly once, whatever was there before
}

}  // namespace

TEST_CASE("a power cut at every operation of the disk loses nothing acknowledged and counts nothing twice") {
  temporary_directory directory;
  simulated_files disk(7);
  const auto acknowledged = live(disk, directory.path());
  REQUIRE(acknowledged.size() == events_sent);
  for (std::size_t cut = 0; cut <= disk.operation_count(); cut += fault_stride()) {
    std::size_t safe = 0;
    for (const auto& [event, operations] : acknowledged) safe += operations <= cut ? 1 : 0;
    for (const std::uint64_t seed : {std::uint64_t{0}, std::uint64_t{2} + cut}) {
      INFO("cut behind operation " << cut << ", seed " << seed);
      const auto after = disk.crash_at(cut, seed);
      check_after(*after, directory.path(), safe);
    }
  }
}

TEST_CASE("whichever file call fails, once or from it on, nothing acknowledged is lost and a restart mends it") {
  constexpr std::array faults{simulated_files::fault::io_error, simulated_files::fault::no_space,
                              simulated_files::fault::short_write};
  const bool each_fault = std::getenv("KITH_EACH_FAULT") != nullptr;
  temporary_directory directory;
  simulated_files rehearsal(7);
  live(rehearsal, directory.path());
  const auto calls = rehearsal.calls();
  for (std::uint64_t nth = 0; nth < calls; nth += fault_stride()) {
    for (const bool and_after : {false, true}) {
      for (std::size_t i = 0; i < (each_fault ? faults.size() : 1); ++i) {
        const auto how = faults[(nth + (and_after ? 1 : 0) + i) % faults.size()];
        INFO("call " << nth << " fails" << (and_after ? ", and all behind it" : "") << ", fault "
                     << static_cast<int>(how));
        std::filesystem::remove_all(directory.path() + "/store");
        simulated_files disk(7);
        disk.fail(nth, how, and_after);
        std::size_t acknowledged = 0;
        try {
          acknowledged = live(disk, directory.path()).size();
        } catch (const std::runtime_error&) {
          // It could not start: that is loud enough.
        }
        disk.heal();
        check_after(disk, directory.path(), acknowledged);
      }
    }
  }
}
