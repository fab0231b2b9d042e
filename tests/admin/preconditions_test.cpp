// If-Match and If-None-Match (RFC 9110, section 13).
#include "tests/admin/support/house.hpp"

using namespace kith;
using namespace kith::tests;

namespace {

admin::request request_if_none(const std::string& method, const std::string& target, const std::string& listed,
                               const std::string& body = {}) {
  auto made = house::request(method, target, "token-operator");
  made.if_none_match = listed;
  made.body = body;
  return made;
}

}  // namespace

TEST_CASE("what is only to be made if it is not there replaces nothing: If-None-Match was ignored by definitions") {
  house at;
  for (const auto& [target, first, second] :
       {std::array{"/v1/segments/a", "true", "false"}, std::array{"/v1/computed/b", "1 + 1", "2 + 2"}}) {
    CAPTURE(target);
    CHECK(at.ask(request_if_none("PUT", target, "*", json{{"expression", first}}.dump())).status == 201);
    const auto replacing = json{{"expression", second}}.dump();
    for (const auto* listed : {"*", "\"1\"", "W/\"1\"", "\"7\",\t\"1\""}) {
      CAPTURE(listed);
      CHECK(at.ask(request_if_none("PUT", target, listed, replacing)).status == 412);
      CHECK(at.ask(request_if_none("DELETE", target, listed)).status == 412);
    }
    CHECK(json::parse(at.ask("GET", target, "token-operator").body)["expression"] == first);
    CHECK(at.ask(request_if_none("PUT", target, "\"7\"", replacing)).status == 200);
  }
}

TEST_CASE("who knows a version by a weakened tag is spared it, too") {
  house at;
  REQUIRE(at.ask("PUT", "/v1/segments/a", "token-operator", R"({"expression": "true"})").status == 201);
  for (const auto* listed : {"\"1\"", "W/\"1\"", "\"7\", W/\"1\"", "*"}) {
    CAPTURE(listed);
    const auto spared = at.ask(request_if_none("GET", "/v1/segments/a", listed));
    CHECK(spared.status == 304);
    CHECK(spared.body.empty());
    CHECK(spared.headers.at("ETag") == "\"1\"");
  }
  for (const auto* listed : {"", "\"7\"", "W/\"7\"", "1", "w/\"1\""}) {
    CAPTURE(listed);
    CHECK(at.ask(request_if_none("GET", "/v1/segments/a", listed)).status == 200);
  }
}
