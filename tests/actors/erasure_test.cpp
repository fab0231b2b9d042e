// Who was erased is gone: from memory, from the disk, behind every crash; and stays away.
#include <utility>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <random>
#include <set>
#include <thread>

#include "persistence/simulated_files.hpp"
#include "tests/actors/support/fault_stride.hpp"
#include "tests/actors/support/harness.hpp"
#include "tests/actors/support/hooked_store.hpp"
#include "tests/catch.hpp"

using namespace kith;
using namespace kith::tests;
using profile::id_kind;
using profile::identifier;

namespace {

const identifier ada{id_kind::user, "", "ada-7c1f"};
const identifier device{id_kind::anonymous, "", "device-7c1f"};
constexpr char planted[] = "planted-93b7d2";

nlohmann::json event(const std::string& id, const std::string& user, const std::string& anonymous = "") {
  auto made = track(user, id, "2024-05-01T10:00:00Z");
  if (!anonymous.empty()) made["anonymousId"] = anonymous;
  made["type"] = "identify";
  made.erase("event");
  made["traits"] = {{"secret", planted}};
  return made;
}

nlohmann::json of_device(const std::string& id) {
  auto made = event(id, "", device.value);
  made.erase("userId");
  return made;
}

/// A profile of two identifiers, and one of somebody else.
void fill(running& kith) {
  kith.publish({event("m-1", ada.value, device.value), of_device("m-2"), track("bob", "m-3", "2024-05-01T10:00:00Z")});
}

bool is_there(running& kith) { return !kith.get(ada).is_null() || !kith.get(device).is_null(); }

bool on_disk(const std::string& directory, const std::string& text) {
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory)) {
    std::error_code gone;
    if (!entry.is_regular_file(gone)) continue;
    std::ifstream in(entry.path(), std::ios::binary);
    const std::string bytes((std::istreambuf_iterator<char>(in)), {});
    if (bytes.find(text) != std::string::npos) return true;
  }
  return false;
}

std::size_t in_history(running& kith, const identifier& who) {
  const auto page = kith->history(profile::address_of(who.kind, who.type, who.value), {});
  REQUIRE(page);
  return page->items.size();
}

}  // namespace

TEST_CASE("who is erased is gone with all identifiers, and nobody else") {
  temporary_directory directory;
  running kith(options_for(directory.path()));
  fill(kith);
  REQUIRE(kith.get(device)["version"] == 2);
  const auto erased = kith->erase(device);
  REQUIRE(erased);
  CHECK(erased->hashes.size() == 2);
  CHECK(erased->identifiers.size() == 2);
  CHECK(!is_there(kith));
  CHECK(in_history(kith, ada) == 0);
  CHECK(in_history(kith, device) == 0);
  CHECK(!kith.get("bob").is_null());
  CHECK(in_history(kith, {id_kind::user, "", "bob"}) == 1);
  CHECK(kith->pending_erasures().size() == 1);
}

TEST_CASE("what names somebody erased is refused, and nothing of it is kept") {
  temporary_directory directory;
  running kith(options_for(directory.path()));
  fill(kith);
  REQUIRE(kith->erase(ada));
  const auto outcome = kith.publish(
      {event("m-4", "eve", device.value), track("bob", "m-5", "2024-05-01T11:00:00Z"), event("m-6", ada.value)});
  CHECK(outcome.applied == 1);
  REQUIRE(outcome.rejected.size() == 2);
  for (const auto& each : outcome.rejected) {
    CHECK(each.code == errc::suppressed);
    CHECK(each.encoded.empty());
  }
  CHECK(outcome.rejected[1].index == 2);
  CHECK(kith->stats().events_suppressed == 2);
  CHECK(!is_there(kith));
  CHECK(kith.get("eve").is_null());
}

