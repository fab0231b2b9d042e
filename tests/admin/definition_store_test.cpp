#include "admin/definition_store.hpp"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "tests/actors/support/harness.hpp"
#include "tests/catch.hpp"
#include "tests/net/support/fake_service.hpp"

using namespace kith;
using admin::definition_kind;
using admin::definition_store;
using nlohmann::json;
using profile::segments::definition;

namespace {

constexpr auto segment = definition_kind::segment;
constexpr auto computed = definition_kind::computed;

definition made(const std::string& name, const std::string& expression, definition_kind kind = segment) {
  definition wanted;
  wanted.kind = kind;
  wanted.name = name;
  wanted.expression = expression;
  return wanted;
}

std::vector<admin::configured_definition> configured(std::vector<definition> all) {
  std::vector<admin::configured_definition> list;
  for (auto& each : all) list.push_back({std::move(each), "kith.toml:" + std::to_string(list.size() + 1) + ":14"});
  return list;
}

/// A data directory, a service and a clock.
struct room {
  result<std::unique_ptr<definition_store>> try_open(std::vector<definition> of_config = {}) {
    return definition_store::open(persistence::real_files(), directory.path(), configured(std::move(of_config)),
                                  [this] { return now_ms; });
  }
  std::unique_ptr<definition_store> open(std::vector<definition> of_config = {}) {
    auto store = try_open(std::move(of_config));
    if (!store) FAIL(store.error().message);
    REQUIRE((*store)->attach(service));
    return std::move(*store);
  }
  std::string file() const { return directory.path() + "/segments.json"; }
  std::string text() const {
    std::ifstream in(file());
    return {std::istreambuf_iterator<char>(in), {}};
  }
  bool is_told(const std::string& name) const { return service.definitions()->find(segment, name).has_value(); }

  tests::temporary_directory directory;
  test::fake_service service;
  std::int64_t now_ms = 1'700'000'000'000;
};

}  // namespace

TEST_CASE("without definitions there is no file") {
  room at;
  const auto store = at.open();
  REQUIRE(store->list(segment).empty());
  REQUIRE(store->compiled()->empty());
  REQUIRE_FALSE(std::filesystem::exists(at.file()));
}

TEST_CASE("a definition that is made is told to the service, and is there after a restart") {
  room at;
  {
    const auto store = at.open();
    auto wanted = made("german", "traits.country == 'DE'");
    wanted.description = "lives in Germany";
    wanted.owner = "marketing";
    const auto created = store->create(wanted);
    REQUIRE(created);
    REQUIRE(created->what.version == 1);
    REQUIRE(created->what.created_ms == at.now_ms);
    REQUIRE_FALSE(created->from_config);
    REQUIRE(at.is_told("german"));
    REQUIRE(store->compiled() == at.service.definitions());
  }
  const auto store = at.open();
  REQUIRE(store->compiled()->find(segment, "german"));
  const auto found = store->find(segment, "german");
  REQUIRE(found);
  REQUIRE(found->what.description == "lives in Germany");
  REQUIRE(found->what.owner == "marketing");
  REQUIRE(found->what.created_ms == at.now_ms);
  REQUIRE_FALSE(store->find(computed, "german"));
}

TEST_CASE("the version rises with the expression only, and the time of creation stays") {
  room at;
  const auto store = at.open();
  REQUIRE(store->put(made("a", "true"))->created);
  const auto begun = at.now_ms;
  at.now_ms += 1000;
  const auto put = [&](definition wanted) {
    const auto done = store->put(std::move(wanted));
    REQUIRE(done);
    REQUIRE_FALSE(done->created);
    REQUIRE(done->now.what.created_ms == begun);
    return done->now.what;
  };
  REQUIRE(put(made("a", "true")).version == 1);
  REQUIRE(put(made("a", "true")).updated_ms == begun);
  auto described = made("a", "true");
  described.description = "always";
  REQUIRE(put(described).version == 1);
  REQUIRE(put(described).updated_ms == begun + 1000);
  REQUIRE(put(made("a", "false")).version == 2);
  REQUIRE(put(made("a", "true")).version == 3);
}

