#include "admin/routes.hpp"

#include <regex>
#include <set>

#include "tests/actors/support/harness.hpp"
#include "tests/catch.hpp"

using namespace kith;
using namespace kith::tests;
using nlohmann::json;

namespace {

std::shared_ptr<net::identity> somebody(bool read, bool admin) {
  net::credential rights;
  rights.name = "test";
  rights.can_read = read;
  rights.can_admin = admin;
  return std::make_shared<net::identity>(rights);
}

struct admin_fixture {
  temporary_directory directory;
  running kith{options_for(directory.path())};
  std::unique_ptr<admin::definition_store> definitions =
      admin::definition_store::open(persistence::real_files(), directory.path(), {}).value();
  admin::routes routes{*kith, *definitions};

  admin::response ask_as(std::shared_ptr<net::identity> who, const std::string& target, const std::string& method) {
    admin::request asked;
    asked.method = method;
    asked.target = target;
    asked.who = std::move(who);
    return routes.handle(asked);
  }
  admin::response ask(const std::string& target, const std::string& method = "GET") {
    return ask_as(somebody(true, true), target, method);
  }
  json body(const std::string& target) { return json::parse(ask(target).body); }
};

}  // namespace

TEST_CASE("the OpenAPI document describes exactly the routes that are served") {
  std::set<std::pair<std::string, std::string>> described;
  const auto document = json::parse(admin::openapi_document());
  for (const auto& [path, methods] : document["paths"].items()) {
    const auto plain = std::regex_replace(path, std::regex("\\{[a-z]+\\}"), "{}");
    for (const auto& [method, operation] : methods.items()) {
      std::string upper = method;
      for (char& each : upper) each = static_cast<char>(each - 'a' + 'A');
      described.emplace(upper, plain);
    }
  }
  std::set<std::pair<std::string, std::string>> listed;
  for (const auto& each : admin::routes::listed()) listed.emplace(each.method, each.path);
  CHECK(described == listed);
}

TEST_CASE_METHOD(admin_fixture, "a profile and its events are read") {
  kith.publish({track("ada b/c", "m-1", "2024-05-01T10:00:00Z"), track("ada b/c", "m-2", "2024-05-02T10:00:00Z")});
  const auto profile = body("/v1/profiles/user/ada%20b%2Fc");
  CHECK(profile["events"]["Order Completed"]["count"] == 2);
  CHECK(body("/v1/profiles/profile/" + profile["profile"].get<std::string>()) == profile);
  CHECK(body("/v1/profiles/user/ada%20b%2Fc?fields=version") == json{{"version", 2}});
  const auto first = body("/v1/profiles/user/ada%20b%2Fc/events?limit=1&order=asc");
  REQUIRE(first["items"].size() == 1);
  CHECK(first["items"][0]["messageId"] == "m-1");
  CHECK(first["items"][0]["source"] == "test");
  const auto next = first["next"].get<std::string>();
  const auto second = body("/v1/profiles/user/ada%20b%2Fc/events?limit=1&order=asc&cursor=" + next);
  CHECK(second["items"][0]["messageId"] == "m-2");
  CHECK(second["next"].is_null());
}

TEST_CASE_METHOD(admin_fixture, "a profile is read through a view, and the views are listed") {
  kith->show(std::make_shared<const profile::view_set>(std::vector<profile::view>{
      {"card", "for the shop's header", {{"version"}, {"events", "Order Completed", "count"}}},
      {"dotted", "", {{"events", "page.viewed"}}}}));
  kith.publish({track("ada", "m-1", "2024-05-01T10:00:00Z")});
  CHECK(body("/v1/profiles/user/ada?view=card") ==
        json{{"version", 1}, {"events", {{"Order Completed", {{"count", 1}}}}}});
  CHECK(body("/v1/views") == json{{"items",
                                   {{{"name", "card"},
                                     {"description", "for the shop's header"},
                                     {"fields", {"version", "events.Order Completed.count"}}},
                                    {{"name", "dotted"},
                                     {"description", ""},
                                     {"fields", json::array({json::array({"events", "page.viewed"})})}}}},
                                  {"next", nullptr}});
  const auto none = ask("/v1/profiles/user/ada?view=fat");
  CHECK(none.status == 400);
  CHECK(json::parse(none.body)["detail"] == "view: there is none named \"fat\"; there are card, dotted");
  CHECK(ask("/v1/profiles/user/ada?view=card&fields=version").status == 400);
  CHECK(ask("/v1/profiles/user/nobody?view=card").status == 404);
  CHECK(ask_as(somebody(false, false), "/v1/views", "GET").status == 403);
  CHECK(body("/v1/stats")["viewsBuilt"] == 1);
  CHECK(ask("/metrics").body.find("kith_views_served_total 1") != std::string::npos);
}

