// Cursors of watches over several lives of the runtime: no gap and no repeat, whatever ended the life before.
#include <filesystem>
#include <map>
#include <mutex>
#include <random>
#include <set>

#include "persistence/check.hpp"
#include "tests/actors/support/harness.hpp"
#include "tests/actors/support/hooked_store.hpp"
#include "tests/catch.hpp"

using namespace kith;
using namespace kith::tests;
using nlohmann::json;

namespace {

/// What one watcher receives over all lives. It goes on behind the last change that it got.
class watcher {
 public:
  explicit watcher(actors::watch_filter filter = {}) : filter_(std::move(filter)) {}

  result<actors::watch_id> watch(running& kith, actors::shard_id home = 0) {
    auto promise = std::make_shared<std::promise<result<actors::watch_id>>>();
    auto filter = filter_;
    filter.from = cursor();
    boost::asio::post(kith->io(home), [this, &kith, promise, filter, home] {
      promise->set_value(kith->watch(home, filter, [this](const result<actors::change>& change) {
        const std::lock_guard lock(mutex_);
        if (change) {
          changes_.push_back(*change);
        } else {
          ended_ = change.error();
        }
      }));
    });
    auto id = promise->get_future().get();
    if (id) id_ = *id, home_ = home;
    return id;
  }
  void unwatch(running& kith) {
    std::promise<void> done;
    boost::asio::post(kith->io(home_), [&] {
      kith->unwatch(home_, id_);
      done.set_value();
    });
    done.get_future().wait();
  }
  std::vector<actors::change> changes() const {
    const std::lock_guard lock(mutex_);
    return changes_;
  }
  std::size_t count() const { return changes().size(); }
  std::optional<error> ended() const {
    const std::lock_guard lock(mutex_);
    return ended_;
  }
  std::string cursor() const {
    const std::lock_guard lock(mutex_);
    return changes_.empty() ? from_ : changes_.back().cursor;
  }
  void go_on_from(std::string cursor) { from_ = std::move(cursor); }

 private:
  const actors::watch_filter filter_;
  mutable std::mutex mutex_;
  std::vector<actors::change> changes_;
  std::optional<error> ended_;
  std::string from_;
  actors::watch_id id_ = 0;
  actors::shard_id home_ = 0;
};

/// An order whose change can be told from all others by the traits that it sets.
json order(const std::string& user, int number, std::int64_t time_ms) {
  auto made = track(user, "m-" + std::to_string(number), profile::format_time(time_ms));
  made["type"] = "identify";
  made.erase("event");
  made["traits"] = {{"n", number}};
  return made;
}

int number_of(const actors::change& change) {
  return change.traits ? json::from_msgpack(*change.traits).value("n", -1) : -1;
}

profile::hash128 address(const std::string& user) { return profile::address_of(profile::id_kind::user, "", user); }

/// A directory over several lives, with a clock that stands until it is moved.
struct lives {
  temporary_directory directory;
  std::shared_ptr<std::atomic<std::int64_t>> clock = std::make_shared<std::atomic<std::int64_t>>(start_ms);

  actors::runtime_options options() const {
    auto made = options_for(directory.path());
    made.definitions =
        catalog_of({{"loyal", "events(\"Order Completed\").count() >= 3"},
                    {"fresh", "events(\"Order Completed\").within(\"7d\").any()"},
                    {"calm", "events(\"Order Completed\").any() && !events(\"Order Completed\").within(\"2d\").any()"},
                    {"even", "has(traits.n) && traits.n % 2 == 0"}});
    made.now_ms = [clock = clock] { return clock->load(); };
    return made;
  }
  bool log_is_kept() const { return std::filesystem::exists(directory.path() + "/changes/log"); }
};

/// Watches and waits until the cursor of a change is there, which will outlive a crash.
void begin(const lives& room, watcher& of, running& kith, const std::string& user = "first") {
  REQUIRE(of.watch(kith));
  kith.publish({order(user, 1'000'000, start_ms)});
  REQUIRE(eventually([&] { return of.count() == 1 && room.log_is_kept(); }));
}

}  // namespace

