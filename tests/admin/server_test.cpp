// The admin server on a real TLS socket, over a runtime that answers on command.
#include "admin/server.hpp"

#include <filesystem>
#include <nlohmann/json.hpp>

#include "tests/admin/support/https_client.hpp"
#include "tests/catch.hpp"
#include "tests/net/support/certificates.hpp"
#include "tests/net/support/fake_service.hpp"

using namespace kith;
using namespace kith::test;
using nlohmann::json;
using http_field = boost::beast::http::field;

namespace {

constexpr std::chrono::milliseconds short_timeout{200};

std::vector<net::credential_config> known_credentials() {
  return {{"reader", "token-reader", {}, "reader-1", {}, false, true, false, 0},
          {"writer", "token-writer", {}, {}, {}, true, false, false, 0},
          {"boss", "token-boss", {}, {}, {}, false, false, true, 0}};
}

std::string ask(const std::string& method, const std::string& target, const std::string& headers = {}) {
  return method + " " + target + " HTTP/1.1\r\nHost: localhost\r\n" + headers + "\r\n";
}
std::string get(const std::string& target, const std::string& headers = {}) { return ask("GET", target, headers); }
std::string bearer(const std::string& token) { return "Authorization: Bearer " + token + "\r\n"; }

struct front {
  explicit front(admin::admin_options options = {}) {
    options.port = 0;
    auto tls_options = authority.server_options();
    tls_options.alpn = "http/1.1";
    tls = net::reloadable_tls::load(tls_options).value();
    credentials = net::credential_store::make(known_credentials(), std::nullopt).value();
    definitions = admin::definition_store::open(persistence::real_files(), authority.path("no-data"), {}).value();
    running = admin::admin_server::start(service, *definitions, tls, credentials, options).value();
  }

  net::tls_files trust() const { return {{}, {}, authority.path("ca.pem")}; }
  std::unique_ptr<https_client> dial() const { return std::make_unique<https_client>(running->port()); }
  std::unique_ptr<https_client> connect() const {
    auto made = dial();
    if (!made->handshake(trust())) throw std::runtime_error("no handshake");
    return made;
  }
  /// The response to these bytes on a connection of their own; nothing if there is none.
  std::optional<https_client::response> answer(const std::string& bytes) const {
    const auto client = connect();
    if (!client->send(bytes)) return {};
    return client->receive();
  }

