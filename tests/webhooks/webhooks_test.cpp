// Webhooks over a real runtime and a real HTTP endpoint: signed, retried, in order, through crashes, given up loudly.
#include <map>
#include <random>
#include <set>

#include "tests/actors/support/harness.hpp"
#include "tests/catch.hpp"
#include "tests/webhooks/support/receiver.hpp"
#include "webhooks/deliverer.hpp"
#include "webhooks/message.hpp"

using namespace kith;
using namespace kith::tests;
using nlohmann::json;

namespace {

const std::string secret(32, 's');

/// A directory, a clock that stands until it is moved, two segments, one endpoint; the runtime and the deliverer as
/// `kith serve` puts them together.
struct room {
  temporary_directory directory;
  std::shared_ptr<std::atomic<std::int64_t>> clock = std::make_shared<std::atomic<std::int64_t>>(start_ms);
  webhooks::endpoint endpoint;

  explicit room(const receiver& to) {
    endpoint.name = "crm";
    endpoint.url = to.url();
    endpoint.secrets = {secret};
  }

  actors::runtime_options options() const {
    auto made = options_for(directory.path());
    made.definitions = catalog_of({{"loyal", "events(\"Order Completed\").count() >= 2"},
                                   {"fresh", "events(\"Order Completed\").within(\"1d\").any()"}});
    made.now_ms = [clock = clock] { return clock->load(); };
    made.outgoing = webhooks::rules_of({endpoint});
    return made;
  }

  std::unique_ptr<webhooks::deliverer> deliver(running& from) const {
    auto made = std::make_unique<webhooks::deliverer>(webhooks::sender_environment{
        *from, "test", [clock = clock] { return clock->load(); }, [](std::string_view, std::string_view) {}});
    made->deliver_to({endpoint});
    return made;
  }
};

json order(const std::string& user, const std::string& id) { return track(user, id, profile::format_time(start_ms)); }

/// What came, as "segment+" or "segment-", by user, each id once.
std::map<std::string, std::vector<std::string>> told(const receiver& by) {
  std::map<std::string, std::vector<std::string>> found;
  std::set<std::string> seen;
  for (const auto& each : by.received()) {
    if (!seen.insert(each.id).second) continue;
    const auto event = each.event();
    const auto& data = event.at("data");
    found[data.at("userIds").at(0)].push_back(data.at("segment").get<std::string>() +
                                              (event.at("type") == "kith.segment.entered" ? "+" : "-"));
  }
  return found;
}

}  // namespace

