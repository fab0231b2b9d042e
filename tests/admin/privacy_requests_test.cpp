// Requests of people: deadlines by the calendar, what may follow on what, what a crash and an erasure leave, who may.
#include "admin/privacy_requests.hpp"

#include "admin/person_export.hpp"
#include "admin/privacy_request_json.hpp"
#include "admin/receipts.hpp"
#include "admin/request_worker.hpp"
#include "tests/admin/support/house.hpp"

using namespace kith;
using namespace kith::tests;
using admin::privacy_requests;
using admin::request_action;
using admin::request_kind;
using admin::request_status;

namespace {

std::int64_t at(const std::string& text) {
  std::int64_t ms = 0;
  REQUIRE(profile::parse_time(text, ms));
  return ms;
}

std::string shown(std::int64_t ms) { return profile::format_time(ms); }

const profile::identifier ada{profile::id_kind::user, {}, "ada"};
const profile::identifier device{profile::id_kind::anonymous, {}, "a-17"};

struct desk {
  persistence::simulated_files disk{7};
  std::int64_t now_ms = at("2026-01-05T09:00:00Z");
  std::unique_ptr<privacy_requests> all = open().value();

  result<std::unique_ptr<privacy_requests>> open(admin::request_settings settings = {}) {
    return privacy_requests::open(
        disk, "/data", settings, [this] { return now_ms; }, [](auto, auto) {});
  }
  static admin::request_wanted wanted(request_kind kind = request_kind::access,
                                      admin::regulation by = admin::regulation::gdpr) {
    admin::request_wanted made;
    made.kind = kind;
    made.by = by;
    made.subject = {{ada, std::string(64, 'a')}, {device, std::string(64, 'b')}};
    return made;
  }
  admin::privacy_request add(const admin::request_wanted& what = wanted()) {
    const auto made = all->create(what, "officer");
    REQUIRE(made);
    return *made;
  }
  /// The status of the refusal; 0: it was done.
  unsigned step(const std::string& id, request_action what, const std::string& reason = {}) {
    const auto done = all->step(id, what, "officer", reason);
    return done ? 0 : done.error().status;
  }
  void write(const std::string& path, std::string_view text) {
    REQUIRE(disk.make_directory(path.substr(0, path.rfind('/'))));
    auto file = disk.open(path, persistence::open_mode::create);
    REQUIRE(file);
    REQUIRE((*file)->append(std::array{text}));
  }
  /// Done, with one document that lies on the disk.
  admin::privacy_request answered() {
    const auto made = add();
    REQUIRE(step(made.id, request_action::run) == 0);
    write(all->export_path(made.id, 1), "{}");
    admin::request_result with;
    with.exports.push_back({std::string(32, '1'), 2, "", now_ms + 1000, false});
    REQUIRE(all->finish(*all->get(made.id), with));
    return *all->get(made.id);
  }
};

/// A profile that has this user id.
void put_person(kith::test::fake_service& service, const std::string& name) {
  profile::hash128 address;
  REQUIRE(profile::address_of({profile::id_kind::user, {}, name}, address));
  const auto bytes = json::to_msgpack({{"profile", profile::to_hex(address)},
                                       {"version", 1},
                                       {"userIds", {name}},
                                       {"anonymousIds", json::array()},
                                       {"externalIds", json::array()},
                                       {"traits", {{"plan", "gold"}}},
                                       {"segments", json::array()}});
  service.put(address, std::string(bytes.begin(), bytes.end()));
}

}  // namespace

