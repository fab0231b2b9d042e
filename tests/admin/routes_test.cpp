#include "admin/routes.hpp"

#include <boost/asio/post.hpp>
#include <future>
#include <regex>
#include <set>

#include "admin/console.hpp"
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

TEST_CASE("the OpenAPI document lists what whatever is asked may be answered, and the headers that lead to it") {
  const auto document = json::parse(admin::openapi_document());
  const auto names = [&](const json& operation) {
    std::set<std::string> found;
    for (const auto& each : operation.value("parameters", json::array())) {
      const auto& one =
          each.contains("$ref") ? document.at(json::json_pointer(each["$ref"].get<std::string>().substr(1))) : each;
      found.insert(one.at("name").get<std::string>());
    }
    return found;
  };
  for (const auto& [path, methods] : document["paths"].items()) {
    for (const auto& [method, operation] : methods.items()) {
      CAPTURE(path, method);
      const auto& answers = operation["responses"];
      const auto asked_with = names(operation);
      CHECK(answers.contains("400"));  // a URL that is not well-formed
      CHECK(answers.contains("431"));
      CHECK((!operation.contains("requestBody") || answers.contains("413")));
      const bool has_tag =
          answers.contains("200") && answers["200"].contains("headers") && answers["200"]["headers"].contains("ETag");
      CHECK((method == "get" && has_tag) == answers.contains("304"));
      CHECK(answers.contains("412") == asked_with.contains("If-Match"));
      CHECK(asked_with.contains("If-None-Match") == (answers.contains("304") || (method == "put" && has_tag)));
    }
  }
}

TEST_CASE("the OpenAPI document names each parameter once, and describes what has alternatives by them alone") {
  const auto document = json::parse(admin::openapi_document());
  for (const auto& [path, methods] : document["paths"].items()) {
    for (const auto& [method, operation] : methods.items()) {
      std::set<std::string> names;
      for (const auto& each : operation.value("parameters", json::array())) {
        const auto name = each.contains("$ref") ? each["$ref"].get<std::string>() : each["name"].get<std::string>();
        CAPTURE(path, method, name);
        CHECK(names.insert(name).second);
      }
    }
  }
  // Beside alternatives that are whole, `properties` would have each of them be two things at once.
  const std::function<void(const json&, const std::string&)> look = [&](const json& at, const std::string& where) {
    for (const auto* key : {"oneOf", "anyOf"}) {
      if (!at.is_object() || !at.contains(key) || !at[key].is_array()) continue;
      const bool whole = std::any_of(at[key].begin(), at[key].end(), [](const json& each) {
        return each.contains("$ref") || each.contains("properties");
      });
      CAPTURE(where, key);
      CHECK_FALSE((whole && (at.contains("properties") || at.contains("required"))));
    }
    if (!at.is_structured()) return;
    for (const auto& [key, value] : at.items()) look(value, where + "/" + key);
  };
  look(document, "");
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
                                     {"fields", {"version", "events.Order Completed.count"}},
                                     {"purpose", nullptr}},
                                    {{"name", "dotted"},
                                     {"description", ""},
                                     {"fields", json::array({json::array({"events", "page.viewed"})})},
                                     {"purpose", nullptr}}}},
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

TEST_CASE_METHOD(admin_fixture, "each trait is told with the event that set it") {
  const auto identify = [](const std::string& id, const std::string& time, const json& traits) {
    return json{{"type", "identify"}, {"userId", "ada"}, {"messageId", id}, {"timestamp", time}, {"traits", traits}};
  };
  kith.publish(
      {identify("m-2", "2024-05-02T10:00:00Z", {{"city", {{"name", "Bonn"}}}, {"old", nullptr}}),
       identify("m-1", "2024-05-01T10:00:00Z",
                {{"old", 1}, {"plan", "gold"}, {"tags", json::object()}, {"city", {{"zip", 5}, {"name", "?"}}}})});
  const auto source = [](const json& path, const json& value, const std::string& id) {
    const auto at = id == "m-1" ? "2024-05-01T10:00:00.000Z" : "2024-05-02T10:00:00.000Z";
    return json{{"path", path}, {"value", value}, {"at", at}, {"messageId", id}};
  };
  CHECK(body("/v1/profiles/user/ada/traits") ==
        json{{"items",
              {source({"city", "name"}, "Bonn", "m-2"), source({"city", "zip"}, 5, "m-1"),
               source(json::array({"plan"}), "gold", "m-1"), source(json::array({"tags"}), json::object(), "m-1")}},
             {"next", nullptr}});
  CHECK(ask("/v1/profiles/user/nobody/traits").status == 404);
}