TEST_CASE("a cursor leads on behind a stop and behind a crash, to each change once") {
  const lives room;
  watcher seen;
  int sent = 0;
  {
    running kith(room.options());
    begin(room, seen, kith);
    kith.stop();
  }
  for (const bool crash : {true, false, true, true, false}) {
    running kith(room.options());
    for (int i = 0; i < 5; ++i, ++sent) kith.publish({order("u" + std::to_string(sent % 3), sent, start_ms)});
    REQUIRE(seen.watch(kith));  // only now: the changes before it happened unwatched
    for (int i = 0; i < 5; ++i, ++sent) kith.publish({order("u" + std::to_string(sent % 3), sent, start_ms)});
    if (sent % 20 == 0) REQUIRE(eventually([&] { return seen.count() >= static_cast<std::size_t>(sent) + 1; }));
    crash ? kith.kill() : kith.stop();
  }
  running kith(room.options());
  REQUIRE(seen.watch(kith));
  REQUIRE(eventually([&] { return seen.count() >= static_cast<std::size_t>(sent) + 1; }));
  kith.publish({order("last", sent, start_ms)});
  REQUIRE(eventually([&] { return number_of(seen.changes().back()) == sent; }));
  std::map<int, int> times;
  for (const auto& change : seen.changes()) ++times[number_of(change)];
  CHECK(times.size() == static_cast<std::size_t>(sent) + 2);
  for (const auto& [number, count] : times) {
    INFO("event " << number);
    CHECK(count == 1);
  }
}

namespace {

/// What happened, and what a watcher knows of it.
struct story {
  lives room;
  watcher seen;
  std::mt19937_64 random;
  std::set<int> acknowledged;
  int sent = 0;

  explicit story(std::uint64_t seed) : random(seed) {}

  std::string user() { return "u" + std::to_string(random() % 12); }
  json event() {
    const auto time_ms = *room.clock - static_cast<std::int64_t>(random() % (3 * day));
    if (random() % 3 == 0) return order(user(), sent++, time_ms);
    auto made = track(user(), "m-" + std::to_string(sent), profile::format_time(time_ms));
    made["traits"] = {{"n", sent++}};
    if (random() % 20 == 0) made["anonymousId"] = "a" + std::to_string(random() % 4);  // joins users
    return made;
  }
  void step(running& kith) {
    switch (random() % 8) {
      case 0: *room.clock += static_cast<std::int64_t>(random() % (2 * day)); break;
      case 1: REQUIRE(kith->checkpoint()); break;
      case 2: REQUIRE(kith->save_memberships()); break;
      case 3:
        seen.unwatch(kith);
        REQUIRE(seen.watch(kith, random() % 2));
        break;
      default: publish(kith);
    }
  }
  void publish(running& kith) {
    std::vector<json> events;
    const int first = sent;
    for (auto left = 1 + random() % 4; left > 0; --left) events.push_back(event());
    const actors::shard_id home = random() % 2;
    REQUIRE(kith.send(events, {}, home).get());
    for (int i = first; i < sent; ++i) acknowledged.insert(i);
    if (random() % 4 == 0) (void)kith.send(events, {}, home).get();  // a retry changes nothing
  }
  void live(bool crash) {
    running kith(room.options());
    if (random() % 2 == 0) publish(kith);
    REQUIRE(seen.watch(kith, random() % 2));
    for (int i = 0; i < 25; ++i) step(kith);
    if (crash && random() % 2 == 0) (void)kith.send({event()});  // who knows whether it will be
    crash ? kith.kill() : kith.stop();
  }

  using memberships = std::map<std::pair<std::string, std::string>, bool>;
  /// As told; empty, if something was told that could not be.
  std::optional<memberships> told() {
    memberships is_in;
    for (const auto& change : seen.changes()) {
      if (!change.memberships) continue;
      const auto profile = to_hex(change.profile);
      for (const auto& name : change.memberships->left) {
        if (!std::exchange(is_in[{profile, name}], false)) return std::nullopt;
      }
      for (const auto& name : change.memberships->entered) {
        if (std::exchange(is_in[{profile, name}], true)) return std::nullopt;
      }
    }
    std::erase_if(is_in, [](const auto& each) { return !each.second; });
    return is_in;
  }
  memberships truth(running& kith) {
    memberships is_in;
    for (const auto& name : {"first", "u0", "u1", "u2", "u3", "u4", "u5", "u6", "u7", "u8", "u9", "u10", "u11"}) {
      const auto map = kith.get(name);
      if (map.is_null()) continue;
      for (const auto& segment : map.at("segments")) is_in[{map.at("profile"), segment}] = true;
    }
    return is_in;
  }
  void check() {
    running kith(room.options());
    REQUIRE(seen.watch(kith));
    std::map<int, int> times;
    eventually([&] {
      times.clear();
      for (const auto& change : seen.changes()) {
        if (change.traits) ++times[number_of(change)];
      }
      return std::all_of(acknowledged.begin(), acknowledged.end(), [&](int n) { return times[n] > 0; });
    });
    for (const auto number : acknowledged) {
      INFO("event " << number);
      CHECK(times[number] == 1);
    }
    for (const auto& [number, count] : times) CHECK(count <= 1);
    CHECK(eventually([&] { return told() && *told() == truth(kith); }));
    REQUIRE(told());
    CHECK(*told() == truth(kith));
  }
};

}  // namespace

