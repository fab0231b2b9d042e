// Dead letters over REST: listed, searched, counted, exported, replayed and dropped.
#include <future>

#include "admin/routes.hpp"
#include "ingest/event_replayer.hpp"
#include "tests/actors/support/harness.hpp"
#include "tests/catch.hpp"
#include "tests/net/support/fake_service.hpp"

using namespace kith;
using namespace kith::tests;
using nlohmann::json;

namespace {

std::shared_ptr<net::identity> somebody(bool admin) {
  net::credential rights;
  rights.name = "test";
  rights.can_publish = false;
  rights.can_read = true;
  rights.can_admin = admin;
  return std::make_shared<net::identity>(rights);
}

persistence::dead_letter letter(const std::string& bytes, const std::string& code = "schema") {
  persistence::dead_letter made;
  made.source = "shop";
  made.edge = "webhook";
  made.code = code;
  made.message = "properties.total: must be a number";
  made.content_type = "application/json";
  made.bytes = bytes;
  return made;
}

struct api {
  explicit api(bool with_letters = true) {
    if (!with_letters) return;
    persistence::dead_letter_options options;
    options.now_ms = [this] { return clock.load(); };
    store =
        persistence::dead_letters::open(persistence::real_files(), directory.path() + "/dead-letters", options).value();
    start([this](const persistence::dead_letter& each) { return replay(each); });
  }
  void start(persistence::replayer by) {
    admin::parts with;
    with.letters = store.get();
    with.replay = std::move(by);
    routes = std::make_unique<admin::routes>(service, *definitions, std::move(with));
  }
  void put(std::vector<persistence::dead_letter> letters) {
    std::promise<result<void>> kept;
    store->put(std::move(letters), [&](const result<void>& outcome) { kept.set_value(outcome); });
    REQUIRE(kept.get_future().get());
  }
  admin::response ask(const std::string& method, const std::string& target, const json& body = nullptr,
                      bool may_write = true) {
    admin::request asked;
    asked.method = method;
    asked.target = target;
    asked.who = somebody(may_write);
    asked.body = body.is_null() ? "" : body.is_string() ? body.get<std::string>() : body.dump();
    return routes->handle(asked);
  }
  json got(unsigned status, const admin::response& answer) {
    CAPTURE(answer.body);
    REQUIRE(answer.status == status);
    return json::parse(answer.body);
  }
  json get(const std::string& target) { return got(200, ask("GET", target)); }
  json decide(const json& body) { return got(200, ask("POST", "/v1/dead-letters", body)); }
  std::vector<std::string> listed(const std::string& query = {}) {
    std::vector<std::string> all;
    const auto page = get("/v1/dead-letters?order=asc" + query);
    for (const auto& each : page["items"]) all.push_back(each["bytes"]);
    return all;
  }
  std::string id_of(const std::string& bytes) {
    const auto page = get("/v1/dead-letters");
    for (const auto& each : page["items"]) {
      if (each["bytes"] == bytes) return each["id"];
    }
    return "ffffffffffffffff";
  }
  /// By the letter's bytes.
  result<persistence::replay_outcome> replay(const persistence::dead_letter& each) {
    replayed.push_back(each.bytes);
    if (each.bytes == "down") return fail(errc::unavailable, "the server is recovering");
    if (each.bytes == "odd") return fail(errc::invalid_argument, "cannot be tried");
    if (each.bytes == "bad") return persistence::replay_outcome{0, 0, 1, "too_late", "still wrong"};
    if (each.bytes == "known") return persistence::replay_outcome{0, 1, 0, {}, {}};
    return persistence::replay_outcome{2, 1, 0, {}, {}};
  }

  temporary_directory directory;
  std::atomic<std::int64_t> clock{start_ms};
  test::fake_service service;
  std::unique_ptr<admin::definition_store> definitions =
      admin::definition_store::open(persistence::real_files(), directory.path(), {}).value();
  std::unique_ptr<persistence::dead_letters> store;
  std::unique_ptr<admin::routes> routes;
  std::vector<std::string> replayed;
};

using texts = std::vector<std::string>;

}  // namespace