  certificates authority;
  fake_service service;
  std::shared_ptr<net::reloadable_tls> tls;
  std::shared_ptr<net::credential_store> credentials;
  std::unique_ptr<admin::definition_store> definitions;
  std::unique_ptr<admin::admin_server> running;
};

/// Answers as `by` does, to everybody who is known.
struct plain_front : front {
  explicit plain_front(admin::request_handler by) {
    running.reset();
    admin::admin_options options;
    options.port = 0;
    running = admin::admin_server::start(std::move(by), tls, credentials, options).value();
  }
};

/// The detail of an RFC 9457 problem document with this status.
std::string detail_of(const std::optional<https_client::response>& got, unsigned status) {
  REQUIRE(got);
  CAPTURE(got->body());
  REQUIRE(got->result_int() == status);
  REQUIRE((*got)[http_field::content_type] == "application/problem+json");
  const auto problem = json::parse(got->body());
  REQUIRE(problem.at("type") == "about:blank");
  REQUIRE(problem.at("status") == status);
  REQUIRE_FALSE(problem.at("title").get<std::string>().empty());
  REQUIRE_FALSE(problem.at("code").get<std::string>().empty());
  return problem.at("detail").get<std::string>();
}

std::size_t open_descriptors() {
  const std::filesystem::directory_iterator all("/proc/self/fd");
  return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

admin::admin_options impatient() {
  admin::admin_options options;
  options.request_timeout = short_timeout;
  return options;
}

}  // namespace

TEST_CASE("TLS 1.3 is spoken, nothing older") {
  const front served;
  const auto old = net::make_client_context(served.trust()).value();
  SSL_CTX_set_min_proto_version(old->native_handle(), TLS1_2_VERSION);
  SSL_CTX_set_max_proto_version(old->native_handle(), TLS1_2_VERSION);
  REQUIRE_FALSE(served.dial()->handshake(old));
  const auto plain = served.dial();
  plain->send_plain(get("/healthz"));
  REQUIRE(plain->is_closed_by_server());
  const auto healthy = served.answer(get("/healthz"));
  REQUIRE(healthy);
  REQUIRE(healthy->result_int() == 200);
  REQUIRE((*healthy)[http_field::content_type] == "application/json");
  REQUIRE((*healthy)[http_field::cache_control] == "no-store");
}

TEST_CASE("a bearer token is asked for, known and weighed") {
  const front served;
  REQUIRE(served.answer(get("/v1/stats", bearer("token-reader")))->result_int() == 200);
  REQUIRE(served.answer(get("/v1/stats", "authorization: bearer token-reader\r\n"))->result_int() == 200);
  const auto unknown = served.answer(get("/v1/stats", bearer("guess")));
  REQUIRE(detail_of(unknown, 401) == "the token is not known here");
  REQUIRE((*unknown)[http_field::www_authenticate] == "Bearer");
  for (const auto* headers : {"", "Authorization: Basic dG9rZW4tcmVhZGVy\r\n", "Authorization: token-reader\r\n"}) {
    CAPTURE(headers);
    REQUIRE(detail_of(served.answer(get("/v1/stats", headers)), 401).find("Authorization: Bearer TOKEN") !=
            std::string::npos);
  }
  detail_of(served.answer(get("/v1/stats", "Authorization: Bearer \r\n")), 401);
  REQUIRE(detail_of(served.answer(get("/v1/stats", bearer("token-writer"))), 403).find("writer") != std::string::npos);
  detail_of(served.answer(ask("POST", "/v1/snapshot", bearer("token-reader"))), 403);
  REQUIRE(served.answer(ask("POST", "/v1/snapshot", bearer("token-boss")))->result_int() == 200);
}

TEST_CASE("a client certificate is known if a credential names it") {
  front served;
  const auto with = [&](const net::tls_files& files, const std::string& headers = {}) {
    const auto client = served.dial();
    REQUIRE(client->handshake(files));
    REQUIRE(client->send(get("/v1/stats", headers)));
    return client->receive();
  };
  const auto listed = served.authority.issue("listed", "reader-1");
  const auto unlisted = served.authority.issue("unlisted", "somebody");
  REQUIRE(with(listed)->result_int() == 200);
  const auto detail = detail_of(with(unlisted), 401);
  CAPTURE(detail);
  REQUIRE(detail.find("\"somebody\" is not listed") != std::string::npos);
  REQUIRE(detail.find("[[credentials]]") != std::string::npos);
  // A token goes first, be it a wrong one.
  REQUIRE(with(unlisted, bearer("token-reader"))->result_int() == 200);
  detail_of(with(listed, bearer("guess")), 401);
  // Where the configuration says so, it may do everything.
  net::credential all;
  all.can_admin = true;
  REQUIRE(served.credentials->replace(known_credentials(), all));
  REQUIRE(with(unlisted)->result_int() == 200);
  REQUIRE(with(served.authority.issue("nameless", ""))->result_int() == 401);
}

TEST_CASE("a certificate of a foreign CA gets nothing") {
  front served;
  certificates foreign;
  auto stranger = foreign.issue("stranger", "reader-1");
  stranger.ca = served.authority.path("ca.pem");
  auto itself = served.authority.issue("itself", "reader-1", true);
  for (const auto& files : {stranger, itself}) {
    const auto client = served.dial();
    // In TLS 1.3 the client's handshake ends before the server has judged its certificate.
    if (client->handshake(files)) client->send(get("/healthz"));
    REQUIRE_FALSE(client->receive());
    REQUIRE(client->is_closed_by_server());
  }
}

TEST_CASE("a credential that is taken away works no more on open connections") {
  front served;
  const auto client = served.dial();
  REQUIRE(client->handshake(served.authority.issue("listed", "reader-1")));
  REQUIRE(client->send(get("/v1/stats")));
  REQUIRE(client->receive()->result_int() == 200);
  REQUIRE(served.credentials->replace({}, std::nullopt));
  REQUIRE(client->send(get("/v1/stats")));
  detail_of(client->receive(), 401);
}

TEST_CASE("a header over the limit is answered with 431, then the connection is closed") {
  admin::admin_options options;
  options.header_bytes = 2048;
  const front served(options);
  const auto padding = [](std::size_t bytes) { return "X-Padding: " + std::string(bytes, 'x') + "\r\n"; };
  REQUIRE(served.answer(get("/healthz", padding(1800)))->result_int() == 200);
  for (const std::size_t bytes : {2048U, 100'000U, 5'000'000U}) {
    CAPTURE(bytes);
    const auto client = served.connect();
    REQUIRE(client->send(get("/healthz", padding(bytes))));
    const auto got = client->receive();
    REQUIRE(detail_of(got, 431) == "the header is over 2048 bytes");
    REQUIRE_FALSE(got->keep_alive());
    REQUIRE(client->is_closed_by_server());
  }
}

TEST_CASE("a body over the limit is answered with 413, though all of it is sent") {
  admin::admin_options options;
  options.body_bytes = 1000;
  const front served(options);
  const auto post = [&](const std::string& headers, const std::string& body) {
    return ask("POST", "/v1/snapshot", bearer("token-boss") + headers) + body;
  };
  REQUIRE(served.answer(post("Content-Length: 1000\r\n", std::string(1000, 'x')))->result_int() == 200);
  const std::string large(5'000'000, 'x');
  const auto requests = {post("Content-Length: 1001\r\n", std::string(1001, 'x')),
                         post("Content-Length: 5000000\r\n", large), post("Content-Length: 99999999999\r\n", {}),
                         post("Transfer-Encoding: chunked\r\n", "4c4b40\r\n" + large + "\r\n0\r\n\r\n")};
  for (const auto& each : requests) {
    CAPTURE(each.size());
    const auto client = served.connect();
    REQUIRE(client->send(each));
    const auto got = client->receive();
    REQUIRE(detail_of(got, 413) == "the body is over 1000 bytes");
    REQUIRE_FALSE(got->keep_alive());
    REQUIRE(client->is_closed_by_server());
  }
}

TEST_CASE("what is not HTTP/1.1 is answered with 400, then the connection is closed") {
  const front served;
  const std::string line = "GET /healthz HTTP/1.1\r\n";
  const auto malformed = GENERATE_COPY(values<std::string>(
      {"nonsense\r\n\r\n", "GET /healthz\r\n\r\n", "GET /healthz HTTP/3.0\r\nHost: a\r\n\r\n",
       "G\x01T /healthz HTTP/1.1\r\nHost: a\r\n\r\n", "GET /health z HTTP/1.1\r\nHost: a\r\n\r\n", line + "\r\n",
       line + "Host: a\r\nHost: b\r\n\r\n", line + "Host : a\r\n\r\n", line + "Host: a\r\nno colon\r\n\r\n",
       line + "Host: a\r\nX: " + std::string(1, '\0') + "\r\n\r\n", line + "Host: a\r\nContent-Length: -1\r\n\r\n",
       line + "Host: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
       line + "Host: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
       line + "Host: a\r\nTransfer-Encoding: chunked\r\n\r\nnot hexadecimal\r\n"}));
  CAPTURE(malformed);
  const auto client = served.connect();
  REQUIRE(client->send(malformed));
  const auto got = client->receive();
  detail_of(got, 400);
  REQUIRE_FALSE(got->keep_alive());
  REQUIRE(client->is_closed_by_server());
}

TEST_CASE("a URL that is not well-formed is answered with 400, and the connection goes on") {
  const front served;
  const auto client = served.connect();
  for (const auto* target : {"/v1/%zz", "*", "healthz", "/healthz?%"}) {
    CAPTURE(target);
    REQUIRE(client->send(get(target)));
    detail_of(client->receive(), 400);
  }
  REQUIRE(client->send(get("/healthz")));
  REQUIRE(client->receive()->result_int() == 200);
}

TEST_CASE("a slow sender is timed out while others are served") {
  const front served(impatient());
  const auto slow = served.connect();
  REQUIRE(slow->send("GET /healthz HTTP/1.1\r\nX-Slow: "));
  std::size_t dripped = 0;
  // A byte at a time does not buy more time.
  REQUIRE(eventually([&] {
    if (!slow->send("x")) return true;
    REQUIRE(served.answer(get("/healthz"))->result_int() == 200);
    return ++dripped > admin::admin_options{}.header_bytes;
  }));
  REQUIRE(dripped < admin::admin_options{}.header_bytes / 2);
  REQUIRE(slow->is_closed_by_server());
}

TEST_CASE("who is silent is closed: before, in and after the handshake, in a body, after a reply") {
  const front served(impatient());
  const auto nothing = served.dial();
  const auto half_hello = served.dial();
  half_hello->send_plain(std::string("\x16\x03\x01\x02\x00\x01\x00", 7));
  const auto no_request = served.connect();
  const auto half_body = served.connect();
  REQUIRE(half_body->send(ask("POST", "/v1/snapshot", "Content-Length: 10\r\n") + "half"));
  const auto idle = served.connect();
  REQUIRE(idle->send(get("/healthz")));
  REQUIRE(idle->receive()->result_int() == 200);
  for (const auto* each : {&nothing, &half_hello, &no_request, &half_body, &idle}) {
    REQUIRE((*each)->is_closed_by_server());
  }
}

TEST_CASE("a connection is kept alive until it is asked to end") {
  const front served;
  const auto client = served.connect();
  for (int i = 0; i < 100; ++i) {
    REQUIRE(client->send(get("/healthz")));
    const auto got = client->receive();
    REQUIRE(got->result_int() == 200);
    REQUIRE(got->keep_alive());
  }
  REQUIRE(client->send(get("/healthz", "Connection: close\r\n")));
  REQUIRE_FALSE(client->receive()->keep_alive());
  REQUIRE(client->is_closed_by_server());
  const auto older = served.connect();
  REQUIRE(older->send("GET /healthz HTTP/1.0\r\n\r\n"));
  REQUIRE(older->receive()->result_int() == 200);
  REQUIRE(older->is_closed_by_server());
}

TEST_CASE("pipelined requests are answered in their order") {
  const front served;
  const auto client = served.connect();
  std::string requests;
  for (int i = 0; i < 50; ++i) {
    requests += get("/healthz") + get("/nowhere") +
                ask("POST", "/v1/snapshot", bearer("token-boss") + "Content-Length: 4\r\n") + "body" +
                ask("HEAD", "/readyz") + get("/v1/stats");
  }
  REQUIRE(client->send(requests));
  for (int i = 0; i < 50; ++i) {
    REQUIRE(client->receive()->result_int() == 200);
    REQUIRE(client->receive()->result_int() == 404);
    REQUIRE(client->receive()->result_int() == 200);
    REQUIRE(client->receive(true)->result_int() == 200);
    REQUIRE(client->receive()->result_int() == 401);
  }
}

TEST_CASE("connections over the limit are closed, and those that end make room") {
  admin::admin_options options;
  options.connections = 2;
  const front served(options);
  const auto first = served.connect();
  auto second = served.connect();
  REQUIRE_FALSE(served.dial()->handshake(served.trust()));
  REQUIRE(first->send(get("/healthz")));
  REQUIRE(first->receive()->result_int() == 200);
  second.reset();
  REQUIRE(eventually([&] { return served.dial()->handshake(served.trust()); }));
}

TEST_CASE("HEAD is answered as GET is, without the body") {
  const front served;
  const auto client = served.connect();
  for (const auto* target : {"/healthz", "/v1/openapi.json", "/nowhere", "/v1/stats"}) {
    CAPTURE(target);
    REQUIRE(client->send(get(target)));
    const auto whole = client->receive();
    REQUIRE(client->send(ask("HEAD", target)));
    const auto head = client->receive(true);
    REQUIRE(whole);
    REQUIRE(head);
    REQUIRE(head->result() == whole->result());
    REQUIRE((*head)[http_field::content_length] == std::to_string(whole->body().size()));
    REQUIRE((*head)[http_field::content_type] == (*whole)[http_field::content_type]);
  }
}

TEST_CASE("other methods are answered with 405 and what is allowed, other paths with 404") {
  const front served;
  for (const auto* method : {"POST", "PUT", "DELETE", "TRACE", "BREW"}) {
    CAPTURE(method);
    const auto got = served.answer(ask(method, "/healthz"));
    detail_of(got, 405);
    REQUIRE((*got)[http_field::allow] == "GET, HEAD, OPTIONS");
  }
  for (const auto* method : {"GET", "DELETE"}) {
    CAPTURE(method);
    const auto got = served.answer(ask(method, "/v1/snapshot"));
    detail_of(got, 405);
    REQUIRE((*got)[http_field::allow] == "POST, OPTIONS");
  }
  for (const auto* target : {"/v1", "/healthz/", "//healthz", "/v1/profiles/user", "/../healthz"}) {
    CAPTURE(target);
    detail_of(served.answer(get(target, bearer("token-reader"))), 404);
  }
}

TEST_CASE("a request that waits for a profile holds up no other") {
  front served;
  served.service.hold();
  const auto waiting = served.connect();
  REQUIRE(waiting->send(get("/v1/profiles/user/ada", bearer("token-reader"))));
  REQUIRE(eventually([&] { return served.service.held() == 1; }));
  for (int i = 0; i < 20; ++i) REQUIRE(served.answer(get("/healthz"))->result_int() == 200);
  served.service.release();
  detail_of(waiting->receive(), 404);
}

TEST_CASE("1,000 connections that are opened and dropped leave no descriptor behind") {
  admin::admin_options options;
  options.connections = 2000;
  const front served(options);
  const auto before = open_descriptors();
  for (int i = 0; i < 1000; ++i) {
    const auto client = served.dial();
    switch (i % 6) {
      case 0: break;
      case 1: client->send_plain("no TLS at all"); break;
      case 2: client->handshake(served.trust()); break;
      case 3:
        client->handshake(served.trust());
        client->send("GET /hea");
        break;
      case 4:
        client->handshake(served.trust());
        client->send(get("/v1/openapi.json"));
        break;
      default:
        client->handshake(served.trust());
        client->send(get("/healthz", "Connection: close\r\n"));
        REQUIRE(client->receive()->result_int() == 200);
    }
  }
  std::size_t after = 0;
  const bool none_left = eventually([&] { return (after = open_descriptors()) <= before; });
  CAPTURE(before, after);
  REQUIRE(none_left);
  REQUIRE(served.answer(get("/healthz"))->result_int() == 200);
}

TEST_CASE("every answer tells browsers to keep it to its page") {
  const front served;
  for (const auto& request : {get("/healthz"), get("/nowhere"), get("/v1/stats"), ask("BREW", "/healthz"),
                              get("/v1/openapi.json"), ask("OPTIONS", "/v1/stats"), std::string("nonsense\r\n\r\n")}) {
    CAPTURE(request);
    const auto got = served.answer(request);
    REQUIRE(got);
    CHECK((*got)["X-Content-Type-Options"] == "nosniff");
    CHECK((*got)["X-Frame-Options"] == "DENY");
    CHECK((*got)["Content-Security-Policy"].find("default-src 'none'; frame-ancestors 'none'") == 0);
    CHECK((*got)["Referrer-Policy"] == "no-referrer");
    CHECK((*got)[http_field::cache_control] == "no-store");
    CHECK(got->count("Access-Control-Allow-Origin") == 0);
  }
  // On localhost it would hold for whatever else runs there.
  CHECK(served.answer(get("/healthz"))->count("Strict-Transport-Security") == 0);
  const auto named = served.answer("GET /healthz HTTP/1.1\r\nHost: kith.example:7442\r\n\r\n");
  CHECK((*named)["Strict-Transport-Security"] == "max-age=31536000");
}

TEST_CASE("an answer is gzipped for who takes that") {
  const front served;
  const auto document = [&](const std::string& headers) {
    const auto got = served.answer(get("/v1/openapi.json", headers));
    REQUIRE(got);
    REQUIRE(got->result_int() == 200);
    REQUIRE((*got)[http_field::vary] == "Accept-Encoding");
    return *got;
  };
  const auto plain = document("");
  REQUIRE(plain.count(http_field::content_encoding) == 0);
  for (const auto* takes : {"gzip", "deflate, GZIP;q=0.5", "br, *"}) {
    CAPTURE(takes);
    const auto small = document("Accept-Encoding: " + std::string(takes) + "\r\n");
    REQUIRE(small[http_field::content_encoding] == "gzip");
    REQUIRE(small.body().size() * 4 < plain.body().size());
    REQUIRE(small.body().substr(0, 2) == "\x1f\x8b");
    // The last four bytes are the size (RFC 1952).
    const auto* end = reinterpret_cast<const unsigned char*>(small.body().data() + small.body().size() - 4);
    REQUIRE((end[0] | end[1] << 8 | end[2] << 16 | end[3] << 24) == static_cast<int>(plain.body().size()));
  }
  for (const auto* refuses : {"identity", "gzip;q=0", "gzip;q=0.0, *", "br"}) {
    CAPTURE(refuses);
    REQUIRE(document("Accept-Encoding: " + std::string(refuses) + "\r\n").body() == plain.body());
  }
  const auto short_one = served.answer(get("/healthz", "Accept-Encoding: gzip\r\n"));
  REQUIRE(short_one->count(http_field::content_encoding) == 0);
}

TEST_CASE("what follows piece by piece is not gzipped, though its first piece is large") {
  const front served;
  const auto client = served.connect();
  REQUIRE(client->send(ask("HEAD", "/v1/live", bearer("token-boss") + "Accept-Encoding: gzip\r\n")));
  const auto got = client->receive(true);
  REQUIRE(got);
  REQUIRE(got->result_int() == 200);
  CHECK(got->count(http_field::content_encoding) == 0);
}

TEST_CASE("a browser logs in, acts by its cookie, and logs out") {
  const front served;
  const std::string login = R"({"token": "token-boss"})";
  const auto opened =
      served.answer(ask("POST", "/v1/session", "Content-Length: " + std::to_string(login.size()) + "\r\n") + login);
  REQUIRE(opened->result_int() == 200);
  REQUIRE(json::parse(opened->body())["role"] == "admin");
  const std::string set((*opened)[http_field::set_cookie]);
  const auto cookie = "Cookie: " + set.substr(0, set.find(';')) + "\r\n";
  REQUIRE(served.answer(get("/v1/stats", cookie))->result_int() == 200);
  REQUIRE(served.answer(get("/v1/session", cookie))->result_int() == 200);
  detail_of(served.answer(ask("POST", "/v1/snapshot", cookie)), 403);
  REQUIRE(served.answer(ask("POST", "/v1/snapshot", cookie + "X-Kith-Request: 1\r\n"))->result_int() == 200);
  detail_of(served.answer(ask("POST", "/v1/snapshot", cookie + "X-Kith-Request: 1\r\nSec-Fetch-Site: cross-site\r\n")),
            403);
  // A token that is sent goes first, be it a wrong one.
  detail_of(served.answer(get("/v1/stats", cookie + bearer("guess"))), 401);
  REQUIRE(served.answer(ask("DELETE", "/v1/session", cookie + "X-Kith-Request: 1\r\n"))->result_int() == 204);
  REQUIRE(detail_of(served.answer(get("/v1/stats", cookie)), 401) == "the session has ended: open another one");
}

TEST_CASE("who asks too often is told when to try again") {
  const front served;
  admin::access_settings settings;
  settings.requests_per_second = 0.01;
  served.running->configure(settings, nullptr);
  std::optional<https_client::response> got;
  for (int i = 0; i < 2; ++i) got = served.answer(get("/v1/stats", bearer("token-reader")));
  detail_of(got, 429);
  REQUIRE(std::stoi(std::string((*got)[http_field::retry_after])) > 1);
}

TEST_CASE("an Idempotency-Key that is empty is refused, and another is heeded") {
  const front served;
  const auto post = [&](const std::string& key) {
    return served.answer(ask("POST", "/v1/snapshot", bearer("token-boss") + "Idempotency-Key: " + key + "\r\n"));
  };
  REQUIRE(detail_of(post(""), 400).find("Idempotency-Key") != std::string::npos);
  REQUIRE(post("\"k-1\"")->count("Idempotency-Replayed") == 0);
  const auto again = post("\"k-1\"");
  REQUIRE(again->result_int() == 200);
  REQUIRE((*again)["Idempotency-Replayed"] == "true");
}

TEST_CASE("a handler that throws is answered 500, and the server goes on") {
  bool throws = true;
  const plain_front with([&](const admin::request&) -> admin::response {
    if (throws) throw std::runtime_error("what a library says");
    return {204, {}, {}, {}};
  });
  CHECK(detail_of(with.answer(get("/healthz")), 500).find("what a library says") != std::string::npos);
  throws = false;
  CHECK(with.answer(get("/healthz"))->result_int() == 204);
}

TEST_CASE("an answer that throws on its way is cut off, and the server goes on") {
  const plain_front with([&](const admin::request& asked) -> admin::response {
    admin::response made{200, "text/plain", "begun", {}};
    if (asked.target == "/broken") made.more = []() -> result<std::string> { throw std::runtime_error("no more"); };
    return made;
  });
  CHECK_FALSE(with.answer(get("/broken")));
  CHECK(with.answer(get("/whole"))->body() == "begun");
}