TEST_CASE("over lives that end in stops and crashes, changes come once each and memberships end in the truth") {
  const auto* chosen = std::getenv("KITH_SEED");
  const std::uint64_t first = chosen != nullptr ? std::strtoull(chosen, nullptr, 10) : 1;
  for (auto seed = first; seed < first + (chosen != nullptr ? 1 : 6); ++seed) {
    INFO("KITH_SEED=" << seed);
    story told(seed);
    {
      running kith(told.room.options());
      begin(told.room, told.seen, kith);
    }
    for (int life = 0; life < 5; ++life) told.live(told.random() % 3 != 0);
    told.check();
  }
}

TEST_CASE("a resumed watch is still of its profile, or of its segment") {
  const lives room;
  actors::watch_filter of_ada;
  of_ada.profile = address("ada");
  actors::watch_filter of_loyal;
  of_loyal.segment = "loyal";
  watcher ada(of_ada);
  watcher loyal(of_loyal);
  {
    running kith(room.options());
    begin(room, ada, kith, "ada");
    loyal.go_on_from(ada.cursor());
  }
  {
    running kith(room.options());
    for (int i = 0; i < 3; ++i) {
      kith.publish({track("ada", "a-" + std::to_string(i), "2024-05-01T10:00:00Z")});
      kith.publish({track("bob", "b-" + std::to_string(i), "2024-05-01T10:00:00Z")});
    }
    kith.kill();
  }
  running kith(room.options());
  REQUIRE(ada.watch(kith));
  REQUIRE(loyal.watch(kith, 1));
  REQUIRE(eventually([&] { return ada.count() == 4 && loyal.count() == 2; }));
  kith.publish({order("bob", 1, start_ms), order("ada", 2, start_ms)});
  REQUIRE(eventually([&] { return ada.count() == 5; }));
  CHECK(loyal.count() == 2);
  for (const auto& change : ada.changes()) CHECK(change.profile == address("ada"));
  std::set<std::string> who;
  for (const auto& change : loyal.changes()) {
    CHECK(change.memberships->entered == std::vector<std::string>{"loyal"});
    who.insert(to_hex(change.profile));
  }
  CHECK(who == std::set{to_hex(address("ada")), to_hex(address("bob"))});
}

TEST_CASE("time that passes while the server is down ends memberships for a resumed watch") {
  const lives room;
  actors::watch_filter fresh;
  fresh.segment = "fresh";
  watcher seen(fresh);
  {
    running kith(room.options());
    REQUIRE(seen.watch(kith));
    kith.publish({track("ada", "m", "2024-05-01T10:00:00Z")});
    REQUIRE(eventually([&] { return seen.count() == 1 && room.log_is_kept(); }));
    kith.kill();
  }
  *room.clock += 8 * day;
  running kith(room.options());
  REQUIRE(seen.watch(kith));
  REQUIRE(eventually([&] { return seen.count() == 2; }));
  CHECK(seen.changes()[1].memberships->left == std::vector<std::string>{"fresh"});
}

TEST_CASE("while nobody watches no changes are written, and long after the last watch they are gone") {
  const lives room;
  auto options = room.options();
  options.watch_keep = std::chrono::milliseconds(0);
  watcher seen;
  {
    running kith(options);
    kith.publish({order("ada", 1, start_ms)});
    kith.stop();
    CHECK_FALSE(std::filesystem::exists(room.directory.path() + "/changes"));
  }
  running kith(options);
  begin(room, seen, kith);
  CHECK(room.log_is_kept());
  seen.unwatch(kith);
  REQUIRE(eventually([&] { return !room.log_is_kept(); }));
  REQUIRE(eventually([&] { return std::filesystem::is_empty(room.directory.path() + "/changes"); }));
  const auto refused = seen.watch(kith);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == errc::invalid_argument);
  // From now on is fine, and begins a log anew.
  watcher again;
  begin(room, again, kith, "second");
}

