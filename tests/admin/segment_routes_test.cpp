// Segments over REST: the handlers on a runtime that answers on command, and once through TLS.
#include <algorithm>
#include <sstream>

#include "admin/routes.hpp"
#include "admin/server.hpp"
#include "net/https_client.hpp"
#include "tests/actors/support/harness.hpp"
#include "tests/catch.hpp"
#include "tests/net/support/certificates.hpp"
#include "tests/net/support/fake_service.hpp"

using namespace kith;
using nlohmann::json;

namespace {

std::string encoded(const json& value) {
  const auto bytes = json::to_msgpack(value);
  return {bytes.begin(), bytes.end()};
}

profile::hash128 user(const std::string& id) { return profile::address_of(profile::id_kind::user, {}, id); }

std::shared_ptr<net::identity> somebody(bool admin) {
  net::credential rights;
  rights.name = "test";
  rights.can_admin = admin;
  return std::make_shared<net::identity>(rights);
}

std::vector<admin::configured_definition> of_config() {
  admin::configured_definition one;
  one.what.name = "fixed";
  one.what.expression = "true";
  return {one};
}

struct api {
  admin::response ask(const std::string& method, const std::string& target, const json& body = nullptr,
                      const std::string& if_match = {}, bool may_write = true) {
    admin::request asked;
    asked.method = method;
    asked.target = target;
    asked.who = somebody(may_write);
    asked.body = body.is_null() ? "" : body.is_string() ? body.get<std::string>() : body.dump();
    asked.if_match = if_match;
    return routes.handle(asked);
  }
  json get(const std::string& target) {
    const auto answer = ask("GET", target);
    CAPTURE(answer.body);
    REQUIRE(answer.status == 200);
    return json::parse(answer.body);
  }
  /// The problem document's members.
  json problem(unsigned status, const std::string& method, const std::string& target, const json& body = nullptr,
               const std::string& if_match = {}) {
    const auto answer = ask(method, target, body, if_match);
    CAPTURE(method, target, answer.body);
    REQUIRE(answer.status == status);
    REQUIRE(answer.content_type == "application/problem+json");
    return json::parse(answer.body);
  }

  tests::temporary_directory directory;
  test::fake_service service;
  std::unique_ptr<admin::definition_store> definitions =
      admin::definition_store::open(persistence::real_files(), directory.path(), of_config(), [] {
        return 1'767'600'000'000;
      }).value();
  admin::routes routes{service, *definitions};
};

const json idle = {{"running", false}, {"cancelled", false}, {"complete", true}, {"done", 0},
                   {"of", 0},          {"perSecond", 0.0},   {"limit", nullptr}, {"secondsLeft", nullptr}};
const json loyal = {{"name", "loyal"}, {"expression", "traits.orders >= 3"}, {"owner", "crm"}};

}  // namespace

TEST_CASE_METHOD(api, "a segment is created, read, listed, replaced and deleted") {
  const auto created = ask("POST", "/v1/segments", loyal);
  CAPTURE(created.body);
  REQUIRE(created.status == 201);
  REQUIRE(created.headers.at("Location") == "/v1/segments/loyal");
  REQUIRE(created.headers.at("ETag") == "\"1\"");
  const json expected = {{"kind", "segment"},
                         {"name", "loyal"},
                         {"expression", "traits.orders >= 3"},
                         {"description", ""},
                         {"owner", "crm"},
                         {"purpose", nullptr},
                         {"version", 1},
                         {"created", "2026-01-05T08:00:00.000Z"},
                         {"updated", "2026-01-05T08:00:00.000Z"},
                         {"source", "api"},
                         {"members", 0},
                         {"backfill", idle},
                         {"disabled", nullptr}};
  REQUIRE(json::parse(created.body) == expected);
  REQUIRE(get("/v1/segments/loyal") == expected);
  const auto list = get("/v1/segments");
  REQUIRE(list["items"].size() == 2);
  REQUIRE(list["items"][0]["name"] == "fixed");
  REQUIRE(list["items"][0]["source"] == "config");
  REQUIRE(list["items"][1] == expected);
  REQUIRE(list["next"].is_null());

  // What was read may be changed and sent back.
  auto changed = expected;
  changed["expression"] = "traits.orders >= 4";
  const auto replaced = ask("PUT", "/v1/segments/loyal", changed, "\"1\"");
  REQUIRE(replaced.status == 200);
  REQUIRE(replaced.headers.at("ETag") == "\"2\"");
  REQUIRE(json::parse(replaced.body)["version"] == 2);
  REQUIRE(ask("PUT", "/v1/segments/new", {{"expression", "true"}}).status == 201);
  const auto deleted = ask("DELETE", "/v1/segments/loyal");
  REQUIRE(deleted.status == 204);
  REQUIRE(deleted.body.empty());
  REQUIRE(ask("GET", "/v1/segments/loyal").status == 404);
}

