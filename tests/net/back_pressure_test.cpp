#include <chrono>

#include "profile/identifier.hpp"
#include "tests/catch.hpp"
#include "tests/net/support/test_server.hpp"

using namespace kith;
using namespace kith::test;
using namespace std::chrono_literals;
using json = nlohmann::json;

TEST_CASE("no more requests are taken than may be in flight, and all are answered in the end") {
  limits::connection bounds;
  bounds.in_flight_requests = 4;
  test_server server(bounds);
  const auto client = server.connect();
  server.service.hold();
  std::string many;
  for (std::uint32_t i = 0; i < 20; ++i) many += raw_client::request(100 + i, "publish", json::array({1}));
  client->send(many);
  REQUIRE(eventually([&] { return server.service.held() == 4; }));
  REQUIRE(eventually([&] { return server.running->stats().reads_paused >= 1; }));
  REQUIRE(server.service.held() == 4);
  server.service.release();
  for (int i = 0; i < 20; ++i) REQUIRE(client->receive());
}

TEST_CASE("bytes in flight are bounded too") {
  limits::connection bounds;
  bounds.in_flight_bytes = 10'000;
  test_server server(bounds);
  const auto client = server.connect();
  server.service.hold();
  std::string many;
  for (std::uint32_t i = 0; i < 20; ++i) {
    many += raw_client::request(100 + i, "publish", json::array({std::string(4000, 'x')}));
  }
  client->send(many);
  REQUIRE(eventually([&] { return server.running->stats().reads_paused >= 1; }));
  REQUIRE(server.service.held() == 3);
  server.service.release();
  for (int i = 0; i < 20; ++i) REQUIRE(client->receive());
}

TEST_CASE("while the shard is not ready its sockets are not read; then they are") {
  test_server server;
  const auto client = server.connect();
  server.service.set_ready(false);
  client->send(raw_client::request(1, "publish", json::array({1})));
  REQUIRE(eventually([&] { return server.running->stats().reads_paused >= 1; }));
  // TCP tells the sender: what it can still send is bounded by the sockets' buffers.
  const std::string frame = raw_client::request(2, "publish", json::array({std::string(1'000'000, 'x')}));
  int taken = 0;
  while (taken < 100 && client->send(frame, 200ms)) ++taken;
  REQUIRE(taken < 100);
  REQUIRE(server.service.batches().empty());
  server.service.set_ready(true);
  REQUIRE(client->receive().value().at(1) == 1);
  REQUIRE(eventually([&] { return server.service.batches().size() >= static_cast<std::size_t>(taken); }));
}

TEST_CASE("a client that does not read its replies is not read either") {
  limits::connection bounds;
  bounds.outbound_bytes = 1024 * 1024;
  bounds.in_flight_requests = 8;
  test_server server(bounds);
  const auto bytes = json::to_msgpack(json{{"traits", std::string(200'000, 'x')}});
  server.service.put(profile::address_of(profile::id_kind::user, {}, "ann"), {bytes.begin(), bytes.end()});
  const auto client = server.connect();
  constexpr int requests = 400;
  for (std::uint32_t i = 0; i < requests; ++i) client->send(raw_client::request(i, "get", {{"userId", "ann"}}));
  REQUIRE(eventually([&] { return server.running->stats().reads_paused >= 1; }));
  const auto other = server.connect();
  REQUIRE(other->call("stats")[2].is_null());
  for (int i = 0; i < requests; ++i) REQUIRE(client->receive());
}

TEST_CASE("a watch whose changes are not read ends with resource_exhausted") {
  limits::connection bounds;
  bounds.outbound_bytes = 256 * 1024;
  test_server server(bounds);
  const auto client = server.connect();
  client->call("watch", json::object());
  const auto bytes = json::to_msgpack(json{{"long", std::string(100'000, 'x')}});
  const auto traits = std::make_shared<const std::string>(bytes.begin(), bytes.end());
  REQUIRE(eventually([&] {
    server.service.emit({{}, 1, traits, nullptr, "c"});
    return server.running->stats().watches_ended == 1;
  }));
  REQUIRE(eventually([&] { return server.service.watching() == 0; }));
  json last;
  while (last.is_null() || !last[2][1].contains("error")) last = client->receive().value();
  REQUIRE(last[2][1]["error"]["code"] == "resource_exhausted");
  REQUIRE(client->call("stats")[2].is_null());
}

TEST_CASE("a server that stops answers what is in flight first") {
  test_server server;
  const auto client = server.connect();
  const auto idle = server.connect();
  server.service.hold();
  client->send(raw_client::request(7, "publish", json::array({1})));
  REQUIRE(eventually([&] { return server.service.held() == 1; }));
  std::thread stopper([&] { server.running->stop(10s); });
  REQUIRE(idle->is_closed_by_server());
  server.service.release();
  REQUIRE(client->receive().value().at(1) == 7);
  REQUIRE(client->is_closed_by_server());
  client->reset();
  idle->reset();
  stopper.join();
  REQUIRE(server.running->stats().connections_open == 0);
}

TEST_CASE("a stop ends at its deadline, whatever is in flight, and late answers harm nobody") {
  test_server server;
  const auto client = server.connect();
  server.service.hold();
  client->send(raw_client::request(7, "publish", json::array({1})));
  REQUIRE(eventually([&] { return server.service.held() == 1; }));
  const auto before = std::chrono::steady_clock::now();
  server.running->stop(50ms);
  REQUIRE(std::chrono::steady_clock::now() - before < 2s);
  REQUIRE(server.running->stats().connections_open == 0);
  server.running.reset();
  server.service.release();
}