TEST_CASE("what cannot be compiled changes nothing, and says where") {
  room at;
  const auto store = at.open();
  REQUIRE(store->create(made("a", "true")));
  const auto before = at.text();
  const auto refused = store->put(made("a", "true &&"));
  REQUIRE_FALSE(refused);
  REQUIRE(refused.error().status == 400);
  REQUIRE(refused.error().problems.size() == 1);
  REQUIRE(refused.error().problems[0].name == "a");
  REQUIRE(refused.error().problems[0].column > 1);
  REQUIRE_FALSE(store->check(made("a", "true &&")));
  REQUIRE(store->check(made("b", "true")));
  REQUIRE_FALSE(store->find(segment, "b"));
  REQUIRE(store->find(segment, "a")->what.version == 1);
  REQUIRE(at.text() == before);
  REQUIRE(at.service.defined() == 1);
}

TEST_CASE("a definition that others need is not deleted") {
  room at;
  const auto store = at.open();
  REQUIRE(store->create(made("a", "true")));
  REQUIRE(store->create(made("b", "in_segment(\"a\")")));
  const auto refused = store->remove(segment, "a");
  REQUIRE_FALSE(refused);
  REQUIRE(refused.error().status == 409);
  REQUIRE(refused.error().why.message == "segments.a is needed by segments.b; change these first");
  REQUIRE(store->find(segment, "a"));
  REQUIRE(store->remove(segment, "b"));
  REQUIRE(store->remove(segment, "a"));
  REQUIRE_FALSE(at.is_told("a"));
  REQUIRE(store->remove(segment, "a").error().status == 404);
}

TEST_CASE("creating what is there is a conflict") {
  room at;
  const auto store = at.open({made("c", "true")});
  REQUIRE(store->create(made("a", "true")));
  REQUIRE(store->create(made("a", "true", computed)));  // another kind
  REQUIRE(store->create(made("a", "false")).error().status == 409);
  REQUIRE(store->create(made("c", "true")).error().status == 409);
}

TEST_CASE("the configuration's definitions are read only") {
  room at;
  const auto store = at.open({made("c", "true")});
  REQUIRE(store->find(segment, "c")->from_config);
  const auto refused = store->put(made("c", "false"));
  REQUIRE(refused.error().status == 409);
  REQUIRE(refused.error().why.message ==
          "segments.c is in the server's configuration: change it there, then send SIGHUP");
  REQUIRE(store->remove(segment, "c").error().status == 409);
  REQUIRE(store->find(segment, "c")->what.expression == "true");
}

TEST_CASE("a change is made only if the precondition holds") {
  room at;
  const auto store = at.open();
  REQUIRE(store->create(made("a", "true")));
  const auto never = [](const admin::kept_definition*) { return false; };
  const auto at_first = [](const admin::kept_definition* there) {
    return there != nullptr && there->what.version == 1;
  };
  REQUIRE(store->put(made("a", "false"), never).error().status == 412);
  REQUIRE(store->put(made("new", "false"), at_first).error().status == 412);
  REQUIRE(store->put(made("a", "false"), at_first));
  REQUIRE(store->put(made("a", "true"), at_first).error().status == 412);
  REQUIRE(store->remove(segment, "a", at_first).error().status == 412);
  REQUIRE(store->find(segment, "a"));
}

TEST_CASE("the configuration's definitions keep their versions over restarts") {
  room at;
  const auto begun = at.now_ms;
  REQUIRE(at.open({made("c", "true")})->find(segment, "c")->what.version == 1);
  at.now_ms += 1000;
  const auto same = at.open({made("c", "true")})->find(segment, "c")->what;
  REQUIRE(same.version == 1);
  REQUIRE(same.updated_ms == begun);
  const auto changed = at.open({made("c", "false")})->find(segment, "c")->what;
  REQUIRE(changed.version == 2);
  REQUIRE(changed.created_ms == begun);
  REQUIRE(changed.updated_ms == begun + 1000);
  REQUIRE_FALSE(at.open()->find(segment, "c"));
  // The API may have the name now.
  REQUIRE(at.open()->create(made("c", "true")));
}

TEST_CASE("a name that the configuration and the API both have stops the start") {
  room at;
  REQUIRE(at.open()->create(made("a", "true")));
  const auto before = at.text();
  const auto refused = at.try_open({made("x", "true"), made("a", "true")});
  REQUIRE_FALSE(refused);
  REQUIRE(refused.error().code == errc::invalid_argument);
  REQUIRE(refused.error().message == "kith.toml:2:14: segments.a: was made by the API too (" + at.file() +
                                         "); rename this one, or delete that one: kith segments delete a");
  REQUIRE(at.text() == before);
}