TEST_CASE("a letter is shown with all that is known of it") {
  api at;
  auto one = letter("{\"total\": \"x\"}");
  one.headers = {{"webhook-id", "w-1"}};
  one.event = "Order Completed";
  at.put({one, letter("\xff\x01")});
  const auto page = at.get("/v1/dead-letters");
  REQUIRE(page["items"].size() == 2);
  CHECK(page["next"].is_null());
  CHECK(page["items"][0]["encoding"] == "base64");
  CHECK(page["items"][0]["bytes"] == "/wE=");
  const auto shown = at.get("/v1/dead-letters/0000000000000001");
  CHECK(shown.dump() == page["items"][1].dump());
  const json wanted = {{"id", "0000000000000001"},
                       {"at", "2024-05-01T10:00:00.000Z"},
                       {"source", "shop"},
                       {"edge", "webhook"},
                       {"code", "schema"},
                       {"message", "properties.total: must be a number"},
                       {"ids", nullptr},
                       {"event", "Order Completed"},
                       {"messageId", nullptr},
                       {"contentType", "application/json"},
                       {"headers", json::array({json::array({"webhook-id", "w-1"})})},
                       {"size", 14},
                       {"truncated", false},
                       {"attempts", 0},
                       {"replayed", nullptr},
                       {"encoding", "utf-8"},
                       {"bytes", "{\"total\": \"x\"}"}};
  CHECK(shown.dump() == wanted.dump());
  CHECK(at.ask("GET", "/v1/dead-letters/00000000000000aa").status == 404);
  CHECK(at.ask("GET", "/v1/dead-letters/nonsense").status == 400);
}

