#include "net/http_server.hpp"

#include <utility>
#include <boost/asio/post.hpp>
#include <mutex>
#include <thread>
#include <vector>

#include "tests/catch.hpp"
#include "tests/net/support/test_server.hpp"

using namespace kith;
using namespace kith::test;
using namespace std::chrono_literals;

namespace {

/// Answers with the request; what is held is answered by release().
struct test_http {
  explicit test_http(net::http_limits bounds = {}) {
    tls = net::reloadable_tls::load(authority.server_options()).value();
    server = net::http_server::start(
                 loops, tls, {"127.0.0.1", 0, bounds},
                 [this](unsigned home, const net::http_request& request, net::http_reply reply) {
                   if (request.path() == "/hold") {
                     const std::lock_guard lock(mutex);
                     held.emplace_back(home, std::move(reply));
                     return;
                   }
                   if (request.path() == "/drop") return;
                   net::http_response made;
                   made.content_type = "text/plain";
                   made.body = std::string(request.method) + " " + std::string(request.target) + " " +
                               std::string(request.field("x-test")) + " " + std::string(request.body);
                   reply(made);
                 },
                 [](unsigned status, const error& why) {
                   return net::http_response{status, "text/plain", why.message, {}};
                 })
                 .value();
  }
  std::unique_ptr<raw_client> connect() {
    auto made = std::make_unique<raw_client>(server->port());
    if (!made->handshake({{}, {}, authority.path("ca.pem")})) throw std::runtime_error("no handshake");
    return made;
  }
  std::size_t holding() {
    const std::lock_guard lock(mutex);
    return held.size();
  }
  void release() {
    const std::lock_guard lock(mutex);
    for (auto& [home, reply] : held) {
      boost::asio::post(service.io(home), [answer = std::move(reply)]() mutable {
        answer({200, "text/plain", "released", {}});
      });
    }
    held.clear();
  }
  /// What comes back for these bytes, before the server closes.
  raw_client::http_answer refusal_of(const std::string& bytes) {
    const auto client = connect();
    client->send(bytes);
    const auto got = client->receive_http();
    REQUIRE(got);
    CHECK(got->field("Connection") == "close");
    CHECK(client->is_closed_by_server());
    return *got;
  }

  certificates authority;
  fake_service service;
  net::shard_loops loops{service};
  std::shared_ptr<net::reloadable_tls> tls;
  std::mutex mutex;
  std::vector<std::pair<unsigned, net::http_reply>> held;
  std::unique_ptr<net::http_server> server;
};

const std::string head = "POST /a?b=c HTTP/1.1\r\nHost: localhost\r\n";

}  // namespace

TEST_CASE("requests on one connection are answered in their order, also when sent ahead") {
  test_http of;
  const auto client = of.connect();
  client->send(head + "X-Test: 1\r\nContent-Length: 2\r\n\r\nhi" + head + "X-Test:  2 \r\nContent-Length: 0\r\n\r\n");
  CHECK(client->receive_http().value().body == "POST /a?b=c 1 hi");
  const auto second = client->receive_http().value();
  CHECK(second.body == "POST /a?b=c 2 ");
  CHECK(second.field("Connection").empty());
  CHECK(second.field("Date").ends_with("GMT"));
  CHECK(of.server->stats().requests == 2);
}

TEST_CASE("bodies in chunks, cut anywhere, come whole; trailers are not trusted") {
  test_http of;
  const std::string request = head +
                              "Transfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n3;ext=1\r\nefg\r\n0\r\nX-Test: forged\r\n"
                              "\r\n";
  for (const std::size_t cut : {1U, 7U, 50U}) {
    const auto client = of.connect();
    for (std::size_t at = 0; at < request.size(); at += cut) client->send(request.substr(at, cut));
    CHECK(client->receive_http().value().body == "POST /a?b=c  abcdefg");
  }
}

TEST_CASE("a client that waits for 100 Continue gets it") {
  test_http of;
  const auto client = of.connect();
  client->send(head + "Expect: 100-continue\r\nContent-Length: 3\r\n\r\n");
  CHECK(client->receive_http().value().status == 100);
  client->send("abc");
  CHECK(client->receive_http().value().body == "POST /a?b=c  abc");
}

TEST_CASE("HEAD is answered without a body, HTTP/1.0 closes") {
  test_http of;
  const auto client = of.connect();
  const auto answer = client->ask("HEAD", "/x");
  CHECK(answer.field("Content-Length") == "9");
  CHECK(client->ask("GET", "/y").body == "GET /y  ");
  const auto old = of.connect();
  old->send("GET /z HTTP/1.0\r\n\r\n");
  CHECK(old->receive_http().value().body == "GET /z  ");
  CHECK(old->is_closed_by_server());
}