TEST_CASE("a deadline is the law's, by the calendar") {
  using admin::regulation;
  const auto due = [](regulation by, const char* received, bool extended, request_kind kind = request_kind::access) {
    return shown(admin::due_of(by, kind, at(received), extended));
  };
  CHECK(due(regulation::gdpr, "2026-01-05T09:00:00Z", false) == "2026-02-05T09:00:00.000Z");
  CHECK(due(regulation::gdpr, "2026-01-31T23:30:00Z", false) == "2026-02-28T23:30:00.000Z");
  CHECK(due(regulation::gdpr, "2028-01-31T23:30:00Z", false) == "2028-02-29T23:30:00.000Z");
  CHECK(due(regulation::gdpr, "2026-11-30T00:00:00Z", true) == "2027-02-28T00:00:00.000Z");
  CHECK(due(regulation::gdpr, "2026-12-15T12:00:00Z", false) == "2027-01-15T12:00:00.000Z");
  CHECK(due(regulation::ccpa, "2026-01-05T09:00:00Z", false) == "2026-02-19T09:00:00.000Z");
  CHECK(due(regulation::ccpa, "2026-01-05T09:00:00Z", true) == "2026-04-05T09:00:00.000Z");
  // A Monday, and a Saturday.
  const auto confirm_by = [](regulation by, const char* received, request_kind kind = request_kind::access) {
    return admin::confirm_by_of(by, kind, at(received));
  };
  CHECK(shown(confirm_by(regulation::ccpa, "2026-01-05T09:00:00Z")) == "2026-01-19T09:00:00.000Z");
  CHECK(shown(confirm_by(regulation::ccpa, "2026-01-10T09:00:00Z")) == "2026-01-23T09:00:00.000Z");
  CHECK(confirm_by(regulation::gdpr, "2026-01-05T09:00:00Z") == 0);
  // To correct is as to know; to opt out takes 15 business days, and no confirmation.
  CHECK(due(regulation::ccpa, "2026-01-05T09:00:00Z", false, request_kind::rectification) ==
        "2026-02-19T09:00:00.000Z");
  CHECK(due(regulation::gdpr, "2026-01-05T09:00:00Z", true, request_kind::objection) == "2026-04-05T09:00:00.000Z");
  CHECK(due(regulation::ccpa, "2026-01-05T09:00:00Z", false, request_kind::opt_out) == "2026-01-26T09:00:00.000Z");
  CHECK(due(regulation::ccpa, "2026-01-10T09:00:00Z", false, request_kind::opt_out) == "2026-01-30T09:00:00.000Z");
  CHECK(confirm_by(regulation::ccpa, "2026-01-05T09:00:00Z", request_kind::opt_out) == 0);
  CHECK(confirm_by(regulation::ccpa, "2026-01-05T09:00:00Z", request_kind::rectification) != 0);
}

TEST_CASE("one step follows on another, and none on the end") {
  desk room;
  const auto first = room.add();
  CHECK(room.step(first.id, request_action::extend) == 400);  // without a reason
  CHECK(room.step(first.id, request_action::extend, "many systems") == 0);
  CHECK(shown(room.all->get(first.id)->due_ms) == "2026-04-05T09:00:00.000Z");
  CHECK(room.step(first.id, request_action::extend, "again") == 409);
  CHECK(room.step(first.id, request_action::verify, "passport") == 0);
  CHECK(room.all->get(first.id)->status == request_status::verified);
  CHECK(room.step(first.id, request_action::verify) == 409);
  CHECK(room.step(first.id, request_action::confirm) == 0);
  CHECK(room.step(first.id, request_action::run) == 0);
  CHECK(room.step(first.id, request_action::run) == 409);
  CHECK(room.step(first.id, request_action::refuse, "no") == 409);
  CHECK(room.all->next_running()->id == first.id);
  REQUIRE(room.all->finish(*room.all->get(first.id), {}));
  CHECK(!room.all->next_running());
  for (const auto each : {request_action::confirm, request_action::verify, request_action::run}) {
    CHECK(room.step(first.id, each) == 409);
  }
  std::vector<std::string> actions;
  const auto ended = *room.all->get(first.id);
  for (const auto& each : ended.history) actions.push_back(each.by + " " + each.action);
  CHECK(actions == std::vector<std::string>{"officer received", "officer extended", "officer verified",
                                            "officer confirmed", "officer run", "kith done"});

  const auto second = room.add();
  room.now_ms = at("2026-02-06T09:00:00Z");
  CHECK(room.step(second.id, request_action::extend, "too late") == 409);
  CHECK(room.step(second.id, request_action::refuse, "not who they say") == 0);
  CHECK(room.step(second.id, request_action::run) == 409);
  CHECK(room.step("nobody", request_action::run) == 404);
  const auto no_version = [](const auto&) { return false; };
  CHECK(room.all->step(first.id, request_action::confirm, "officer", "", no_version).error().status == 412);
  // Whatever there is, and whichever version of it.
  CHECK(room.all->step(first.id, request_action::refuse, "officer", "", no_version).error().status == 400);
  CHECK(room.step("nobody", request_action::extend) == 400);
}

