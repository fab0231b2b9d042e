// Dead letters tried again on a real runtime.
#include "ingest/event_replayer.hpp"

#include "tests/actors/support/harness.hpp"
#include "tests/catch.hpp"

using namespace kith;
using namespace kith::tests;
using nlohmann::json;

namespace {

persistence::dead_letter letter_of(const json& event) {
  const auto bytes = json::to_msgpack(event);
  persistence::dead_letter made;
  made.id = "0000000000000001";
  made.source = "shop";
  made.content_type = "application/msgpack";
  made.bytes.assign(bytes.begin(), bytes.end());
  return made;
}

}  // namespace

TEST_CASE("a letter's event is applied once, however often it is replayed") {
  const temporary_directory directory;
  running kith(options_for(directory.path()));
  ingest::runtime_destination profiles(*kith);
  const ingest::event_replayer events(profiles);
  const auto letter = letter_of(track("ada", "m-1", "2024-05-01T10:00:00Z"));
  const auto first = events.replay(letter);
  REQUIRE(first);
  CHECK(first->applied == 1);
  CHECK(first->again_rejected == 0);
  const auto second = events.replay(letter);
  REQUIRE(second);
  CHECK(second->applied == 0);
  CHECK(second->duplicate == 1);
  CHECK(kith.get("ada")["events"]["Order Completed"]["count"] == 1);
  const auto history = kith->history(profile::address_of(profile::id_kind::user, {}, "ada"), {}).value();
  REQUIRE(history.items.size() == 1);
  CHECK(history.items[0].source == "shop");
}

TEST_CASE("a letter that is refused again tells why") {
  const temporary_directory directory;
  running kith(options_for(directory.path()));
  auto event = track("ada", "m-1", "2024-05-01T10:00:00Z");
  event.erase("messageId");
  ingest::runtime_destination profiles(*kith);
  const auto again = ingest::event_replayer(profiles).replay(letter_of(event));
  REQUIRE(again);
  CHECK(again->again_rejected == 1);
  CHECK(again->code == "invalid_argument");
  CHECK_THAT(again->message, Contains("messageId: missing"));
}

TEST_CASE("what holds no event, or not all of it, is not tried") {
  const temporary_directory directory;
  running kith(options_for(directory.path()));
  ingest::runtime_destination profiles(*kith);
  const ingest::event_replayer events(profiles);
  const auto good = letter_of(track("ada", "m-1", "2024-05-01T10:00:00Z"));
  auto cut = good;
  cut.truncated = true;
  auto other = good;
  other.content_type = "application/json";
  auto two = good;
  two.bytes += good.bytes;
  auto none = good;
  none.bytes = "\x93";
  for (const auto& each : {cut, other, two, none}) {
    const auto refused = events.replay(each);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == errc::invalid_argument);
  }
  CHECK(kith.get("ada").is_null());
}

TEST_CASE("an event that does not become durable in time is told as unavailable, and safe to replay") {
  const temporary_directory directory;
  gated_files gate(persistence::real_files());
  running kith(options_for(directory.path()), gate);
  REQUIRE(eventually([&] { return kith->state().now == actors::phase::ready; }));
  gate.closed = true;
  const auto letter = letter_of(track("ada", "m-1", "2024-05-01T10:00:00Z"));
  ingest::runtime_destination profiles(*kith);
  const auto late = ingest::event_replayer(profiles, std::chrono::milliseconds(50)).replay(letter);
  REQUIRE_FALSE(late);
  CHECK(late.error().code == errc::unavailable);
  gate.closed = false;
  REQUIRE(eventually([&] { return !kith.get("ada").is_null(); }));
  CHECK(ingest::event_replayer(profiles).replay(letter)->duplicate == 1);
}