TEST_CASE("shapes in which two servers would see different requests are refused") {
  test_http of;
  const auto status = [&](const std::string& fields, const std::string& rest = "0\r\n\r\n") {
    return of.refusal_of(head + fields + "\r\n" + rest).status;
  };
  CHECK(status("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n") == 400);
  CHECK(status("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n") == 400);
  CHECK(status("Content-Length: 5\r\nContent-Length: 6\r\n") == 400);
  CHECK(status("Content-Length: +5\r\n") == 400);
  CHECK(status("Content-Length: 0x5\r\n") == 400);
  CHECK(status("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n") == 400);
  CHECK(status("Transfer-Encoding: identity, chunked\r\n") == 501);
  CHECK(status("Transfer-Encoding: xchunked\r\n") == 501);
  CHECK(status("Transfer-Encoding : chunked\r\n") == 400);
  CHECK(status("Transfer-Encoding: chunked\r\n", "zz\r\n") == 400);
  CHECK(status("Host: other\r\n") == 400);
  CHECK(status("X-Test: a\rb\r\n") == 400);
  CHECK(status(std::string("X-Test: a\0b\r\n", 14)) == 400);
  CHECK(of.refusal_of("GET / HTTP/1.1\r\n\r\n").status == 400);
  CHECK(of.refusal_of("GET / HTTP/1.1\nHost: a\n\n").status == 505);
  CHECK(of.refusal_of("POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\nHost:").status == 400);
  CHECK(of.refusal_of("GET http://evil/ HTTP/1.1\r\nHost: a\r\n\r\n").status == 400);
  CHECK(of.refusal_of("GET / HTTP/2.0\r\nHost: a\r\n\r\n").status == 505);
  CHECK(of.refusal_of("GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n").status == 400);
  CHECK(of.refusal_of("\x94\x01\x05\xc0\xc0 garbage that is no HTTP\r\n\r\n").status == 400);
}

TEST_CASE("what is too large is refused before it is kept, and says so") {
  net::http_limits bounds;
  bounds.target_bytes = 64;
  bounds.header_bytes = 1024;
  bounds.fields = 10;
  bounds.body_bytes = 100;
  test_http of(bounds);
  CHECK(of.refusal_of("GET /" + std::string(100, 'a') + " HTTP/1.1\r\nHost: a\r\n\r\n").status == 414);
  CHECK(of.refusal_of(head + "X-Test: " + std::string(2000, 'a') + "\r\n\r\n").status == 431);
  CHECK(of.refusal_of(head + "X-Test: " + std::string(100000, 'a')).status == 431);  // its end never comes
  std::string many;
  for (int i = 0; i < 20; ++i) many += "X: 1\r\n";
  CHECK(of.refusal_of(head + many + "\r\n").status == 431);
  CHECK(of.refusal_of(head + "Content-Length: 101\r\n\r\n").status == 413);
  CHECK(of.refusal_of(head + "Transfer-Encoding: chunked\r\n\r\nfff\r\n" + std::string(200, 'a')).status == 413);
  CHECK(of.server->stats().refused == 6);
  CHECK(of.server->stats().waiting_bytes == 0);
}

TEST_CASE("bodies of all connections together are bounded") {
  net::http_limits bounds;
  bounds.waiting_bytes = 1000;
  test_http of(bounds);
  const auto first = of.connect();
  first->send("POST /hold HTTP/1.1\r\nHost: a\r\nContent-Length: 800\r\n\r\n" + std::string(800, 'x'));
  REQUIRE(eventually([&] { return of.holding() == 1; }));
  const auto refused =
      of.refusal_of("POST /hold HTTP/1.1\r\nHost: a\r\nContent-Length: 300\r\n\r\n" + std::string(300, 'x'));
  CHECK(refused.status == 503);
  CHECK(refused.field("Retry-After") == "1");
  of.release();
  CHECK(first->receive_http().value().body == "released");
  CHECK(eventually([&] { return of.server->stats().waiting_bytes == 0; }));
  CHECK(first->ask("POST", "/again", std::string(900, 'x')).status == 200);
}

TEST_CASE("who sends a header or a body too slowly is told, and idle connections end") {
  net::http_limits bounds;
  bounds.header_timeout = 100ms;
  bounds.body_timeout = 100ms;
  bounds.idle_timeout = 100ms;
  bounds.handshake_timeout = 100ms;
  test_http of(bounds);
  CHECK(of.refusal_of("POST / HTTP/1.1\r\nHost: ").status == 408);
  CHECK(of.refusal_of(head + "Content-Length: 10\r\n\r\nabc").status == 408);
  const auto idle = of.connect();
  CHECK(idle->is_closed_by_server());
  raw_client silent(of.server->port());
  CHECK(silent.is_closed_by_server());
  CHECK(of.server->stats().timeouts == 3);
  CHECK(eventually([&] { return of.server->stats().connections_open == 0; }));
}

TEST_CASE("while a shard has too much to do its HTTP connections are not read") {
  test_http of;
  of.service.set_ready(false);
  const auto client = of.connect();
  client->send(head + "Content-Length: 0\r\n\r\n");
  CHECK_FALSE(client->receive_http(50ms));
  of.service.set_ready(true);
  CHECK(client->receive_http().value().status == 200);
  CHECK(of.server->stats().reads_paused >= 1);
}

TEST_CASE("a stop answers what is in flight and closes the rest") {
  test_http of;
  const auto busy = of.connect();
  const auto idle = of.connect();
  busy->send("POST /hold HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
  REQUIRE(eventually([&] { return of.holding() == 1; }));
  std::thread stopping([&] { of.server->stop(5s); });
  CHECK(idle->is_closed_by_server());
  of.release();
  const auto answer = busy->receive_http();
  CHECK(busy->is_closed_by_server());
  stopping.join();
  REQUIRE(answer);
  CHECK(answer->field("Connection") == "close");
  CHECK(of.server->stats().connections_open == 0);
}

TEST_CASE("a request that its handler lets go without an answer ends its connection") {
  test_http of;
  const auto client = of.connect();
  client->send("GET /drop HTTP/1.1\r\nHost: a\r\n\r\n");
  CHECK(client->is_closed_by_server());
}

TEST_CASE("connections over the bound are closed, and counted") {
  net::http_limits bounds;
  bounds.connections = 1;
  test_http of(bounds);
  const auto first = of.connect();
  CHECK(first->ask("GET", "/").status == 200);
  raw_client second(of.server->port());
  CHECK(second.is_closed_by_server());
  CHECK(of.server->stats().connections_refused == 1);
}
