// What is kept of a person, and what people ask for, through the front door: the document has everything that was sent,
// whoever it was joined from, and nothing of others; requests are carried out, also those that a stop interrupted.
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validation_results.hpp>
#include <valijson/validator.hpp>

#include "net/https_client.hpp"
#include "tests/catch.hpp"
#include "tests/system/support/server.hpp"

using namespace kith;
using namespace kith::tests;
using nlohmann::json;

namespace {

constexpr int orders = 600;  // some pages
constexpr const char* config = R"([segments.loyal]
expression = 'events("Order Completed").count() >= 3'
[computed.spent]
expression = 'events("Order Completed").sum("properties.total")'
[webhooks.crm]
url = "https://127.0.0.1:9/hook"
secrets = ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]
segments = ["loyal"]
[outgoing]
allow_private = ["127.0.0.1"]
[privacy]
purge_after = "1s"
)";

std::pair<int, std::string> at(const scratch& room, const server& running, std::vector<std::string> words) {
  for (const auto& flag : running.flags()) words.push_back(flag);
  return run_kith(room, words);
}

std::string text_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

json request(const scratch& room, const server& running, std::vector<std::string> words) {
  words.insert(words.begin(), {"privacy", "requests"});
  words.emplace_back("--json");
  const auto [code, said] = at(room, running, words);
  CAPTURE(said);
  REQUIRE(code == 0);
  return json::parse(said);
}

json settled(const scratch& room, const server& running, const std::string& id) {
  json now;
  REQUIRE(eventually([&] {
    now = request(room, running, {"show", id});
    return now.at("status") == "done" || !now.at("error").is_null();
  }));
  CAPTURE(now.dump());
  REQUIRE(now.at("status") == "done");
  return now;
}

/// What the JSON Schema of the documentation finds wrong; empty: nothing.
std::string complaints_about(const json& document) {
  const auto described = json::parse(text_of(KITH_SOURCE "/docs/person-export.schema.json"));
  valijson::Schema schema;
  valijson::SchemaParser parser(valijson::SchemaParser::kDraft7);
  parser.populateSchema(valijson::adapters::NlohmannJsonAdapter(described), schema);
  valijson::Validator validator;
  valijson::ValidationResults results;
  std::string all;
  if (validator.validate(schema, valijson::adapters::NlohmannJsonAdapter(document), &results)) return all;
  valijson::ValidationResults::Error one;
  while (results.popError(one)) {
    for (const auto& each : one.context) all += each;
    all += ": " + one.description + "\n";
  }
  return all;
}

/// Everything that is sent, by messageId.
std::map<std::string, json> events_of_ada() {
  std::map<std::string, json> all;
  const auto add = [&](json event) {
    const auto id = event.at("messageId").get<std::string>();
    all.emplace(id, std::move(event));
  };
  add({{"type", "identify"},
       {"messageId", "i-1"},
       {"anonymousId", "device-7f"},
       {"traits", {{"plan", "free"}}},
       {"timestamp", "2026-01-05T09:00:00Z"}});
  add({{"type", "identify"},
       {"messageId", "i-2"},
       {"userId", "ada-7f"},
       {"anonymousId", "device-7f"},
       {"context",
        {{"externalIds", {{{"type", "email"}, {"id", "ada@example.com"}}}},
         {"consent", {{"purposes", {{"marketing", {{"granted", true}, {"source", "banner"}}}}}}}}},
       {"traits", {{"plan", "gold"}, {"address", {{"city", "Bonn"}}}}},
       {"timestamp", "2026-01-06T09:00:00Z"}});
  for (int i = 0; i < orders; ++i) {
    json event = {{"type", "track"},
                  {"event", "Order Completed"},
                  {"messageId", "o-" + std::to_string(i)},
                  {"properties", {{"total", i}, {"items", {{{"sku", "a"}}, {{"sku", nullptr}}}}}},
                  {"timestamp", "2026-01-07T09:00:" + std::to_string(10 + i % 50) + "Z"}};
    event[i % 2 == 0 ? "anonymousId" : "userId"] = i % 2 == 0 ? "device-7f" : "ada-7f";
    add(std::move(event));
  }
  return all;
}

