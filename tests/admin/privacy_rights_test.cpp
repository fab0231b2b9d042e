// Requests that change what is kept: corrections, opting out of sale and sharing, objections. What they must say, what
// is sent for them and how often, what an erasure leaves of them.
#include "admin/privacy_request_json.hpp"
#include "admin/privacy_requests.hpp"
#include "admin/receipts.hpp"
#include "admin/request_worker.hpp"
#include "profile/privacy_rules.hpp"
#include "tests/admin/support/house.hpp"

using namespace kith;
using namespace kith::tests;
using admin::privacy_requests;
using admin::request_status;

namespace {

const profile::identifier ada{profile::id_kind::user, {}, "ada"};

/// The API with a desk for requests, whose clerk works while it lives.
struct office {
  house at;
  persistence::simulated_files disk{21};
  std::string logged;  ///< while no clerk works, who logs too
  std::function<void(std::string_view, std::string_view)> log = [this](std::string_view level, std::string_view text) {
    logged.append(level).append(" ").append(text).append("\n");
  };
  std::unique_ptr<privacy_requests> all = privacy_requests::open(
                                              disk, "/data", {}, [this] { return at.now_ms; }, log)
                                              .value();

  admin::parts parts_of() {
    auto with = at.parts_of();
    with.requests = all.get();
    return with;
  }
  admin::response ask(const std::string& method, const std::string& target, const json& body = nullptr) {
    admin::routes routes(at.service, *at.definitions, parts_of());
    auto asked = house::request(method, target, "token-privacy");
    asked.host = "kith.example:7442";
    if (!body.is_null()) asked.body = body.dump();
    REQUIRE(!at.door.admit(asked));
    return routes.handle(asked);
  }
  /// The request as it was answered; `more`: members of its body.
  json enter(const std::string& kind, const std::string& law, const json& more = json::object()) {
    json body = {{"kind", kind}, {"regulation", law}, {"subject", {{{"kind", "user"}, {"id", "ada"}}}}};
    body.update(more);
    const auto made = ask("POST", "/v1/privacy/requests", body);
    CAPTURE(made.body);
    REQUIRE(made.status == 201);
    return json::parse(made.body);
  }
  /// Why it is not taken.
  std::string refusal_of(const std::string& kind, const std::string& law, const json& more = json::object()) {
    json body = {{"kind", kind}, {"regulation", law}, {"subject", {{{"kind", "user"}, {"id", "ada"}}}}};
    body.update(more);
    const auto refused = ask("POST", "/v1/privacy/requests", body);
    CHECK(refused.status == 400);
    return json::parse(refused.body).at("detail").get<std::string>();
  }
  /// Until it is done, or could not be.
  admin::privacy_request carried_out(const std::string& id) {
    const admin::request_worker worker(disk, at.service, parts_of(), log);
    REQUIRE(test::eventually([&] {
      const auto now = all->get(id);
      return now->status == request_status::done || !now->error.empty();
    }));
    return *all->get(id);
  }
  /// The events that were published, in order.
  std::vector<json> sent() const {
    std::vector<json> events;
    for (const auto& batch : at.service.batches()) {
      CHECK(batch.source == "privacy request");
      CHECK(batch.options.wait_for == actors::durability::fsync);
      for (auto& each : json::from_msgpack(batch.events)) events.push_back(std::move(each));
    }
    return events;
  }
  void put_person(const profile::identifier& whom, const std::string& user, const std::string& profile) {
    profile::hash128 address;
    REQUIRE(profile::address_of(whom, address));
    const auto bytes = json::to_msgpack({{"profile", profile},
                                         {"userIds", json::array({user})},
                                         {"anonymousIds", json::array()},
                                         {"externalIds", json::array()}});
    at.service.put(address, std::string(bytes.begin(), bytes.end()));
  }
  void configure(std::vector<profile::purpose> purposes) {
    auto rules =
        std::make_shared<const profile::privacy_rules>(std::move(purposes), std::vector<profile::trait_retention>());
    REQUIRE(at.service.define(profile::segments::catalog::make({}, std::move(rules)).value()));
  }
};

profile::purpose purpose(const std::string& name, profile::legal_basis basis = profile::legal_basis::consent,
                         bool gpc = false) {
  return {name, {}, false, basis, gpc};
}

}  // namespace