TEST_CASE("every expression of the configuration that is wrong is told with its place") {
  room at;
  const auto refused = at.try_open({made("a", "true"), made("b", "1 +"), made("c", "(", computed)});
  REQUIRE_FALSE(refused);
  const auto& message = refused.error().message;
  CAPTURE(message);
  REQUIRE(refused.error().code == errc::invalid_argument);
  REQUIRE(message.find("kith.toml:2:14: segments.b: 1:") != std::string::npos);
  REQUIRE(message.find("kith.toml:3:14: computed.c: 1:") != std::string::npos);
}

TEST_CASE("opening writes nothing") {
  room at;
  REQUIRE(at.try_open({made("a", "true")}));
  REQUIRE_FALSE(std::filesystem::exists(at.file()));
  auto store = at.try_open({made("a", "true")});
  REQUIRE((*store)->attach(at.service));
  REQUIRE(std::filesystem::exists(at.file()));
}

TEST_CASE("a configuration that is read anew replaces its own definitions only") {
  room at;
  const auto store = at.open({made("c", "true"), made("d", "true")});
  REQUIRE(store->create(made("a", "true")));
  REQUIRE(store->reconfigure(configured({made("c", "false"), made("e", "true")})));
  REQUIRE(store->find(segment, "c")->what.version == 2);
  REQUIRE_FALSE(store->find(segment, "d"));
  REQUIRE(store->find(segment, "e")->from_config);
  REQUIRE_FALSE(store->find(segment, "a")->from_config);
  REQUIRE(at.is_told("e"));
  REQUIRE_FALSE(at.is_told("d"));
  const auto wrong = store->reconfigure(configured({made("c", "1 +")}));
  REQUIRE_FALSE(wrong);
  REQUIRE(wrong.error().message.rfind("kith.toml:1:14: segments.c: 1:", 0) == 0);
  REQUIRE_FALSE(store->reconfigure(configured({made("a", "true")})));
  REQUIRE(store->find(segment, "e"));
}

TEST_CASE("what the service refuses is taken out of the file again") {
  room at;
  const auto store = at.open();
  REQUIRE(store->create(made("a", "true")));
  const auto before = at.text();
  at.service.refuse_definitions(error{errc::unavailable, "the disk failed"});
  const auto refused = store->create(made("b", "true"));
  REQUIRE(refused.error().status == 503);
  REQUIRE(refused.error().why.message == "the disk failed");
  REQUIRE(at.text() == before);
  REQUIRE_FALSE(store->find(segment, "b"));
  at.service.refuse_definitions({});
  at.service.set_phase(actors::phase::recovering);
  REQUIRE(store->create(made("b", "true")).error().status == 503);
  REQUIRE(at.text() == before);
}

TEST_CASE("the first change that the service refuses leaves a file that can be read") {
  room at;
  {
    const auto store = at.open();
    at.service.refuse_definitions(error{errc::unavailable, "the disk failed"});
    REQUIRE_FALSE(store->create(made("a", "true")));
  }
  REQUIRE(at.open()->list(segment).empty());
}

TEST_CASE("descriptions and owners are bounded") {
  room at;
  const auto store = at.open();
  auto wanted = made("a", "true");
  wanted.description.assign(4097, 'x');
  REQUIRE(store->create(wanted).error().why.message == "description: 4097 bytes; at most 4096");
  wanted.description.clear();
  wanted.owner.assign(257, 'x');
  REQUIRE(store->create(wanted).error().status == 400);
}

TEST_CASE("a file that is damaged stops the start and is not touched") {
  room at;
  for (const auto* text : {"", "{", "[]", "{\"format\": 2, \"definitions\": []}",
                           "{\"format\": 1, \"definitions\": [{\"kind\": \"segment\", \"name\": \"a\"}]}",
                           "{\"format\": 1, \"definitions\": [5]}"}) {
    CAPTURE(text);
    std::ofstream(at.file()) << text;
    const auto refused = at.try_open();
    REQUIRE_FALSE(refused);
    REQUIRE(refused.error().message.rfind(at.file() + ": is damaged: ", 0) == 0);
    REQUIRE(at.text() == text);
  }
}
