// /debug: for the role admin alone, and nothing in it tells of people.
#include <nlohmann/json.hpp>

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

  static admin::parts with() {
    admin::parts made;
    made.settings = []() -> result<json> { return json{{"effective", json::object()}}; };
    made.memory_limit = 7;
    return made;
  }
  admin::routes routes{*kith, *definitions, with()};

  admin::response ask(const std::string& target, net::role granted = net::role::admin) {
    net::credential rights;
    rights.name = "test";
    rights.granted = granted;
    admin::request asked;
    asked.method = "GET";
    asked.target = target;
    asked.who = std::make_shared<net::identity>(rights);
    return routes.handle(asked);
  }
  json body(const std::string& target) {
    const auto got = ask(target);
    CAPTURE(target, got.body);
    REQUIRE(got.status == 200);
    return json::parse(got.body);
  }
};

}  // namespace

TEST_CASE_METHOD(api, "what is debugged is for administrators") {
  for (const auto* target : {"/debug/shards", "/debug/slowest", "/debug/memory", "/debug/build", "/debug/config"}) {
    CAPTURE(target);
    for (const auto role : {net::role::viewer, net::role::operations, net::role::privacy}) {
      CHECK(ask(target, role).status == 403);
    }
    CHECK(ask(target).status == 200);
    CHECK(ask(std::string(target) + "?odd=1").status == 400);
  }
}

TEST_CASE_METHOD(api, "shards, memory, build and the slowest are told, and nobody is named") {
  actors::publish_options options;
  options.trace = {1, 2, 3, true};
  kith.publish({track("ada@shop.example", "m-1", "2024-05-01T10:00:00Z")}, options);
  const auto shards = body("/debug/shards")["items"];
  REQUIRE(shards.size() == kith->shard_count());
  CHECK(shards[0]["shard"] == 0);
  CHECK(shards[0]["takesMore"] == true);
  CHECK(shards[0]["processorSeconds"].get<double>() > 0);
  CHECK(eventually([&] { return body("/debug/shards")["items"][0]["batchesInFlight"] == 0; }));
  const auto slowest = body("/debug/slowest")["stages"];
  CHECK(slowest.size() == actors::stage_count);
  REQUIRE(slowest["journal"].size() == 1);
  CHECK(slowest["journal"][0]["traceId"] == "00000000000000010000000000000002");
  CHECK(slowest["read"].empty());
  const auto memory = body("/debug/memory");
  CHECK(memory["residentBytes"].get<std::uint64_t>() > 1024 * 1024);
  CHECK(memory["mostResidentBytes"].get<std::uint64_t>() >= memory["residentBytes"].get<std::uint64_t>() / 2);
  CHECK(memory["profileBytesLimit"] == 7);
  CHECK(body("/debug/build")["version"] == KITH_VERSION);
  for (const auto* target : {"/debug/shards", "/debug/slowest", "/debug/memory", "/debug/build"}) {
    CHECK(ask(target).body.find("shop.example") == std::string::npos);
  }
}
