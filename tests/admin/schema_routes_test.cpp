// Schemas over REST: the handlers on a service that answers on command.
#include "admin/routes.hpp"
#include "ingest/schema/gate.hpp"
#include "ingest/schema/store.hpp"
#include "tests/actors/support/harness.hpp"
#include "tests/catch.hpp"
#include "tests/net/support/fake_service.hpp"

using namespace kith;
using kith::tests::Contains;
using nlohmann::json;

namespace {

constexpr std::int64_t now_ms = 1'767'600'000'000;

std::shared_ptr<net::identity> somebody(bool admin) {
  net::credential rights;
  rights.name = "test";
  rights.can_admin = admin;
  return std::make_shared<net::identity>(rights);
}

struct api {
  api() {
    REQUIRE(persistence::real_files().make_directory(directory.path() + "/schemas"));
    auto file =
        persistence::real_files().open(directory.path() + "/schemas/Fixed.json", persistence::open_mode::create);
    const std::array<std::string_view, 1> text{R"({"title": "of a file", "x-kith-owner": "web"})"};
    REQUIRE(file);
    REQUIRE((*file)->append(text));
    ingest::schema::settings modes;
    modes.directory = directory.path() + "/schemas";
    modes.invalid = ingest::schema::mode::quarantine;
    store =
        ingest::schema::store::open(persistence::real_files(), directory.path(), modes, [] { return now_ms; }).value();
    gate = std::make_unique<ingest::schema::gate>(store->schemas(), 1);
    admin::parts with;
    with.schemas = store.get();
    with.gate = gate.get();
    routes = std::make_unique<admin::routes>(service, *definitions, std::move(with));
  }
  admin::response ask(const std::string& method, const std::string& target, const json& body = nullptr,
                      const std::string& if_match = {}, bool may_write = true, const std::string& if_none_match = {}) {
    admin::request asked;
    asked.method = method;
    asked.target = target;
    asked.who = somebody(may_write);
    asked.body = body.is_null() ? "" : body.is_string() ? body.get<std::string>() : body.dump();
    asked.if_match = if_match;
    asked.if_none_match = if_none_match;
    return routes->handle(asked);
  }
  json get(const std::string& target) { return good("GET", target); }
  json good(const std::string& method, const std::string& target, const json& body = nullptr, unsigned status = 200) {
    const auto answer = ask(method, target, body);
    CAPTURE(target, answer.body);
    REQUIRE(answer.status == status);
    return json::parse(answer.body);
  }
  json problem(unsigned status, const std::string& method, const std::string& target, const json& body = nullptr,
               const std::string& if_match = {}) {
    const auto answer = ask(method, target, body, if_match);
    CAPTURE(method, target, answer.body);
    REQUIRE(answer.status == status);
    REQUIRE(answer.content_type == "application/problem+json");
    return json::parse(answer.body);
  }
  std::string detail(unsigned status, const std::string& method, const std::string& target, const json& body = nullptr,
                     const std::string& if_match = {}) {
    return problem(status, method, target, body, if_match)["detail"].get<std::string>();
  }
  void pass(const std::string& event, const json& properties) {
    const json sent = {
        {"type", "track"}, {"messageId", "1"}, {"userId", "ada"}, {"event", event}, {"properties", properties}};
    const auto bytes = ingest::schema::encoded(sent);
    gate->at(0)("web", profile::parse_event(bytes, {now_ms}).value(), now_ms);
  }

  tests::temporary_directory directory;
  test::fake_service service;
  std::unique_ptr<admin::definition_store> definitions =
      admin::definition_store::open(persistence::real_files(), directory.path(), {}).value();
  std::unique_ptr<ingest::schema::store> store;
  std::unique_ptr<ingest::schema::gate> gate;
  std::unique_ptr<admin::routes> routes;
};

const json order = {{"title", "An order"}, {"required", {"id"}}};
const std::string order_url = "/v1/schemas/Order%20Completed";

}  // namespace

