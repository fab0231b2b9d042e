#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <numeric>

#include "tests/catch.hpp"
#include "tests/net/support/test_server.hpp"

using namespace kith;
using namespace kith::test;
using namespace std::chrono_literals;
using namespace std::string_literals;
using json = nlohmann::json;

namespace {

std::string code(const json& response) { return response[2].is_null() ? "" : response[2]["code"].get<std::string>(); }

/// Sends it; the error that comes back before the server closes.
std::string refusal_of(test_server& server, const std::string& hostile) {
  const auto client = server.connect();
  client->send(hostile);
  const auto got = client->receive();
  REQUIRE(got);
  REQUIRE(client->is_closed_by_server());
  return code(*got);
}

}  // namespace

TEST_CASE("hostile frames get an error and a closed connection, others are unharmed") {
  test_server server;
  const auto other = server.connect();
  REQUIRE(refusal_of(server, std::string(200, '\x91')) == "too_large");                    // nesting bomb
  REQUIRE(refusal_of(server, "\xdd\x7f\xff\xff\xff"s) == "too_large");                     // array of 2 Gi entries
  REQUIRE(refusal_of(server, "\x94\x00\x05\xa3get\xdb\x80\x00\x00\x00"s) == "too_large");  // string of 2 GiB
  REQUIRE(refusal_of(server, "\xc1"s) == "invalid_argument");
  REQUIRE(refusal_of(server, "GET / HTTP/1.1\r\n\r\n") == "invalid_argument");
  REQUIRE(refusal_of(server, "\x94\x00\xff\xa1x\x90"s) == "invalid_argument");  // msgid -1
  REQUIRE(refusal_of(server, "\x94\x01\x05\xc0\xc0"s) == "invalid_argument");   // a response
  REQUIRE(server.running->stats().malformed_frames == 7);
  REQUIRE(code(other->call("stats")) == "");
  REQUIRE(server.eventually_open(1));
}

TEST_CASE("a malformed request is answered under its msgid where that can be told") {
  test_server server;
  const auto client = server.connect();
  client->send("\x94\x00\x05\xa3get\x01"s);  // params are no array
  REQUIRE(client->receive().value().at(1) == 5);
}

TEST_CASE("what came before a malformed frame is still answered") {
  test_server server;
  const auto client = server.connect();
  server.service.hold();
  client->send(raw_client::request(50, "publish", json::array({1})) + "\xc1");
  REQUIRE(client->receive().value().at(1) == 0);
  server.service.release();
  REQUIRE(client->receive().value().at(1) == 50);
  REQUIRE(client->is_closed_by_server());
}

TEST_CASE("an event may nest as deep as its limit, within the request") {
  test_server server;
  const auto client = server.connect();
  json event = 1;
  for (int i = 0; i < 31; ++i) event = json{{"p", event}};
  REQUIRE(code(client->call("publish", json::array({json{{"p", event}}}))) == "");
  REQUIRE(refusal_of(server, raw_client::request(9, "publish", json::array({json{{"p", json{{"p", event}}}}}))) ==
          "too_large");
}

TEST_CASE("garbage instead of TLS closes the connection") {
  test_server server;
  raw_client client(server.running->port());
  client.send_plain(std::string(1000, 'x'));
  REQUIRE(client.is_closed_by_server());
  REQUIRE(eventually([&] { return server.running->stats().handshake_failures == 1; }));
}

