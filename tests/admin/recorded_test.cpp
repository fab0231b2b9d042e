// What is masked, recorded and done once, by the admin API as a whole.
#include "admin/audit_check.hpp"
#include "admin/idempotency.hpp"
#include "admin/personal.hpp"
#include "tests/admin/support/house.hpp"

using namespace kith;
using namespace kith::tests;

TEST_CASE("a viewer sees personal data masked, others see it, and who saw it is recorded without saying of whom") {
  house at;
  profile::hash128 address;
  REQUIRE(address_of({profile::id_kind::user, {}, "ada@example.com"}, address));
  std::string map;
  profile::msgpack::writer out(map);
  out.map(2);
  out.string("userIds");
  out.array(1);
  out.string("ada@example.com");
  out.string("traits");
  out.map(2);
  out.string("phone");
  out.string("4917");
  out.string("plan");
  out.string("gold");
  at.service.put(address, map);
  const std::string target = "/v1/profiles/user/ada%40example.com";
  const auto seen = json::parse(at.ask("GET", target, "token-viewer").body);
  CHECK(seen["traits"] == json{{"phone", admin::personal_rules::mask}, {"plan", "gold"}});
  CHECK(seen["masked"] == json::array({"traits.phone", "userIds.0"}));
  CHECK(at.records().empty());
  for (const auto* who : {"operator", "privacy", "admin", "reader"}) {
    const auto whole = json::parse(at.ask("GET", target, std::string("token-") + who).body);
    CHECK(whole["traits"]["phone"] == "4917");
    CHECK_FALSE(whole.contains("masked"));
  }
  const auto records = at.records();
  REQUIRE(records.size() == 4);
  CHECK(records[0]["who"] == "operator");
  CHECK(records[0]["route"] == "/v1/profiles/{}/{}");
  CHECK(records[0]["arguments"] == json::array({"user", profile::to_hex(address)}));
  CHECK(records[0]["address"] == "192.0.2.7");
  CHECK(json(records).dump().find("example.com") == std::string::npos);
  CHECK(at.ask("HEAD", target, "token-admin").status == 200);
  CHECK(at.ask("GET", "/v1/profiles/user/nobody", "token-admin").status == 404);
  CHECK(at.records().size() == 4);
  // What would be told by what is searched for.
  CHECK(at.ask("GET", "/v1/dead-letters?q=ada", "token-viewer").status == 403);
  CHECK(at.ask("POST", "/v1/segments:preview", "token-viewer", R"({"expression": "true"})").status == 403);
  // The log is searched by the id itself.
  const auto found = json::parse(at.ask("GET", "/v1/audit?about=user/ada%40example.com&limit=2", "token-privacy").body);
  CHECK(found["items"].size() == 2);
  CHECK(json::parse(at.ask("GET", "/v1/audit?who=admin&action=GET%20/v1/profiles", "token-privacy").body)["items"]
            .size() == 1);
}

TEST_CASE("each change is recorded with who, what and what came of it, and secrets are not") {
  house at;
  const auto made = at.ask("PUT", "/v1/tokens", "token-admin", R"({"name": "ci", "role": "viewer"})");
  const auto token = json::parse(made.body)["token"].get<std::string>();
  at.log_in(token);
  CHECK(at.ask("DELETE", "/v1/segments/none", "token-operator").status == 404);
  CHECK(at.ask("POST", "/v1/tokens/ci/rotate", "token-admin").status == 200);
  auto machine = house::request("POST", "/v1/snapshot");
  machine.certificate = "machine-1";
  CHECK(at.ask(machine).status == 200);
  const auto records = at.records();
  REQUIRE(records.size() == 5);
  CHECK(records[0]["noted"]["name"] == "ci");
  CHECK(records[0]["noted"]["role"] == "viewer");
  CHECK(records[0]["outcome"] == "done");
  CHECK(records[1]["method"] == "POST");
  CHECK(records[1]["route"] == "/v1/session");
  CHECK(records[1]["who"] == "ci");
  CHECK(records[2]["status"] == 404);
  CHECK(records[2]["outcome"] == "failed");
  CHECK(records[2]["role"] == "operator");
  CHECK(records[2]["arguments"] == json::array({"none"}));
  CHECK(records[3]["noted"]["newSecret"] == true);
  CHECK(records[4]["by"] == "certificate");
  CHECK(records[4]["certificate"] == "machine-1");
  const auto text = json(records).dump();
  CHECK(text.find(token) == std::string::npos);
  CHECK(text.find("kith_") == std::string::npos);
  CHECK(json::parse(at.ask("GET", "/v1/audit:head", "token-privacy").body)["sequence"] == 5);
  REQUIRE(at.log->keep_head());
  CHECK(admin::check_audit_log(at.files, "/data/audit", {})->sound());
}

