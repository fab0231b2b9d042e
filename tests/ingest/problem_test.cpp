#include "ingest/problem.hpp"

#include <nlohmann/json.hpp>

#include "tests/catch.hpp"

using namespace kith;
using namespace kith::ingest;

TEST_CASE("an error becomes a problem document with its status, and says when to come back", "[ingest]") {
  const auto made = problem({errc::resource_exhausted, "the quota of \"web\" is used up"}, 1200);
  CHECK(made.status == 429);
  CHECK(made.content_type == "application/problem+json");
  REQUIRE(made.fields.size() == 1);
  CHECK(made.fields[0].first == "Retry-After");
  CHECK(made.fields[0].second == "2");
  const auto document = nlohmann::json::parse(made.body);
  CHECK(document["status"].get<int>() == 429);
  CHECK(document["code"].get<std::string>() == "resource_exhausted");
  CHECK(document["detail"].get<std::string>() == "the quota of \"web\" is used up");
}

TEST_CASE("bytes of an error that are no UTF-8 do not break its problem document", "[ingest]") {
  const auto made = problem({errc::invalid_argument, "type: \"\xff\" is not known"});
  CHECK(made.status == 400);
  CHECK(nlohmann::json::accept(made.body));
}

TEST_CASE("field names of HTTP are compared without case", "[ingest]") {
  const net::http_field fields[] = {{"content-TYPE", "text/plain"}, {"X-Id", "1"}, {"x-id", "2"}};
  const net::http_request request{"POST", "/v1/t?writeKey=a", fields, ""};
  CHECK(request.field("Content-Type") == "text/plain");
  CHECK(request.field("x-ID") == "1");
  CHECK(request.field("x-i").empty());
  CHECK(request.path() == "/v1/t");
  CHECK(request.query() == "writeKey=a");
}