void publish(const scratch& room, const server& running, const std::vector<json>& events, int expected = 0) {
  std::string lines;
  for (const auto& each : events) lines += each.dump() + "\n";
  room.write("events.jsonl", lines);
  const auto [code, said] = at(room, running, {"publish", room.path("events.jsonl")});
  CAPTURE(said);
  REQUIRE(code == expected);
}

}  // namespace

TEST_CASE("everything that was sent about a person comes back, and nothing about others") {
  const scratch room;
  server running(room, config);
  const auto sent = events_of_ada();
  std::vector<json> events;
  for (const auto& [id, each] : sent) events.push_back(each);
  events.push_back({{"type", "track"}, {"event", "Order Completed"}, {"messageId", "other"}, {"userId", "ben-7f"}});
  publish(room, running, events);
  publish(room, running,
          {{{"type", "nonsense"}, {"messageId", "bad-1"}, {"userId", "ada-7f"}, {"secret", "of-ada"}},
           {{"type", "nonsense"}, {"messageId", "bad-2"}, {"userId", "ben-7f"}, {"secret", "of-ben"}}},
          65);

  const auto file = room.path("ada.json");
  const auto [code, said] = at(room, running, {"privacy", "export", "email:ada@example.com", "--out", file});
  CAPTURE(said);
  REQUIRE(code == 0);
  const auto text = text_of(file);
  const auto document = json::parse(text);
  CHECK(complaints_about(document) == "");
  std::map<std::string, json> came_back;
  for (const auto& each : document.at("events")) {
    auto event = each.at("event");
    for (const auto& [id, whole] : sent) {
      if (id != event.at("messageId")) continue;
      // Beside what was sent, the server may have noted something.
      for (const auto& [key, value] : whole.items()) CHECK((key == "timestamp" || event.at(key) == value));
    }
    CHECK(came_back.emplace(event.at("messageId").get<std::string>(), event).second);
  }
  CHECK(came_back.size() == sent.size());
  for (const auto& [id, each] : sent) CHECK(came_back.contains(id));
  CHECK(document["end"]["events"] == sent.size());
  CHECK(document["profile"]["version"] == sent.size());
  CHECK(document["profile"]["computed"]["spent"] == orders * (orders - 1) / 2);
  std::map<std::string, std::string> set_by;
  for (const auto& each : document["traits"]) set_by[each["path"].dump()] = each["messageId"];
  CHECK(set_by == std::map<std::string, std::string>{{R"(["address","city"])", "i-2"}, {R"(["plan"])", "i-2"}});
  CHECK(document["identity"]["identifiers"].size() == 3);
  CHECK(document["identity"]["links"].at(0)["messageId"] == "i-2");
  CHECK(document["consent"]["marketing"]["granted"] == true);
  CHECK(document["consent"]["marketing"]["source"] == "banner");
  REQUIRE(document["segments"].size() == 1);
  CHECK(document["segments"][0]["why"]["member"] == true);
  CHECK(document["receivers"][0]["name"] == "crm");
  CHECK(document["receivers"][0]["memberOf"] == json{"loyal"});
  REQUIRE(document["deadLetters"].size() == 1);
  CHECK(document["deadLetters"][0]["events"][0]["secret"] == "of-ada");
  CHECK(text.find("ben-7f") == std::string::npos);
  CHECK((std::filesystem::status(file).permissions() & std::filesystem::perms::others_read) ==
        std::filesystem::perms::none);

  // Nobody but in what was refused; and nobody at all.
  publish(room, running, {{{"type", "nonsense"}, {"messageId", "bad-3"}, {"userId", "cleo-7f"}}}, 65);
  const auto [only, letters] = at(room, running, {"privacy", "export", "cleo-7f"});
  REQUIRE(only == 0);
  CHECK(complaints_about(json::parse(letters)) == "");
  CHECK(json::parse(letters)["profile"].is_null());
  CHECK(at(room, running, {"privacy", "export", "nobody", "--out", room.path("none.json")}).first == 1);
  CHECK(!std::filesystem::exists(room.path("none.json")));
  CHECK(!std::filesystem::exists(room.path("none.json.partial")));
}