TEST_CASE("signatures are those of Standard Webhooks") {
  // Worked out with `openssl dgst -sha256 -hmac`.
  const auto key = webhooks::parse_secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
  REQUIRE(key);
  const auto one = webhooks::signature({*key}, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, "{\"test\": 2432232314}");
  CHECK(one == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
  const auto two = webhooks::signature({*key, secret}, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, "{}");
  CHECK(std::count(two.begin(), two.end(), ' ') == 1);
}

TEST_CASE("secrets are judged before anything is sent") {
  CHECK(webhooks::parse_secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")->size() == 24);
  for (const auto* bad : {"", "whsec_", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_c2hvcnQ=", "whsec_!!!!"}) {
    INFO(bad);
    CHECK_FALSE(webhooks::parse_secret(bad));
  }
}

TEST_CASE("an endpoint that may not be asked is not, what it is to be told waits, and the status says why") {
  const receiver endpoint;
  room at(endpoint);
  const auto open = at.endpoint.url;
  // libcurl takes every name below localhost for this machine: it resolves to an address that is refused.
  for (const auto* closed : {"https://10.1.2.3/hook", "https://crm.localhost:1/hook"}) {
    INFO(closed);
    at.endpoint.url = closed;
    running kith(at.options());
    const auto deliverer = at.deliver(kith);
    kith.publish({order("ada", closed)});
    REQUIRE(eventually([&] { return deliverer->statuses().at(0).failed > 0; }));
    CHECK_THAT(deliverer->statuses().at(0).last_error, Contains("which only hosts of outgoing.allow_private may have"));
    CHECK(deliverer->statuses().at(0).delivered == 0);
  }
  at.endpoint.url = open;
  running kith(at.options());
  const auto deliverer = at.deliver(kith);
  *at.clock += 100'000;
  CHECK(eventually([&] { return deliverer->statuses().at(0).delivered > 0; }));
}

TEST_CASE("who enters and leaves is told, signed, once") {
  const receiver endpoint;
  const room at(endpoint);
  running kith(at.options());
  const auto deliverer = at.deliver(kith);
  kith.publish({order("ada", "m-1"), order("ada", "m-2"), order("bob", "m-3")});
  REQUIRE(eventually([&] { return endpoint.received().size() == 3; }));
  CHECK(told(endpoint) ==
        std::map<std::string, std::vector<std::string>>{{"ada", {"fresh+", "loyal+"}}, {"bob", {"fresh+"}}});
  for (const auto& each : endpoint.received()) {
    CHECK(each.content_type.starts_with("application/cloudevents+json"));
    CHECK(each.signature == webhooks::signature({secret}, each.id, std::stoll(each.timestamp), each.body));
    const auto event = each.event();
    CHECK(event.at("specversion") == "1.0");
    CHECK(event.at("id") == each.id);
    CHECK(event.at("source") == "kith/test");
    CHECK(event.at("time") == "2024-05-01T10:00:00.000Z");
    CHECK(event.at("subject") == event.at("data").at("profile"));
  }
  // Time alone.
  *at.clock += 25LL * 3600 * 1000;
  REQUIRE(eventually([&] { return told(endpoint)["ada"].size() == 3 && told(endpoint)["bob"].size() == 2; }));
  CHECK(told(endpoint)["bob"] == std::vector<std::string>{"fresh+", "fresh-"});
  REQUIRE(eventually([&] { return deliverer->statuses().at(0).delivered == 5; }));
}

TEST_CASE("only the segments that an endpoint asks for are told it") {
  const receiver endpoint;
  room at(endpoint);
  at.endpoint.segments = {"loyal"};
  running kith(at.options());
  const auto deliverer = at.deliver(kith);
  kith.publish({order("ada", "m-1"), order("ada", "m-2")});
  REQUIRE(eventually([&] { return !endpoint.received().empty(); }));
  REQUIRE(eventually([&] { return deliverer->statuses().at(0).waiting == 0; }));
  CHECK(told(endpoint) == std::map<std::string, std::vector<std::string>>{{"ada", {"loyal+"}}});
}

TEST_CASE("what fails is sent again, later each time, and what comes behind it of the same profile waits") {
  std::atomic<bool> up{false};
  const receiver endpoint([&](const received_message&) { return up ? 204U : 500U; });
  const room at(endpoint);
  running kith(at.options());
  const auto deliverer = at.deliver(kith);
  kith.publish({order("ada", "m-1"), order("ada", "m-2")});
  REQUIRE(eventually([&] { return deliverer->statuses().at(0).failed == 1; }));
  *at.clock += 10'000;
  REQUIRE(eventually([&] { return deliverer->statuses().at(0).failed == 2; }));
  CHECK(deliverer->statuses().at(0).now == webhooks::sending::failing);
  CHECK(deliverer->statuses().at(0).last_error == "it answered 500: ");
  for (const auto& each : endpoint.received()) CHECK(each.event().at("data").at("segment") == "fresh");
  up = true;
  REQUIRE(eventually([&] {
    *at.clock += 10'000;
    return deliverer->statuses().at(0).delivered == 2;
  }));
  CHECK(told(endpoint)["ada"] == std::vector<std::string>{"fresh+", "loyal+"});
  CHECK(deliverer->statuses().at(0).now == webhooks::sending::delivering);
}

TEST_CASE("a clock that goes back does not make a message wait for the time that was taken back") {
  std::atomic<bool> up{false};
  const receiver endpoint([&](const received_message&) { return up ? 204U : 500U; });
  const room at(endpoint);
  running kith(at.options());
  const auto deliverer = at.deliver(kith);
  constexpr std::int64_t jump_ms = 30LL * 24 * 3'600'000;
  *at.clock += jump_ms;
  kith.publish({track("ada", "m-1", profile::format_time(start_ms + jump_ms))});
  REQUIRE(eventually([&] { return deliverer->statuses().at(0).failed == 1; }));
  *at.clock -= jump_ms;
  REQUIRE(eventually([&] { return deliverer->statuses().at(0).failed == 2; }));
  up = true;
  // The pause behind that is one of the present time, and ends as ever.
  CHECK(eventually([&] {
    *at.clock += 1000;
    return deliverer->statuses().at(0).delivered == 1;
  }));
  CHECK(deliverer->statuses().at(0).dead == 0);
}

TEST_CASE("what fails for too long is a dead letter, to be sent again or dropped") {
  std::atomic<bool> up{false};
  const receiver endpoint([&](const received_message&) { return up ? 200U : 400U; });
  room at(endpoint);
  at.endpoint.segments = {"fresh"};
  at.endpoint.retry_for = std::chrono::hours(1);
  running kith(at.options());
  const auto deliverer = at.deliver(kith);
  kith.publish({order("ada", "m-1"), order("bob", "m-2")});
  std::uint64_t failed = 0;
  REQUIRE(eventually([&] {
    const auto now = deliverer->statuses().at(0);
    if (std::exchange(failed, now.failed) < now.failed) *at.clock += 20 * 60'000;
    return now.dead == 2;
  }));
  auto letters = deliverer->dead_letters("crm", nullptr, 10);
  REQUIRE(letters);
  REQUIRE(letters->size() == 2);
  CHECK(letters->at(0).told.last_error == "it answered 400: ");
  CHECK(letters->at(0).told.attempts >= 2);
  CHECK(deliverer->dead_letters("none", nullptr, 10).error().code == errc::not_found);

  using fate = webhooks::deliverer::fate;
  up = true;
  const auto id = webhooks::message_id(letters->at(0).item.id);
  const auto unknown = deliverer->decide("crm", std::vector<std::string>{"msg_none"}, fate::replay);
  CHECK(unknown.error().code == errc::not_found);
  const auto replayed = deliverer->decide("crm", std::vector{id}, fate::replay);
  REQUIRE(replayed);
  CHECK(*replayed == 1);
  REQUIRE(eventually([&] {
    *at.clock += 10'000;
    return deliverer->statuses().at(0).delivered == 1;
  }));
  CHECK(endpoint.received().back().id == id);
  CHECK(endpoint.received().back().event().at("time") == "2024-05-01T10:00:00.000Z");
  CHECK(deliverer->decide("crm", std::nullopt, fate::drop).value() == 1);
  CHECK(deliverer->dead_letters("crm", nullptr, 10)->empty());
}

TEST_CASE("an endpoint that says it is gone is left alone, and told all once it is configured anew") {
  std::atomic<bool> up{false};
  const receiver endpoint([&](const received_message&) { return up ? 200U : 410U; });
  const room at(endpoint);
  running kith(at.options());
  const auto deliverer = at.deliver(kith);
  kith.publish({order("ada", "m-1")});
  REQUIRE(eventually([&] { return deliverer->statuses().at(0).now == webhooks::sending::gone; }));
  kith.publish({order("ada", "m-2")});
  *at.clock += 100'000;
  REQUIRE(eventually([&] { return deliverer->statuses().at(0).waiting == 2; }));
  CHECK(endpoint.received().size() == 1);
  up = true;
  deliverer->deliver_to({at.endpoint});
  REQUIRE(eventually([&] { return deliverer->statuses().at(0).delivered == 2; }));
}

TEST_CASE("a crash loses no message, and one that comes again has the id that it had") {
  for (const unsigned seed : {1U, 2U, 3U}) {
    INFO("seed " << seed);
    std::mt19937 chance(seed);
    std::mutex mutex;
    const receiver endpoint([&](const received_message&) {
      const std::lock_guard lock(mutex);
      return chance() % 3 == 0 ? 503U : 200U;
    });
    const room at(endpoint);
    constexpr int users = 60;
    int next = 0;
    for (int life = 0; life < 5; ++life) {
      running kith(at.options());
      auto deliverer = at.deliver(kith);
      for (int i = 0; i < users * 2 / 5; ++i, ++next) {
        kith.publish({order("u-" + std::to_string(next % users), "m-" + std::to_string(next))});
      }
      const auto enough = endpoint.received().size() + 5;
      REQUIRE(eventually([&] {
        *at.clock += 1'000;
        return endpoint.received().size() >= enough;
      }));
      if (life == 2) REQUIRE(kith->checkpoint());
      deliverer.reset();
      life % 2 == 0 ? kith.kill() : kith.stop();
    }
    running kith(at.options());
    const auto deliverer = at.deliver(kith);
    std::set<std::string> ids;
    CHECK(eventually([&] {
      *at.clock += 1'000;
      for (const auto& each : endpoint.received()) ids.insert(each.id);
      return ids.size() >= 2U * users && deliverer->statuses().at(0).waiting == 0;
    }));
    CHECK(ids.size() == 2U * users);
    for (const auto& [user, what] : told(endpoint)) {
      INFO(user);
      CHECK(what == std::vector<std::string>{"fresh+", "loyal+"});
    }
  }
}
