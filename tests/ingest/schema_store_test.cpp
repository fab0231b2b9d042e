// Where schemas come from: a directory, the API, and what each may change.
#include "ingest/schema/store.hpp"
#include "persistence/simulated_files.hpp"
#include "persistence/whole_file.hpp"
#include "tests/catch.hpp"
#include "tests/ingest/support/schemas.hpp"

using namespace kith;
using namespace kith::test;
using kith::tests::Contains;
using nlohmann::json;
using schema::compatibility;

namespace {

constexpr std::int64_t now_ms = 1'767'600'000'000;

struct disk {
  disk() {
    REQUIRE(files.make_directory("schemas"));
    REQUIRE(files.make_directory("data"));
    modes.directory = "schemas";
  }
  void write(const std::string& name, const std::string& text) {
    REQUIRE(persistence::replace_file(files, "schemas", name, text));
  }
  result<std::unique_ptr<schema::store>> open() {
    return schema::store::open(files, "data", modes, [] { return now_ms; });
  }
  std::unique_ptr<schema::store> opened() {
    auto made = open();
    if (!made) throw std::runtime_error(made.error().message);
    return std::move(*made);
  }
  std::string refused() {
    const auto made = open();
    return made ? std::string() : made.error().message;
  }

  persistence::simulated_files files;
  schema::settings modes;
};

std::vector<std::uint32_t> versions_of(const schema::store& of, const std::string& event) {
  const auto now = of.schemas().current();
  std::vector<std::uint32_t> all;
  if (const auto* found = now->find(event)) {
    for (const auto& each : found->versions) all.push_back(each.what->version());
  }
  return all;
}

using numbers = std::vector<std::uint32_t>;

}  // namespace

TEST_CASE_METHOD(disk, "a directory's files name their event and version") {
  write("Order Completed.json", R"({"type": "object"})");
  write("Order Completed.v2.json", R"({"type": ["object", "null"]})");
  write("signup.json", R"({"x-kith-event": "Signed Up / web", "x-kith-version": 7})");
  write("a.vx.json", "{}");
  write("README.md", "no schema");
  const auto store = opened();
  CHECK(versions_of(*store, "Order Completed") == numbers{1, 2});
  CHECK(versions_of(*store, "Signed Up / web") == numbers{7});
  CHECK(versions_of(*store, "a.vx") == numbers{1});
  CHECK(store->schemas().current()->events().size() == 3);
  CHECK(store->schemas().current()->find("Order Completed")->newest().from_directory);
}

TEST_CASE_METHOD(disk, "a bad file stops the start, with its path") {
  SECTION("no JSON") {
    write("a.json", "{");
    CHECK_THAT(refused(), Contains("schemas/a.json: schema: the document is not JSON"));
  }
  SECTION("a keyword that is not supported") {
    write("a.json", R"({"minContains": 1})");
    CHECK_THAT(refused(), Contains("schemas/a.json: schema: /minContains"));
  }
  SECTION("a version twice") {
    write("a.json", "{}");
    write("b.json", R"({"x-kith-event": "a"})");
    CHECK_THAT(refused(), Contains("schemas/b.json: another file holds version 1 of \"a\" too"));
  }
  SECTION("two versions said") {
    write("a.v2.json", R"({"x-kith-version": 3})");
    CHECK_THAT(refused(), Contains("is not the version that the file's name says"));
  }
  SECTION("versions that do not fit") {
    write("a.json", "{}");
    write("a.v2.json", R"({"required": ["b"]})");
    CHECK_THAT(refused(), Contains("version 2 of \"a\" does not fit version 1"));
    CHECK_THAT(refused(), Contains("backward: /b: is required, and may be absent"));
    write("a.v2.json", R"({"required": ["b"], "x-kith-compatibility": "none"})");
    CHECK(refused() == "");
    modes.required = compatibility::none;
    write("a.v2.json", R"({"required": ["b"]})");
    CHECK(refused() == "");
  }
  SECTION("no directory") {
    modes.directory = "elsewhere";
    CHECK_FALSE(open());
  }
}

TEST_CASE_METHOD(disk, "versions made by the API are kept over a restart, and follow one another") {
  auto store = opened();
  const auto first = store->put("Order", R"({"required": ["id"]})");
  REQUIRE(first);
  CHECK(first->created);
  CHECK(first->now.what->version() == 1);
  CHECK(first->now.created_ms == now_ms);
  const auto same = store->put("Order", R"({ "required" : ["id"] })");
  REQUIRE(same);
  CHECK_FALSE(same->created);
  CHECK(versions_of(*store, "Order") == numbers{1});
  REQUIRE(store->put("Order", R"({"required": []})"));
  REQUIRE(store->put("Order", R"({"required": [], "x-kith-version": 9})"));
  CHECK(versions_of(*store, "Order") == numbers{1, 2, 9});
  store = opened();
  CHECK(versions_of(*store, "Order") == numbers{1, 2, 9});
  const auto now = store->schemas().current();
  CHECK(now->find("Order")->find(2)->created_ms == now_ms);
  CHECK(now->find("Order")->find(3) == nullptr);
  REQUIRE(store->remove("Order"));
  CHECK(versions_of(*store, "Order").empty());
  CHECK(versions_of(*opened(), "Order").empty());
}

