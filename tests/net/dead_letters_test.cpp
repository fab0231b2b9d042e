// Events that are rejected over the protocol are kept as dead letters before that is answered.
#include "persistence/dead_letters.hpp"

#include "tests/catch.hpp"
#include "tests/net/support/fake_letters.hpp"
#include "tests/net/support/test_server.hpp"

using namespace kith;
using namespace kith::test;
using nlohmann::json;

namespace {

const json good = {{"type", "track"}, {"event", "Paid"}, {"messageId", "m-1"}, {"userId", "ada"}};
const json bad = {{"type", "track"}, {"event", "Paid"}, {"userId", "bob"}, {"anonymousId", "a-1"}};

std::string encoded(const json& value) {
  const auto bytes = json::to_msgpack(value);
  return {bytes.begin(), bytes.end()};
}

result<actors::publish_outcome> one_rejected(const fake_service::published&) {
  actors::publish_outcome made;
  made.applied = 1;
  made.rejected.push_back({1, errc::invalid_argument, "messageId: missing", encoded(bad)});
  return made;
}

struct room {
  fake_letters letters;
  test_server server{{}, test_credentials(), &letters};
};

}  // namespace

TEST_CASE("a rejected event is answered once it is kept, with all that is known of it") {
  room at;
  at.server.service.answer_with(one_rejected);
  const auto client = at.server.connect();
  REQUIRE(client->send(raw_client::request(7, "publish", json::array({good, bad}))));
  REQUIRE(eventually([&] { return !at.letters.letters().empty(); }));
  CHECK_FALSE(client->receive(std::chrono::milliseconds(50)));  // not before it is durable
  REQUIRE(at.letters.answer_one({}));
  const auto answer = client->receive();
  REQUIRE(answer);
  CHECK((*answer)[1] == 7);
  CHECK((*answer)[3]["applied"] == 1);
  CHECK((*answer)[3]["rejected"][0].dump() == R"([1,"invalid_argument","messageId: missing"])");
  const auto kept = at.letters.letters();
  REQUIRE(kept.size() == 1);
  CHECK(kept[0].edge == "protocol");
  CHECK(kept[0].source == "shop");
  CHECK(kept[0].code == "invalid_argument");
  CHECK(kept[0].message == "messageId: missing");
  CHECK(kept[0].event == "Paid");
  CHECK(kept[0].ids == "user:bob anonymous:a-1");
  CHECK(kept[0].message_id.empty());
  CHECK(kept[0].content_type == "application/msgpack");
  CHECK(kept[0].bytes == encoded(bad));
}

TEST_CASE("when a rejected event cannot be kept the sender is to try again") {
  room at;
  at.server.service.answer_with(one_rejected);
  const auto client = at.server.connect();
  REQUIRE(client->send(raw_client::request(1, "publish", json::array({good, bad}))));
  REQUIRE(at.letters.answer_one(fail(errc::resource_exhausted, "dead letters: the disk is full")));
  const auto answer = client->receive();
  REQUIRE(answer);
  CHECK((*answer)[2]["code"] == "resource_exhausted");
  CHECK((*answer)[2]["message"] == "dead letters: the disk is full");
  CHECK((*answer)[2]["retry_after_ms"] == 1000);
  CHECK((*answer)[3].is_null());
}

TEST_CASE("what is applied, and what is refused as a whole, is no dead letter") {
  room at;
  const auto client = at.server.connect();
  CHECK(client->call("publish", json::array({good}))[3]["applied"] == 1);
  at.server.service.answer_with([](const fake_service::published&) -> result<actors::publish_outcome> {
    return fail(errc::resource_exhausted, "the disk is full");
  });
  CHECK(client->call("publish", json::array({good}))[2]["code"] == "resource_exhausted");
  CHECK(at.letters.letters().empty());
}

TEST_CASE("a connection that is lost while its letters are kept does no harm") {
  room at;
  at.server.service.answer_with(one_rejected);
  {
    const auto client = at.server.connect();
    REQUIRE(client->send(raw_client::request(1, "publish", json::array({good, bad}))));
    REQUIRE(eventually([&] { return !at.letters.letters().empty(); }));
  }
  REQUIRE(at.server.eventually_open(0));
  REQUIRE(at.letters.answer_one({}));
  CHECK(at.server.connect()->call("stats")[2].is_null());
}
