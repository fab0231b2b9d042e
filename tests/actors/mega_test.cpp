// Profiles far larger than any person's: thousands of identifiers, masses of events. They are right, and their shard
// goes on answering for others. KITH_MEGA_IDS and KITH_MEGA_EVENTS say how large (CONTRIBUTING.md).
#include <cstdlib>

#include "tests/actors/support/harness.hpp"
#include "tests/catch.hpp"

using namespace kith;
using namespace kith::tests;
using nlohmann::json;

namespace {

constexpr std::size_t events_a_batch = 500;

std::size_t size_of(const char* variable, std::size_t usual) {
  const auto* asked = std::getenv(variable);
  return asked == nullptr ? usual : std::strtoull(asked, nullptr, 10);
}

/// One shard: who is not answered by it is answered by nobody.
actors::runtime_options one_shard(const std::string& data, std::uint32_t most_ids) {
  auto options = options_for(data);
  options.shards = 1;
  options.journal.segment_bytes = 64 * 1024 * 1024;
  profile::identity::settings settings;
  settings.limit.most = most_ids;
  options.identity = profile::identity::rules::make(settings).value();
  return options;
}

json visit(std::size_t number, const std::string& anonymous_id) {
  auto event = track("mega", "m-" + std::to_string(number), "2024-05-01T10:00:00Z");
  event["anonymousId"] = anonymous_id;
  return event;
}

/// Puts all of them before the shard, in batches, and then an event of another profile and a read of it, and so on, one
/// after the other. How many such pairs were answered before the last batch was.
std::size_t answered_meanwhile(running& kith, const std::vector<json>& events, const std::string& other = "other") {
  std::promise<void> all_there;
  boost::asio::post(kith->io(0), [gate = all_there.get_future().share()] { gate.wait(); });
  std::vector<std::future<result<actors::publish_outcome>>> batches;
  for (std::size_t from = 0; from < events.size(); from += events_a_batch) {
    const auto to = std::min(from + events_a_batch, events.size());
    batches.push_back(kith.send(
        {events.begin() + static_cast<std::ptrdiff_t>(from), events.begin() + static_cast<std::ptrdiff_t>(to)},
        {actors::durability::memory, false}));
  }
  all_there.set_value();
  std::size_t answered = 0;
  std::size_t applied = 0;
  for (auto& batch : batches) {
    while (batch.wait_for(std::chrono::seconds(0)) != std::future_status::ready) {
      const auto id = "o-" + std::to_string(answered);
      REQUIRE(kith.publish({track(other, id, "2024-05-01T10:00:00Z")}, {actors::durability::memory, false}).applied ==
              1);
      REQUIRE(kith.get(other)["version"] == ++answered);
    }
    applied += batch.get().value().applied;
  }
  REQUIRE(applied == events.size());
  return answered;
}

}  // namespace

TEST_CASE("thousands of identifiers become one profile, others are answered meanwhile, and the limit is loud") {
  const auto ids = size_of("KITH_MEGA_IDS", 5000);
  constexpr std::size_t too_many = 10;
  const temporary_directory directory;
  const auto options = one_shard(directory.path(), static_cast<std::uint32_t>(ids));
  {
    running kith(options);
    std::vector<json> events;
    for (std::size_t i = 0; i < ids; ++i) events.push_back(visit(i, "a-" + std::to_string(i)));
    CHECK(answered_meanwhile(kith, events) >= 2);
    CHECK(kith->stats().merges == ids);
    CHECK(kith->stats().ids_excess == 0);
    for (std::size_t i = 0; i < too_many; ++i) kith.publish({visit(ids + i, "b-" + std::to_string(i))});
    CHECK(kith->stats().ids_excess == too_many);
    CHECK(kith->ignored_identifiers().size() == too_many);
    CHECK(kith.get({profile::id_kind::anonymous, "", "b-0"}).is_null());
    kith.stop();
  }
  running kith(options);
  for (const auto number : {std::size_t{0}, ids / 2, ids - 1}) {
    const auto map = kith.get({profile::id_kind::anonymous, "", "a-" + std::to_string(number)});
    CHECK(map["version"] == ids + too_many);
    CHECK(map["anonymousIds"].size() == ids + too_many);
    CHECK(map["events"]["Order Completed"]["count"] == ids + too_many);
  }
  CHECK(kith.identity({profile::id_kind::user, "", "mega"})["identifiers"].size() == ids + 1);
  // And who has events of their own, which are joined too.
  kith.publish({track("bob", "b-1", "2024-05-01T10:00:00Z", "Seen")});
  kith.publish({{{"type", "alias"}, {"messageId", "b-2"}, {"userId", "mega"}, {"previousId", "bob"}}});
  CHECK(kith.get("bob")["version"] == ids + too_many + 2);
  CHECK(kith.get("mega")["events"]["Seen"]["count"] == 1);
}

TEST_CASE("profiles with events of their own become one, thousands of them") {
  const auto ids = size_of("KITH_MEGA_IDS", 5000);
  const temporary_directory directory;
  running kith(one_shard(directory.path(), static_cast<std::uint32_t>(ids)));
  std::vector<json> alone;
  std::vector<json> together;
  for (std::size_t i = 0; i < ids; ++i) {
    auto own = track("", "own-" + std::to_string(i), "2024-05-01T10:00:00Z", "Seen");
    own.erase("userId");
    own["anonymousId"] = "a-" + std::to_string(i);
    alone.push_back(own);
    together.push_back(visit(i, "a-" + std::to_string(i)));
  }
  // A retry under another identifier: it counts once in what they become.
  alone.push_back(alone.front());
  alone.back()["anonymousId"] = "a-1";
  answered_meanwhile(kith, alone);
  CHECK(kith->stats().merges == 0);
  CHECK(answered_meanwhile(kith, together, "another") >= 2);
  CHECK(kith->stats().merges == ids);
  CHECK(kith->stats().overlaps == 1);
  CHECK(kith->stats().overlaps_unresolved == 0);
  const auto map = kith.get("mega");
  CHECK(map["version"] == 2 * ids);
  CHECK(map["events"]["Seen"]["count"] == ids);
}

TEST_CASE("masses of events of one profile leave its shard time for others") {
  const auto count = size_of("KITH_MEGA_EVENTS", 100'000);
  const temporary_directory directory;
  auto options = one_shard(directory.path(), 1000);
  options.definitions = catalog_of({{"busy", "events(\"Order Completed\").within(\"30d\").count() >= 1000"}});
  running kith(options);
  std::vector<json> events;
  for (std::size_t i = 0; i < count; ++i) {
    events.push_back(track("mega", "m-" + std::to_string(i),
                           profile::format_time(start_ms + static_cast<std::int64_t>(i) * 10'000)));
  }
  CHECK(answered_meanwhile(kith, events) >= 2);
  const auto map = kith.get("mega");
  CHECK(map["version"] == count);
  CHECK(map["events"]["Order Completed"]["count"] == count);
}