TEST_CASE("no byte of who was erased is left on the disk once it is purged") {
  temporary_directory directory;
  running kith(options_for(directory.path()));
  fill(kith);
  REQUIRE(kith->checkpoint());
  kith.publish({event("m-4", ada.value, device.value)});
  CHECK(on_disk(directory.path(), planted));
  REQUIRE(kith->erase(ada));
  REQUIRE(kith->checkpoint());
  CHECK(kith->pending_erasures().empty());
  for (const auto& text : {std::string(planted), ada.value, device.value}) {
    INFO(text);
    CHECK(eventually([&] { return !on_disk(directory.path(), text); }));
  }
  CHECK(kith.publish({event("m-5", ada.value)}).rejected.size() == 1);
}

TEST_CASE("a suppression is lifted only when nothing is left, and then a person begins anew") {
  temporary_directory directory;
  running kith(options_for(directory.path()));
  fill(kith);
  const auto erased = kith->erase(ada);
  REQUIRE(erased);
  CHECK(kith->lift_suppression(erased->hashes[0]).error().code == errc::unavailable);
  REQUIRE(kith->checkpoint());
  for (const auto& hash : erased->hashes) REQUIRE(kith->lift_suppression(hash));
  CHECK(kith->lift_suppression(erased->hashes[0]).error().code == errc::not_found);
  CHECK(kith.publish({event("m-1", ada.value)}).applied == 1);  // its event ids were forgotten too
  CHECK(kith.get(ada)["version"] == 1);
}

TEST_CASE("an erased person does not come back by a restart, whatever was saved before") {
  for (const bool saved : {false, true}) {
    temporary_directory directory;
    {
      running kith(options_for(directory.path()));
      fill(kith);
      if (saved) REQUIRE(kith->checkpoint());
      kith.publish({event("m-4", ada.value)});
      REQUIRE(kith->erase(ada));
      kith.kill();
    }
    running kith(options_for(directory.path()));
    INFO("saved: " << saved);
    CHECK(!is_there(kith));
    CHECK(in_history(kith, ada) == 0);
    CHECK(kith.publish({event("m-5", ada.value)}).rejected.size() == 1);
    CHECK(kith.get("bob")["version"] == 1);
    REQUIRE(kith->checkpoint());
    CHECK(kith->pending_erasures().empty());
    CHECK(eventually([&] { return !on_disk(directory.path(), planted); }));
  }
}

TEST_CASE("each restart told again of erasures that were carried out before") {
  temporary_directory directory;
  std::mutex mutex;
  std::string logged;
  const auto options = [&] {
    auto made = options_for(directory.path());
    made.log = [&](std::string_view, std::string_view message) {
      const std::lock_guard lock(mutex);
      logged.append(message).append("\n");
    };
    return made;
  };
  const auto told = [&] {
    const std::lock_guard lock(mutex);
    return std::exchange(logged, {}).find("begun before the restart") != std::string::npos;
  };
  {
    running kith(options());
    fill(kith);
    REQUIRE(kith->erase(ada));
    kith.stop();
  }
  CHECK(!told());
  {
    running kith(options());  // it was carried out, and told to whom asked for it
    CHECK(!is_there(kith));
    CHECK(kith->pending_erasures().size() == 1);
    CHECK(!told());
    REQUIRE(kith->erase({id_kind::user, "", "bob"}));
    kith.kill();  // before it is noted
  }
  {
    running kith(options());
    CHECK(kith->pending_erasures().size() == 2);
    CHECK(told());
    kith.kill();
  }
  running kith(options());
  CHECK(kith->pending_erasures().size() == 2);
  CHECK(!told());
}

TEST_CASE("erasing whom nobody knows is told so; erasing twice is fine") {
  temporary_directory directory;
  running kith(options_for(directory.path()));
  fill(kith);
  CHECK(kith->erase({id_kind::user, "", "nobody"}).error().code == errc::not_found);
  REQUIRE(kith->erase(ada));
  const auto again = kith->erase(ada);
  REQUIRE(again);
  CHECK(again->id.empty());
}

