// What a judge holds back of a batch, as its sender and the dead letters see it.
#include <atomic>

#include "net/event_judge.hpp"
#include "net/requests.hpp"
#include "profile/msgpack.hpp"
#include "tests/catch.hpp"
#include "tests/net/support/fake_letters.hpp"
#include "tests/net/support/test_server.hpp"

using namespace kith;
using namespace kith::test;
using nlohmann::json;

namespace {

std::string encoded(const json& value) {
  const auto bytes = json::to_msgpack(value);
  return {bytes.begin(), bytes.end()};
}

json event(const std::string& name, const std::string& user = "ada") {
  return {{"type", "track"}, {"event", name}, {"messageId", "m-" + name}, {"userId", user}};
}

/// Holds back events whose name begins with "Bad".
class fake_judge final : public net::event_judge {
 public:
  std::optional<net::judged_events> judge(actors::shard_id, std::string_view events, const std::string& source,
                                          std::int64_t) override {
    ++batches;
    net::judged_events made;
    json left = json::array();
    const auto all = json::from_msgpack(events);
    for (std::uint32_t i = 0; i < all.size(); ++i) {
      if (all[i]["event"].get<std::string>().rfind("Bad", 0) == 0) {
        made.refused.push_back({i, errc::invalid_argument, "does not fit " + source, encoded(all[i]), "quarantined"});
      } else {
        left.push_back(all[i]);
        made.indexes.push_back(i);
      }
    }
    if (made.refused.empty()) return std::nullopt;
    made.events = encoded(left);
    return made;
  }
  std::atomic<int> batches{0};
};

/// Rejects the second event, and tells versions 1, 2, … of the others.
result<actors::publish_outcome> second_rejected(const fake_service::published& batch) {
  const auto count = profile::msgpack::reader(batch.events).next().size;
  actors::publish_outcome made;
  made.applied = count - 1;
  made.rejected.push_back({1, errc::too_late, "timestamp: too old", encoded(event("Old"))});
  made.details.resize(count);
  for (std::uint32_t i = 0; i < count; ++i) made.details[i].version = i + 1;
  made.details[1].rejected = true;
  return made;
}

struct room {
  fake_judge judge;
  fake_letters letters;
  test_server server{{}, test_credentials(), &letters, &judge};
};

}  // namespace

TEST_CASE("what a judge holds back is rejected with its reason, is a dead letter, and the rest is published") {
  room at;
  at.server.service.answer_with(second_rejected);
  const auto client = at.server.connect();
  REQUIRE(client->send(raw_client::request(
      7, "publish", json::array({event("Bad 0"), event("A"), event("Old"), event("Bad 3"), event("B")}),
      json{{"detail", true}})));
  REQUIRE(at.letters.answer_one({}));
  const auto answer = client->receive();
  REQUIRE(answer);
  CAPTURE(answer->dump());
  const auto& told = (*answer)[3];
  CHECK(told["applied"] == 2);
  CHECK(told["rejected"].dump() == R"([[0,"quarantined","does not fit shop"],[2,"too_late","timestamp: too old"],)"
                                   R"([3,"quarantined","does not fit shop"]])");
  REQUIRE(told["details"].size() == 5);
  CHECK(told["details"][0].is_null());
  CHECK(told["details"][1][1] == 1);
  CHECK(told["details"][2].is_null());
  CHECK(told["details"][3].is_null());
  CHECK(told["details"][4][1] == 3);
  REQUIRE(at.server.service.batches().size() == 1);
  CHECK(at.server.service.batches()[0].events == encoded(json::array({event("A"), event("Old"), event("B")})));
  const auto kept = at.letters.letters();
  REQUIRE(kept.size() == 3);
  CHECK(kept[0].code == "quarantined");
  CHECK(kept[0].edge == "protocol");
  CHECK(kept[0].source == "shop");
  CHECK(kept[0].event == "Bad 0");
  CHECK(kept[0].bytes == encoded(event("Bad 0")));
  CHECK(kept[1].code == "too_late");
  CHECK(at.server.running->stats().events_held_back == 2);
}

TEST_CASE("a batch of which all is held back is answered once it is kept") {
  room at;
  const auto client = at.server.connect();
  REQUIRE(client->send(raw_client::request(1, "publish", json::array({event("Bad")}))));
  REQUIRE(at.letters.answer_one({}));
  const auto answer = client->receive();
  REQUIRE(answer);
  CHECK((*answer)[3].dump() == R"({"applied":0,"duplicate":0,"rejected":[[0,"quarantined","does not fit shop"]]})");
}

TEST_CASE("a batch of which nothing is held back is published as it came") {
  room at;
  const auto client = at.server.connect();
  CHECK(client->call("publish", json::array({event("A"), event("B")}))[3]["applied"] == 2);
  CHECK(at.judge.batches == 1);
  CHECK(at.server.service.batches()[0].events == encoded(json::array({event("A"), event("B")})));
  CHECK(at.letters.letters().empty());
}

TEST_CASE("what is held back of a batch that could not be published is no dead letter: all of it is sent again") {
  room at;
  at.server.service.answer_with([](const fake_service::published&) -> result<actors::publish_outcome> {
    return fail(errc::unavailable, "recovering");
  });
  const auto client = at.server.connect();
  CHECK(client->call("publish", json::array({event("Bad"), event("A")}))[2]["code"] == "unavailable");
  CHECK(at.letters.letters().empty());
}

TEST_CASE("a client gets the reason of what was held back") {
  const auto told = json{{"applied", 0}, {"duplicate", 0}, {"rejected", {json::array({4, "rate_guard", "too many"})}}};
  const auto got = net::parse_publish_outcome(encoded(told));
  REQUIRE(got);
  REQUIRE(got->rejected.size() == 1);
  CHECK(got->rejected[0].code == errc::invalid_argument);
  CHECK(got->rejected[0].reason == "rate_guard");
  CHECK(got->rejected[0].word() == "rate_guard");
}
