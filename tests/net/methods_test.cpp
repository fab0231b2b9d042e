#include "net/methods.hpp"

#include <set>

#include "profile/identifier.hpp"
#include "profile/msgpack.hpp"
#include "tests/catch.hpp"
#include "tests/net/support/test_server.hpp"

using namespace kith;
using namespace kith::test;
using json = nlohmann::json;

namespace {

const json no_error = nullptr;

std::string encoded(const json& value) {
  const auto bytes = json::to_msgpack(value);
  return {bytes.begin(), bytes.end()};
}

profile::hash128 user(const std::string& id) { return profile::address_of(profile::id_kind::user, {}, id); }

json event(const std::string& id) { return {{"type", "track"}, {"messageId", id}, {"userId", "u"}, {"event", "E"}}; }

std::string code(const json& response) { return response[2].is_null() ? "" : response[2]["code"].get<std::string>(); }
std::string message(const json& response) { return response[2]["message"].get<std::string>(); }

}  // namespace

TEST_CASE("hello tells who the server is and its limits") {
  test_server server;
  const auto client = server.connect("");
  const json got = client->call("hello", {{"client", "t"}, {"version", "1"}, {"token", "token-all"}});
  REQUIRE(got[2] == no_error);
  REQUIRE(got[3]["server"] == "kith");
  REQUIRE(got[3]["node"] == "kith-1");
  REQUIRE(got[3]["version"].is_string());
  REQUIRE(got[3]["limits"]["frameBytes"] == 4 * 1024 * 1024);
  REQUIRE(got[3]["limits"]["eventBytes"] == 32 * 1024);
  REQUIRE(got[3]["limits"]["batchEvents"] == 65536);
  REQUIRE(got[3]["limits"]["nesting"] == 32);
  REQUIRE(got[3]["limits"]["inFlight"] == 1024);
}

TEST_CASE("publish hands the events to the service as they are, with the credential's source") {
  test_server server;
  const auto client = server.connect();
  const json events = {event("1"), event("2")};
  const json got = client->call("publish", events);
  REQUIRE(got[2] == no_error);
  REQUIRE(got[3] == json{{"applied", 2}, {"duplicate", 0}, {"rejected", json::array()}});
  client->call("publish", events, {{"durability", "memory"}, {"detail", true}});
  const auto batches = server.service.batches();
  REQUIRE(batches.size() == 2);
  REQUIRE(batches[0].events == encoded(events));
  REQUIRE(batches[0].source == "shop");
  REQUIRE(batches[0].options.wait_for == actors::durability::fsync);
  REQUIRE(batches[1].events == encoded(events));
  REQUIRE(batches[1].options.wait_for == actors::durability::memory);
  REQUIRE(batches[1].options.detail);
}

TEST_CASE("a forwarder says where events are from and when they came, others may not") {
  test_server server({}, {{"edge", "token-edge", {}, {}, {}, true, false, false, 0, true}, test_credentials()[1]});
  const auto edge = server.connect("token-edge");
  const json events = {event("1")};
  const json said = {{"source", "web"}, {"receivedAt", 1'700'000'000'000}};
  REQUIRE(edge->call("publish", events, said)[2] == no_error);
  REQUIRE(server.service.batches().at(0).source == "web");
  REQUIRE(server.service.batches().at(0).options.received_ms == 1'700'000'000'000);
  const auto other = server.connect("token-writer");
  const auto refused = other->call("publish", events, said);
  REQUIRE(code(refused) == "forbidden");
  REQUIRE_THAT(message(refused), tests::Contains("right \"forward\""));
  REQUIRE(code(other->call("publish", events, {{"receivedAt", 1}})) == "forbidden");
  for (const json& wrong : {json{{"source", ""}}, json{{"source", std::string(256, 's')}}, json{{"receivedAt", -1}},
                            json{{"receivedAt", "now"}}, json{{"ordered", 1}}}) {
    INFO(wrong.dump());
    REQUIRE(code(edge->call("publish", events, wrong)) == "invalid_argument");
  }
  REQUIRE(server.service.batches().size() == 1);
}

TEST_CASE("behind a publish that was refused no ordered one is taken on its connection") {
  test_server server;
  const auto client = server.connect();
  const json events = {event("1")};
  const json ordered = {{"ordered", true}};
  REQUIRE(client->call("publish", events, ordered)[2] == no_error);
  server.service.answer_with([](const auto&) { return fail(errc::unavailable, "not now"); });
  REQUIRE(code(client->call("publish", events, ordered)) == "unavailable");
  server.service.answer_with([](const auto&) { return actors::publish_outcome{1, 0, {}, {}}; });
  const auto behind = client->call("publish", events, ordered);
  REQUIRE(code(behind) == "unavailable");
  REQUIRE_THAT(message(behind), tests::Contains("connect again"));
  REQUIRE(client->call("publish", events)[2] == no_error);
  REQUIRE(server.connect()->call("publish", events, ordered)[2] == no_error);
}