TEST_CASE("an erasure that was not done in time is done when it is asked for again") {
  temporary_directory directory;
  auto options = options_for(directory.path());
  const auto failing = std::make_shared<std::atomic<bool>>(true);
  options.erase_elsewhere = [failing](const auto&) -> result<std::uint64_t> {
    if (*failing) return fail(errc::unavailable, "as the test wants");
    return 1;
  };
  running kith(options);
  fill(kith);
  CHECK(!kith->erase(ada));
  CHECK(!kith->erase(device));
  *failing = false;
  const auto again = kith->erase(device);
  REQUIRE(again);
  CHECK(!again->id.empty());
  CHECK(again->dead_letters == 1);
  CHECK(!is_there(kith));
  CHECK(kith->erase(ada)->id.empty());
}

TEST_CASE("a failing store leaves an erasure begun, and the next start carries it out") {
  for (const auto call : {store_call::erase, store_call::flush, store_call::compact}) {
    temporary_directory directory;
    {
      store_hooks hooks;
      std::atomic<bool> failing{false};
      hooks.before = [&](store_call what, const auto&) -> result<void> {
        if (failing && what == call) return fail(errc::unavailable, "as the test wants");
        return {};
      };
      running kith(hooked(options_for(directory.path()), hooks));
      fill(kith);
      failing = true;
      const bool erased = kith->erase(ada).has_value();
      CHECK(erased == (call != store_call::erase));
      CHECK(!kith->checkpoint());
      kith.kill();
    }
    running kith(options_for(directory.path()));
    CHECK(!is_there(kith));
    REQUIRE(kith->checkpoint());
    CHECK(eventually([&] { return !on_disk(directory.path(), planted); }));
  }
}

TEST_CASE("a power cut at every operation of the disk: an erasure that was acknowledged holds") {
  temporary_directory directory;
  persistence::simulated_files disk(11);
  std::size_t published = 0;
  std::size_t erased = 0;
  {
    running kith(options_for(directory.path()), disk);
    fill(kith);
    published = disk.operation_count();
    REQUIRE(kith->erase(ada));
    erased = disk.operation_count();
    kith.kill();
  }
  for (std::size_t cut = published; cut <= disk.operation_count(); cut += fault_stride()) {
    for (const std::uint64_t seed : {std::uint64_t{0}, std::uint64_t{2} + cut}) {
      INFO("cut behind operation " << cut << ", seed " << seed);
      std::filesystem::remove_all(directory.path() + "/store");
      const auto after = disk.crash_at(cut, seed);
      running kith(options_for(directory.path()), *after);
      const bool there = is_there(kith);
      CHECK((!there || cut < erased));
      const auto sent = kith.publish({event("m-9", ada.value)});
      CHECK(sent.applied == (there ? 1U : 0U));
      CHECK(kith.get("bob")["version"] == 1);
    }
  }
}

namespace {

/// Events and erasures that run beside each other, and what must be true of the profiles behind them.
class crowd {
 public:
  explicit crowd(unsigned seed) : chance_(seed) {}

  std::size_t pick(std::size_t most) { return static_cast<std::size_t>(chance_()) % most; }
  static identifier id_of(std::size_t i) {
    if (i < users) return {id_kind::user, "", "u" + std::to_string(i)};
    if (i < users + devices) return {id_kind::anonymous, "", "d" + std::to_string(i)};
    return {id_kind::external, "crm", "x" + std::to_string(i)};
  }

  /// Publishes from both shards while somebody else erases.
  void live(running& kith, std::size_t events, std::size_t erasures) {
    std::vector<std::size_t> victims;
    for (std::size_t i = 0; i < erasures; ++i) victims.push_back(pick(all));
    std::thread eraser([&] {
      for (const auto victim : victims) {
        const auto done = kith->erase(id_of(victim));
        if (done) erased_.insert(victim);
        if (!done && done.error().code != errc::not_found) failures_.push_back(done.error().message);
      }
    });
    std::vector<std::pair<std::set<std::size_t>, std::future<result<actors::publish_outcome>>>> sent;
    for (std::size_t i = 0; i < events; ++i) {
      std::set<std::size_t> of{pick(users)};
      if (pick(2) == 0) of.insert(users + pick(devices));
      if (pick(3) == 0) of.insert(users + devices + pick(others));
      if (pick(4) == 0) of.erase(of.begin());
      if (of.empty()) continue;
      sent.emplace_back(of, kith.send({event_of(of)}, {}, static_cast<actors::shard_id>(pick(2))));
      if (pick(4) == 0) sent.back().second.wait();
    }
    for (auto& [of, outcome] : sent) {
      const auto told = outcome.get();
      REQUIRE(told);
      if (told->applied == 1) applied_.push_back(std::move(of));
    }
    eraser.join();
    CHECK(failures_ == std::vector<std::string>{});
  }