TEST_CASE("what cannot be done now is tried later, what never can waits for somebody") {
  desk room;
  auto wanted = desk::wanted(request_kind::erasure);
  wanted.run = true;
  const auto made = room.add(wanted);
  REQUIRE(room.all->fail_to_run(made.id, {errc::resource_exhausted, "the disk is full"}, room.now_ms + 5000));
  CHECK(!room.all->next_running());
  CHECK(room.all->counts().failing == 1);
  room.now_ms += 5001;
  CHECK(room.all->next_running()->error == "the disk is full");
  REQUIRE(room.all->fail_to_run(made.id, {errc::too_large, "too large"}, 0));
  CHECK(room.all->get(made.id)->status == request_status::received);
  CHECK(room.step(made.id, request_action::run) == 0);
  CHECK(room.all->next_running());
  CHECK(room.all->counts().failing == 0);
}

TEST_CASE("what is overdue or will be soon is counted, an unconfirmed receipt too") {
  desk room;
  room.add(desk::wanted(request_kind::access, admin::regulation::gdpr));
  const auto ccpa = room.add(desk::wanted(request_kind::access, admin::regulation::ccpa));
  CHECK(room.all->counts().open == 2);
  CHECK(room.all->counts().due_soon == 0);
  room.now_ms = at("2026-01-14T09:00:00Z");  // five days before the receipt must be confirmed
  CHECK(room.all->counts().due_soon == 1);
  room.now_ms = at("2026-01-20T09:00:00Z");
  CHECK(room.all->counts().overdue == 1);
  CHECK(room.step(ccpa.id, request_action::confirm) == 0);
  CHECK(room.all->counts().overdue == 0);
  room.now_ms = at("2026-02-06T09:00:00Z");
  CHECK(room.all->counts().overdue == 1);
  admin::request_filter filter;
  filter.only_overdue = true;
  CHECK(room.all->list(filter, {}, 10).items.size() == 1);
}

TEST_CASE("requests are listed a page at a time, the newest first") {
  desk room;
  std::vector<std::string> ids;
  for (int i = 0; i < 7; ++i) {
    room.now_ms += 1;
    ids.insert(ids.begin(), room.add().id);
  }
  std::vector<std::string> listed;
  std::string behind;
  do {
    const auto page = room.all->list({}, behind, 3);
    for (const auto& each : page.items) listed.push_back(each.id);
    behind = page.next;
  } while (!behind.empty());
  CHECK(listed == ids);
}

TEST_CASE("over the bound a request is refused, and nothing is dropped") {
  desk room;
  for (std::size_t i = 0; i < privacy_requests::most_open; ++i) room.add();
  const auto refused = room.all->create(desk::wanted(), "officer");
  REQUIRE(!refused);
  CHECK(refused.error().status == 507);
  CHECK(room.all->counts().open == privacy_requests::most_open);
  auto crowd = desk::wanted();
  crowd.subject.resize(privacy_requests::most_subjects + 1, crowd.subject.front());
  CHECK(room.all->create(crowd, "officer").error().status == 400);
  auto tomorrow = desk::wanted();
  tomorrow.received_ms = room.now_ms + 24 * 3600 * 1000;
  CHECK(room.all->create(tomorrow, "officer").error().status == 400);
}

TEST_CASE("a restart has every request as it was told, whichever call of the disk failed") {
  for (std::uint64_t failing = 0; failing < 24; ++failing) {
    CAPTURE(failing);
    desk room;
    const auto first = room.add();
    room.disk.fail(room.disk.calls() + failing, persistence::simulated_files::fault::io_error);
    const auto stepped = room.all->step(first.id, request_action::run, "officer", "");
    const auto second = room.all->create(desk::wanted(), "officer");
    room.disk.heal();
    const auto again = room.open();
    REQUIRE(again);
    const auto status = (*again)->get(first.id)->status;
    if (stepped) CHECK(status == request_status::running);
    if (!stepped) CHECK(room.all->get(first.id)->status == request_status::received);
    if (second) CHECK(to_json(*(*again)->get(second->id)) == to_json(*second));
  }
}

