// Segments on the protocol: what a profile is in, why, and changes as they happen.
#include <mutex>

#include "net/client.hpp"
#include "profile/identifier.hpp"
#include "tests/catch.hpp"
#include "tests/net/support/test_server.hpp"

using namespace kith;
using namespace kith::test;
using json = nlohmann::json;

namespace {

std::string encoded(const json& value) {
  const auto bytes = json::to_msgpack(value);
  return {bytes.begin(), bytes.end()};
}

const json ann = {{"userId", "ann"}};
const profile::identifier ann_id{profile::id_kind::user, {}, "ann"};
profile::hash128 user(const std::string& id) { return profile::address_of(profile::id_kind::user, {}, id); }

const json memberships = json::array({{{"segment", "loyal"}, {"since", "2026-01-05T09:05:00.000Z"}}});
const json explanation = {{"segment", "loyal"}, {"member", true}, {"expression", "true"}, {"parts", json::array()}};

std::string code(const json& response) { return response[2].is_null() ? "" : response[2]["code"].get<std::string>(); }
std::string message(const json& response) { return response[2]["message"].get<std::string>(); }

std::shared_ptr<const actors::membership_change> moved(std::vector<std::string> entered,
                                                       std::vector<std::string> left) {
  return std::make_shared<const actors::membership_change>(
      actors::membership_change{std::move(entered), std::move(left)});
}

struct served : test_server {
  served() {
    service.put_segments(user("ann"), encoded(memberships));
    service.put_segments(user("new"), encoded(json::array()));
    service.put_explanation(user("ann"), "loyal", encoded(explanation));
  }
};

}  // namespace

TEST_CASE("segments tells what a profile is in") {
  served server;
  const auto client = server.connect();
  REQUIRE(client->call("segments", ann)[3] == memberships);
  REQUIRE(client->call("segments", {{"userId", "new"}})[3] == json::array());
  REQUIRE(code(client->call("segments", {{"userId", "nobody"}})) == "not_found");
}

TEST_CASE("explain tells why") {
  served server;
  const auto client = server.connect();
  REQUIRE(client->call("explain", ann, "loyal")[3] == explanation);
  REQUIRE(code(client->call("explain", ann, "other")) == "not_found");
}

TEST_CASE("wrong parameters of segments and explain are named") {
  served server;
  const auto client = server.connect();
  for (const auto& got : {client->call("segments"), client->call("segments", "ann"),
                          client->call("segments", ann, "loyal"), client->call("explain", ann),
                          client->call("explain", "ann", "loyal"), client->call("watch", {{"segment", ""}})}) {
    CAPTURE(got.dump());
    REQUIRE(code(got) == "invalid_argument");
  }
  REQUIRE(message(client->call("explain", ann, 5)) == "segment: not the name of a segment");
  REQUIRE(message(client->call("watch", {{"segment", 7}})) == "segment: not the name of a segment");
}

TEST_CASE("segments and explain need the right to read") {
  served server;
  const auto writer = server.connect("token-writer");
  REQUIRE(code(writer->call("segments", ann)) == "forbidden");
  REQUIRE(code(writer->call("explain", ann, "loyal")) == "forbidden");
  const auto reader = server.connect("token-reader");
  REQUIRE(code(reader->call("segments", ann)) == "");
}

TEST_CASE("a watch of a segment brings who enters and leaves it, and nothing else") {
  served server;
  const auto client = server.connect();
  REQUIRE(client->call("watch", {{"segment", "loyal"}})[3] == json{{"watch", 1}});
  server.service.emit({user("ann"), 1, nullptr, nullptr, "c1"});
  server.service.emit({user("ann"), 2, nullptr, moved({"vip"}, {"new"}), "c2"});
  server.service.emit({user("ann"), 3, nullptr, moved({"loyal", "vip"}, {}), "c3"});
  server.service.emit({user("bob"), 4, nullptr, moved({}, {"loyal"}), "c4"});
  const json entered = client->receive().value();
  REQUIRE(entered[2][1] == json{{"profile", profile::to_hex(user("ann"))},
                                {"version", 3},
                                {"entered", {"loyal", "vip"}},
                                {"left", json::array()},
                                {"traits", nullptr},
                                {"cursor", "c3"}});
  const json left = client->receive().value();
  REQUIRE(left[2][1]["profile"] == profile::to_hex(user("bob")));
  REQUIRE(left[2][1]["entered"] == json::array());
  REQUIRE(left[2][1]["left"] == json{"loyal"});
}

TEST_CASE("details of a publish name the segments that each event changed") {
  served server;
  server.service.answer_with([](const fake_service::published&) {
    actors::publish_outcome out;
    out.applied = 2;
    out.details = {{user("ann"), 7, moved({"loyal"}, {"new"}), false}, {user("bob"), 8, nullptr, false}};
    return out;
  });
  const json event = {{"type", "track"}, {"messageId", "1"}, {"userId", "ann"}, {"event", "E"}};
  const json got = server.connect()->call("publish", json::array({event, event}), {{"detail", true}});
  REQUIRE(got[3]["details"] == json::array({{profile::to_hex(user("ann")), 7, {"loyal"}, {"new"}},
                                            {profile::to_hex(user("bob")), 8, json::array(), json::array()}}));
  // And the client library understands them.
  const auto client = net::client::connect(server.client_options());
  const auto outcome = (*client)->publish({encoded(event), encoded(event)}, {actors::durability::fsync, true});
  REQUIRE(outcome);
  REQUIRE(outcome->details.size() == 2);
  REQUIRE(outcome->details[0].memberships->entered == std::vector<std::string>{"loyal"});
  REQUIRE(outcome->details[0].memberships->left == std::vector<std::string>{"new"});
  REQUIRE(outcome->details[1].memberships == nullptr);
}

TEST_CASE("the client library asks for segments, explanations and a segment's changes") {
  served server;
  const auto client = net::client::connect(server.client_options());
  REQUIRE(client);
  REQUIRE((*client)->segments(ann_id) == encoded(memberships));
  REQUIRE((*client)->explain(ann_id, "loyal") == encoded(explanation));
  REQUIRE((*client)->explain(ann_id, "other").error().code == errc::not_found);
  std::mutex mutex;
  std::vector<std::string> cursors;
  REQUIRE((*client)->watch({{}, "loyal", {}}, [&](const result<std::string_view>& change) {
    const std::lock_guard lock(mutex);
    if (change) cursors.push_back(json::from_msgpack(*change).at("cursor"));
  }));
  server.service.emit({user("ann"), 1, nullptr, moved({"vip"}, {}), "c1"});
  server.service.emit({user("ann"), 2, nullptr, moved({"loyal"}, {}), "c2"});
  REQUIRE(eventually([&] {
    const std::lock_guard lock(mutex);
    return cursors == std::vector<std::string>{"c2"};
  }));
}