  void check(running& kith) {
    std::set<std::size_t> gone;
    std::map<std::size_t, nlohmann::json> profiles;
    for (std::size_t i = 0; i < all; ++i) {
      const auto probe = kith.publish({event_of({i})});
      if (probe.applied == 0) {
        REQUIRE(probe.rejected.size() == 1);
        CHECK(probe.rejected[0].code == errc::suppressed);
        gone.insert(i);
      } else {
        applied_.push_back({i});
      }
    }
    for (std::size_t i = 0; i < all; ++i) {
      INFO(id_of(i).value);
      profiles[i] = kith.get(id_of(i));
      CHECK(profiles[i].is_null() == gone.contains(i));
    }
    for (const auto each : erased_) CHECK(gone.contains(each));
    // An event is of people of whom all are erased, or none; those of the others count, once each.
    std::map<std::string, std::size_t> counted;
    for (const auto& of : applied_) {
      const bool first_gone = gone.contains(*of.begin());
      for (const auto each : of) CHECK(gone.contains(each) == first_gone);
      if (!first_gone) ++counted[profiles[*of.begin()]["profile"]];
    }
    for (const auto& [i, map] : profiles) {
      if (map.is_null()) continue;
      INFO(id_of(i).value);
      CHECK(map["version"] == counted[map["profile"]]);
    }
  }

 private:
  static constexpr std::size_t users = 40;
  static constexpr std::size_t devices = 20;
  static constexpr std::size_t others = 10;
  static constexpr std::size_t all = users + devices + others;

  nlohmann::json event_of(const std::set<std::size_t>& of) {
    auto made = track("", "m-" + std::to_string(next_++), "2024-05-01T10:00:00Z");
    made.erase("userId");
    for (const auto each : of) {
      const auto id = id_of(each);
      if (id.kind == id_kind::user) made["userId"] = id.value;
      if (id.kind == id_kind::anonymous) made["anonymousId"] = id.value;
      if (id.kind == id_kind::external) {
        made["context"]["externalIds"].push_back({{"type", id.type}, {"id", id.value}});
      }
    }
    return made;
  }

  std::mt19937 chance_;
  std::size_t next_ = 0;
  std::vector<std::set<std::size_t>> applied_;
  std::set<std::size_t> erased_;
  std::vector<std::string> failures_;
};

}  // namespace

TEST_CASE("whole people are erased, whoever joins them meanwhile") {
  std::vector<unsigned> seeds = {1, 2, 3, 4, 5, 6};
  if (const auto* one = std::getenv("KITH_SEED")) seeds = {static_cast<unsigned>(std::stoul(one))};
  for (const unsigned seed : seeds) {
    INFO("seed " << seed);
    crowd people(seed);
    const temporary_directory directory;
    auto options = options_for(directory.path());
    options.memory_bytes = seed % 2 == 0 ? 32 * 1024 : 64 * 1024 * 1024;
    for (int life = 0; life < 3; ++life) {
      INFO("life " << life);
      running kith(options);
      people.live(kith, 60, 4);
      people.check(kith);
      if (people.pick(3) == 0) CHECK(kith->checkpoint());
      if (people.pick(2) == 0) {
        kith.kill();
      } else {
        kith.stop();
      }
    }
    running kith(options);
    people.check(kith);
  }
}