TEST_CASE("of who was erased only hashes stay, and no document") {
  desk room;
  const auto made = room.answered();
  const auto open = room.add();
  CHECK(room.all->forget({{profile::id_kind::user, {}, "ben"}}).value() == 0);
  CHECK(room.all->forget({ada}).value() == 2);
  CHECK(!room.disk.exists(room.all->export_path(made.id, 1)).value());
  CHECK(room.all->get(made.id)->result.exports.at(0).gone);
  const auto left = to_json(*room.all->get(open.id));
  CHECK(left["subject"][0] == json{{"hash", std::string(64, 'a')}});
  CHECK(left["subject"][1]["id"] == "a-17");
  CHECK(left.dump().find("ada") == std::string::npos);
  // Whoever is erased while a document is being made is in none.
  const auto running = room.add();
  REQUIRE(room.step(running.id, request_action::run) == 0);
  const auto as_run = *room.all->get(running.id);
  REQUIRE(room.all->forget({ada}).value() == 1);
  room.write(room.all->export_path(running.id, 1), "{}");
  admin::request_result with;
  with.exports.push_back({std::string(32, '1'), 2, "", room.now_ms + 1000, false});
  REQUIRE(room.all->finish(as_run, with));
  CHECK(!room.disk.exists(room.all->export_path(running.id, 1)).value());
}

TEST_CASE("what a request that runs has made of somebody goes with the erasure, before it is told") {
  desk room;
  const auto running = room.add();
  REQUIRE(room.step(running.id, request_action::run) == 0);
  room.write(room.all->export_path(running.id, 1), "{}");
  room.write(room.all->export_path(running.id, 2) + std::string(privacy_requests::partial_end), "half");
  CHECK(room.all->forget({ada}).value() == 1);
  CHECK(room.disk.list("/data/exports").value().empty());
  CHECK(room.all->get(running.id)->history.back().detail == "its documents are deleted");
}

TEST_CASE("documents go when their time is up, requests when they were kept for long enough, strays at the start") {
  desk room;
  const auto made = room.answered();
  room.write("/data/exports/" + made.id + ".2.json.partial", "half");
  room.write("/data/exports/" + std::string(32, 'f') + ".1.json", "of nobody");
  room.all = room.open().value();
  CHECK(room.disk.list("/data/exports").value() == std::vector<std::string>{made.id + ".1.json"});
  REQUIRE(room.all->sweep());
  CHECK(room.all->counts().export_bytes == 2);
  room.now_ms += 1000;
  REQUIRE(room.all->sweep());
  CHECK(room.disk.list("/data/exports").value().empty());
  CHECK(room.all->counts().export_bytes == 0);
  room.now_ms += admin::request_settings().keep_ms + 1000;
  REQUIRE(room.all->sweep());
  CHECK(!room.all->get(made.id));
  CHECK(room.disk.list("/data/privacy/requests").value().empty());
}

TEST_CASE("a request whose file is damaged stops the start, and is named") {
  desk room;
  room.add();
  room.write("/data/privacy/requests/broken.json", "{");
  const auto again = room.open();
  REQUIRE(!again);
  CHECK(again.error().message.find("broken.json") != std::string::npos);
}

