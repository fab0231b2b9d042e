#include "net/client.hpp"

#include <atomic>
#include <mutex>
#include <numeric>

#include "net/publisher.hpp"
#include "profile/msgpack.hpp"
#include "tests/catch.hpp"
#include "tests/net/support/test_server.hpp"

using namespace kith;
using namespace kith::test;
using namespace std::chrono_literals;
using json = nlohmann::json;

namespace {

std::string encoded(const json& value) {
  const auto bytes = json::to_msgpack(value);
  return {bytes.begin(), bytes.end()};
}

const profile::identifier ann{profile::id_kind::user, {}, "ann"};

profile::hash128 address(const profile::identifier& id) {
  profile::hash128 out;
  REQUIRE(profile::address_of(id, out));
  return out;
}

}  // namespace

TEST_CASE("a client publishes, reads, watches") {
  test_server server;
  const auto client = net::client::connect(server.client_options());
  REQUIRE(client);
  const std::vector<std::string> events = {encoded({{"a", 1}}), encoded({{"a", 2}})};
  const auto outcome = (*client)->publish(events, {actors::durability::memory, false});
  REQUIRE(outcome);
  REQUIRE(outcome->applied == 2);
  REQUIRE(server.service.batches().at(0).options.wait_for == actors::durability::memory);
  REQUIRE((*client)->get(ann).error().code == errc::not_found);
  server.service.put(address(ann), encoded({{"version", 1}}));
  REQUIRE((*client)->get(ann, {"version"}) == encoded({{"version", 1}}));
  const profile::identifier email{profile::id_kind::external, "email", "a@b.c"};
  REQUIRE((*client)->get_many({email, ann}) == encoded({nullptr, {{"version", 1}}}));
  REQUIRE(json::from_msgpack((*client)->stats().value())["events_applied"] == 42);
  REQUIRE((*client)->call("explain", "\x90").error().code == errc::invalid_argument);

  std::atomic<int> changes{0};
  std::atomic<int> ends{0};
  const auto watch =
      (*client)->watch({ann, {}, {}}, [&](const result<std::string_view>& change) { ++(change ? changes : ends); });
  REQUIRE(watch);
  server.service.emit({address(ann), 1, nullptr, nullptr, "c"});
  server.service.emit({address(email), 1, nullptr, nullptr, "c"});
  REQUIRE(eventually([&] { return changes == 1; }));
  REQUIRE((*client)->unwatch(*watch));
  REQUIRE(server.service.watching() == 0);
  REQUIRE((*client)->watch({}, [&](const result<std::string_view>& change) { ++(change ? changes : ends); }));
  server.service.end_watches({errc::unavailable, "stopping"});
  REQUIRE(eventually([&] { return ends == 1; }));
}

TEST_CASE("a client says why it can not connect") {
  test_server server;
  auto options = server.client_options("wrong");
  REQUIRE(net::client::connect(options).error().code == errc::unauthenticated);
  options = server.client_options();
  options.ca_file = server.authority.path("server.pem");
  options.retry.attempts = 1;
  const auto distrusts = net::client::connect(options);
  REQUIRE(distrusts.error().code == errc::unavailable);
  REQUIRE(distrusts.error().message.find("certificate verify failed") != std::string::npos);
  options.ca_file = "/nonexistent.pem";
  REQUIRE(net::client::connect(options).error().code == errc::invalid_argument);
  options = server.client_options();
  options.server_name = "other.example";
  options.retry.attempts = 1;
  REQUIRE(net::client::connect(options).error().code == errc::unavailable);
  server.running->stop({});
  options = server.client_options();
  options.retry.attempts = 2;
  const auto refused = net::client::connect(options);
  REQUIRE(refused.error().code == errc::unavailable);
  REQUIRE(refused.error().message.find("127.0.0.1:") == 0);
}

TEST_CASE("a client with a certificate needs no token") {
  test_server server;
  const auto files = server.authority.issue("client", "somebody");
  auto options = server.client_options({});
  options.cert_file = files.certificate;
  options.key_file = files.key;
  REQUIRE(net::client::connect(options).value()->stats());
  REQUIRE(net::client::connect(server.client_options({})).error().code == errc::unauthenticated);
}