TEST_CASE("refused requests are recorded, and a flood of them is counted") {
  house at;
  for (int i = 0; i < 100; ++i) CHECK(at.ask("POST", "/v1/snapshot", "token-viewer").status == 403);
  auto records = at.records();
  REQUIRE(records.size() >= 5);
  CHECK(records.size() < 50);
  CHECK(records[0]["outcome"] == "refused");
  CHECK(records[0]["who"] == "viewer");
  const auto metrics = at.ask("GET", "/metrics", "token-viewer").body;
  CHECK(metrics.find("kith_admin_refused_total{why=\"forbidden\"} 100") != std::string::npos);
  CHECK(metrics.find("kith_audit_refusals_unrecorded_total " + std::to_string(100 - records.size())) !=
        std::string::npos);
}

TEST_CASE("while the audit log cannot be written nothing is changed, and nothing personal shown") {
  house at;
  profile::hash128 address;
  REQUIRE(address_of({profile::id_kind::user, {}, "ada"}, address));
  std::string map;
  profile::msgpack::writer(map).map(0);
  at.service.put(address, map);
  at.files.fail(at.files.calls(), persistence::simulated_files::fault::io_error, true);
  CHECK(at.ask("GET", "/v1/profiles/user/ada", "token-admin").status == 503);
  const auto refused = at.ask("PUT", "/v1/tokens", "token-admin", R"({"name": "ci", "role": "viewer"})");
  CHECK(refused.status == 503);
  CHECK(json::parse(refused.body)["detail"].get<std::string>().starts_with("nothing is changed"));
  CHECK(at.ask("GET", "/v1/profiles/user/ada", "token-viewer").status == 200);
  CHECK(at.ask("GET", "/v1/stats", "token-viewer").status == 200);
  at.files.heal();
  at.now_ms += 1000;
  CHECK(at.ask("PUT", "/v1/tokens", "token-admin", R"({"name": "ci", "role": "viewer"})").status == 201);
  CHECK(at.records().size() == 1);
}

TEST_CASE(
    "tokens are listed in pages with the configuration's, changed by their ETag, and answered with their secret once") {
  house at;
  for (const auto* name : {"b", "a", "zz"}) {
    const auto body = json{{"name", name}, {"role", "viewer"}, {"expires", nullptr}, {"description", "for tests"}};
    REQUIRE(at.ask("PUT", "/v1/tokens", "token-admin", body.dump()).status == 201);
  }
  std::vector<std::string> names;
  std::string cursor;
  do {
    const auto page = json::parse(
        at.ask("GET", "/v1/tokens?limit=3" + (cursor.empty() ? "" : "&cursor=" + cursor), "token-admin").body);
    for (const auto& each : page["items"]) {
      names.push_back(each["name"]);
      CHECK_FALSE(each.contains("token"));
      CHECK((each["source"] == "config") == (at.credentials->has(names.back())));
    }
    cursor = page["next"].is_null() ? "" : page["next"].get<std::string>();
  } while (!cursor.empty());
  CHECK(names == std::vector<std::string>{"a", "admin", "b", "machine", "none", "operator", "privacy", "reader",
                                          "viewer", "zz"});
  const auto one = at.ask("GET", "/v1/tokens/a", "token-admin");
  CHECK(one.headers.at("ETag") == "\"1\"");
  CHECK(json::parse(one.body)["expires"].is_null());
  auto unchanged = house::request("GET", "/v1/tokens/a", "token-admin");
  unchanged.if_none_match = "\"1\"";
  CHECK(at.ask(unchanged).status == 304);
  auto change = house::request("PUT", "/v1/tokens", "token-admin");
  change.body = R"({"name": "a", "role": "operator"})";
  change.if_match = "\"7\"";
  CHECK(at.ask(change).status == 412);
  change.if_match = "\"1\"";
  const auto changed = at.ask(change);
  CHECK(changed.status == 200);
  CHECK(changed.headers.at("ETag") == "\"2\"");
  CHECK_FALSE(json::parse(changed.body).contains("token"));
  change.if_match.clear();
  change.if_none_match = "*";
  CHECK(at.ask(change).status == 412);
  CHECK(json::parse(at.ask("GET", "/v1/tokens/viewer", "token-admin").body)["source"] == "config");
  CHECK(at.ask("GET", "/v1/tokens/nobody", "token-admin").status == 404);
  for (const auto* body : {"", "[]", R"({"name": "x", "role": "king"})", R"({"name": "x", "extra": 1})",
                           R"({"name": "x", "role": "viewer", "expires": "soon"})",
                           R"({"name": "x", "role": "viewer", "expires": "9999-12-31T23:59:59-08:00"})"}) {
    CHECK(at.ask("PUT", "/v1/tokens", "token-admin", body).status == 400);
  }
  CHECK(at.ask("POST", "/v1/tokens/a/rotate", "token-admin", R"({"graceSeconds": 604801})").status == 400);
}

