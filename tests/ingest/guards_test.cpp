#include "ingest/guards.hpp"

#include <nlohmann/json.hpp>

#include "profile/cel/arena.hpp"
#include "tests/catch.hpp"

using namespace kith;
using namespace kith::ingest;

namespace {

bool held_back(const char* filter, const nlohmann::json& event) {
  const auto made = event_filter::make(filter);
  REQUIRE(made);
  profile::cel::arena memory;
  const auto bytes = nlohmann::json::to_msgpack(event);
  return made->holds_back({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, memory);
}

}  // namespace

TEST_CASE("a filter holds back what it is true of, and nothing where a field is missing", "[ingest]") {
  const nlohmann::json event = {{"event", "Heartbeat"}, {"properties", {{"n", 7}}}};
  CHECK(held_back("event.event == 'Heartbeat'", event));
  CHECK(held_back("event.properties.n > 5", event));
  CHECK_FALSE(held_back("event.properties.n > 7", event));
  CHECK_FALSE(held_back("event.context.ip == '::1'", event));
}

TEST_CASE("a filter is checked when it is defined", "[ingest]") {
  CHECK(event_filter::make("evnt.event == 'x'").error().message.find("1:1") == 0);
  CHECK(event_filter::make("1 + 1").error().message == "1:1: gives int; it must give a bool");
  CHECK_FALSE(event_filter::make("event.event =="));
}

TEST_CASE("a profile has its burst at once and its rate for long; others are not touched", "[ingest]") {
  rate_guard guard;
  guard_settings by;
  by.profile_rate = 10;
  by.profile_burst = 20;
  const profile::hash128 one{1, 1};
  const profile::hash128 other{65, 2};  // of the same part
  const auto passed = [&](profile::hash128 who, std::int64_t at, int events) {
    int through = 0;
    for (int i = 0; i < events; ++i) through += guard.let_through(who, at, by) ? 1 : 0;
    return through;
  };
  CHECK(passed(one, 0, 50) == 20);
  CHECK(passed(other, 0, 5) == 5);
  CHECK(passed(one, 500, 50) == 5);
  CHECK(passed(one, 400, 50) == 0);  // a clock that goes back gives nothing
  CHECK(passed(one, 60'000, 50) == 20);
  by.profile_rate = 0;
  CHECK(passed(one, 60'000, 50) == 50);
}

TEST_CASE("the rate guard forgets profiles that are quiet, not those that are too loud", "[ingest]") {
  rate_guard guard;
  guard_settings by;
  by.profile_rate = 1;
  by.profile_burst = 2;
  const profile::hash128 loud{0, 0};
  for (std::uint64_t i = 1; i < rate_guard::most_kept / 2; ++i) guard.let_through({i * rate_guard::parts, i}, 0, by);
  while (guard.let_through(loud, 10'000, by)) {
  }
  for (std::uint64_t i = rate_guard::most_kept / 2; i < rate_guard::most_kept + 10; ++i) {
    guard.let_through({i * rate_guard::parts, i}, 10'000, by);
  }
  CHECK_FALSE(guard.let_through(loud, 10'000, by));
}