TEST_CASE_METHOD(api, "a version that is not the present one is refused with 412") {
  REQUIRE(ask("POST", "/v1/segments", loyal).status == 201);
  const json body = {{"expression", "false"}};
  for (const auto* header : {"\"2\"", "1", "W/\"1\"", "\"2\", \"3\"", "\"\""}) {
    CAPTURE(header);
    REQUIRE(problem(412, "PUT", "/v1/segments/loyal", body, header)["detail"] == "segments.loyal is at version 1");
    problem(412, "DELETE", "/v1/segments/loyal", nullptr, header);
  }
  REQUIRE(problem(412, "PUT", "/v1/segments/other", body, "*")["detail"] == "segments.other is not there");
  REQUIRE(ask("PUT", "/v1/segments/loyal", body, "\"7\", \"1\"").status == 200);
  REQUIRE(ask("DELETE", "/v1/segments/loyal", nullptr, "*").status == 204);
}

TEST_CASE_METHOD(api, "what can be no definition is refused for that, whatever version it is to replace") {
  REQUIRE(ask("POST", "/v1/segments", loyal).status == 201);
  problem(400, "PUT", "/v1/segments/" + std::string(65, 'a'), {{"expression", "false"}}, "*");
  problem(400, "PUT", "/v1/computed/7", {{"expression", "1"}}, "\"1\"");
  problem(400, "PUT", "/v1/segments/loyal", {{"expression", "1"}}, "\"9\"");
  problem(400, "PUT", "/v1/segments/loyal", {{"expression", "true"}, {"owner", std::string(5000, 'o')}}, "\"9\"");
}

TEST_CASE_METHOD(api, "conflicts are told") {
  REQUIRE(ask("POST", "/v1/segments", loyal).status == 201);
  problem(409, "POST", "/v1/segments", loyal);
  REQUIRE(problem(409, "PUT", "/v1/segments/fixed", {{"expression", "false"}})["detail"] ==
          "segments.fixed is in the server's configuration: change it there, then send SIGHUP");
  problem(409, "DELETE", "/v1/segments/fixed");
  REQUIRE(ask("POST", "/v1/segments", {{"name", "vip"}, {"expression", "in_segment(\"loyal\")"}}).status == 201);
  REQUIRE(problem(409, "DELETE", "/v1/segments/loyal")["detail"] ==
          "segments.loyal is needed by segments.vip; change these first");
}

TEST_CASE_METHOD(api, "a wrong expression is told with its name, line and column") {
  const auto told = problem(400, "POST", "/v1/segments", {{"name", "bad"}, {"expression", "true &&\n)"}});
  REQUIRE(told["code"] == "invalid_argument");
  REQUIRE(told["name"] == "bad");
  REQUIRE(told["line"] == 2);
  REQUIRE(told["column"] == 1);
  REQUIRE(told["problems"].size() == 1);
  REQUIRE(told["problems"][0]["kind"] == "segment");
  REQUIRE(told["problems"][0]["message"] == told["detail"]);
  REQUIRE(service.defined() == 0);
}