TEST_CASE_METHOD(admin_fixture, "what happens is told as it happens, and to who comes later what happened") {
  const auto events_of = [](const std::string& text) {
    std::vector<std::pair<std::string, json>> all;
    for (const auto event : admin::split(text, '\n')) {
      if (event.starts_with("event: ")) all.emplace_back(event.substr(7), json());
      if (event.starts_with("data: ")) all.back().second = json::parse(event.substr(6));
    }
    return all;
  };
  routes.look();
  kith.publish({track("ada", "m-1", "2024-05-01T10:00:00Z"), track("ada", "m-1", "2024-05-01T10:00:00Z")});
  routes.look();
  auto stream = ask("/v1/live");
  REQUIRE(stream.status == 200);
  CHECK(stream.content_type == "text/event-stream");
  CHECK(stream.pause == std::chrono::seconds(1));
  const auto first = events_of(stream.body);
  REQUIRE(first.size() == 2);
  CHECK(first[0].first == "history");
  CHECK(first[0].second["points"].size() == 2);
  CHECK(first[0].second["points"][1]["applied"] > 0);
  CHECK(first[0].second["points"][1]["duplicate"] > 0);
  const auto stages = first[0].second["stages"];
  REQUIRE(stages[1] == "journal");
  CHECK(first[0].second["points"][0]["latency"][1].is_null());
  CHECK(first[0].second["points"][1]["latency"][1][1] > 0);
  CHECK(first[1].first == "sample");
  CHECK(first[1].second["phase"] == "ready");
  CHECK(first[1].second["stats"]["eventsApplied"] == 1);
  CHECK(first[1].second["shards"].size() == kith->shard_count());
  CHECK(first[1].second["point"] == first[0].second["points"][1]);
  CHECK(events_of(*stream.more()).empty());  // nothing new, but a sign of life
  routes.look();
  const auto next = events_of(*stream.more());
  REQUIRE(next.size() == 1);
  CHECK(next[0].second["point"]["applied"] == 0);
  CHECK(ask_as(somebody(false, false), "/v1/live", "GET").status == 403);
}

TEST_CASE_METHOD(admin_fixture, "a stream of what happens ends, so that who asks is judged anew") {
  auto stream = ask("/v1/live");
  std::size_t pieces = 0;
  while (pieces < 1000 && !stream.more()->empty()) ++pieces;
  CHECK(pieces == 299);
}

TEST_CASE_METHOD(admin_fixture, "the console's page may not be kept, its files for ever, and both bring their policy") {
  if (admin::console_files().empty()) return;  // built without Node.js
  const auto page = ask_as(nullptr, "/", "GET");
  REQUIRE(page.status == 200);
  CHECK(page.content_type == "text/html; charset=utf-8");
  CHECK(page.headers.at("Cache-Control") == "no-cache");
  const auto policy = page.headers.at("Content-Security-Policy");
  CHECK(policy.find("script-src 'self';") != policy.npos);
  CHECK(policy.find("unsafe") == policy.npos);
  std::smatch script;
  REQUIRE(std::regex_search(page.body, script, std::regex("src=\"/(assets/console-[A-Z0-9]+\\.js)\"")));
  const auto file = ask_as(nullptr, "/" + script[1].str(), "GET");
  REQUIRE(file.status == 200);
  CHECK(file.headers.at("Cache-Control") == "public, max-age=31536000, immutable");
  admin::request compressed;
  compressed.method = "GET";
  compressed.target = "/" + script[1].str();
  compressed.accept_encoding = "br, gzip";
  const auto smaller = routes.handle(compressed);
  CHECK(smaller.headers.at("Content-Encoding") == "gzip");
  CHECK(smaller.body.size() * 2 < file.body.size());
  CHECK(ask_as(nullptr, "/assets/other.js", "GET").status == 404);
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

TEST_CASE_METHOD(admin_fixture, "a plain count is explained by the newest events of the history") {
  kith.publish({track("ada", "m-1", "2024-05-01T10:00:00Z"), track("ada", "m-2", "2024-05-02T10:00:00Z"),
                track("ada", "m-3", "2024-05-03T10:00:00Z", "Page Viewed")});
  REQUIRE(definitions->attach(*kith));
  profile::segments::definition wanted;
  wanted.name = "returning";
  wanted.expression = "events(\"Order Completed\").count() >= 2 && events(\"Seen\").count() == 0";
  REQUIRE(definitions->create(wanted));
  REQUIRE(eventually([&] { return body("/v1/profiles/user/ada/segments")["items"].size() == 1; }));
  const auto told = body("/v1/profiles/user/ada/explain/returning");
  CAPTURE(told.dump());
  CHECK(told["parts"][1]["count"] == 2);
  CHECK(told["parts"][1]["eventNames"] == json::array({"Order Completed"}));
  const auto events = told["parts"][1]["events"];
  REQUIRE(events.size() == 2);
  CHECK(events[0]["messageId"] == "m-2");
  CHECK(events[0]["time"] == "2024-05-02T10:00:00.000Z");
  CHECK(events[0]["id"].get<std::string>().size() == 16);
  CHECK(events[1]["messageId"] == "m-1");
  CHECK_FALSE(told["parts"][2].contains("events"));
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

TEST_CASE("/healthz tells of a shard that does not answer, as long as it does not") {
  admin_fixture with;
  admin::parts impatient;
  impatient.shard_patience = std::chrono::milliseconds(20);
  admin::routes routes{*with.kith, *with.definitions, impatient};
  const auto health = [&] {
    admin::request asked;
    asked.method = "GET";
    asked.target = "/healthz";
    return routes.handle(asked);
  };
  REQUIRE(health().status == 200);
  std::promise<void> release;
  boost::asio::post(with.kith->io(0), [held = release.get_future().share()] { held.wait(); });
  CHECK(eventually([&] { return health().status == 503; }));
  CHECK(json::parse(health().body)["status"] == "stalled");
  release.set_value();
  CHECK(eventually([&] { return health().status == 200; }));
}