TEST_CASE_METHOD(disk, "a change that is refused says why, and changes nothing") {
  write("Fixed.json", "{}");
  auto store = opened();
  REQUIRE(store->put("Order", R"({"type": "number"})"));
  const auto refused_with = [](const auto& outcome, unsigned status, const char* said) {
    REQUIRE_FALSE(outcome);
    CHECK(outcome.error().status == status);
    CHECK_THAT(outcome.error().why.message, Contains(said));
  };
  refused_with(store->put("Fixed", R"({"title": "other"})"), 409, "are files of schemas");
  refused_with(store->remove("Fixed"), 409, "delete them there");
  refused_with(store->remove("none"), 404, "there is no schema");
  refused_with(store->put("", "{}"), 400, "event: has 0 bytes");
  refused_with(store->put("Order", "[]"), 400, "must be a JSON object");
  refused_with(store->put("Order", std::string(70'000, ' ')), 413, "at most 65536");
  refused_with(store->put("Order", R"({"x-kith-version": 1})"), 400, "must be a whole number from 2 on");
  refused_with(store->put("Order", R"({"x-kith-event": "Other"})"), 400, "not the event that the URL names");
  refused_with(store->put("Order", R"({"x-kith-compatibility": "some"})"), 400, "/x-kith-compatibility");
  const auto narrower = store->put("Order", R"({"type": "integer"})");
  refused_with(narrower, 409, "does not fit version 1 in 1 ways");
  REQUIRE(narrower.error().reasons.size() == 1);
  CHECK(narrower.error().reasons[0].reason == "may be number, where only integer is allowed");
  refused_with(store->put("Order", R"({"type": "string"})", {}, [](const auto*) { return false; }), 412,
               "is at version 1");
  CHECK(versions_of(*store, "Order") == numbers{1});
  CHECK(store->put("Order", R"({"type": "integer"})", compatibility::none));
  CHECK(store->put("Order", R"({"type": "number"})", compatibility::backward));
  refused_with(store->put("Order", R"({})", compatibility::full), 409, "does not fit version 3");
  CHECK(versions_of(*store, "Order") == numbers{1, 2, 3});
}

TEST_CASE_METHOD(disk, "a disk that fails leaves the schemas as they were") {
  auto store = opened();
  REQUIRE(store->put("Order", "{}"));
  files.fail(files.calls(), persistence::simulated_files::fault::no_space);
  const auto failed = store->put("Order", R"({"title": "second"})");
  REQUIRE_FALSE(failed);
  CHECK(failed.error().status == 507);
  CHECK(versions_of(*store, "Order") == numbers{1});
  REQUIRE(store->put("Order", R"({"title": "second"})"));
  CHECK(versions_of(*opened(), "Order") == numbers{1, 2});
}

TEST_CASE_METHOD(disk, "SIGHUP reads the directory anew, or keeps what was there") {
  write("Order.json", "{}");
  auto store = opened();
  REQUIRE(store->put("Made", "{}"));
  const auto generation = store->schemas().generation();
  write("Order.v2.json", R"({"title": "second"})");
  modes.unknown = schema::mode::reject;
  REQUIRE(store->reconfigure(modes));
  CHECK(versions_of(*store, "Order") == numbers{1, 2});
  CHECK(versions_of(*store, "Made") == numbers{1});
  CHECK(store->schemas().current()->modes().unknown == schema::mode::reject);
  CHECK(store->schemas().generation() != generation);
  write("Made.json", "{}");
  const auto twice = store->reconfigure(modes);
  REQUIRE_FALSE(twice);
  CHECK_THAT(twice.error().message, Contains("which was made by the API too (data/schemas.json)"));
  CHECK(versions_of(*store, "Made") == numbers{1});
}

TEST_CASE_METHOD(disk, "a damaged file is told") {
  REQUIRE(persistence::replace_file(files, "data", "schemas.json", R"({"format": 2, "schemas": []})"));
  CHECK_THAT(refused(), Contains("data/schemas.json: is damaged: format: made by a later version"));
  REQUIRE(persistence::replace_file(files, "data", "schemas.json", R"({"format": 1})"));
  CHECK_THAT(refused(), Contains("data/schemas.json: is damaged"));
}

TEST_CASE("the mode that is said nearest to the event counts") {
  schema::settings of;
  CHECK(of.of_invalid("web", "Order") == schema::mode::allow);
  of.invalid = schema::mode::quarantine;
  of.events["Order"] = schema::mode::reject;
  CHECK(of.of_invalid("web", "Order") == schema::mode::reject);
  CHECK(of.of_invalid("web", "Other") == schema::mode::quarantine);
  of.sources["web"].invalid = schema::mode::allow;
  CHECK(of.of_invalid("web", "Order") == schema::mode::allow);
  of.sources["web"].events["Order"] = schema::mode::quarantine;
  CHECK(of.of_invalid("web", "Order") == schema::mode::quarantine);
  CHECK(of.of_unknown("web") == schema::mode::allow);
  of.unknown = schema::mode::reject;
  CHECK(of.of_unknown("web") == schema::mode::reject);
  of.sources["web"].unknown = schema::mode::quarantine;
  CHECK(of.of_unknown("web") == schema::mode::quarantine);
  CHECK(schema::parse_mode("reject") == schema::mode::reject);
  CHECK_FALSE(schema::parse_mode("drop"));
}