TEST_CASE("notifications from clients are counted and ignored") {
  test_server server;
  const auto client = server.connect();
  const auto bytes = json::to_msgpack(json::array({2, "publish", json::array({json::array({1})})}));
  client->send({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  REQUIRE(code(client->call("stats")) == "");
  REQUIRE(server.running->stats().notifications_ignored == 1);
  REQUIRE(server.service.batches().empty());
}

TEST_CASE("who does not finish its handshake, hello or frame in time is closed") {
  limits::connection bounds;
  bounds.handshake_timeout = 50ms;
  bounds.hello_timeout = 100ms;
  bounds.frame_timeout = 50ms;
  test_server server(bounds);
  raw_client silent(server.running->port());
  REQUIRE(silent.is_closed_by_server());
  const auto wordless = server.connect("");
  REQUIRE(code(wordless->receive().value()) == "unauthenticated");
  REQUIRE(wordless->is_closed_by_server());
  wordless->reset();
  const auto half = server.connect();
  half->send(raw_client::request(1, "stats").substr(0, 5));
  REQUIRE(code(half->receive().value()) == "invalid_argument");
  REQUIRE(half->is_closed_by_server());
  half->reset();
  REQUIRE(server.running->stats().timeouts == 3);
  REQUIRE(server.eventually_open(0));
}

TEST_CASE("a connection that idles between frames is left alone") {
  limits::connection bounds;
  bounds.frame_timeout = 200ms;
  bounds.hello_timeout = 200ms;
  test_server server(bounds);
  const auto idle = server.connect();
  const auto half = server.connect();
  const auto wordless = server.connect("");
  half->send("\x94");
  // When these are closed, the idle one has been looked at for as long.
  REQUIRE(half->is_closed_by_server());
  REQUIRE(wordless->is_closed_by_server());
  REQUIRE(code(idle->call("stats")) == "");
}

TEST_CASE("quotas are answered with a time to wait") {
  limits::connection bounds;
  bounds.requests_per_second = 5;
  test_server server(bounds, test_credentials(100));
  const auto client = server.connect();
  const json big(100, 1);
  REQUIRE(code(client->call("publish", big)) == "");
  const json refused = client->call("publish", big);
  REQUIRE(code(refused) == "resource_exhausted");
  REQUIRE(refused[2]["retry_after_ms"] > 100);
  REQUIRE(refused[2]["retry_after_ms"] <= 1000);
  // The quota of events is the credential's: another connection has it too.
  const auto second = server.connect();
  REQUIRE(code(second->call("publish", big)) == "resource_exhausted");
  json last;
  for (int i = 0; i < 10 && code(last = client->call("stats")).empty(); ++i) {
  }
  REQUIRE(code(last) == "resource_exhausted");
  REQUIRE(last[2]["retry_after_ms"] >= 1);
  REQUIRE(last[2]["message"] == "more requests a second than a connection may send");
  REQUIRE(server.running->stats().quota_refusals >= 3);
}

TEST_CASE("more connections than allowed are closed at once") {
  limits::connection bounds;
  bounds.connections = 2;
  test_server server(bounds);
  const auto first = server.connect();
  const auto second = server.connect();
  raw_client third(server.running->port());
  REQUIRE(third.is_closed_by_server());
  REQUIRE(server.running->stats().connections_refused == 1);
  bounds.connections = 3;
  server.running->reload_limits(bounds);
  REQUIRE(code(server.connect()->call("stats")) == "");
}

// KITH_CONNECTIONS: how many (default 1000).
TEST_CASE("connections opened and dropped leave none, and no descriptor") {
  const auto descriptors = [] {
    const std::filesystem::directory_iterator open("/proc/self/fd");
    return std::distance(begin(open), end(open));
  };
  const char* text = std::getenv("KITH_CONNECTIONS");
  const auto rounds = (text == nullptr ? 1000U : static_cast<unsigned>(std::stoul(text))) / 100;
  test_server server;
  const auto before = descriptors();
  for (unsigned round = 0; round < rounds; ++round) {
    std::vector<std::unique_ptr<raw_client>> clients;
    for (int i = 0; i < 100; ++i) {
      auto& made = *clients.emplace_back(std::make_unique<raw_client>(server.running->port()));
      if (i % 4 == 1) made.send_plain("garbage");
      if (i % 4 >= 2) made.handshake(server.trust());
      if (i % 4 == 3) made.send(raw_client::request(1, "hello", {{"token", "token-all"}}));
      if (i % 4 == 3) made.send(raw_client::request(2, "publish", json::array({1})));
      made.reset();
    }
  }
  REQUIRE(eventually([&] { return server.running->stats().connections_total == rounds * 100; }));
  REQUIRE(server.eventually_open(0));
  REQUIRE(eventually([&] { return descriptors() == before; }));
}
