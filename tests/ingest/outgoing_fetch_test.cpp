#include <future>

#include "ingest/outgoing/fetch.hpp"
#include "tests/catch.hpp"
#include "tests/ingest/support/plain_server.hpp"

using namespace kith;
using namespace kith::ingest::outgoing;
using namespace kith::tests;

namespace {

std::future<result<fetch_response>> begin(fetcher& with, fetch_request request) {
  auto promise = std::make_shared<std::promise<result<fetch_response>>>();
  with.fetch(std::move(request), [promise](result<fetch_response> got) { promise->set_value(std::move(got)); });
  return promise->get_future();
}

fetch_request get(const std::string& url) {
  fetch_request request;
  request.url = url;
  return request;
}

}  // namespace

TEST_CASE("a document is fetched, a form is posted", "[outgoing]") {
  const plain_server server([](const plain_request& request) {
    return plain_response{request.method == "POST" ? 201U : 200U,
                          request.method + " " + request.target + " " + request.authorization + " " + request.body,
                          {}};
  });
  curl_fetcher fetcher({});
  const auto got = begin(fetcher, get(server.url("/keys?x=1"))).get();
  REQUIRE(got);
  CHECK(got->status == 200);
  CHECK(got->body == "GET /keys?x=1  ");
  auto post = get(server.url("/ask"));
  post.is_post = true;
  post.body = "token=abc";
  post.headers = {"authorization: Basic eHg="};
  const auto posted = begin(fetcher, post).get();
  REQUIRE(posted);
  CHECK(posted->status == 201);
  CHECK(posted->body == "POST /ask Basic eHg= token=abc");
}

TEST_CASE("a redirect is an answer and not followed", "[outgoing]") {
  const plain_server inner([](const plain_request&) { return plain_response{200, "secret", {}}; });
  const plain_server server([&](const plain_request&) { return plain_response{302, "", inner.url()}; });
  curl_fetcher fetcher({});
  const auto got = begin(fetcher, get(server.url())).get();
  REQUIRE(got);
  CHECK(got->status == 302);
  CHECK(inner.connections() == 0);
}

TEST_CASE("an answer that is too large is given up", "[outgoing]") {
  const plain_server server([](const plain_request&) { return plain_response{200, std::string(10'000, 'x'), {}}; });
  curl_fetcher fetcher({});
  auto request = get(server.url());
  request.most_bytes = 10'000;
  CHECK(begin(fetcher, request).get());
  request.most_bytes = 9'999;
  const auto got = begin(fetcher, request).get();
  REQUIRE_FALSE(got);
  CHECK(got.error().code == errc::too_large);
}

TEST_CASE("a server that does not answer is waited for so long, and nobody else is", "[outgoing]") {
  const plain_server silent({});
  const plain_server server([](const plain_request&) { return plain_response{200, "here", {}}; });
  curl_fetcher fetcher({});
  auto request = get(silent.url());
  request.timeout = std::chrono::milliseconds(300);
  auto slow = begin(fetcher, request);
  CHECK(begin(fetcher, get(server.url())).get()->body == "here");
  const auto got = slow.get();
  REQUIRE_FALSE(got);
  CHECK(got.error().code == errc::unavailable);
}

TEST_CASE("a name of this machine that does not look like one is refused, and nothing connects", "[outgoing]") {
  const plain_server server([](const plain_request&) { return plain_response{200, "secret", {}}; });
  curl_fetcher fetcher({});
  // libcurl takes every name below localhost for this machine, as RFC 6761 says.
  const auto port = std::to_string(server.port());
  const auto got = begin(fetcher, get("https://metadata.localhost:" + port + "/")).get();
  REQUIRE_FALSE(got);
  CHECK(got.error().code == errc::forbidden);
  CHECK_THAT(got.error().message, Contains("a loopback address, which only hosts of outgoing.allow_private may have"));
  CHECK(server.connections() == 0);
}

TEST_CASE("a URL that may not be asked is answered at once", "[outgoing]") {
  curl_fetcher fetcher({{"login.example"}, {}, false});
  CHECK(begin(fetcher, get("https://shop.example/")).get().error().code == errc::forbidden);
  CHECK(begin(fetcher, get("http://login.example/")).get().error().code == errc::invalid_argument);
}

TEST_CASE("so many requests are under way at most", "[outgoing]") {
  const plain_server silent({});
  auto fetcher = std::make_unique<curl_fetcher>(net::outgoing_rules{});
  std::vector<std::future<result<fetch_response>>> all;
  auto request = get(silent.url());
  request.timeout = std::chrono::minutes(5);
  for (std::size_t i = 0; i < curl_fetcher::most_under_way; ++i) all.push_back(begin(*fetcher, request));
  CHECK(begin(*fetcher, request).get().error().code == errc::resource_exhausted);
  fetcher.reset();  // what is under way is answered
  for (auto& each : all) CHECK(each.get().error().code == errc::unavailable);
}

TEST_CASE("a fetcher may be ended by what it calls", "[outgoing]") {
  const plain_server server([](const plain_request&) { return plain_response{200, "", {}}; });
  auto fetcher = std::make_shared<curl_fetcher>(net::outgoing_rules{});
  std::promise<void> done;
  fetcher->fetch(get(server.url()), [&](const auto&) {
    fetcher.reset();
    done.set_value();
  });
  done.get_future().get();
  CHECK_FALSE(fetcher);
}