TEST_CASE_METHOD(admin_fixture, "a segment's members are explained by the message ids of their events") {
  kith.publish({track("ada", "m-1", "2024-05-01T10:00:00Z"), track("ada", "m-2", "2024-05-02T10:00:00Z")});
  REQUIRE(definitions->attach(*kith));
  profile::segments::definition wanted;
  wanted.name = "buyer";
  wanted.expression = "events(\"Order Completed\").within(\"3660d\").count() == 2";
  REQUIRE(definitions->create(wanted));
  json list;
  REQUIRE(eventually([&] { return (list = body("/v1/profiles/user/ada/segments")["items"]).size() == 1; }));
  CHECK(list[0]["segment"] == "buyer");
  const auto told = body("/v1/profiles/user/ada/explain/buyer");
  CAPTURE(told.dump());
  CHECK(told["member"] == true);
  const auto events = told["parts"][0]["events"];
  REQUIRE(events.size() == 2);
  CHECK(events[0]["messageId"] == "m-2");
  CHECK(events[0]["time"] == "2024-05-02T10:00:00.000Z");
  CHECK(events[1]["messageId"] == "m-1");
  CHECK(body("/v1/segments/buyer")["members"] == 1);
  const auto members = body("/v1/segments/buyer/members");
  CHECK(members["items"][0]["profile"] == body("/v1/profiles/user/ada")["profile"]);
  CHECK(ask("/v1/profiles/user/ada/explain/none").status == 404);
  CHECK(ask("/v1/profiles/user/nobody/explain/buyer").status == 404);
}

TEST_CASE_METHOD(admin_fixture, "what cannot be answered is a problem document that says why") {
  const auto status = [&](const std::string& target, const std::string& method = "GET") {
    const auto answer = ask(target, method);
    CHECK(answer.content_type == "application/problem+json");
    CHECK(json::parse(answer.body)["status"] == answer.status);
    return answer.status;
  };
  CHECK(status("/v1/profiles/user/nobody") == 404);
  CHECK(status("/v1/profiles/profile/xyz") == 400);
  CHECK(status("/v1/profiles/user/a?fields=shoe") == 400);
  CHECK(status("/v1/profiles/user/a/events?limit=0") == 400);
  CHECK(status("/v1/profiles/user/a/events?cursor=zz") == 400);
  CHECK(status("/v1/profiles/user/a/events?from=yesterday") == 400);
  CHECK(status("/v1/stats?verbose=1") == 400);
  CHECK(status("/v1/profiles/user/%zz") == 400);
  CHECK(status("/nowhere") == 404);
  CHECK(status("/v1/stats", "DELETE") == 405);
}

TEST_CASE_METHOD(admin_fixture, "rights are asked for") {
  const auto status = [&](const std::string& method, const std::string& target, std::shared_ptr<net::identity> who) {
    return ask_as(std::move(who), target, method).status;
  };
  CHECK(status("GET", "/v1/stats", nullptr) == 401);
  CHECK(status("GET", "/v1/stats", somebody(false, false)) == 403);
  CHECK(status("GET", "/v1/stats", somebody(true, false)) == 200);
  CHECK(status("POST", "/v1/snapshot", somebody(true, false)) == 403);
  CHECK(status("POST", "/v1/snapshot", somebody(false, true)) == 200);
  CHECK(status("GET", "/healthz", nullptr) == 200);
  CHECK(status("GET", "/readyz", nullptr) == 200);
}

TEST_CASE_METHOD(admin_fixture, "counts and latencies are those of what was done") {
  kith.publish({track("ada", "m-1", "2024-05-01T10:00:00Z")});
  kith.publish({track("ada", "m-1", "2024-05-01T10:00:00Z")});
  CHECK(body("/v1/stats")["eventsApplied"] == 1);
  CHECK(body("/v1/stats")["eventsDuplicate"] == 1);
  CHECK(body("/v1/latency")["stages"]["journal"]["1m"]["count"] == 2);
  const auto metrics = ask("/metrics").body;
  CHECK(metrics.find("kith_events_applied_total 1") != std::string::npos);
  CHECK(metrics.find("kith_latency_seconds{stage=\"apply\",quantile=\"0.99\"}") != std::string::npos);
}