TEST_CASE("MessagePack is shown decoded too, unless it is broken or nested too deep") {
  api at;
  const auto bytes = json::to_msgpack(track("ada", "m-1", "2024-05-01T10:00:00Z"));
  auto good = letter({bytes.begin(), bytes.end()});
  auto broken = letter({bytes.begin(), bytes.end() - 1});
  auto deep = letter(std::string(100'000, '\x91') + '\xc0');
  for (auto* each : {&good, &broken, &deep}) each->content_type = "application/msgpack";
  at.put({good, broken, deep});
  const auto items = at.get("/v1/dead-letters?order=asc")["items"];
  CHECK(items[0]["decoded"]["messageId"] == "m-1");
  CHECK_FALSE(items[1].contains("decoded"));
  CHECK_FALSE(items[2].contains("decoded"));
}

TEST_CASE("lists are paged and filtered; what is not understood is refused") {
  api at;
  for (int i = 0; i < 5; ++i) at.put({letter(std::to_string(i), i % 2 == 0 ? "schema" : "bot")});
  const auto first = at.get("/v1/dead-letters?limit=2");
  CHECK(first["items"][0]["bytes"] == "4");
  const auto second = at.get("/v1/dead-letters?limit=3&cursor=" + first["next"].get<std::string>());
  CHECK(second["items"].size() == 3);
  CHECK(second["items"][0]["bytes"] == "2");
  CHECK(second["next"].is_null());
  CHECK(at.listed("&code=bot") == texts{"1", "3"});
  CHECK(at.listed("&q=MUST%20be&code=schema") == texts{"0", "2", "4"});
  CHECK(at.listed("&source=other").empty());
  CHECK(at.listed("&edge=webhook&from=2024-05-01T10:00:00Z&until=2024-05-01T10:00:01Z").size() == 5);
  CHECK(at.listed("&from=2024-05-02").empty());
  for (const auto* wrong : {"limit=0", "limit=1001", "order=up", "from=never", "cursor=x", "colour=red"}) {
    CAPTURE(wrong);
    CHECK(at.ask("GET", std::string("/v1/dead-letters?") + wrong).status == 400);
  }
  CHECK(at.ask("GET", "/v1/dead-letters?q=" + std::string(300, 'x')).status == 400);
}

TEST_CASE("counts are by source and reason") {
  api at;
  at.put({letter("a"), letter("b"), letter("c", "bot")});
  const auto told = at.get("/v1/dead-letters:counts");
  REQUIRE(told["items"].size() == 2);
  CHECK(told["items"][0]["code"] == "bot");
  CHECK(told["items"][0]["letters"] == 1);
  CHECK(told["items"][1]["code"] == "schema");
  CHECK(told["items"][1]["letters"] == 2);
  CHECK(told["letters"] == 3);
  CHECK(told["sinceStart"]["dropped"] == 0);
  const auto metrics = at.ask("GET", "/metrics").body;
  CHECK_THAT(metrics, Contains("kith_dead_letters_total{source=\"shop\",code=\"schema\"} 2"));
  CHECK_THAT(metrics, Contains("kith_dead_letters{source=\"shop\",code=\"bot\"} 1"));
  CHECK_THAT(metrics, Contains("kith_dead_letters_pushed_out_total{bound=\"bytes\"} 0"));
}

TEST_CASE("an export is all letters that match, a line each, the oldest first") {
  api at;
  for (int i = 0; i < 1500; i += 500) {
    std::vector<persistence::dead_letter> some;
    for (int j = i; j < i + 500; ++j) some.push_back(letter(std::to_string(j), j % 3 == 0 ? "bot" : "schema"));
    at.put(std::move(some));
  }
  const auto exported = [&](const std::string& query) {
    auto answer = at.ask("GET", "/v1/dead-letters:export" + query);
    REQUIRE(answer.status == 200);
    CHECK(answer.content_type == "application/x-ndjson");
    std::string all = answer.body;
    for (auto more = answer.more().value(); !more.empty(); more = answer.more().value()) all += more;
    texts lines;
    std::istringstream in(all);
    for (std::string line; std::getline(in, line);) lines.push_back(json::parse(line)["bytes"]);
    return lines;
  };
  const auto all = exported("");
  REQUIRE(all.size() == 1500);
  for (std::size_t i = 0; i < all.size(); ++i) CHECK(all[i] == std::to_string(i));
  CHECK(exported("?code=bot").size() == 500);
  CHECK(exported("?code=none").empty());
  CHECK(at.ask("GET", "/v1/dead-letters:export?limit=3").status == 400);
}

TEST_CASE("what is replayed with success goes; what is refused again stays, and says so") {
  api at;
  at.put({letter("good"), letter("known"), letter("bad"), letter("odd")});
  at.clock += 1000;
  const auto told = at.decide({{"action", "replay"}, {"filter", json::object()}});
  CHECK(told["replayed"] == 4);
  CHECK(told["applied"] == 1);
  CHECK(told["duplicate"] == 1);
  CHECK(told["rejected"] == 1);
  CHECK(told["failed"] == 1);
  CHECK(told["dropped"] == 0);
  CHECK(told["missing"] == 0);
  CHECK(told["more"] == false);
  CHECK(told["stopped"].is_null());
  REQUIRE(told["failures"].size() == 1);
  CHECK(told["failures"][0]["message"] == "cannot be tried");
  CHECK(at.replayed == texts{"good", "known", "bad", "odd"});
  CHECK(at.listed() == texts{"bad", "odd"});
  const auto stays = at.get("/v1/dead-letters/" + at.id_of("bad"));
  CHECK(stays["attempts"] == 1);
  CHECK(stays["replayed"] == "2024-05-01T10:00:01.000Z");
  CHECK(stays["code"] == "too_late");
  CHECK(stays["message"] == "still wrong");
  CHECK(at.store->status().replayed == 2);
  CHECK(at.store->status().again_refused == 1);
}

TEST_CASE("letters are replayed and dropped by id, each once") {
  api at;
  at.put({letter("good"), letter("stay"), letter("drop")});
  const auto good = at.id_of("good");
  const auto gone = at.id_of("drop");
  const auto told = at.decide({{"action", "replay"}, {"ids", {good, good, "00000000000000ff"}}});
  CHECK(told["replayed"] == 1);
  CHECK(told["applied"] == 1);
  CHECK(told["missing"] == 1);
  CHECK(at.decide({{"action", "replay"}, {"ids", {good}}})["missing"] == 1);  // twice does no harm
  CHECK(at.replayed == texts{"good"});
  const auto dropped = at.decide({{"action", "drop"}, {"ids", {gone, gone}}});
  CHECK(dropped["dropped"] == 1);
  CHECK(dropped["missing"] == 0);
  CHECK(at.listed() == texts{"stay"});
}

TEST_CASE("a letter is replayed as somebody mended it, and stays as it came where that is refused too") {
  api at;
  auto event = letter("\x81\xa1\x61\x01", "quarantined");  // {"a": 1}
  event.content_type = "application/msgpack";
  at.put({letter("odd"), event});
  const auto text = at.id_of("odd");
  CHECK(at.decide({{"action", "replay"}, {"ids", {text}}, {"as", "bad"}})["rejected"] == 1);
  CHECK(at.get("/v1/dead-letters/" + text)["bytes"] == "odd");
  CHECK(at.decide({{"action", "replay"}, {"ids", {text}}, {"as", "good"}})["applied"] == 1);
  const auto one = at.id_of("gaFhAQ==");
  CHECK(at.decide({{"action", "replay"}, {"ids", {one}}, {"as", {{"a", "b"}}}})["replayed"] == 1);
  CHECK(at.replayed == texts{"bad", "good", "\x81\xa1\x61\xa1\x62"});
  for (const auto& wrong : std::vector<json>{{{"action", "drop"}, {"ids", {one}}, {"as", "good"}},
                                             {{"action", "replay"}, {"ids", {one, text}}, {"as", "good"}},
                                             {{"action", "replay"}, {"filter", json::object()}, {"as", "good"}},
                                             {{"action", "replay"}, {"ids", {one}}, {"as", 5}}}) {
    CHECK(at.ask("POST", "/v1/dead-letters", wrong).status == 400);
  }
}

TEST_CASE("who sees a letter masked does not replay the masks") {
  api at;
  at.put({letter("odd")});
  const auto id = at.id_of("odd");
  const auto replayed = [&](bool personal, const char* as) {
    admin::request asked;
    asked.method = "POST";
    asked.target = "/v1/dead-letters";
    net::credential rights;
    rights.name = "masked";
    rights.granted = net::role::operations;
    rights.personal = personal;
    asked.who = std::make_shared<net::identity>(rights);
    asked.body = json{{"action", "replay"}, {"ids", {id}}, {"as", as}}.dump();
    return at.routes->handle(asked);
  };
  const auto refused = replayed(false, R"({"userId": "•••"})");
  CHECK(refused.status == 400);
  CHECK_THAT(refused.body, Contains("may not see"));
  CHECK(at.replayed.empty());
  CHECK(replayed(false, "bad").status == 200);
  CHECK(replayed(true, "good •••").status == 200);  // they may mean it
  CHECK(at.replayed == texts{"bad", "good •••"});
}

TEST_CASE("a body that nests too deep for the stack is refused") {
  api at;
  const auto nested = [](std::size_t levels) {
    return json(R"({"action": "replay", "ids": ["0000000000000009"], "as": {"a": )" + std::string(levels, '[') +
                std::string(levels, ']') + "}}");
  };
  const auto refused = at.ask("POST", "/v1/dead-letters", nested(500'000));
  CHECK(refused.status == 400);
  CHECK_THAT(refused.body, Contains("nests over 128 levels"));
  CHECK(at.ask("POST", "/v1/dead-letters", nested(126)).status == 200);
}

TEST_CASE("a request replays so many and says where to go on") {
  api at;
  for (int i = 0; i < 3; ++i) {
    std::vector<persistence::dead_letter> some;
    for (int j = 0; j < 500; ++j) some.push_back(letter(j % 100 == 7 ? "bad" : "good"));
    at.put(std::move(some));
  }
  json order = {{"action", "replay"}, {"filter", {{"code", "schema"}}}};
  const auto first = at.decide(order);
  CHECK(first["replayed"] == 1000);
  CHECK(first["more"] == true);
  order["cursor"] = first["next"];
  const auto second = at.decide(order);
  CHECK(second["replayed"] == 500);
  CHECK(second["more"] == false);
  CHECK(first["rejected"].get<int>() + second["rejected"].get<int>() == 15);
  CHECK(at.store->status().letters == 15);
}

TEST_CASE("replaying stops when the server cannot take events now") {
  api at;
  at.put({letter("good"), letter("down"), letter("later")});
  const auto told = at.decide({{"action", "replay"}, {"filter", json::object()}});
  CHECK(told["replayed"] == 2);
  CHECK(told["failed"] == 1);
  CHECK(told["stopped"] == "the server is recovering");
  CHECK(told["more"] == true);
  CHECK(at.replayed == texts{"good", "down"});
  CHECK(at.listed() == texts{"down", "later"});
  CHECK(at.get("/v1/dead-letters/" + at.id_of("down"))["attempts"] == 0);  // it was not tried
}

TEST_CASE("letters are dropped by filter, and all only when that is said") {
  api at;
  at.put({letter("a"), letter("b", "bot"), letter("c")});
  CHECK(at.decide({{"action", "drop"}, {"filter", {{"code", "bot"}}}})["dropped"] == 1);
  CHECK(at.listed() == texts{"a", "c"});
  for (const auto& wrong : std::vector<json>{{{"action", "drop"}},
                                             {{"action", "eat"}, {"filter", json::object()}},
                                             {{"filter", json::object()}},
                                             {{"action", "drop"}, {"filter", {{"colour", "red"}}}},
                                             {{"action", "drop"}, {"filter", {{"code", 7}}}},
                                             {{"action", "drop"}, {"filter", {{"from", "never"}}}},
                                             {{"action", "drop"}, {"ids", json::array()}},
                                             {{"action", "drop"}, {"ids", "all"}},
                                             {{"action", "drop"}, {"ids", {"x"}}},
                                             {{"action", "drop"}, {"ids", {"x"}}, {"filter", json::object()}},
                                             {{"action", "drop"}, {"filter", json::object()}, {"cursor", "x"}},
                                             {{"action", "drop"}, {"filter", json::object()}, {"all", true}},
                                             json("nonsense")}) {
    CAPTURE(wrong.dump());
    CHECK(at.ask("POST", "/v1/dead-letters", wrong).status == 400);
  }
  CHECK(at.store->status().letters == 2);
  CHECK(at.decide({{"action", "drop"}, {"filter", json::object()}})["dropped"] == 2);
  CHECK(at.store->status().letters == 0);
}

TEST_CASE("reading needs read, deciding needs admin") {
  api at;
  CHECK(at.ask("GET", "/v1/dead-letters", nullptr, false).status == 200);
  CHECK(at.ask("GET", "/v1/dead-letters:counts", nullptr, false).status == 200);
  CHECK(at.ask("POST", "/v1/dead-letters", {{"action", "drop"}, {"filter", json::object()}}, false).status == 403);
}

TEST_CASE("without a store, a replayer or webhooks that is told") {
  api at(false);
  at.start({});
  CHECK(at.ask("GET", "/v1/dead-letters").status == 404);
  CHECK(at.ask("GET", "/v1/dead-letters:counts").status == 404);
  CHECK(at.ask("GET", "/v1/dead-letters:export").status == 404);
  CHECK(at.ask("POST", "/v1/dead-letters", {{"action", "drop"}, {"filter", json::object()}}).status == 404);
  CHECK(at.ask("GET", "/metrics").body.find("kith_dead_letters") == std::string::npos);
  api with;
  with.start({});
  CHECK(with.ask("POST", "/v1/dead-letters", {{"action", "replay"}, {"filter", json::object()}}).status == 503);
  // What a webhook was not told is asked for as before.
  CHECK_THAT(with.ask("GET", "/v1/dead-letters?webhook=crm").body, Contains("there are no webhooks"));
  CHECK_THAT(with.ask("POST", "/v1/dead-letters", {{"webhook", "crm"}, {"action", "drop"}, {"ids", "all"}}).body,
             Contains("there are no webhooks"));
}

TEST_CASE("a crash between applying and removing a letter makes a duplicate, never a second event") {
  const temporary_directory data;
  running kith(options_for(data.path()));
  api at;
  ingest::runtime_destination profiles(*kith);
  const ingest::event_replayer events(profiles);
  const auto bytes = json::to_msgpack(track("ada", "m-1", "2024-05-01T10:00:00Z"));
  auto one = letter({bytes.begin(), bytes.end()});
  one.content_type = "application/msgpack";
  at.put({one});
  REQUIRE(events.replay(at.store->get("0000000000000001").value())->applied == 1);  // and no more, for the crash
  at.start([&](const persistence::dead_letter& each) { return events.replay(each); });
  const auto told = at.decide({{"action", "replay"}, {"filter", json::object()}});
  CHECK(told["duplicate"] == 1);
  CHECK(told["applied"] == 0);
  CHECK(at.store->status().letters == 0);
  CHECK(kith.get("ada")["events"]["Order Completed"]["count"] == 1);
}