TEST_CASE("requests are carried out, also by the next start, and forget whom they erased") {
  const scratch room;
  server running(room, config);
  publish(room, running,
          {{{"type", "identify"},
            {"messageId", "i-1"},
            {"userId", "ada-7f"},
            {"anonymousId", "device-7f"},
            {"traits", {{"plan", "gold"}}}}});
  const auto access = request(room, running, {"new", "access", "ada-7f", "anonymous:device-7f", "--run"});
  const auto done = settled(room, running, access.at("id"));
  REQUIRE(done["result"]["exports"].size() == 1);  // both lead to one profile
  const auto file = room.path("access.json");
  REQUIRE(at(room, running, {"privacy", "requests", "download", access.at("id"), "--out", file}).first == 0);
  CHECK(complaints_about(json::parse(text_of(file))) == "");
  CHECK(std::filesystem::file_size(file) == done["result"]["exports"][0]["bytes"].get<std::uint64_t>());

  const auto old = request(
      room, running, {"new", "portability", "ada-7f", "--regulation", "ccpa", "--received", "2026-01-05T00:00:00Z"});
  CHECK(request(room, running, {"list", "--overdue"}).size() == 1);
  CHECK(request(room, running, {"refuse", old.at("id"), "--reason", "asked twice"}).at("status") == "refused");
  CHECK(request(room, running, {"list"}).empty());
  CHECK(request(room, running, {"list", "--all"}).size() == 2);
  CHECK(at(room, running, {"privacy", "requests", "run", old.at("id")}).first == 65);

  // As if the server had ended right behind the order.
  const auto erasure = request(room, running, {"new", "erasure", "ada-7f", "anonymous:device-7f", "never-7f"});
  REQUIRE(running.stop() == 0);
  const auto kept = running.data() + "/privacy/requests/" + erasure.at("id").get<std::string>() + ".json";
  auto record = json::parse(text_of(kept));
  record["status"] = "running";
  std::ofstream(kept) << record.dump();
  running.start();
  const auto erased = settled(room, running, erasure.at("id"));
  REQUIRE(erased["result"]["receipts"].size() == 1);
  CHECK(erased["result"]["notFound"] == 1);
  room.write("receipt", erased["result"]["receipts"][0].get<std::string>());
  CHECK(at(room, running, {"privacy", "verify", room.path("receipt")}).first == 0);
  CHECK(at(room, running, {"get", "ada-7f"}).first == 1);
  CHECK(request(room, running, {"show", access.at("id")})["result"]["exports"][0]["gone"] == true);
  CHECK(request(room, running, {"show", access.at("id")})["result"]["exports"][0]["profile"].is_null());
  CHECK(at(room, running, {"privacy", "requests", "download", access.at("id")}).first != 0);
  for (const auto* folder : {"/privacy/requests", "/exports"}) {
    for (const auto& each : std::filesystem::directory_iterator(running.data() + folder)) {
      CAPTURE(each.path().string());
      const auto text = text_of(each.path());
      CHECK(text.find("ada-7f") == std::string::npos);
      CHECK(text.find("device-7f") == std::string::npos);
      CHECK(text.find("never-7f") == std::string::npos);
    }
  }
  const auto again = request(room, running, {"new", "access", "ada-7f", "--run"});
  CHECK(settled(room, running, again.at("id"))["result"]["notFound"] == 1);

  // What others wrote is no command to the terminal that shows it.
  const auto odd = request(room, running, {"new", "access", "a\xc2\x9b\x31mz", "--note", "see\033[31m\xc2\x9b\x32J 7"});
  const auto [shown, text] = at(room, running, {"privacy", "requests", "show", odd.at("id")});
  CAPTURE(text);
  CHECK(shown == 0);
  CHECK(text.find("subject    user:a?1mz\n") != std::string::npos);
  CHECK(text.find("note       see?[31m?2J 7\n") != std::string::npos);
  const auto [listed, rows] = at(room, running, {"privacy", "requests", "list"});
  CHECK(listed == 0);
  CHECK(rows.find("user:a?1mz\n") != std::string::npos);

  REQUIRE(running.stop() == 0);
  CHECK(run_kith(room, {"check", running.data()}).first == 0);
  std::ofstream(kept) << "{";
  const auto [damaged, why] = run_kith(room, {"check", running.data()});
  CHECK(damaged == 65);
  CHECK(why.find(erasure.at("id").get<std::string>()) != std::string::npos);
}