TEST_CASE("publish answers with rejections and details") {
  test_server server;
  server.service.answer_with([](const fake_service::published&) {
    actors::publish_outcome out;
    out.applied = 1;
    out.rejected = {{1, errc::too_late, "older than retention"}};
    out.details = {{profile::hash128{1, 2}, 7, nullptr, false}, {{}, 0, nullptr, true}};
    return out;
  });
  const auto client = server.connect();
  const json got = client->call("publish", json::array({event("1"), event("2")}), {{"detail", true}});
  REQUIRE(got[3]["rejected"] == json::array({json::array({1, "too_late", "older than retention"})}));
  REQUIRE(got[3]["details"][0] == json::array({"00000000000000010000000000000002", 7, json::array(), json::array()}));
  REQUIRE(got[3]["details"][1].is_null());
}

TEST_CASE("what a publish as a whole fails with is its error") {
  test_server server;
  server.service.answer_with([](const fake_service::published&) -> result<actors::publish_outcome> {
    return fail(errc::unavailable, "recovering");
  });
  const json got = server.connect()->call("publish", json::array({event("1")}));
  REQUIRE(code(got) == "unavailable");
  REQUIRE(message(got) == "recovering");
  REQUIRE(got[3].is_null());
}

TEST_CASE("get finds a profile by each kind of identifier") {
  test_server server;
  const json map = {{"profile", "p"}, {"version", 3}};
  server.service.put(user("ann"), encoded(map));
  server.service.put(profile::address_of(profile::id_kind::anonymous, {}, "a1"), encoded(map));
  server.service.put(profile::address_of(profile::id_kind::external, "email", "a@b.c"), encoded(map));
  const auto client = server.connect();
  for (const json& id :
       {json{{"userId", "ann"}}, json{{"anonymousId", "a1"}},
        json{{"externalId", {{"type", "email"}, {"id", "a@b.c"}}}}, json{{"profile", profile::to_hex(user("ann"))}}}) {
    REQUIRE(client->call("get", id)[3] == map);
  }
  REQUIRE(client->call("get", {{"userId", "ann"}}, {{"fields", {"traits", "version"}}})[2] == no_error);
  REQUIRE(code(client->call("get", {{"userId", "bob"}})) == "not_found");
}

TEST_CASE("get_many has nil where nothing is found") {
  test_server server;
  server.service.put(user("ann"), encoded({{"version", 3}}));
  const auto client = server.connect();
  const json got = client->call("get_many", {{{"userId", "bob"}}, {{"userId", "ann"}}});
  REQUIRE(got[3] == json::array({nullptr, {{"version", 3}}}));
  REQUIRE(client->call("get_many", json::array())[3] == json::array());
}

TEST_CASE("gets that come together are one read of the service") {
  test_server server;
  server.service.put(user("ann"), encoded({{"version", 3}}));
  const auto client = server.connect();
  std::string many;
  for (std::uint32_t i = 0; i < 100; ++i) many += raw_client::request(1000 + i, "get", {{"userId", "ann"}});
  client->send(many);
  std::set<std::uint32_t> answered;
  for (int i = 0; i < 100; ++i) answered.insert(client->receive().value().at(1).get<std::uint32_t>());
  REQUIRE(answered.size() == 100);
  REQUIRE(server.service.reads < 10);
}