TEST_CASE("a correction is an event whose messageId is the request's, once for each profile that there is") {
  office room;
  const std::string hers(32, '1');
  room.put_person(ada, "ada", hers);
  room.put_person({profile::id_kind::anonymous, {}, "a-17"}, "ada", hers);
  const json corrected = {{"email", "ada@example.com"}, {"address", {{"city", "Bonn"}}}, {"phone", nullptr}};
  const auto made = room.enter("rectification", "gdpr",
                               {{"traits", corrected},
                                {"subject",
                                 {{{"kind", "user"}, {"id", "ada"}},
                                  {{"kind", "anonymous"}, {"id", "a-17"}},
                                  {{"kind", "user"}, {"id", "nobody"}}}},
                                {"run", true}});
  CHECK(made.at("traits") == corrected);
  const auto id = made.at("id").get<std::string>();
  const auto done = room.carried_out(id);
  REQUIRE(done.status == request_status::done);
  REQUIRE(done.result.applied.size() == 1);
  CHECK(done.result.applied[0].profile == hers);
  CHECK(done.result.not_found == 1);
  const auto events = room.sent();
  REQUIRE(events.size() == 2);  // of whom nothing is kept nothing is corrected
  for (const auto& each : events) {
    CHECK(each.at("messageId") == id);
    CHECK(each.at("type") == "identify");
    CHECK(each.at("traits") == corrected);
    CHECK(!each.contains("context"));
  }
  CHECK(events[0].at("userId") == "ada");
  CHECK(events[1].at("anonymousId") == "a-17");
  for (const auto& each : room.at.records()) CHECK(each.dump().find("example.com") == std::string::npos);
  const auto again = admin::read_request(admin::to_json(done).dump());
  REQUIRE(again);
  CHECK(admin::to_json(*again) == admin::to_json(done));
}

TEST_CASE("a profile that is named by its own id is corrected by an identifier that it has") {
  office room;
  const std::string hers(32, '1');
  room.put_person({profile::id_kind::profile, {}, hers}, "ada", hers);
  const auto made =
      room.enter("rectification", "ccpa",
                 {{"traits", {{"plan", "gold"}}}, {"subject", {{{"kind", "profile"}, {"id", hers}}}}, {"run", true}});
  CHECK(made.at("confirmBy").is_string());
  REQUIRE(room.carried_out(made.at("id")).status == request_status::done);
  REQUIRE(room.sent().size() == 1);
  CHECK(room.sent()[0].at("userId") == "ada");
}

TEST_CASE("an opt-out withdraws what is sale or sharing, an objection what is not done by consent") {
  office room;
  room.put_person(ada, "ada", std::string(32, '1'));
  using basis = profile::legal_basis;
  room.configure({purpose("ads", basis::unsaid, true), purpose("fraud", basis::legitimate_interests),
                  purpose("marketing"), purpose("newsletter"), purpose("sale")});
  const auto purposes = [&](const std::string& kind, const std::string& law, const json& more = json::object()) {
    return room.enter(kind, law, more).at("purposes");
  };
  CHECK(purposes("opt_out", "ccpa") == json{"ads", "sale"});
  CHECK(purposes("objection", "gdpr") == json{"fraud", "marketing"});
  const auto one = room.enter("objection", "gdpr", {{"purposes", {"newsletter", "newsletter"}}, {"run", true}});
  CHECK(one.at("purposes") == json{"newsletter"});
  REQUIRE(room.carried_out(one.at("id")).status == request_status::done);
  REQUIRE(room.sent().size() == 1);
  CHECK(room.sent()[0].at("context").at("consent") ==
        json::parse(R"({"purposes": {"newsletter": {"status": "withdrawn", "source": "privacy request"}}})"));
  CHECK(!room.sent()[0].contains("traits"));
  const auto records = room.at.records();
  CHECK(std::any_of(records.begin(), records.end(), [](const json& each) {
    return each["method"] == "finish" && each["noted"]["purposes"] == json{"newsletter"};
  }));

  // It is kept of who is not known yet, so that it holds when they come; and no law gives it more time.
  const auto early = room.enter("opt_out", "ccpa", {{"subject", {{{"kind", "user"}, {"id", "cleo"}}}}});
  const auto id = early.at("id").get<std::string>();
  const auto steps = "/v1/privacy/requests/" + id + "/steps";
  CHECK(room.ask("POST", steps, {{"action", "extend"}, {"reason", "much to do"}}).status == 409);
  REQUIRE(room.ask("POST", steps, {{"action", "run"}}).status == 200);
  CHECK(room.carried_out(id).result.not_found == 1);
  CHECK(room.sent().back().at("userId") == "cleo");
}