TEST_CASE_METHOD(api, "a body that is not a definition is refused and says why") {
  const auto why = [&](const json& body) {
    return problem(400, "POST", "/v1/segments", body)["detail"].get<std::string>();
  };
  REQUIRE(why("{").rfind("body: is not JSON: ", 0) == 0);
  REQUIRE(why(nullptr).rfind("body: is not JSON: ", 0) == 0);
  REQUIRE(why("{\"name\": \"\xff\"}").rfind("body: is not JSON: ", 0) == 0);
  REQUIRE(why(R"({"backfill": 1e999})") == "body: has a number that is too large; at most 1.7e308 is taken");
  REQUIRE(why(json::array()) == "body: must be a JSON object");
  REQUIRE(why({{"expression", "true"}}) == "body: name: missing");
  REQUIRE(why({{"name", "a"}}) == "body: expression: missing");
  REQUIRE(why({{"name", 5}}) == "body: name: must be a string");
  REQUIRE(why({{"name", "a"}, {"expr", "true"}}) ==
          "body: unknown key \"expr\"; allowed are name, expression, description, owner, purpose");
  REQUIRE(problem(400, "PUT", "/v1/segments/a", {{"name", "b"}, {"expression", "true"}})["detail"] ==
          "body: name: is \"b\", but the URL names \"a\"; a definition cannot be renamed");
  REQUIRE(why(std::string(100, '[')).rfind("body: is not JSON: ", 0) == 0);
  REQUIRE(why(std::string(900'000, '[')) == "body: nests over 128 levels");
}

TEST_CASE_METHOD(api, "computed traits are kept apart from segments") {
  const json body = {{"name", "loyal"}, {"expression", "1"}};
  REQUIRE(ask("POST", "/v1/computed", body).headers.at("Location") == "/v1/computed/loyal");
  REQUIRE(get("/v1/computed/loyal")["kind"] == "computed");
  REQUIRE_FALSE(get("/v1/computed/loyal").contains("members"));
  REQUIRE(get("/v1/computed")["items"].size() == 1);
  problem(404, "GET", "/v1/segments/loyal");
  problem(404, "DELETE", "/v1/segments/loyal");
  REQUIRE(ask("PUT", "/v1/computed/loyal", {{"expression", "2"}}).status == 200);
  REQUIRE(ask("DELETE", "/v1/computed/loyal").status == 204);
}

TEST_CASE_METHOD(api, "lists are paged by name") {
  for (const auto* name : {"a", "b", "c", "d"}) {
    REQUIRE(ask("POST", "/v1/computed", {{"name", name}, {"expression", "1"}}).status == 201);
  }
  const auto first = get("/v1/computed?limit=3");
  REQUIRE(first["items"].size() == 3);
  REQUIRE(first["next"] == "c");
  const auto second = get("/v1/computed?limit=3&cursor=c");
  REQUIRE(second["items"].size() == 1);
  REQUIRE(second["items"][0]["name"] == "d");
  REQUIRE(second["next"].is_null());
  for (const auto* query : {"limit=0", "limit=1001", "limit=x", "order=asc"}) {
    problem(400, "GET", std::string("/v1/computed?") + query);
  }
}

TEST_CASE_METHOD(api, "members are paged, counted, and said to be incomplete during a backfill") {
  std::vector<persistence::members_page::item> all;
  for (std::uint64_t i = 1; i <= 5; ++i) all.push_back({profile::hash128{0, i}, 1'767'600'000'000});
  service.put_members("fixed", all);
  service.put(all[0].address, encoded({{"userIds", json::array()},
                                       {"externalIds", {{{"type", "email"}, {"id", "ada@example.com"}}}},
                                       {"anonymousIds", json::array({"a-17"})}}));
  service.put(all[2].address, encoded({{"userIds", json::array({"cleo"})}}));
  REQUIRE(get("/v1/segments/fixed")["members"] == 5);
  const auto page = get("/v1/segments/fixed/members?limit=2");
  REQUIRE(page["items"].size() == 2);
  REQUIRE(page["items"][0] == json{{"profile", profile::to_hex(all[0].address)},
                                   {"identifier", {{"kind", "external"}, {"type", "email"}, {"id", "ada@example.com"}}},
                                   {"since", "2026-01-05T08:00:00.000Z"}});
  REQUIRE(page["items"][1]["identifier"].is_null());
  REQUIRE(page["complete"] == true);
  REQUIRE(page["next"] == profile::to_hex(all[1].address));
  const auto rest = get("/v1/segments/fixed/members?cursor=" + page["next"].get<std::string>());
  REQUIRE(rest["items"].size() == 3);
  REQUIRE(rest["next"].is_null());
  REQUIRE(rest["items"][0]["identifier"] == json{{"kind", "user"}, {"id", "cleo"}});
  for (const auto* format : {"json", "ndjson"}) {
    net::credential viewer;
    viewer.granted = net::role::viewer;
    admin::request asked;
    asked.method = "GET";
    asked.target = std::string("/v1/segments/fixed/members?limit=1&format=") + format;
    asked.who = std::make_shared<net::identity>(viewer);
    const auto seen = routes.handle(asked);
    REQUIRE(seen.status == 200);
    REQUIRE(seen.body.find("ada@example.com") == std::string::npos);
    REQUIRE(seen.body.find("\"masked\":[\"identifier.id\"]") != std::string::npos);
  }
  actors::backfill_progress progress;
  progress.complete = false;
  service.set_backfill(progress);
  REQUIRE(get("/v1/segments/fixed/members")["complete"] == false);
  problem(404, "GET", "/v1/segments/none/members");
  problem(400, "GET", "/v1/segments/fixed/members?cursor=zz");
}

TEST_CASE_METHOD(api, "all members come as lines, in as many pieces as it takes") {
  std::vector<persistence::members_page::item> all;
  for (std::uint64_t i = 1; i <= 2500; ++i) all.push_back({{i, 0}, 1'767'600'000'000});
  service.put_members("fixed", all);
  auto answer = ask("GET", "/v1/segments/fixed/members?format=ndjson");
  REQUIRE(answer.status == 200);
  REQUIRE(answer.content_type == "application/x-ndjson");
  REQUIRE(answer.headers.at("Kith-Complete") == "true");
  auto text = answer.body;
  std::size_t pieces = 0;
  for (auto next = answer.more(); !next->empty(); next = answer.more()) {
    text += *next;
    ++pieces;
  }
  REQUIRE(pieces == 2);
  std::istringstream lines(text);
  std::size_t count = 0;
  for (std::string line; std::getline(lines, line); ++count) {
    REQUIRE(json::parse(line) == json{{"profile", profile::to_hex(all[count].address)},
                                      {"identifier", nullptr},
                                      {"since", "2026-01-05T08:00:00.000Z"}});
  }
  REQUIRE(count == all.size());

  admin::request accepting;
  accepting.method = "GET";
  accepting.target = "/v1/segments/fixed/members";
  accepting.who = somebody(false);
  accepting.accept = "application/x-ndjson";
  REQUIRE(routes.handle(accepting).content_type == "application/x-ndjson");
  accepting.accept = "application/json, */*";
  REQUIRE(routes.handle(accepting).content_type == "application/json");
  REQUIRE(problem(400, "GET", "/v1/segments/fixed/members?format=csv")["detail"] ==
          "query parameter format: must be json or ndjson");
  problem(404, "GET", "/v1/segments/none/members?format=ndjson");
  actors::backfill_progress progress;
  progress.complete = false;
  service.set_backfill(progress);
  REQUIRE(ask("GET", "/v1/segments/fixed/members?format=ndjson").headers.at("Kith-Complete") == "false");
}

TEST_CASE_METHOD(api, "a backfill tells how far it is, is cancelled and goes on") {
  REQUIRE(get("/v1/backfill") == idle);
  REQUIRE(problem(409, "POST", "/v1/backfill:cancel")["detail"] ==
          "no backfill is under way; GET /v1/backfill tells how it stands");
  actors::backfill_progress progress;
  progress.running = true;
  progress.complete = false;
  progress.done = 10;
  progress.of = 100;
  progress.limit = 5;
  progress.per_second = 4.96;
  progress.seconds_left = 17.1;
  service.set_backfill(progress);
  const json told = {{"running", true}, {"cancelled", false}, {"complete", false}, {"done", 10},
                     {"of", 100},       {"perSecond", 5.0},   {"limit", 5.0},      {"secondsLeft", 18.0}};
  REQUIRE(get("/v1/backfill") == told);
  REQUIRE(get("/v1/segments/fixed")["backfill"] == told);
  REQUIRE(ask("POST", "/v1/backfill:cancel", nullptr, {}, false).status == 403);
  const auto cancelled = json::parse(ask("POST", "/v1/backfill:cancel").body);
  REQUIRE(cancelled["cancelled"] == true);
  REQUIRE(cancelled["running"] == false);
  REQUIRE(get("/v1/segments/fixed/members")["complete"] == false);
  problem(409, "POST", "/v1/backfill:cancel");
  REQUIRE(json::parse(ask("POST", "/v1/backfill:resume").body)["running"] == true);
  problem(409, "POST", "/v1/backfill:resume");
}

TEST_CASE_METHOD(api, "a definition that comes to errors only is disabled, and says why, until it is defined anew") {
  REQUIRE(definitions->attach(service));
  REQUIRE(ask("POST", "/v1/segments", loyal).status == 201);
  REQUIRE(ask("POST", "/v1/computed", {{"name", "loyal"}, {"expression", "traits.orders + 1"}}).status == 201);
  REQUIRE(definitions->disable_failing()->empty());
  const auto segment = admin::definition_kind::segment;
  service.put_failing({{segment, "loyal", "traits.orders >= 3", 50, "no such key 'orders'"},
                       {segment, "loyal", "what it was before", 50, "other"},
                       {segment, "gone", "true", 50, "other"}});
  const auto disabled = definitions->disable_failing();
  REQUIRE(disabled);
  REQUIRE(disabled->size() == 1);
  const json why = {{"reason", "its expression came to an error 50 times in a row, and to no value between"},
                    {"error", "no such key 'orders'"},
                    {"since", "2026-01-05T08:00:00.000Z"}};
  REQUIRE(get("/v1/segments/loyal")["disabled"] == why);
  REQUIRE(get("/v1/segments/loyal")["expression"] == "traits.orders >= 3");
  REQUIRE(get("/v1/segments/loyal")["version"] == 1);
  REQUIRE(get("/v1/computed/loyal")["disabled"].is_null());
  REQUIRE(get("/v1/stats")["definitionsDisabled"] == 1);
  REQUIRE(ask("GET", "/metrics").body.find("kith_definitions_disabled 1\n") != std::string::npos);
  REQUIRE(definitions->disable_failing()->empty());
  const auto is_disabled = [&](const admin::definition_store& in) {
    const auto compiled = in.compiled();
    return compiled->definitions()[*compiled->find(segment, "loyal")].disabled;
  };
  REQUIRE(is_disabled(*definitions));

  SECTION("a restart remembers it") {
    const auto again = admin::definition_store::open(persistence::real_files(), directory.path(), of_config()).value();
    REQUIRE(again->list(segment) == definitions->list(segment));
    REQUIRE(is_disabled(*again));
  }
  SECTION("it is enabled") {
    REQUIRE(ask("POST", "/v1/segments/loyal/enable", nullptr, {}, false).status == 403);
    const auto enabled = ask("POST", "/v1/segments/loyal/enable");
    REQUIRE(enabled.status == 200);
    REQUIRE(json::parse(enabled.body)["disabled"].is_null());
    REQUIRE_FALSE(is_disabled(*definitions));
    const auto defined = service.defined();
    REQUIRE(ask("POST", "/v1/segments/loyal/enable").status == 200);
    REQUIRE(service.defined() == defined);
    problem(404, "POST", "/v1/segments/none/enable");
    problem(404, "POST", "/v1/computed/none/enable");
  }
  SECTION("it is defined anew, as it was, or as it was read") {
    auto read = get("/v1/segments/loyal");
    REQUIRE(ask("PUT", "/v1/segments/loyal", read).status == 200);
    REQUIRE(get("/v1/segments/loyal")["disabled"].is_null());
    REQUIRE(get("/v1/segments/loyal")["version"] == 1);
  }
  SECTION("another change leaves it disabled") {
    REQUIRE(ask("PUT", "/v1/segments/other", {{"expression", "in_segment(\"loyal\")"}}).status == 201);
    REQUIRE(is_disabled(*definitions));
  }
}

TEST_CASE_METHOD(api, "a disabled definition of the configuration stays so until its expression is another one") {
  REQUIRE(definitions->attach(service));
  const auto segment = admin::definition_kind::segment;
  service.put_failing({{segment, "fixed", "true", 50, "why"}});
  REQUIRE(definitions->disable_failing()->size() == 1);
  auto configured = of_config();
  configured[0].what.description = "new words";
  REQUIRE(definitions->reconfigure(configured));
  REQUIRE_FALSE(get("/v1/segments/fixed")["disabled"].is_null());
  configured[0].what.expression = "false";
  REQUIRE(definitions->reconfigure(configured));
  REQUIRE(get("/v1/segments/fixed")["disabled"].is_null());
}

TEST_CASE_METHOD(api, "a profile's segments, and why") {
  const json memberships = json::array({{{"segment", "fixed"}, {"since", "2026-01-05T08:00:00.000Z"}}});
  const json why = {{"segment", "fixed"}, {"member", true}, {"parts", json::array()}};
  service.put_segments(user("ada"), encoded(memberships));
  service.put_explanation(user("ada"), "fixed", encoded(why));
  REQUIRE(get("/v1/profiles/user/ada/segments") == json{{"items", memberships}, {"next", nullptr}});
  REQUIRE(get("/v1/profiles/user/ada/explain/fixed") == why);
  problem(404, "GET", "/v1/profiles/user/nobody/segments");
  problem(404, "GET", "/v1/profiles/user/ada/explain/other");
  problem(400, "GET", "/v1/profiles/profile/xyz/segments");
  problem(400, "GET", "/v1/profiles/user/ada/segments?limit=1");
}

TEST_CASE_METHOD(api, "a preview judges an expression and saves nothing") {
  const auto good = ask("POST", "/v1/segments:preview", {{"expression", "traits.n > 1"}}, {}, false);
  REQUIRE(good.status == 200);
  REQUIRE(json::parse(good.body) == json{{"valid", true},
                                         {"members", 0},
                                         {"profiles", 0},
                                         {"errors", 0},
                                         {"complete", true},
                                         {"seconds", 0.0},
                                         {"sample", json::array()}});
  const auto told = problem(400, "POST", "/v1/segments:preview", {{"expression", "traits.n >"}, {"name", "n"}});
  REQUIRE(told["line"] == 1);
  REQUIRE(told["name"] == "n");
  REQUIRE(
      problem(400, "POST", "/v1/segments:preview", {{"expression", "true"}, {"profiles", json::array()}})["detail"] ==
      "body: unknown key \"profiles\"; allowed are expression, name, purpose, sample, check, kind");
  REQUIRE(get("/v1/segments")["items"].size() == 1);
}

TEST_CASE_METHOD(api, "an expression is only checked, without looking at any profile, where that is asked") {
  service.put_preview(fail(errc::internal, "profiles were looked at"));
  const auto check = [&](const std::string& expression, const std::string& kind) {
    return json{{"expression", expression}, {"check", true}, {"kind", kind}};
  };
  for (const auto& body : {check("traits.n > 1", "segment"), check("traits.n + 1", "computed")}) {
    const auto told = ask("POST", "/v1/segments:preview", body, {}, false);
    REQUIRE(told.status == 200);
    REQUIRE(json::parse(told.body) == json{{"valid", true}});
  }
  REQUIRE(problem(400, "POST", "/v1/segments:preview", check("traits.n +", "computed"))["line"] == 1);
  problem(400, "POST", "/v1/segments:preview", {{"expression", "traits.n + 1"}, {"kind", "computed"}});
  problem(400, "POST", "/v1/segments:preview", {{"expression", "true"}, {"check", "yes"}});
}

TEST_CASE_METHOD(api, "a preview tells who would be a member, with what is defined now") {
  REQUIRE(ask("POST", "/v1/segments", loyal).status == 201);
  actors::preview_outcome outcome;
  outcome.profiles = 12;
  outcome.members = 3;
  outcome.errors = 2;
  outcome.first_error = "no such key 'plan'";
  outcome.complete = false;
  outcome.sample = {encoded({{"profile", "00"}, {"userIds", {"ada"}}})};
  service.put_preview(outcome);
  // 4.0 is a whole number in JSON, too.
  const json body = {{"expression", "in_segment(\"loyal\") && traits.plan == 1"}, {"sample", 4.0}};
  const auto told = json::parse(ask("POST", "/v1/segments:preview", body).body);
  REQUIRE(told["members"] == 3);
  REQUIRE(told["profiles"] == 12);
  REQUIRE(told["errors"] == 2);
  REQUIRE(told["error"] == "no such key 'plan'");
  REQUIRE(told["complete"] == false);
  REQUIRE(told["sample"] == json::array({{{"profile", "00"}, {"userIds", {"ada"}}}}));
  const auto asked = service.previewed();
  REQUIRE(asked.sample == 4);
  REQUIRE(asked.definitions->definitions().size() == 2);  // loyal is needed, fixed is not
  REQUIRE(asked.definitions->find(admin::definition_kind::segment, asked.segment) == 1);

  for (const json& wrong : {json(101), json(-1), json("5"), json(1.5)}) {
    REQUIRE(problem(400, "POST", "/v1/segments:preview", {{"expression", "true"}, {"sample", wrong}})["detail"] ==
            "body: sample: must be a whole number from 0 to 100");
  }
  service.put_preview(fail(errc::resource_exhausted, "another preview"));
  REQUIRE(problem(429, "POST", "/v1/segments:preview", {{"expression", "true"}})["code"] == "resource_exhausted");
  service.put_preview(fail(errc::unavailable, "recovering"));
  problem(503, "POST", "/v1/segments:preview", {{"expression", "true"}});
}

TEST_CASE_METHOD(api, "a preview of a segment is by its purpose, unless it says another one, or none") {
  auto configured = of_config();
  configured.front().what.purpose = "marketing";
  std::vector<profile::purpose> purposes(2);
  purposes[0].name = "marketing";
  purposes[1].name = "sale";
  const auto rules =
      std::make_shared<const profile::privacy_rules>(std::move(purposes), std::vector<profile::trait_retention>());
  const tests::temporary_directory apart;
  const auto kept =
      admin::definition_store::open(persistence::real_files(), apart.path(), configured, actors::wall_clock_ms, rules)
          .value();
  admin::routes by_purpose(service, *kept);
  const auto purpose_of = [&](const json& body) {
    admin::request asked;
    asked.method = "POST";
    asked.target = "/v1/segments:preview";
    asked.who = somebody(true);
    asked.body = body.dump();
    const auto answer = by_purpose.handle(asked);
    CAPTURE(answer.body);
    REQUIRE(answer.status == 200);
    return service.previewed().definitions->definitions().back().purpose;
  };
  REQUIRE(purpose_of({{"expression", "true"}, {"name", "fixed"}}) == "marketing");
  REQUIRE(purpose_of({{"expression", "true"}, {"name", "fixed"}, {"purpose", "sale"}}) == "sale");
  REQUIRE(purpose_of({{"expression", "true"}, {"name", "fixed"}, {"purpose", nullptr}}).empty());
  REQUIRE(purpose_of({{"expression", "true"}, {"name", "other"}}).empty());
  REQUIRE(purpose_of({{"expression", "true"}, {"purpose", "sale"}}) == "sale");
}

TEST_CASE_METHOD(api, "changes need the right to administer, reading does not") {
  const json body = {{"expression", "true"}};
  REQUIRE(ask("POST", "/v1/segments", loyal, {}, false).status == 403);
  REQUIRE(ask("PUT", "/v1/segments/a", body, {}, false).status == 403);
  REQUIRE(ask("DELETE", "/v1/segments/a", nullptr, {}, false).status == 403);
  REQUIRE(ask("POST", "/v1/computed", loyal, {}, false).status == 403);
  for (const auto* target : {"/v1/segments", "/v1/segments/fixed", "/v1/segments/fixed/members", "/v1/computed"}) {
    REQUIRE(ask("GET", target, nullptr, {}, false).status == 200);
  }
}

TEST_CASE_METHOD(api, "what the service cannot do now is told with its status") {
  REQUIRE(definitions->attach(service));
  service.refuse_definitions(error{errc::unavailable, "stopping"});
  REQUIRE(problem(503, "POST", "/v1/segments", loyal)["detail"] == "stopping");
  service.refuse_definitions({});
  service.set_phase(actors::phase::recovering);
  problem(503, "POST", "/v1/segments", loyal);
}

TEST_CASE_METHOD(api, "bodies and If-Match come through HTTPS, and the HTTPS client brings answers back") {
  test::certificates authority;
  auto tls_options = authority.server_options();
  tls_options.alpn = "http/1.1";
  const auto tls = net::reloadable_tls::load(tls_options).value();
  net::credential_config boss{"boss", "token-boss", {}, {}, {}, false, true, true, 0};
  const auto credentials = net::credential_store::make({boss}, std::nullopt).value();
  admin::admin_options options;
  options.port = 0;
  const auto running = admin::admin_server::start(service, *definitions, tls, credentials, options).value();
  net::client_options to;
  to.port = running->port();
  to.ca_file = authority.path("ca.pem");
  to.token = "token-boss";
  const auto client = net::https_client::connect(to);
  if (!client) FAIL(client.error().message);
  const auto send = [&](const std::string& method, const std::string& target, const json& body = nullptr,
                        const std::map<std::string, std::string>& headers = {}) {
    const auto got = (*client)->send({method, target, body.is_null() ? "" : body.dump(), headers});
    if (!got) FAIL(got.error().message);
    return *got;
  };
  REQUIRE(send("POST", "/v1/segments", loyal).status == 201);
  const json body = {{"expression", "false"}};
  REQUIRE(send("PUT", "/v1/segments/loyal", body, {{"If-Match", "\"2\""}}).status == 412);
  REQUIRE(send("PUT", "/v1/segments/loyal", body, {{"If-Match", "\"1\""}}).status == 200);
  REQUIRE(json::parse(send("GET", "/v1/segments/loyal").body)["version"] == 2);
  const auto deleted = send("DELETE", "/v1/segments/loyal");
  REQUIRE(deleted.status == 204);
  REQUIRE(deleted.body.empty());
  REQUIRE(send("GET", "/v1/segments/loyal").status == 404);  // the connection goes on
  std::vector<persistence::members_page::item> all;
  for (std::uint64_t i = 1; i <= 2500; ++i) all.push_back({{i, 0}, 1'767'600'000'000});
  service.put_members("fixed", all);
  for (int twice = 0; twice < 2; ++twice) {
    const auto lines = send("GET", "/v1/segments/fixed/members", nullptr, {{"Accept", "application/x-ndjson"}});
    REQUIRE(lines.status == 200);
    REQUIRE(std::count(lines.body.begin(), lines.body.end(), '\n') == 2500);
  }
  service.put_members("fixed", {});
  REQUIRE(send("GET", "/v1/segments/fixed/members?format=ndjson").body.empty());
  REQUIRE(send("GET", "/v1/segments/fixed").status == 200);

  SECTION("a server that is not there, or not ours, is not reached") {
    test::certificates foreign;
    auto wrong = to;
    wrong.ca_file = foreign.path("ca.pem");
    REQUIRE(net::https_client::connect(wrong).error().code == errc::unavailable);
    wrong = to;
    wrong.server_name = "elsewhere.example";
    REQUIRE(net::https_client::connect(wrong).error().code == errc::unavailable);
    wrong = to;
    wrong.ca_file = "no/such/ca.pem";
    REQUIRE(net::https_client::connect(wrong).error().code == errc::invalid_argument);
  }
  SECTION("an answer that is too large is refused") {
    auto small = to;
    small.reply_bytes = 16;
    const auto short_of_room = net::https_client::connect(small);
    const auto got = (*short_of_room)->send({"GET", "/v1/segments", {}, {}});
    REQUIRE_FALSE(got);
    CAPTURE(got.error().message);
    REQUIRE(got.error().code == errc::too_large);
  }
}

TEST_CASE("parts of URLs are escaped") {
  REQUIRE(net::percent_encoded("a-b_c.D~9") == "a-b_c.D~9");
  REQUIRE(net::percent_encoded("a b/ü%") == "a%20b%2F%C3%BC%25");
}