TEST_CASE("a client retries what can be retried, and not for ever") {
  test_server server;
  std::atomic<int> tries{0};
  server.service.answer_with([&](const fake_service::published&) -> result<actors::publish_outcome> {
    if (++tries < 3) return fail(errc::unavailable, "recovering");
    return actors::publish_outcome{1, 0, {}, {}};
  });
  auto options = server.client_options();
  options.retry.attempts = 4;
  const auto client = net::client::connect(options).value();
  REQUIRE(client->publish({"\x80"}).value().applied == 1);
  REQUIRE(tries == 3);
  tries = -10;
  REQUIRE(client->publish({"\x80"}).error().message == "recovering");
  REQUIRE(tries == -6);
}

TEST_CASE("a client waits as long as the server asks") {
  test_server server({}, test_credentials(20));
  const auto client = net::client::connect(server.client_options()).value();
  const std::vector<std::string> events(20, "\x80");
  REQUIRE(client->publish(events));
  const auto before = std::chrono::steady_clock::now();
  REQUIRE(client->publish({"\x80", "\x80", "\x80", "\x80"}));
  REQUIRE(std::chrono::steady_clock::now() - before > 150ms);
  REQUIRE(server.service.batches().size() == 2);
}

TEST_CASE("a client reconnects to a server that was restarted") {
  test_server server;
  const auto client = net::client::connect(server.client_options()).value();
  std::atomic<int> ended{0};
  REQUIRE(client->watch({}, [&](const result<std::string_view>& change) { ended += change ? 0 : 1; }));
  net::server_options again;
  again.port = server.running->port();
  server.running.reset();
  REQUIRE(eventually([&] { return ended == 1; }));
  server.running = net::server::start(server.service, server.tls, server.known, again).value();
  REQUIRE(client->publish({"\x80"}).value().applied == 1);
}

TEST_CASE("calls of several threads share a client") {
  test_server server;
  const auto client = net::client::connect(server.client_options()).value();
  std::atomic<int> applied{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 100; ++i) applied += static_cast<int>(client->publish({"\x80"}).value().applied);
    });
  }
  for (auto& thread : threads) thread.join();
  REQUIRE(applied == 400);
}

TEST_CASE("a request without a reply is unavailable in the end") {
  test_server server;
  auto options = server.client_options();
  options.request_timeout = 50ms;
  options.retry.attempts = 2;
  const auto client = net::client::connect(options).value();
  server.service.hold();
  REQUIRE(client->publish({"\x80"}).error().message == "no reply in time");
  REQUIRE(server.service.held() == 2);
}

TEST_CASE("a publisher batches, and answers for each event once") {
  test_server server;
  std::mutex mutex;
  std::vector<int> answered(1000, 0);
  net::publisher_options batching;
  batching.batch_events = 64;
  batching.in_flight = 3;
  const auto publisher = net::publisher::connect(
      server.client_options(), batching,
      [&](std::uint64_t first, std::size_t count, const result<actors::publish_outcome>& outcome) {
        const std::lock_guard lock(mutex);
        const bool all = outcome && outcome->applied == count;
        for (std::size_t i = 0; i < count; ++i) answered.at(first + i) += all ? 1 : 100;
      });
  REQUIRE(publisher);
  for (int i = 0; i < 1000; ++i) (*publisher)->add(encoded({{"n", i}}));
  (*publisher)->flush();
  REQUIRE(answered == std::vector<int>(1000, 1));
  REQUIRE(server.service.batches().size() >= 16);
  REQUIRE(server.service.batches().size() < 100);
}

TEST_CASE("a lone event does not wait for others longer than the linger time") {
  test_server server;
  std::atomic<int> answered{0};
  const auto publisher =
      net::publisher::connect(server.client_options(), {},
                              [&](std::uint64_t, std::size_t, const result<actors::publish_outcome>&) { ++answered; });
  (*publisher)->add("\x80");
  REQUIRE(eventually([&] { return answered == 1; }));
}

TEST_CASE("a publisher answers for every event when its server is gone for good") {
  test_server server;
  auto options = server.client_options();
  options.retry.attempts = 2;
  std::atomic<std::size_t> failed{0};
  auto publisher = net::publisher::connect(
      options, {}, [&](std::uint64_t, std::size_t count, const result<actors::publish_outcome>& outcome) {
        if (!outcome) failed += count;
      });
  server.running.reset();
  for (int i = 0; i < 500; ++i) (*publisher)->add("\x80");
  publisher->reset();
  REQUIRE(failed == 500);
}
