// What bodies and queries may hold, whatever the URL.
#include <regex>

#include "tests/admin/support/house.hpp"

using namespace kith;
using namespace kith::tests;

TEST_CASE("no body ends the server: a number that no type holds was an exception that nobody caught") {
  house at;
  for (const auto& each : admin::routes::listed()) {
    if (each.method != "POST" && each.method != "PUT") continue;
    const auto target = std::regex_replace(each.path, std::regex("\\{\\}"), "user");
    for (const auto* body : {R"({"name": 1e999})", "1e999", R"([-1e999])", R"({"name": "\ud800"})", "{", "\xff", ""}) {
      CAPTURE(each.method, target, body);
      admin::response answer;
      REQUIRE_NOTHROW(answer = at.ask(each.method, target, "token-admin", body));
      CHECK(answer.status != 500);
    }
  }
}

TEST_CASE("a query parameter that is not known is refused by what changes a definition, too, and not ignored") {
  house at;
  for (const auto& each : admin::routes::listed()) {
    const auto is_of = [&](const char* part) { return each.path.starts_with(std::string("/v1/") + part); };
    if (!is_of("segments") && !is_of("computed") && !is_of("backfill") && !is_of("snapshot")) continue;
    const auto target = std::regex_replace(each.path, std::regex("\\{\\}"), "user") + "?nonsense=1";
    const auto answer = at.ask(each.method, target, "token-admin", R"({"name": "user", "expression": "true"})");
    CAPTURE(each.method, target, answer.body);
    CHECK(answer.status == 400);
    CHECK_THAT(answer.body, Contains("query parameter nonsense"));
  }
}