TEST_CASE("a cursor behind what is kept is refused with not_found, one of another server with invalid_argument") {
  const lives room;
  auto options = room.options();
  options.watch_bytes = 16 * 1024;
  watcher seen;
  {
    running kith(options);
    begin(room, seen, kith);
    for (int i = 0; i < 2000; ++i) kith.publish({order("u", i, start_ms)});
    REQUIRE(kith->checkpoint());
    kith.kill();
  }
  running kith(options);
  watcher late;
  late.go_on_from(seen.changes().front().cursor);
  REQUIRE(late.watch(kith));
  REQUIRE(eventually([&] { return late.ended().has_value(); }));
  CHECK(late.ended()->code == errc::not_found);
  CHECK(late.count() == 0);
  CHECK(seen.watch(kith));  // its own is still good, or it saw all

  const lives elsewhere;
  running other(elsewhere.options());
  watcher strange;
  strange.go_on_from(seen.cursor());
  const auto refused = strange.watch(other);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == errc::invalid_argument);
}

TEST_CASE("a change log that is damaged is given up: its cursors are refused, and all else goes on") {
  const lives room;
  watcher seen;
  {
    running kith(room.options());
    begin(room, seen, kith);
    for (int i = 0; i < 10; ++i) kith.publish({order("u", i, start_ms)});
    REQUIRE(eventually([&] { return seen.count() == 11; }));
    kith.stop();
  }
  for (const auto& file : std::filesystem::directory_iterator(room.directory.path() + "/changes")) {
    if (file.file_size() > 200 && file.path().extension() == ".log") std::filesystem::resize_file(file.path(), 150);
  }
  const auto checked = persistence::check_directory(persistence::real_files(), room.directory.path(),
                                                    [](std::string_view, std::uint64_t, std::uint64_t) {});
  REQUIRE(checked);
  CHECK_FALSE(checked->sound());
  auto options = room.options();
  std::mutex mutex;
  std::string told;
  options.log = [&](std::string_view level, std::string_view message) {
    const std::lock_guard lock(mutex);
    if (level == "error") told += message;
  };
  running kith(options);
  CHECK_FALSE(seen.watch(kith));
  CHECK(kith.get("u").at("version") == 10);
  const std::lock_guard lock(mutex);
  CHECK(told.find("cursors of watches from before are refused") != std::string::npos);
}

TEST_CASE("a change log that cannot be written is a failed disk, and nothing acknowledged is lost") {
  const lives room;
  watcher seen;
  gated_files disk(persistence::real_files(), "/changes/");
  int acknowledged = 0;
  {
    running kith(room.options(), disk);
    begin(room, seen, kith);
    disk.failing = true;
    REQUIRE(eventually([&] {
      if (kith.send({order("u", acknowledged, start_ms)}).get()) ++acknowledged;
      return kith->state().now == actors::phase::failed;
    }));
    CHECK(acknowledged > 0);
    CHECK(seen.count() == 1);  // what is not durable is not told
  }
  disk.failing = false;
  running kith(room.options(), disk);
  CHECK(kith.get("u").at("version") == acknowledged);
  REQUIRE(seen.watch(kith));
  kith.publish({order("last", -2, start_ms)});
  std::set<int> told;  // the shards' changes come in any order, and maybe one that tells of memberships alone
  REQUIRE(eventually([&] {
    for (const auto& change : seen.changes()) told.insert(number_of(change));
    for (int i = 0; i < acknowledged; ++i) {
      if (!told.contains(i)) return false;
    }
    return told.contains(-2);
  }));
  const auto all = seen.changes();
  const auto by_events = std::count_if(all.begin(), all.end(), [](const auto& each) { return each.traits != nullptr; });
  CHECK(by_events == acknowledged + 2);
}

TEST_CASE("what is not in the change log yet does not come into the store, where a replay would pass over it") {
  const lives room;
  watcher seen;
  gated_files disk(persistence::real_files(), "/changes/");
  std::atomic<bool> saved{false};
  store_hooks hooks;
  hooks.before = [&](store_call what, const auto& addresses) -> result<void> {
    if (what == store_call::save && !addresses.empty()) saved = true;
    return {};
  };
  running kith(hooked(room.options(), hooks), disk);
  begin(room, seen, kith);
  disk.closed = true;
  kith.publish({order("u", 0, start_ms), order("v", 1, start_ms), order("w", 2, start_ms)});
  saved = false;
  auto saving = std::async(std::launch::async, [&] { return kith->save_memberships(); });
  for (int i = 0; i < 50; ++i) kith.publish({order("x", 3 + i, start_ms)});
  CHECK_FALSE(saved);
  CHECK(seen.count() == 1);
  disk.closed = false;
  CHECK(saving.get());
  CHECK(saved);
  CHECK(eventually([&] { return seen.count() == 54; }));
}