TEST_CASE("a POST with an Idempotency-Key is done once") {
  house at;
  auto asked = house::request("POST", "/v1/segments", "token-operator");
  asked.body = R"({"name": "all", "expression": "true"})";
  REQUIRE(at.definitions->attach(at.service));
  asked.idempotency_key = "\"8e03978e-40d5-43dd-bc93-6894a57f9324\"";
  const auto first = at.ask(asked);
  REQUIRE(first.status == 201);
  const auto again = at.ask(asked);
  CHECK(again.status == 201);
  CHECK(again.body == first.body);
  CHECK(again.headers.at("Location") == first.headers.at("Location"));
  CHECK(again.headers.at("Idempotency-Replayed") == "true");
  CHECK(at.counts.idempotent_replays == 1);
  auto other = asked;
  other.body = R"({"name": "none", "expression": "false"})";
  CHECK(at.ask(other).status == 422);
  // Another credential's key is its own, and so is another URL's; without one it is another request.
  other = asked;
  other.authorization = "Bearer token-admin";
  CHECK(at.ask(other).status == 409);
  asked.idempotency_key.clear();
  CHECK(at.ask(asked).status == 409);
  for (const auto* key : {"\"\"", "a b", "\"a\"b\""}) {
    asked.idempotency_key = key;
    CHECK(at.ask(asked).status == 400);
  }
  asked.idempotency_key = std::string(256, 'k');
  CHECK(at.ask(asked).status == 400);
}

TEST_CASE("a key that is none is refused by what reads, too") {
  house at;
  auto asked = house::request("POST", "/v1/privacy/suppressions:lookup", "token-privacy");
  asked.body = R"({"kind": "user", "id": "ada"})";
  asked.idempotency_key = "\"\"";
  const auto refused = at.ask(asked);
  CHECK(refused.status == 400);
  CHECK(refused.body.find("Idempotency-Key") != std::string::npos);
  asked.idempotency_key = "key";
  CHECK(at.ask(asked).status == 200);
}

TEST_CASE("a key whose request is being answered is busy; of failures nothing is kept, and of old answers neither") {
  std::int64_t now_ms = 1;
  admin::idempotent_answers answers([&] { return now_ms; });
  auto asked = house::request("POST", "/v1/snapshot");
  asked.who = std::make_shared<net::identity>(net::credential{});
  asked.idempotency_key = "key";
  int done = 0;
  const auto outcome = answers.answer(asked, [&] {
    CHECK(answers.answer(asked, [] { return admin::response{}; }).answer.status == 409);
    return admin::response{503, {}, {}, {}};
  });
  CHECK(outcome.answer.status == 503);
  const auto count = [&] {
    ++done;
    return admin::ok({{"done", done}});
  };
  CHECK_FALSE(answers.answer(asked, count).repeated);
  CHECK(answers.answer(asked, count).repeated);
  now_ms += admin::idempotent_answers::kept_ms;
  CHECK_FALSE(answers.answer(asked, count).repeated);
  CHECK(done == 2);
  for (std::size_t i = 0; i < 2 * admin::idempotent_answers::most_keys; ++i) {
    asked.idempotency_key = std::to_string(i);
    CHECK_FALSE(answers.answer(asked, count).repeated);
  }
  CHECK(answers.answer(asked, count).repeated);
  asked.idempotency_key = "0";
  CHECK_FALSE(answers.answer(asked, count).repeated);
}

TEST_CASE("OPTIONS tells what a URL takes") {
  house at;
  const auto answer = at.ask("OPTIONS", "/v1/segments/x");
  CHECK(answer.status == 204);
  CHECK(answer.headers.at("Allow") == "GET, HEAD, PUT, DELETE, OPTIONS");
  CHECK(at.ask("OPTIONS", "/nowhere").status == 404);
  CHECK(at.ask("PATCH", "/v1/segments/x").headers.at("Allow") == "GET, HEAD, PUT, DELETE, OPTIONS");
}
