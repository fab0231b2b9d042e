// Who is who over REST, on a real runtime.
#include "admin/routes.hpp"
#include "tests/actors/support/harness.hpp"
#include "tests/catch.hpp"

using namespace kith;
using namespace kith::tests;
using nlohmann::json;

namespace {

struct api {
  temporary_directory directory;
  running kith{options_for(directory.path())};
  std::unique_ptr<admin::definition_store> definitions =
      admin::definition_store::open(persistence::real_files(), directory.path(), {}).value();
  admin::routes routes{*kith, *definitions};

  std::pair<unsigned, json> ask(const std::string& method, const std::string& target, const std::string& body = {},
                                bool may_write = true) {
    net::credential rights;
    rights.name = "test";
    rights.can_admin = may_write;
    rights.can_read = true;
    admin::request asked;
    asked.method = method;
    asked.target = target;
    asked.who = std::make_shared<net::identity>(rights);
    asked.body = body;
    const auto answer = routes.handle(asked);
    return {answer.status, json::parse(answer.body)};
  }
};

json both(const std::string& id, const std::string& user, const std::string& anonymous) {
  return {{"type", "track"},          {"event", "A"},
          {"messageId", id},          {"userId", user},
          {"anonymousId", anonymous}, {"timestamp", "2024-05-01T10:00:00Z"}};
}

}  // namespace

TEST_CASE("an identity shows identifiers and links; an unmerge answers with the profiles that there are") {
  api at;
  at.kith.publish({both("m-1", "ada", "a"), both("m-2", "ada", "b"), both("m-3", "bob", "b")});
  auto [status, identity] = at.ask("GET", "/v1/profiles/anonymous/b/identity");
  REQUIRE(status == 200);
  CHECK(identity["identifiers"].size() == 4);
  REQUIRE(identity["links"].size() == 3);
  CHECK(identity["links"][0]["at"] == "2024-05-01T10:00:00.000Z");
  CHECK(identity["links"][0]["counts"] == true);
  CHECK(identity["unmerged"].empty());

  CHECK(at.ask("POST", "/v1/profiles/user/bob/unmerge", {}, false).first == 403);
  CHECK(at.ask("POST", "/v1/profiles/user/nobody/unmerge").first == 404);
  for (const auto* body : {"[]", "{", R"({"ids": []})", R"({"identifiers": []})", R"({"identifiers": [{"kind": "x"}]})",
                           R"({"identifiers": [{"kind": "external", "id": "x"}]})", R"({"identifiers": 1e999})",
                           R"({"identifiers": [{"kind": "user", "id": "nobody"}]})"}) {
    const auto [refused, problem] = at.ask("POST", "/v1/profiles/user/bob/unmerge", body);
    CAPTURE(body);
    CHECK(refused == 400);
    CHECK_FALSE(problem["detail"].get<std::string>().empty());
  }
  const auto [done, answer] = at.ask("POST", "/v1/profiles/user/bob/unmerge");  // without a body: the one named
  REQUIRE(done == 200);
  REQUIRE(answer["profiles"].size() == 2);
  CHECK(answer["profiles"][0]["identifiers"].size() + answer["profiles"][1]["identifiers"].size() == 4);
  CHECK(at.ask("GET", "/v1/profiles/user/bob").second["version"] == 1);
  CHECK(at.ask("GET", "/v1/profiles/anonymous/b").second["version"] == 2);
  CHECK(at.ask("GET", "/v1/stats").second["splits"] == 1);
}

TEST_CASE("identifiers that were left out are listed") {
  api at;
  at.kith.publish({both("m-1", "ada", "null"), both("m-2", "ada", "null")});
  const auto [status, list] = at.ask("GET", "/v1/identity/ignored");
  REQUIRE(status == 200);
  REQUIRE(list["items"].size() == 1);
  CHECK(list["items"][0]["kind"] == "anonymous");
  CHECK(list["items"][0]["id"] == "null");
  CHECK(list["items"][0]["reason"] == "blocked");
  CHECK(list["items"][0]["times"] == 2);
  CHECK(at.ask("GET", "/v1/profiles/user/ada/identity").second["identifiers"].empty());
}
