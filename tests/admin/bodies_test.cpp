// What bodies may hold, whatever the URL.
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