TEST_CASE("a correction and an opt-out change the profile and its segments, once, also over a restart") {
  const scratch room;
  server running(room, R"([consent.purposes.sale]
gpc = true
default = "granted"
[consent.purposes.marketing]
default = "granted"
[segments.sold]
expression = "true"
purpose = "sale"
[segments.mailed]
expression = "traits.plan == 'gold'"
purpose = "marketing"
)");
  publish(room, running,
          {{{"type", "identify"},
            {"messageId", "i-1"},
            {"userId", "ada-7f"},
            {"traits", {{"plan", "free"}, {"phone", "555"}, {"email", "old@example.com"}}}}});
  const auto ada = [&] {
    const auto [code, text] = at(room, running, {"get", "ada-7f"});
    CAPTURE(text);
    REQUIRE(code == 0);
    return json::parse(text);
  };
  const auto segments = [&] { return ada().at("segments").get<std::set<std::string>>(); };
  CHECK(segments() == std::set<std::string>{"sold"});

  room.write("traits.json", R"({"email": "new@example.com"})");
  const auto wanted = request(room, running,
                              {"new", "rectification", "ada-7f", "nobody-7f", "--traits", room.path("traits.json"),
                               "--set", "plan=gold", "--set", "phone=null"});
  CHECK(ada().at("traits").at("plan") == "free");
  // As if the server had ended right behind the order, and again right behind the event.
  const auto id = wanted.at("id").get<std::string>();
  const auto kept = running.data() + "/privacy/requests/" + id + ".json";
  std::uint64_t version = 0;
  for (int round = 0; round < 2; ++round) {
    REQUIRE(running.stop() == 0);
    auto record = json::parse(text_of(kept));
    record["status"] = "running";
    std::ofstream(kept) << record.dump();
    running.start();
    const auto done = settled(room, running, id);
    REQUIRE(done["result"]["applied"].size() == 1);
    CHECK(done["result"]["notFound"] == 1);
    const auto now = ada();
    CHECK(now.at("traits") == json{{"plan", "gold"}, {"email", "new@example.com"}});
    CHECK(done["result"]["applied"][0]["profile"] == now.at("profile"));
    if (round == 1) CHECK(now.at("version") == version);
    version = now.at("version").get<std::uint64_t>();
  }
  CHECK(segments() == std::set<std::string>{"mailed", "sold"});
  CHECK(at(room, running, {"get", "nobody-7f"}).first == 1);

  const auto out = request(room, running, {"new", "opt_out", "ada-7f", "late-7f", "--run"});
  CHECK(out.at("regulation") == "ccpa");
  CHECK(out.at("purposes") == json{"sale"});
  const auto opted = settled(room, running, out.at("id"));
  CHECK(opted["result"]["notFound"] == 1);
  CHECK(segments() == std::set<std::string>{"mailed"});
  CHECK(ada().at("consent").at("sale").at("status") == "withdrawn");
  CHECK(ada().at("consent").at("sale").at("messageId") == out.at("id"));
  // Who was not known then is not sold when they come.
  publish(room, running, {{{"type", "identify"}, {"messageId", "i-2"}, {"userId", "late-7f"}}});
  CHECK(json::parse(at(room, running, {"get", "late-7f"}).second).at("segments").empty());

  const auto object = request(room, running, {"new", "objection", "ada-7f", "--purpose", "marketing", "--run"});
  settled(room, running, object.at("id"));
  CHECK(segments().empty());
  CHECK(at(room, running, {"privacy", "requests", "new", "objection", "ada-7f", "--purpose", "mail"}).first == 65);
  const auto [shown, text] = at(room, running, {"privacy", "requests", "show", id});
  CHECK(shown == 0);
  CHECK(text.find("traits     {\"email\":\"new@example.com\"") != std::string::npos);

  // The corrections go with the person.
  REQUIRE(at(room, running, {"privacy", "erase", "ada-7f", "--reason", "asked for"}).first == 0);
  CHECK(request(room, running, {"show", id}).at("traits").is_null());
  CHECK(text_of(kept).find("new@example.com") == std::string::npos);
}