TEST_CASE("the word of a request is the newest, though a sender's clock was ahead") {
  office room;
  profile::hash128 address;
  REQUIRE(profile::address_of(ada, address));
  const auto said_at = [&](std::int64_t ms) {
    const auto bytes = json::to_msgpack({{"profile", std::string(32, '1')},
                                         {"userIds", json::array({"ada"})},
                                         {"consent", {{"sale", {{"at", profile::format_time(ms)}}}}}});
    room.at.service.put(address, std::string(bytes.begin(), bytes.end()));
  };
  const auto time_sent = [&] {
    const auto made = room.enter("rectification", "gdpr", {{"traits", {{"plan", "gold"}}}, {"run", true}});
    REQUIRE(room.carried_out(made.at("id")).status == request_status::done);
    std::int64_t ms = 0;
    REQUIRE(profile::parse_time(room.sent().back().at("timestamp").get<std::string>(), ms));
    return ms - room.at.now_ms;
  };
  said_at(room.at.now_ms - 60'000);
  CHECK(time_sent() == 0);
  said_at(room.at.now_ms + 60'000);
  CHECK(time_sent() == 60'001);
  said_at(room.at.now_ms + 3'600'000);  // more than any event may be ahead, so that it would be clamped
  CHECK(time_sent() == limits::future_tolerance_ms);
}

TEST_CASE("a request that the law does not know, or that says nothing to do, is refused with what it should say") {
  office room;
  const auto traits = [](json value) { return json{{"traits", std::move(value)}}; };
  CHECK_THAT(room.refusal_of("opt_out", "gdpr", {{"purposes", json::array()}}), Contains("none is configured"));
  room.configure({purpose("newsletter")});
  CHECK_THAT(room.refusal_of("objection", "gdpr"), Contains("newsletter"));
  CHECK_THAT(room.refusal_of("objection", "gdpr", {{"purposes", {"news"}}}), Contains("there is no \"news\""));
  CHECK_THAT(room.refusal_of("objection", "ccpa", {{"purposes", {"newsletter"}}}), Contains("no right by ccpa"));
  CHECK_THAT(room.refusal_of("opt_out", "gdpr", {{"purposes", {"newsletter"}}}), Contains("no right by gdpr"));
  CHECK_THAT(room.refusal_of("objection", "gdpr", {{"purposes", "newsletter"}}), Contains("array"));
  CHECK_THAT(room.refusal_of("access", "gdpr", {{"purposes", {"newsletter"}}}), Contains("opt_out and objection only"));
  CHECK_THAT(room.refusal_of("erasure", "gdpr", traits({{"plan", "gold"}})), Contains("rectification only"));
  CHECK_THAT(room.refusal_of("rectification", "gdpr"), Contains("traits: missing"));
  CHECK_THAT(room.refusal_of("rectification", "gdpr", traits(json::array({1}))), Contains("traits: missing"));
  CHECK_THAT(room.refusal_of("rectification", "gdpr", traits({{"plan", std::string(20'000, 'x')}})),
             Contains("at most 16384 bytes"));
  json deep = 1;
  for (int i = 0; i < 40; ++i) deep = json{{"a", deep}};
  CHECK_THAT(room.refusal_of("rectification", "gdpr", traits(deep)), Contains("nest"));
  CHECK_THAT(room.refusal_of("delete", "gdpr"), Contains("rectification, opt_out or objection"));
}

TEST_CASE("an event that is refused waits for somebody, one that is suppressed is nobody's") {
  office room;
  room.put_person(ada, "ada", std::string(32, '1'));
  const auto answering = [&](errc code) {
    room.at.service.answer_with([code](const auto&) {
      actors::publish_outcome outcome;
      outcome.rejected.push_back({0, code, "so it is"});
      return outcome;
    });
    const auto made = room.enter("rectification", "gdpr", {{"traits", {{"plan", "gold"}}}, {"run", true}});
    return room.carried_out(made.at("id"));
  };
  const auto refused = answering(errc::too_large);
  CHECK(refused.status == request_status::received);
  CHECK_THAT(refused.error, Contains("so it is"));
  const auto erased = answering(errc::suppressed);
  CHECK(erased.status == request_status::done);
  CHECK(erased.result.not_found == 1);
  CHECK(erased.result.applied.empty());
}

TEST_CASE("a correction that was refused told the log what it was to correct") {
  office room;
  room.put_person(ada, "ada", std::string(32, '1'));
  for (const auto code : {errc::invalid_argument, errc::too_large}) {
    room.at.service.answer_with([code](const auto&) {
      actors::publish_outcome outcome;
      outcome.rejected.push_back({0, code, "birthday: \"1815-12-10\" is no time"});
      return outcome;
    });
    const auto made = room.enter("rectification", "gdpr", {{"traits", {{"birthday", "1815-12-10"}}}, {"run", true}});
    const auto id = made.at("id").get<std::string>();
    CHECK_THAT(room.carried_out(id).error, Contains("1815-12-10"));
    CHECK_THAT(room.logged, Contains("error privacy request " + id));
    CHECK_THAT(room.logged, Contains(std::string(name_of(code))));
    CHECK_THAT(room.logged, !Contains("1815"));
  }
  // Nor does it stay in the request of somebody who was erased.
  REQUIRE(room.all->forget({ada}).value() == 2);
  const auto kept = room.all->list({}, {}, 10).items;
  REQUIRE(kept.size() == 2);
  for (const auto& each : kept) {
    CHECK_THAT(admin::to_json(each).dump(), !Contains("1815"));
    CHECK(!each.error.empty());  // it fails still
  }
}

TEST_CASE("who is erased takes their corrections along") {
  office room;
  const std::string hers(32, '1');
  room.put_person(ada, "ada", hers);
  const json corrected = {{"traits", {{"email", "ada@example.com"}}}};
  auto run = corrected;
  run["run"] = true;
  const auto done = room.enter("rectification", "gdpr", run);
  REQUIRE(room.carried_out(done.at("id")).result.applied.size() == 1);
  const auto open = room.enter("rectification", "gdpr", corrected);
  REQUIRE(room.all->forget({ada}).value() == 2);
  const auto names = room.disk.list("/data/privacy/requests").value();
  CHECK(!names.empty());
  for (const auto& name : names) {
    const auto file = room.disk.open("/data/privacy/requests/" + name, persistence::open_mode::read).value();
    std::string text;
    REQUIRE(file->read_at(0, 1 << 20, text));
    CHECK(text.find("\"ada\"") == std::string::npos);
    CHECK(text.find("example.com") == std::string::npos);
    CHECK(text.find(hers) == std::string::npos);
  }
  // Whoever runs it all the same has nothing to correct.
  const auto id = open.at("id").get<std::string>();
  REQUIRE(room.ask("POST", "/v1/privacy/requests/" + id + "/steps", {{"action", "run"}}).status == 200);
  CHECK(room.carried_out(id).result.not_found == 1);
  CHECK(room.sent().size() == 1);
}

TEST_CASE("the erasure of one of two people left the other's correction undone") {
  office room;
  const profile::identifier bob{profile::id_kind::user, {}, "bob"};
  room.put_person(ada, "ada", std::string(32, '1'));
  room.put_person(bob, "bob", std::string(32, '2'));
  const json corrected = {{"plan", "gold"}};
  const json both = {{"traits", corrected},
                     {"subject", {{{"kind", "user"}, {"id", "ada"}}, {{"kind", "user"}, {"id", "bob"}}}}};
  const auto id = room.enter("rectification", "gdpr", both).at("id").get<std::string>();
  const auto refused = room.enter("rectification", "gdpr", both).at("id").get<std::string>();
  const auto erased = room.enter("rectification", "gdpr", both).at("id").get<std::string>();
  REQUIRE(room.all->forget({ada}).value() == 3);
  CHECK(room.all->get(id)->traits == corrected);

  const auto steps = [](const std::string& of) { return "/v1/privacy/requests/" + of + "/steps"; };
  REQUIRE(room.ask("POST", steps(id), {{"action", "run"}}).status == 200);
  const auto done = room.carried_out(id);
  REQUIRE(done.status == request_status::done);
  CHECK(done.result.not_found == 1);
  REQUIRE(done.result.applied.size() == 1);
  CHECK(done.result.applied[0].profile == std::string(32, '2'));
  REQUIRE(room.sent().size() == 1);
  CHECK(room.sent()[0].at("userId") == "bob");
  CHECK(room.sent()[0].at("traits") == corrected);

  // Nobody needs it any more: what the erased person may have said of themselves goes, too.
  CHECK(done.traits.is_null());
  REQUIRE(room.ask("POST", steps(refused), {{"action", "refuse"}, {"reason", "asked twice"}}).status == 200);
  CHECK(room.all->get(refused)->traits.is_null());
  CHECK(room.all->get(erased)->traits == corrected);
  REQUIRE(room.all->forget({bob}).value() >= 1);
  CHECK(room.all->get(erased)->traits.is_null());
}