TEST_CASE("wrong parameters are named") {
  test_server server;
  const auto client = server.connect();
  const auto refused = [](const json& got) {
    REQUIRE(code(got) == "invalid_argument");
    return message(got);
  };
  const std::string forms = "give one of {userId}, {anonymousId}, {externalId: {type, id}}, {profile}";
  REQUIRE(refused(client->call("get")) == "params: 0 elements; give [id, {view?, fields?}]");
  REQUIRE(refused(client->call("get", "ann")) == "id: not a map; " + forms);
  REQUIRE(refused(client->call("get", json::object())) == "id: 0 keys; " + forms);
  REQUIRE(refused(client->call("get", {{"name", "ann"}})) == "id: unknown key \"name\"; " + forms);
  REQUIRE(refused(client->call("get", {{"userId", 5}})) == "userId: not a string");
  REQUIRE(refused(client->call("get", {{"userId", ""}})) == "userId: empty");
  REQUIRE(refused(client->call("get", {{"userId", std::string(513, 'x')}})) == "userId: 513 bytes; at most 512");
  REQUIRE(refused(client->call("get", {{"profile", "xyz"}})) == "profile: not 32 hexadecimal digits");
  REQUIRE(refused(client->call("get", {{"externalId", {{"type", "email"}}}})) ==
          "externalId: not a map of type and id");
  REQUIRE(refused(client->call("get", {{"userId", "a"}}, {{"fields", json::array({"name"})}}))
              .find("unknown field \"name\"; allowed are profile,") != std::string::npos);
  REQUIRE(refused(client->call("get", {{"userId", "a"}}, {{"depth", 1}})) ==
          "options: unknown key \"depth\"; allowed are view, fields");
  REQUIRE(refused(client->call("get_many", {{{"userId", "a"}}, {{"userId", 1}}})) == "ids[1]: userId: not a string");
  REQUIRE(refused(client->call("publish", "x")) == "events: not an array");
  REQUIRE(refused(client->call("publish", json::array(), {{"durability", "disk"}})) ==
          "durability: give \"fsync\" or \"memory\"");
  REQUIRE(refused(client->call("publish", json::array(), {{"detail", 1}})) == "detail: not a boolean");
  REQUIRE(refused(client->call("unwatch", "x")) == "n: not the number that watch gave");
  REQUIRE(refused(client->call("nonsense")) == "method \"nonsense\" is not served by this version");
  REQUIRE(refused(client->call("get", {{"userId", "a"}}, {{"view", 5}})) == "view: not the name of a view");
  REQUIRE(refused(client->call("get", {{"userId", "a"}}, {{"view", "slim"}, {"fields", {"version"}}})) ==
          "options: view and fields; give one of them, since a view says which fields");
}

TEST_CASE("get and get_many read through a view, and one that is not there is told from a profile that is not") {
  test_server server;
  server.service.show(std::make_shared<const profile::view_set>(
      std::vector<profile::view>{{"slim", "", {{"version"}}}, {"card", "", {{"traits"}}}}));
  server.service.put(user("ann"), encoded({{"version", 3}}));
  const auto client = server.connect();
  const json slim = {{"view", "slim"}};
  REQUIRE(client->call("get", {{"userId", "ann"}}, slim)[3] == json{{"version", 3}});
  REQUIRE(client->call("get_many", {{{"userId", "ann"}}, {{"userId", "bob"}}}, slim)[3] ==
          json::array({{{"version", 3}}, nullptr}));
  REQUIRE(code(client->call("get", {{"userId", "bob"}}, slim)) == "not_found");
  for (const auto* method : {"get", "get_many"}) {
    const json ids = {{"userId", "ann"}};
    const json got = client->call(method, method == std::string("get") ? ids : json::array({ids}), {{"view", "fat"}});
    REQUIRE(code(got) == "invalid_argument");
    REQUIRE(message(got) == "view: there is none named \"fat\"; there are slim, card");
  }
}

TEST_CASE("gets through different views that come together are answered each by its own") {
  test_server server;
  server.service.show(
      std::make_shared<const profile::view_set>(std::vector<profile::view>{{"slim", "", {{"version"}}}}));
  server.service.put(user("ann"), encoded({{"version", 3}}));
  const auto client = server.connect();
  std::string together;
  for (std::uint32_t i = 0; i < 30; ++i) {
    const json options = i % 3 == 0 ? json::object() : json{{"view", i % 3 == 1 ? "slim" : "fat"}};
    together += raw_client::request(100 + i, "get", {{"userId", "ann"}}, options);
  }
  client->send(together);
  for (int i = 0; i < 30; ++i) {
    const auto got = client->receive().value();
    REQUIRE(code(got) == (got.at(1).get<int>() % 3 == 0 ? "invalid_argument" : ""));
  }
}

TEST_CASE("too many events or ids at once are too large") {
  limits::connection bounds;
  bounds.batch_events = 3;
  bounds.get_many_ids = 1;
  test_server server(bounds);
  const auto client = server.connect();
  REQUIRE(code(client->call("publish", {1, 2, 3, 4})) == "too_large");
  REQUIRE(code(client->call("publish", {1, 2, 3})) == "");
  REQUIRE(code(client->call("get_many", {{{"userId", "a"}}, {{"userId", "b"}}})) == "too_large");
}

TEST_CASE("replies come in the order in which they are ready") {
  test_server server;
  const auto client = server.connect();
  server.service.hold();
  client->send(raw_client::request(101, "publish", json::array({event("1")})) +
               raw_client::request(102, "publish", json::array({event("2")})));
  REQUIRE(eventually([&] { return server.service.held() == 2; }));
  client->send(raw_client::request(103, "stats"));
  REQUIRE(client->receive().value().at(1) == 103);
  server.service.release_backwards();
  REQUIRE(client->receive().value().at(1) == 102);
  REQUIRE(client->receive().value().at(1) == 101);
}