TEST_CASE("of a dead letter only what names the person is told, and no more of a batch") {
  admin::letter_search search({ada, device, {profile::id_kind::external, "email", "ada@example.com"}});
  const auto about = [&](const std::string& bytes, const std::string& ids = {}) {
    persistence::dead_letter letter;
    letter.id = "0000000000000001";
    letter.bytes = bytes;
    letter.ids = ids;
    return search.about(letter);
  };
  CHECK(about(R"({"userId": "ben", "note": "not of grace"})").is_null());
  CHECK(search.unclear() == 0);
  const auto batch =
      about(R"({"batch": [{"userId": "ben", "secret": 1}, {"userId": "ada", "n": 2}, {"anonymousId": "a-17"}]})");
  CHECK(batch["events"] == json::parse(R"([{"userId": "ada", "n": 2}, {"anonymousId": "a-17"}])"));
  CHECK(batch.dump().find("secret") == std::string::npos);
  CHECK(about(R"({"customer": {"email": "Ada@Example.com "}})")["events"].size() == 1);
  CHECK(about(R"({"externalIds": [{"type": "email", "id": "ada@example.com"}]})")["events"].size() == 1);
  CHECK(about("no JSON", "user:ada anonymous:x")["bytes"] == "no JSON");
  CHECK(about("no JSON", "user:adam").is_null());
  CHECK(about(R"({"userId": "ben", "friend": "ada"})").is_null());
  CHECK(search.unclear() == 1);
  CHECK(about(std::string(100'000, '[') + "\"ada\"").is_null());
  CHECK(search.unclear() == 2);
}

TEST_CASE("an event of somebody else is not told, though it speaks of the person") {
  admin::letter_search search({ada, device, {profile::id_kind::external, "email", "ada@example.com"}});
  const auto events = [&](const std::string& bytes) {
    persistence::dead_letter letter;
    letter.id = "0000000000000001";
    letter.bytes = bytes;
    const auto told = search.about(letter);
    return told.is_null() ? 0U : told["events"].size();
  };
  std::uint64_t unclear = 0;
  for (const auto* bens :
       {R"({"userId": "ben", "context": {"ip": "192.0.2.7"}, "properties": {"email": "Ada@Example.com"}})",
        R"({"anonymousId": "b-1", "properties": {"friends": [{"userId": "ada"}]}})",
        R"({"userId": "ben", "traits": {"emergency": {"email": "ada@example.com"}}})",
        R"({"context": {"externalIds": [{"type": "email", "id": "ben@example.com"}]},
            "properties": {"email": "ada@example.com"}})",
        R"({"specversion": "1.0", "data": {"userId": "ben", "properties": {"email": "ada@example.com"}}})"}) {
    CAPTURE(bens);
    CHECK(events(bens) == 0);
    CHECK(search.unclear() == ++unclear);
  }
  for (const auto* adas :
       {R"({"userId": "ada-2", "anonymousId": "a-17", "properties": {"n": 1}})",
        R"({"userId": "ada-2", "context": {"externalIds": [{"type": "email", "id": "ada@example.com"}]}})",
        R"({"userId": "ada-2", "traits": {"email": "ada@example.com"}})",
        R"({"userId": null, "anonymousId": "", "properties": {"email": "ada@example.com"}})",
        R"({"specversion": "1.0", "data": {"userId": "ada", "properties": {"n": 1}}})"}) {
    CAPTURE(adas);
    CHECK(events(adas) == 1);
  }
  CHECK(search.unclear() == unclear);
}

TEST_CASE("requests go through the API: by role, recorded, with what they led to") {
  house at;
  persistence::simulated_files disk{9};
  auto all = privacy_requests::open(
                 disk, "/data", {}, [&] { return at.now_ms; }, [](auto, auto) {})
                 .value();
  const auto receipts = admin::receipt_signer::open(disk, "/data/privacy", "node").value();
  auto with = at.parts_of();
  with.requests = all.get();
  with.receipts = receipts.get();
  admin::routes routes(at.service, *at.definitions, with);
  const auto ask = [&](const std::string& method, const std::string& target, const std::string& token,
                       const json& body = nullptr) {
    auto asked = house::request(method, target, token);
    asked.host = "kith.example:7442";
    if (!body.is_null()) asked.body = body.dump();
    if (auto refused = at.door.admit(asked)) return *refused;
    return routes.handle(asked);
  };
  const json wanted = {{"kind", "access"},
                       {"regulation", "ccpa"},
                       {"subject", {{{"kind", "user"}, {"id", "ada"}}, {{"kind", "user"}, {"id", "nobody"}}}}};
  CHECK(ask("POST", "/v1/privacy/requests", "token-operator", wanted).status == 403);
  CHECK(ask("GET", "/v1/privacy/requests", "token-viewer").status == 403);
  CHECK(ask("GET", "/v1/profiles/user/ada/export", "token-operator").status == 403);
  for (const auto* wrong : {"", "[]", R"({"kind": "access", "regulation": "gdpr"})",
                            R"({"kind": "opt_out", "regulation": "gdpr", "subject": [{"kind": "user", "id": "a"}]})",
                            R"({"kind": "access", "regulation": "hipaa", "subject": [{"kind": "user", "id": "a"}]})",
                            R"({"kind": "access", "regulation": "gdpr", "subject": [{"kind": "profile", "id": "a"}]})",
                            R"({"kind": "access", "regulation": "gdpr", "subject": [], "more": 1})"}) {
    CAPTURE(wrong);
    auto asked = house::request("POST", "/v1/privacy/requests", "token-privacy");
    asked.host = "kith.example:7442";
    asked.body = wrong;
    REQUIRE(!at.door.admit(asked));
    CHECK(routes.handle(asked).status == 400);
  }
  const auto made = ask("POST", "/v1/privacy/requests", "token-privacy", wanted);
  REQUIRE(made.status == 201);
  const auto url = made.headers.at("Location");
  const auto id = json::parse(made.body).at("id").get<std::string>();
  CHECK(json::parse(made.body).at("confirmBy").is_string());
  CHECK(ask("POST", url + "/steps", "token-privacy", {{"action", "leave"}}).status == 400);
  CHECK(ask("GET", url + "/exports/1", "token-privacy").status == 404);

  put_person(at.service, "ada");
  REQUIRE(ask("POST", url + "/steps", "token-privacy", {{"action", "run"}}).status == 200);
  {
    const admin::request_worker worker(disk, at.service, with, [](auto, auto) {});
    REQUIRE(test::eventually([&] { return all->get(id)->status == request_status::done; }));
  }
  const auto now = json::parse(ask("GET", url, "token-admin").body);
  CHECK(now["result"]["notFound"] == 1);
  REQUIRE(now["result"]["exports"].size() == 1);
  auto document = ask("GET", url + "/exports/1", "token-privacy");
  REQUIRE(document.status == 200);
  std::string text = document.body;
  for (auto more = document.more(); more && !more->empty(); more = document.more()) text += *more;
  CHECK(text.size() == now["result"]["exports"][0]["bytes"]);
  const auto person = json::parse(text);
  CHECK(person["profile"]["traits"]["plan"] == "gold");
  CHECK(person["end"]["complete"] == true);
  REQUIRE(all->forget({ada}));
  const auto gone = ask("GET", url + "/exports/1", "token-privacy");
  CHECK(gone.status == 410);
  CHECK(json::parse(gone.body)["title"] == "Gone");
  // Whether somebody was erased is told of a person, so who asked is recorded.
  REQUIRE(ask("POST", "/v1/privacy/suppressions:lookup", "token-privacy", {{"kind", "user"}, {"id", "cleo"}}).status ==
          200);

  const auto records = at.records();
  const auto count = [&](const std::string& method, const std::string& route) {
    return std::count_if(records.begin(), records.end(), [&](const json& each) {
      return each["method"] == method && each["route"] == route && each["outcome"] == "done";
    });
  };
  CHECK(count("POST", "/v1/privacy/requests") == 1);
  CHECK(count("POST", "/v1/privacy/requests/{}/steps") == 1);
  CHECK(count("GET", "/v1/privacy/requests/{}/exports/{}") == 1);
  CHECK(count("begin", "privacy request") == 1);
  CHECK(count("finish", "privacy request") == 1);
  for (const auto& each : records) CHECK(each.dump().find("\"ada\"") == std::string::npos);

  std::vector<std::string> about;
  const auto found = ask("GET", "/v1/audit?about=user/nobody&order=asc", "token-privacy");
  const auto page = json::parse(found.body);
  for (const auto& each : page.at("items")) {
    about.push_back(each["method"].get<std::string>() + " " + each["route"].get<std::string>());
  }
  CHECK(about == std::vector<std::string>{"POST /v1/privacy/requests", "POST /v1/privacy/requests/{}/steps",
                                          "begin privacy request", "finish privacy request",
                                          "GET /v1/privacy/requests/{}", "GET /v1/privacy/requests/{}/exports/{}"});
  CHECK(json::parse(ask("GET", "/v1/audit?about=user/ben", "token-privacy").body).at("items").empty());
  CHECK(count("POST", "/v1/privacy/suppressions:lookup") == 1);
  CHECK(json::parse(ask("GET", "/v1/audit?about=user/cleo", "token-privacy").body).at("items").size() == 1);
}

TEST_CASE("the documents of one request together are held to privacy.export_bytes") {
  house at;
  put_person(at.service, "ada");
  put_person(at.service, "ben");
  const auto answer = [&](persistence::simulated_files& disk, std::uint64_t bound,
                          const std::vector<admin::request_subject>& subject) {
    admin::request_settings settings;
    settings.export_bytes = bound;
    auto all = privacy_requests::open(
                   disk, "/data", settings, [&] { return at.now_ms; }, [](auto, auto) {})
                   .value();
    auto with = at.parts_of();
    with.requests = all.get();
    auto wanted = desk::wanted();
    wanted.subject = subject;
    wanted.run = true;
    const auto id = all->create(wanted, "officer")->id;
    const admin::request_worker worker(disk, at.service, with, [](auto, auto) {});
    REQUIRE(test::eventually([&] {
      const auto now = all->get(id);
      return now->status == request_status::done || !now->error.empty();
    }));
    return *all->get(id);
  };
  const admin::request_subject first{ada, std::string(64, 'a')};
  const admin::request_subject second{{profile::id_kind::user, {}, "ben"}, std::string(64, 'b')};
  persistence::simulated_files roomy{11};
  const auto alone = answer(roomy, admin::request_settings().export_bytes, {first});
  REQUIRE(alone.result.exports.size() == 1);
  const auto bytes = alone.result.exports[0].bytes;

  persistence::simulated_files tight{12};
  const auto both = answer(tight, bytes + bytes / 2, {first, second});
  CHECK(both.error.find("privacy.export_bytes") != std::string::npos);
  CHECK(tight.list("/data/exports").value().empty());
  persistence::simulated_files enough{13};
  CHECK(answer(enough, bytes * 3, {first, second}).result.exports.size() == 2);
}

TEST_CASE("an answer that is given again for its key names nobody who was erased since") {
  house at;
  persistence::simulated_files disk{14};
  auto all = privacy_requests::open(
                 disk, "/data", {}, [&] { return at.now_ms; }, [](auto, auto) {})
                 .value();
  auto with = at.parts_of();
  with.requests = all.get();
  admin::routes routes(at.service, *at.definitions, with);
  const auto ask = [&](const std::string& target, const json& body) {
    auto asked = house::request("POST", target, "token-privacy");
    asked.host = "kith.example:7442";
    asked.idempotency_key = "k-1";
    asked.body = body.dump();
    REQUIRE(!at.door.admit(asked));
    return routes.handle(asked);
  };
  const json wanted = {{"kind", "access"}, {"regulation", "gdpr"}, {"subject", {{{"kind", "user"}, {"id", "ada"}}}}};
  const auto first = ask("/v1/privacy/requests", wanted);
  REQUIRE(first.status == 201);
  CHECK(ask("/v1/privacy/requests", wanted).body == first.body);
  const auto steps = first.headers.at("Location") + "/steps";
  REQUIRE(ask(steps, {{"action", "verify"}}).status == 200);
  REQUIRE(all->forget({ada}).value() == 1);
  for (const auto& again : {ask("/v1/privacy/requests", wanted), ask(steps, {{"action", "verify"}})}) {
    CHECK(again.headers.at("Idempotency-Replayed") == "true");
    CHECK(again.body.find("\"ada\"") == std::string::npos);
    CHECK(json::parse(again.body).at("id") == json::parse(first.body).at("id"));
  }
  CHECK(ask("/v1/privacy/requests", wanted).status == 201);
  CHECK(ask("/v1/privacy/requests", wanted).headers.at("Location") == first.headers.at("Location"));
  CHECK(all->counts().open == 1);
  // What only reads is asked anew.
  const json whom = {{"kind", "user"}, {"id", "ada"}};
  REQUIRE(ask("/v1/privacy/suppressions:lookup", whom).status == 200);
  CHECK(ask("/v1/privacy/suppressions:lookup", whom).headers.count("Idempotency-Replayed") == 0);
}

TEST_CASE("a request from before the year 1 was kept, and then the server did not start") {
  house at;
  persistence::simulated_files disk{15};
  const auto open = [&] {
    return privacy_requests::open(
        disk, "/data", {}, [&] { return at.now_ms; }, [](auto, auto) {});
  };
  auto all = open().value();
  auto with = at.parts_of();
  with.requests = all.get();
  admin::routes routes(at.service, *at.definitions, with);
  auto asked = house::request("POST", "/v1/privacy/requests", "token-privacy");
  asked.host = "kith.example:7442";
  asked.body = R"({"kind": "access", "regulation": "gdpr", "subject": [{"kind": "user", "id": "ada"}],
                   "receivedAt": "0001-01-01T00:00:00+23:59"})";
  REQUIRE(!at.door.admit(asked));
  CHECK(routes.handle(asked).status == 400);
  CHECK(open());
}
