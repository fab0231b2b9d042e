// Failing calls of the store under the whole runtime, and power cuts of the journal's disk around checkpoints: events,
// passivation, checkpoints and the history go on meanwhile. What is restarted is what a crash leaves: RocksDB saves
// what it has in memory when it is closed, so the store's directory is copied before.
//
// KITH_EACH_FAULT: every kind of fault at every call, and every cut; without it they take turns.
#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <set>

#include "persistence/simulated_files.hpp"
#include "tests/actors/support/fault_stride.hpp"
#include "tests/actors/support/harness.hpp"
#include "tests/actors/support/hooked_store.hpp"
#include "tests/catch.hpp"

using namespace kith;
using namespace kith::tests;
using persistence::simulated_files;

namespace {

constexpr int users = 3;
constexpr int rounds = 3;
constexpr int events_a_round = 6;
constexpr int events_sent = rounds * events_a_round;

const bool each_fault = std::getenv("KITH_EACH_FAULT") != nullptr;

std::string user_number(int i) { return "u" + std::to_string(i); }

/// Days apart, so that the ids of earlier ones are spilled.
nlohmann::json event_number(int i) {
  return track(user_number(i % users), "m-" + std::to_string(i),
               profile::format_time(1'704'110'400'000 + i * 3 * 86'400'000LL));
}

actors::runtime_options small(const std::string& data) {
  auto options = options_for(data);
  options.journal.segment_bytes = 400;
  options.memory_bytes = 1;  // whatever is idle is passivated
  return options;
}

/// Whether it was acknowledged. What a failed disk leaves waiting for ever was not.
bool send(running& kith, int event) {
  auto answer = kith.send({event_number(event)}, {}, static_cast<actors::shard_id>(event % 2));
  const auto answered = [&] { return answer.wait_for(std::chrono::seconds(0)) == std::future_status::ready; };
  eventually([&] { return answered() || kith->state().now == actors::phase::failed; });
  return answered() && answer.get();
}

/// Events with a checkpoint behind each round, and profiles that leave memory and come back.
template <class Acknowledged>
void live(running& kith, Acknowledged acknowledged) {
  for (int i = 0; i < events_sent; ++i) {
    if (send(kith, i)) acknowledged(i);
    if (i % events_a_round == events_a_round / 2) {
      eventually([&] { return kith->stats().profiles_active == 0 || kith->state().now == actors::phase::failed; });
    }
    if (i % events_a_round == events_a_round - 1) kith->checkpoint();
  }
}

std::set<std::string> ids_in_history(running& kith) {
  std::set<std::string> ids;
  std::size_t entries = 0;
  for (int user = 0; user < users; ++user) {
    const auto page = kith->history(profile::address_of(profile::id_kind::user, "", user_number(user)), {});
    REQUIRE(page);
    for (const auto& item : page->items) {
      ids.insert(nlohmann::json::from_msgpack(item.encoded)["messageId"].get<std::string>());
      ++entries;
    }
  }
  CHECK(entries == ids.size());
  return ids;
}

std::uint64_t all_events(running& kith) {
  std::uint64_t sum = 0;
  for (int user = 0; user < users; ++user) {
    const auto map = kith.get(user_number(user));
    if (!map.is_null()) sum += map["version"].get<std::uint64_t>();
  }
  return sum;
}

/// Those acknowledged are there, in profiles and in the history; sent again, each event counts exactly once.
void check_after(running& kith, const std::set<int>& acknowledged) {
  const auto there = all_events(kith);
  CHECK(there >= acknowledged.size());
  CHECK(there <= events_sent);
  const auto ids = ids_in_history(kith);
  CHECK(ids.size() == there);
  for (const int event : acknowledged) CHECK(ids.contains("m-" + std::to_string(event)));
  std::uint64_t applied = 0;
  for (int i = 0; i < events_sent; ++i) applied += kith.publish({event_number(i)}).applied;
  CHECK(there + applied == events_sent);
  CHECK(all_events(kith) == events_sent);
  CHECK(ids_in_history(kith).size() == events_sent);
}

/// Of a directory that is in use, but not written to just now; logs of RocksDB that hold nothing may go meanwhile.
void copy_directory(const std::string& from, const std::string& to) {
  std::filesystem::remove_all(to);
  std::filesystem::create_directories(to);
  for (const auto& entry : std::filesystem::directory_iterator(from)) {
    std::error_code gone;
    std::filesystem::copy(entry.path(), to / entry.path().filename(), std::filesystem::copy_options::recursive, gone);
  }
}

/// Lets one of the store's calls fail.
class one_fault {
 public:
  one_fault(std::uint64_t nth, bool done_nevertheless, errc code) {
    const auto fail_there = [this, nth, code](std::atomic<std::uint64_t>& count, bool counts) -> result<void> {
      if (!counts || count++ != nth) return {};
      failed = true;
      return fail(code, "store: a fault of the test");
    };
    hooks.before = [this, fail_there, done_nevertheless](store_call, const auto&) {
      return fail_there(calls, !done_nevertheless);
    };
    hooks.after = [this, fail_there, done_nevertheless](store_call, const auto&) {
      return fail_there(calls, done_nevertheless);
    };
  }

