// Webhooks through the front door: the real executable is killed while it sends, and its endpoint fails now and then.
#include <atomic>
#include <map>
#include <mutex>
#include <random>
#include <set>

#include "tests/catch.hpp"
#include "tests/system/support/server.hpp"
#include "tests/webhooks/support/receiver.hpp"

using namespace kith;
using namespace kith::tests;
using nlohmann::json;

TEST_CASE("every change of membership is told through kill -9 and a failing endpoint") {
  std::mt19937 chance(7);
  std::mutex mutex;
  const receiver endpoint([&](const received_message&) {
    const std::lock_guard lock(mutex);
    return chance() % 8 == 0 ? 503U : 200U;
  });
  const scratch room;
  server kith(room,
              "[segments.loyal]\nexpression = 'events(\"Order Completed\").count() >= 2'\n"
              "[journal]\nsegment = \"16KiB\"\ncheckpoint_bytes = \"32KiB\"\n"
              "[webhooks.crm]\nurl = \"" +
                  endpoint.url() + "\"\nsecrets = [\"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\"]\n");
  constexpr int users = 200;
  constexpr int lives = 4;
  for (int life = 0; life < lives; ++life) {
    auto client = kith.client();
    for (int user = life * users / lives; user < (life + 1) * users / lives; ++user) {
      std::vector<std::string> orders;
      for (const auto* each : {"a", "b", "c"}) {
        const auto bytes = json::to_msgpack(json{{"type", "track"},
                                                 {"event", "Order Completed"},
                                                 {"userId", "u-" + std::to_string(user)},
                                                 {"messageId", each + std::to_string(user)},
                                                 {"timestamp", "2026-01-05T10:00:00Z"}});
        orders.emplace_back(bytes.begin(), bytes.end());
      }
      const auto outcome = client->publish(orders);
      REQUIRE(outcome);
    }
    const auto enough = endpoint.received().size() + 3;
    REQUIRE(eventually([&] { return endpoint.received().size() >= enough; }));
    kith.kill();
    kith.start();
  }
  const auto all_told = [&] {
    std::set<std::string> told;
    for (const auto& each : endpoint.received()) {
      const auto event = each.event();
      if (event.at("type") == "kith.segment.entered") told.insert(event.at("data").at("userIds").at(0));
    }
    return told.size() == users;
  };
  REQUIRE(eventually(all_told, std::chrono::seconds(60)));  // a message that failed waits 5 s
  std::map<std::string, std::set<std::string>> ids;
  for (const auto& each : endpoint.received()) {
    const auto event = each.event();
    CHECK(event.at("data").at("segment") == "loyal");
    ids[event.at("data").at("userIds").at(0)].insert(each.id);
  }
  for (const auto& [user, of] : ids) {
    INFO(user);
    CHECK(of.size() == 1);  // however often it came
  }
}
