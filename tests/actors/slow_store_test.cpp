// A disk that takes its time keeps those waiting whose snapshots it reads, and nobody else.
#include <algorithm>
#include <future>

#include "tests/actors/support/harness.hpp"
#include "tests/actors/support/hooked_store.hpp"
#include "tests/catch.hpp"

using namespace kith;
using namespace kith::tests;

namespace {

nlohmann::json event(const std::string& user, int n) {
  return track(user, "m-" + std::to_string(n), "2024-05-01T10:00:00Z");
}

bool is_open(const std::future<result<actors::publish_outcome>>& answer) {
  return answer.wait_for(std::chrono::seconds(0)) != std::future_status::ready;
}

}  // namespace

TEST_CASE("a slow load of one snapshot does not hold up other profiles of its shard") {
  temporary_directory directory;
  auto options = options_for(directory.path());
  options.shards = 1;
  {
    running kith(options);
    for (const auto* user : {"slow", "cold", "warm"}) kith.publish({event(user, 1)});
    kith.stop();
  }
  const auto slow = profile::address_of(profile::id_kind::user, "", "slow");
  std::promise<void> begun;
  std::promise<void> released;
  auto gate = released.get_future();
  store_hooks hooks;
  hooks.before = [&](store_call what, const std::vector<profile::hash128>& addresses) {
    if (what == store_call::load && std::count(addresses.begin(), addresses.end(), slow) > 0) {
      begun.set_value();
      gate.wait();
    }
    return result<void>();
  };
  running kith(hooked(options, hooks));
  CHECK(kith.get("warm")["version"] == 1);

  auto waiting = kith.send({event("slow", 2)});
  REQUIRE(begun.get_future().wait_for(std::chrono::seconds(30)) == std::future_status::ready);
  auto behind = kith.send({event("slow", 3), event("new", 1)});
  // One that is in memory, one whose snapshot has to be read too, one that nobody knew.
  for (const auto* user : {"warm", "cold", "stranger"}) {
    CHECK(kith.publish({event(user, 1), event(user, 2)}).applied == (user == std::string("stranger") ? 2 : 1));
    CHECK(kith.get(user)["version"] == 2);
  }
  CHECK(kith.get("new")["version"] == 1);
  CHECK(is_open(waiting));
  CHECK(is_open(behind));

  released.set_value();
  CHECK(waiting.get()->applied == 1);
  CHECK(behind.get()->applied == 2);
  CHECK(kith.get("slow")["version"] == 3);
}