TEST_CASE("a watch brings changes until it is unwatched") {
  test_server server;
  const auto client = server.connect();
  const json all = client->call("watch", json::object());
  const json ann = client->call("watch", {{"profile", {{"userId", "ann"}}}, {"from", "c1"}});
  REQUIRE(all[3] == json{{"watch", 1}});
  REQUIRE(ann[3] == json{{"watch", 2}});
  const auto traits = std::make_shared<const std::string>(encoded({{"age", 5}}));
  server.service.emit({user("bob"), 4, traits, nullptr, "c2"});
  const json change = client->receive().value();
  REQUIRE(change[0] == 2);
  REQUIRE(change[1] == "change");
  REQUIRE(change[2][0] == 1);
  REQUIRE(change[2][1] == json{{"profile", profile::to_hex(user("bob"))},
                               {"version", 4},
                               {"entered", json::array()},
                               {"left", json::array()},
                               {"traits", {{"age", 5}}},
                               {"cursor", "c2"}});
  REQUIRE(client->call("unwatch", 1)[2] == no_error);
  REQUIRE(code(client->call("unwatch", 1)) == "not_found");
  REQUIRE(server.service.watching() == 1);
  REQUIRE(code(client->call("watch", {{"from", "old"}})) == "invalid_argument");

  server.service.end_watches({errc::resource_exhausted, "fell behind"});
  const json ended = client->receive().value();
  REQUIRE(ended[2][0] == 2);
  REQUIRE(ended[2][1]["error"]["code"] == "resource_exhausted");
}

TEST_CASE("watches end with their connection") {
  test_server server;
  auto client = server.connect();
  client->call("watch", json::object());
  REQUIRE(server.service.watching() == 1);
  client.reset();
  REQUIRE(eventually([&] { return server.service.watching() == 0; }));
}

TEST_CASE("a connection has so many watches and no more") {
  limits::connection bounds;
  bounds.watches = 2;
  test_server server(bounds);
  const auto client = server.connect();
  client->call("watch", json::object());
  client->call("watch", json::object());
  REQUIRE(code(client->call("watch", json::object())) == "resource_exhausted");
}

TEST_CASE("stats has counters and latencies") {
  test_server server;
  const auto client = server.connect();
  client->call("publish", json::array({event("1")}));
  const json got = client->call("stats");
  REQUIRE(got[3]["events_applied"] == 42);
  REQUIRE(got[3]["latency"]["end_to_end"]["count"] == 1);
  REQUIRE(got[3]["latency"]["end_to_end"]["p99"].is_number());
}

TEST_CASE("rights are kept to") {
  test_server server;
  const auto writer = server.connect("token-writer");
  REQUIRE(code(writer->call("publish", json::array({event("1")}))) == "");
  REQUIRE(code(writer->call("get", {{"userId", "a"}})) == "forbidden");
  REQUIRE(code(writer->call("watch", json::object())) == "forbidden");
  const auto reader = server.connect("token-reader");
  REQUIRE(code(reader->call("publish", json::array({event("1")}))) == "forbidden");
  REQUIRE(code(reader->call("get", {{"userId", "a"}})) == "not_found");
  for (const auto& each : {&writer, &reader}) {
    REQUIRE(code((*each)->call("erase", {{"userId", "a"}}, {{"reason", "r"}})) == "forbidden");
  }
  REQUIRE(server.erased.empty());
}

TEST_CASE("erase asks for the profile's address, with a reason, and answers with the receipt") {
  test_server server;
  const auto client = server.connect();
  const auto got = client->call("erase", {{"userId", "ann"}}, {{"reason", "ticket 7"}});
  REQUIRE(got[2] == no_error);
  REQUIRE(got[3] == json{{"receipt", "the receipt of " + profile::to_hex(user("ann"))}});
  REQUIRE(server.erased.size() == 1);
  REQUIRE(server.erased[0].reason == "ticket 7");
  REQUIRE(server.erased[0].by == "all");
  REQUIRE(server.erased[0].role == "admin");
  REQUIRE(server.erased[0].known_by == "token");
  REQUIRE(message(client->call("erase", {{"userId", "ann"}}, json::object())) ==
          "reason: must be a string of 1 to 1000 bytes");
  REQUIRE(message(client->call("erase", {{"userId", "ann"}}, {{"why", "x"}})) ==
          "params[1]: must hold nothing but `reason`, a string");
  REQUIRE(server.erased.size() == 1);
}
