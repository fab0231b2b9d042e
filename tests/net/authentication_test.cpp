#include <utility>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <filesystem>
#include <fstream>

#include "net/tls_context.hpp"
#include "tests/catch.hpp"
#include "tests/net/support/test_server.hpp"

using namespace kith;
using namespace kith::test;
using json = nlohmann::json;

namespace {

std::string code(const json& response) { return response[2].is_null() ? "" : response[2]["code"].get<std::string>(); }

void overwrite(const std::string& from, const std::string& to) {
  std::filesystem::copy_file(from, to, std::filesystem::copy_options::overwrite_existing);
}

}  // namespace

TEST_CASE("without certificate and token nothing but hello is served") {
  test_server server;
  const auto client = server.connect("");
  for (const char* method : {"publish", "get", "get_many", "watch", "unwatch", "stats", "nonsense"}) {
    REQUIRE(code(client->call(method)) == "unauthenticated");
  }
  REQUIRE(code(client->call("hello", {{"client", "t"}})) == "unauthenticated");
  REQUIRE(code(client->call("hello", {{"token", "token-all"}})) == "");
  REQUIRE(code(client->call("stats")) == "");
}

TEST_CASE("a wrong token is answered, then the connection is closed") {
  test_server server;
  const auto client = server.connect("");
  const json got = client->call("hello", {{"token", "guess"}});
  REQUIRE(code(got) == "unauthenticated");
  REQUIRE(client->is_closed_by_server());
  client->reset();
  REQUIRE(server.eventually_open(0));
}

TEST_CASE("a certificate of our CA needs no hello") {
  auto credentials = test_credentials();
  credentials.push_back({"feeder", {}, {}, "feeder-1", "feed", true, false, false, 0});
  test_server server({}, credentials);
  raw_client unlisted(server.running->port());
  REQUIRE(unlisted.handshake(server.authority.issue("client", "somebody")));
  REQUIRE(code(unlisted.call("publish", json::array({1}))) == "");
  REQUIRE(server.service.batches().back().source == "somebody");
  raw_client listed(server.running->port());
  REQUIRE(listed.handshake(server.authority.issue("feeder", "feeder-1")));
  REQUIRE(code(listed.call("publish", json::array({1}))) == "");
  REQUIRE(server.service.batches().back().source == "feed");
  REQUIRE(code(listed.call("get", {{"userId", "a"}})) == "forbidden");
}

TEST_CASE("a certificate of another CA is refused") {
  test_server server;
  raw_client stranger(server.running->port());
  // In TLS 1.3 the client's handshake ends before the server has judged its certificate.
  if (stranger.handshake(server.authority.issue("stranger", "somebody", true))) {
    stranger.send(raw_client::request(1, "stats"), std::chrono::milliseconds(100));
    REQUIRE_FALSE(stranger.receive());
  }
  REQUIRE(eventually([&] { return server.running->stats().handshake_failures == 1; }));
  REQUIRE(server.eventually_open(0));
}

TEST_CASE("a certificate that no entry names is a stranger where the configuration says so") {
  test_server server;
  REQUIRE(server.known->replace(test_credentials(), std::nullopt));
  raw_client unlisted(server.running->port());
  REQUIRE(unlisted.handshake(server.authority.issue("client", "somebody")));
  REQUIRE(code(unlisted.call("stats")) == "unauthenticated");
}

TEST_CASE("a token that is taken away stops working on open connections") {
  test_server server;
  const auto client = server.connect("token-reader");
  REQUIRE(code(client->call("stats")) == "");
  REQUIRE(server.known->replace({{"all", "token-all", {}, {}, {}}}));
  REQUIRE(code(client->call("stats")) == "unauthenticated");
}

TEST_CASE("certificates are read anew for new connections") {
  test_server server;
  const auto before = server.connect();
  server.authority.issue("next", "localhost", true);
  overwrite(server.authority.path("next.pem"), server.authority.path("server.pem"));
  overwrite(server.authority.path("next.key"), server.authority.path("server.key"));
  REQUIRE(server.tls->reload());
  raw_client trusts_old(server.running->port());
  REQUIRE_FALSE(trusts_old.handshake(server.trust()));
  raw_client trusts_new(server.running->port());
  REQUIRE(trusts_new.handshake({{}, {}, server.authority.path("next.pem")}));
  REQUIRE(code(before->call("stats")) == "");
}

TEST_CASE("a reload that fails changes nothing and names the file") {
  test_server server;
  std::ofstream(server.authority.path("server.key")) << "no key";
  const auto reloaded = server.tls->reload();
  REQUIRE_FALSE(reloaded);
  REQUIRE(reloaded.error().message.find("key " + server.authority.path("server.key") + ": ") == 0);
  REQUIRE(server.connect() != nullptr);
  std::filesystem::remove(server.authority.path("server.pem"));
  REQUIRE(server.tls->reload().error().message.find("certificate " + server.authority.path("server.pem")) == 0);
}

TEST_CASE("a key of another certificate is refused") {
  certificates authority;
  authority.issue("other", "other");
  auto options = authority.server_options();
  options.files.key = authority.path("other.key");
  REQUIRE(net::reloadable_tls::load(options).error().code == errc::invalid_argument);
}

TEST_CASE("TLS below 1.3 is not spoken") {
  test_server server;
  net::tls_context old(net::tls_context::tlsv12_client);
  boost::asio::io_context io;
  boost::asio::ssl::stream<boost::asio::ip::tcp::socket> stream(io, old);
  stream.next_layer().connect({boost::asio::ip::make_address("127.0.0.1"), server.running->port()});
  boost::system::error_code ec;
  stream.handshake(boost::asio::ssl::stream_base::client, ec);
  REQUIRE(ec);
}

TEST_CASE("a certificate that is not there is told as that") {
  const certificates authority;
  auto options = authority.server_options();
  options.files.certificate = authority.path("none.pem");
  const auto loaded = net::reloadable_tls::load(options);
  REQUIRE_FALSE(loaded);
  CHECK(loaded.error().message == "certificate " + authority.path("none.pem") + ": No such file or directory");
}