  store_hooks hooks;
  std::atomic<std::uint64_t> calls{0};
  std::atomic<bool> failed{false};
};

/// What the store's directory was from each flush to the next, by the operations of the journal's disk.
class recorded_store {
 public:
  recorded_store(const simulated_files& disk, std::string store, std::string copies) {
    hooks.before = [this, &disk, store, copies](store_call what, const auto&) -> result<void> {
      if (what != store_call::flush) return {};
      if (states_.empty()) add(0, store, copies);
      flush_from_ = disk.operation_count();
      return {};
    };
    hooks.after = [this, &disk, store, copies](store_call what, const auto&) -> result<void> {
      if (what != store_call::flush) return {};
      states_.back().to = disk.operation_count();
      add(flush_from_, store, copies);
      return {};
    };
  }

  /// Those that a power cut behind so many operations may find: two, if it falls into a flush.
  std::vector<std::string> at(std::size_t operations) const {
    std::vector<std::string> found;
    for (const auto& each : states_) {
      if (each.from <= operations && operations <= each.to) found.push_back(each.copy);
    }
    return found;
  }
  std::size_t flushes() const { return states_.size() - 1; }

  store_hooks hooks;

 private:
  struct state {
    std::size_t from;
    std::size_t to;
    std::string copy;
  };

  void add(std::size_t from, const std::string& store, const std::string& copies) {
    const auto copy = copies + "/" + std::to_string(states_.size());
    copy_directory(store, copy);
    states_.push_back({from, SIZE_MAX, copy});
  }

  std::vector<state> states_;  ///< of the one thread at a time that writes checkpoints
  std::size_t flush_from_ = 0;
};

}  // namespace

TEST_CASE("whichever call of the store fails, nothing acknowledged is lost or counts twice after a restart") {
  constexpr std::array codes{errc::unavailable, errc::resource_exhausted};  // EIO, ENOSPC
  bool beyond = false;
  for (std::uint64_t nth = 0; !beyond; nth += fault_stride()) {
    for (std::size_t way = 0; way < 4; ++way) {
      if (!each_fault && way != nth % 4) continue;
      const bool done_nevertheless = way % 2 == 1;
      INFO("call " << nth << " fails" << (done_nevertheless ? " though it was done" : "") << ", way " << way);
      temporary_directory directory;
      const auto data = directory.path() + "/data";
      const auto copy = directory.path() + "/copy";
      one_fault fault(nth, done_nevertheless, codes[way / 2]);
      std::set<int> acknowledged;
      {
        running kith(hooked(small(data), fault.hooks));
        live(kith, [&](int event) { acknowledged.insert(event); });
        copy_directory(data, copy);
      }
      beyond = !fault.failed;
      running kith(small(copy));
      check_after(kith, acknowledged);
    }
  }
}

TEST_CASE("a power cut at every operation around checkpoints loses nothing acknowledged and counts nothing twice") {
  temporary_directory directory;
  const auto data = directory.path() + "/data";
  std::filesystem::create_directories(data);
  simulated_files disk(7);
  recorded_store store(disk, data + "/store", directory.path() + "/copies");
  std::vector<std::pair<int, std::size_t>> acknowledged;  // with the operations of the disk by then
  {
    running kith(hooked(small(data), store.hooks), disk);
    live(kith, [&](int event) { acknowledged.emplace_back(event, disk.operation_count()); });
  }
  REQUIRE(acknowledged.size() == events_sent);
  REQUIRE(store.flushes() == rounds);
  for (std::size_t cut = 0; cut <= disk.operation_count(); cut += fault_stride()) {
    std::set<int> safe;
    for (const auto& [event, operations] : acknowledged) {
      if (operations <= cut) safe.insert(event);
    }
    for (const std::uint64_t seed : {std::uint64_t{0}, std::uint64_t{2} + cut}) {
      if (!each_fault && (seed == 0) != (cut % 2 == 0)) continue;
      for (const auto& state : store.at(cut)) {
        INFO("cut behind operation " << cut << ", seed " << seed << ", store " << state);
        copy_directory(state, data + "/store");
        const auto after = disk.crash_at(cut, seed);
        running kith(small(data), *after);
        check_after(kith, safe);
      }
    }
  }
}