TEST_CASE_METHOD(api, "a schema is registered, read, listed, followed and deleted") {
  const auto made = ask("PUT", order_url, order);
  CAPTURE(made.body);
  REQUIRE(made.status == 201);
  CHECK(made.headers.at("ETag") == "\"1\"");
  const json expected = {{"event", "Order Completed"},
                         {"version", 1},
                         {"versions", {1}},
                         {"description", "An order"},
                         {"owner", ""},
                         {"source", "api"},
                         {"created", "2026-01-05T08:00:00.000Z"},
                         {"schema", order}};
  CHECK(json::parse(made.body) == expected);
  CHECK(get(order_url) == expected);
  CHECK(ask("PUT", order_url, order).status == 200);
  const auto second = good("PUT", order_url, {{"required", json::array()}}, 201);
  CHECK(second["versions"].dump() == "[1,2]");
  CHECK(get(order_url)["version"].get<int>() == 2);
  CHECK(get(order_url + "?version=1") == [&] {
    auto of_two = expected;
    of_two["versions"] = {1, 2};
    return of_two;
  }());
  CHECK_THAT(detail(404, "GET", order_url + "?version=3"), Contains("the newest is 2"));
  CHECK_THAT(detail(400, "GET", order_url + "?version=x"), Contains("whole number"));
  auto list = get("/v1/schemas");
  REQUIRE(list["items"].size() == 2);
  CHECK(list["items"][0]["source"].get<std::string>() == "directory");
  CHECK(list["items"][0]["created"].is_null());
  CHECK(list["items"][0]["owner"].get<std::string>() == "web");
  CHECK_FALSE(list["items"][1].contains("schema"));
  list = get("/v1/schemas?limit=1");
  CHECK(list["next"].get<std::string>() == "Fixed");
  list = get("/v1/schemas?limit=1&cursor=Fixed");
  CHECK(list["items"][0]["event"].get<std::string>() == "Order Completed");
  CHECK(list["next"].is_null());
  CHECK_THAT(detail(412, "DELETE", order_url, nullptr, "\"1\""), Contains("is at version 2"));
  CHECK(ask("DELETE", order_url, nullptr, "\"2\"").status == 204);
  CHECK_THAT(detail(404, "GET", order_url), Contains("GET /v1/schemas lists them"));
}

TEST_CASE_METHOD(api, "a version that does not fit is a conflict, with all reasons") {
  good("PUT", order_url, order, 201);
  const json narrower = {{"required", {"id", "total"}}};
  const auto refused = problem(409, "PUT", order_url, narrower);
  CHECK(refused["incompatibilities"].dump() ==
        R"([{"of":"backward","pointer":"/total","reason":"is required, and may be absent"}])");
  CHECK_THAT(refused["detail"].get<std::string>(), Contains("?compatibility=none takes it as it is"));
  CHECK_THAT(detail(400, "PUT", order_url + "?compatibility=some", narrower), Contains("must be none, backward"));
  good("PUT", order_url + "?compatibility=none", narrower, 201);
  CHECK_THAT(detail(412, "PUT", order_url, order, "\"1\""), Contains("is at version 2"));
  CHECK(ask("PUT", order_url, order, {}, true, "*").status == 412);
}

TEST_CASE_METHOD(api, "what can be no schema is refused for that, whatever version it is to follow") {
  good("PUT", order_url, order, 201);
  CHECK_THAT(detail(400, "PUT", order_url, {{"minContains", 1}}, "\"7\""), Contains("/minContains"));
  CHECK_THAT(detail(400, "PUT", order_url, "[", "*"), Contains("is not JSON"));
  CHECK_THAT(detail(400, "PUT", "/v1/schemas/other", "5", "*"), !Contains("there is no schema"));
  CHECK_THAT(detail(400, "PUT", "/v1/schemas/" + std::string(256, 'a'), order, "*"), Contains("has 256 bytes"));
}

TEST_CASE_METHOD(api, "what is refused says why") {
  CHECK_THAT(detail(400, "PUT", order_url, {{"minContains", 1}}), Contains("/minContains: the keyword minContains"));
  CHECK_THAT(detail(400, "PUT", order_url, "{"), Contains("is not JSON"));
  CHECK_THAT(detail(413, "PUT", order_url, std::string(66'000, ' ')), Contains("at most 65536"));
  CHECK_THAT(detail(409, "PUT", "/v1/schemas/Fixed", order), Contains("change them there, then send SIGHUP"));
  CHECK_THAT(detail(409, "DELETE", "/v1/schemas/Fixed"), Contains("delete them there"));
  CHECK_THAT(detail(404, "DELETE", order_url), Contains("there is no schema"));
  CHECK_THAT(detail(400, "GET", "/v1/schemas?max=1"), Contains("query parameter max"));
  CHECK(ask("PUT", order_url, order, {}, false).status == 403);
  CHECK(ask("DELETE", order_url, nullptr, {}, false).status == 403);
  CHECK(ask("POST", "/v1/schemas:check", {{"name", "Fixed"}, {"sample", 1}}, {}, false).status == 200);
  CHECK(good("POST", "/v1/schemas:check", {{"name", "Fixed"}, {"sample", nullptr}}).contains("valid"));
}

TEST_CASE_METHOD(api, "an event, a schema and a sample are judged without being kept") {
  good("PUT", order_url, order, 201);
  const auto event =
      good("POST", "/v1/schemas:check",
           {{"event", {{"type", "track"}, {"event", "Order Completed"}, {"properties", {{"id2", "secret"}}}}},
            {"source", "web"}});
  CHECK(event.dump() ==
        R"({"declared":true,"outcome":"quarantine","valid":false,"version":1,"violations":[{"expected":"to be there",)"
        R"("found":"absent","pointer":"/properties/id","rule":"required"}]})");
  const auto sample = good("POST", "/v1/schemas:check", {{"name", "Order Completed"}, {"sample", {{"id", 1}}}});
  CHECK(sample["valid"].get<bool>());
  const auto schema = good("POST", "/v1/schemas:check",
                           {{"name", "Order Completed"}, {"schema", {{"required", {"a"}}}}, {"sample", {{"a", 1}}}});
  CHECK_FALSE(schema["compatible"].get<bool>());
  CHECK(schema["incompatibilities"].size() == 1);
  CHECK(schema["valid"].get<bool>());
  CHECK(schema["version"].get<int>() == 2);
  const auto without =
      good("POST", "/v1/schemas:check",
           {{"name", "Order Completed"}, {"schema", {{"required", {"a"}}}}, {"compatibility", "none"}});
  CHECK(without["compatible"].get<bool>());
  CHECK(get(order_url)["version"].get<int>() == 1);
  const auto refused = [&](unsigned status, const json& body, const char* said) {
    CHECK_THAT(detail(status, "POST", "/v1/schemas:check", body), Contains(said));
  };
  refused(400, json::object(), "needs either event, or name");
  refused(400, {{"name", "a"}}, "needs schema, or sample");
  refused(400, {{"name", "a"}, {"event", json::object()}}, "needs either event, or name");
  refused(400, {{"nam", "a"}}, "unknown key");
  refused(400, {{"name", 1}}, "name: must be a string");
  refused(400, {{"event", {{"type", "none"}}}}, "body: event: type");
  refused(400, {{"name", "a"}, {"schema", {{"type", "x"}}}}, "/type");
  refused(404, {{"name", "none"}, {"sample", 1}}, "there is no schema of");
  refused(400, json(R"({"name": "a", "sample": 1e999})"), "has a number that is too large");
  refused(400, json(std::string(100, '[')), "nests over 64 levels");
  refused(400, json(std::string(100'000, '[')), "nests over 128 levels");
  CHECK(gate->observed().events.empty());
}

TEST_CASE_METHOD(api, "the report, the proposal and the metrics tell what was seen") {
  good("PUT", order_url, order, 201);
  pass("Order Completed", {{"id", 1}, {"extra", "x"}});
  pass("Order Completed", json::object());
  pass("Other", {{"a", 1.5}});
  const auto report = get("/v1/schemas:report");
  REQUIRE(report["items"].size() == 3);
  CHECK(report["items"][0]["event"].get<std::string>() == "Fixed");
  CHECK(report["items"][1]["invalid"].get<int>() == 1);
  CHECK(report["items"][1]["outcomes"]["quarantine"].get<int>() == 1);
  CHECK_FALSE(report["items"][2]["declared"].get<bool>());
  CHECK(report["unlisted"].get<int>() == 0);
  CHECK(get("/v1/schemas:report?limit=1&cursor=Fixed")["items"][0]["event"].get<std::string>() == "Order Completed");
  const auto proposal = get("/v1/schemas/Other/proposal");
  CHECK(proposal["properties"].dump() == R"({"a":{"type":"number"}})");
  CHECK_THAT(detail(404, "GET", "/v1/schemas/Fixed/proposal"), Contains("was not seen"));
  const auto metrics = ask("GET", "/metrics").body;
  CHECK_THAT(metrics, Contains(R"(kith_schema_events_total{event="Order Completed",outcome="quarantine"} 1)"));
  CHECK_THAT(metrics, Contains(R"(kith_schema_events_total{event="Other",outcome="allow"} 1)"));
}

TEST_CASE_METHOD(api, "a server without schemas lists none") {
  routes = std::make_unique<admin::routes>(service, *definitions);
  CHECK(get("/v1/schemas")["items"].empty());
  CHECK(get("/v1/schemas:report")["items"].empty());
  CHECK_THAT(detail(404, "PUT", order_url, order), Contains("keeps no schemas"));
  CHECK_THAT(detail(404, "GET", order_url + "/proposal"), Contains("was not seen"));
}

TEST_CASE("a name that no event can have is refused whatever version is expected of it") {
  api at;
  const auto target = "/v1/schemas/" + std::string(5000, 'x');
  CHECK(at.ask("PUT", target, json::object()).status == 400);
  CHECK(at.ask("PUT", target, json::object(), "\"1\"").status == 400);
}
