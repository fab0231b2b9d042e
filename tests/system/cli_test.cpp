// The commands through their front door: what they print and how they end.
#include <csignal>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <regex>
#include <set>
#include <sstream>

#include "tests/catch.hpp"
#include "tests/system/support/server.hpp"

using namespace kith;
using namespace kith::tests;
using nlohmann::json;

namespace {

std::vector<std::string> with(std::vector<std::string> words, const std::vector<std::string>& more) {
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

std::string event(const std::string& id, const std::string& user) {
  return json{{"type", "track"}, {"event", "Seen"}, {"messageId", id}, {"userId", user}, {"traits", {{"n", 1}}}}
             .dump() +
         "\n";
}

/// The last line that is a JSON object: the summary stands behind what was printed to standard error.
json last_object(const std::string& output) {
  std::istringstream in(output);
  std::string line;
  json last;
  while (std::getline(in, line)) {
    if (!line.empty() && line.front() == '{') last = json::parse(line);
  }
  return last;
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("usage errors end with 64, help and version with 0") {
  const scratch room;
  REQUIRE(run_kith(room, {"version"}) == std::pair<int, std::string>(0, "kith " KITH_VERSION "\n"));
  REQUIRE(last_object(run_kith(room, {"version", "--json"}).second).at("version") == KITH_VERSION);
  for (const auto* command : {"serve",   "forward",      "publish",  "get",     "watch",  "top",     "segments",
                              "schemas", "dead-letters", "identity", "unmerge", "ingest", "bench",   "backup",
                              "restore", "check",        "audit",    "privacy", "export", "version", "completion"}) {
    CAPTURE(command);
    const auto [code, text] = run_kith(room, {"help", command});
    REQUIRE(code == 0);
    REQUIRE(contains(text, std::string("Usage: kith ") + command));
    REQUIRE(run_kith(room, {command, "--help"}).first == 0);
  }
  REQUIRE(run_kith(room, {"help", "nothing"}).first == 64);
  const auto [explained, requests] = run_kith(room, {"help", "privacy", "requests"});
  REQUIRE(explained == 0);
  REQUIRE_THAT(requests, Contains("kith privacy requests") && Contains("extend") && !Contains("suppressed"));
  const auto [one, step] = run_kith(room, {"help", "privacy", "requests", "extend"});
  REQUIRE(one == 0);
  REQUIRE_THAT(step, Contains("kith privacy requests extend") && Contains("--reason") &&
                         Contains("Takes the options of `kith help privacy`, too."));
  REQUIRE_THAT(run_kith(room, {"segments", "define", "--help"}).second,
               Contains("Takes the options of `kith help segments`, too."));
  REQUIRE_THAT(run_kith(room, {"help", "audit", "verify"}).second, !Contains("Takes the options"));
  REQUIRE_THAT(run_kith(room, {"help", "privacy", "nothing"}).second, Contains("kith privacy has no command"));
  REQUIRE_THAT(run_kith(room, {"help"}).second, Contains("Usage: kith [OPTIONS]") && Contains("dead-letters"));
  for (const auto& [words, said] : std::vector<std::pair<std::vector<std::string>, std::string>>{
           {{"nothing"}, "kith: there is no command \"nothing\""},
           {{"privacy", "request"}, "kith privacy: there is no command \"request\""},
           {{"privacy"}, "suppressed"},
           {{"privacy", "requests"}, "extend"},
           {{"audit"}, "verify"}}) {
    const auto [code, text] = run_kith(room, words);
    CAPTURE(words, text);
    REQUIRE(code == 64);
    REQUIRE_THAT(text, Contains(said) && Contains("Usage: kith"));
  }
  REQUIRE(run_kith(room, {"get"}).first == 64);
  REQUIRE(run_kith(room, {"get", "ada", "--addr", "nowhere"}).first == 64);
  REQUIRE(run_kith(room, {"get", "ada", "--anonymous", "--profile"}).first == 64);
  REQUIRE(run_kith(room, {"bench", "dance"}).first == 64);
  REQUIRE(run_kith(room, {"bench", "publish", "--durability", "hope"}).first == 64);
  REQUIRE(run_kith(room, {"bench", "get", "--fields", "version,nonsense"}).first == 64);
  REQUIRE(run_kith(room, {"completion", "powershell"}).first == 64);
}

TEST_CASE("completion scripts know every command") {
  const scratch room;
  for (const auto* shell : {"bash", "zsh", "fish"}) {
    const auto [code, text] = run_kith(room, {"completion", shell});
    REQUIRE(code == 0);
    for (const auto* word : {"publish", "export", "--durability", "--check-config", "explain", "--expression"})
      REQUIRE(contains(text, word));
  }
}

TEST_CASE("a wrong configuration ends with 78 and says where") {
  const scratch room;
  room.write("bad.toml", "data = \"d\"\nshard = 2\n");
  const auto [code, text] = run_kith(room, {"serve", "--config", room.path("bad.toml"), "--check-config"});
  REQUIRE(code == 78);
  REQUIRE(contains(text, "bad.toml:2:1: shard: is not a key; did you mean shards?"));
  REQUIRE(run_kith(room, {"serve", "--config", room.path("none.toml")}).first == 78);
  // Neither certificates nor --dev.
  const auto bare = run_kith(room, {"serve", "--data", room.path("data")});
  REQUIRE(bare.first == 78);
  REQUIRE(contains(bare.second, "tls.certificate"));
  REQUIRE_FALSE(std::filesystem::exists(room.path("data")));
  room.write("tls.toml", "[tls]\ncertificate = \"" + room.path("no.pem") + "\"\nkey = \"no.key\"\n");
  const auto missing = run_kith(room, {"serve", "--config", room.path("tls.toml"), "--check-config"});
  REQUIRE(missing.first == 78);
  REQUIRE(contains(missing.second, "no.pem"));
  room.write("good.toml", "shards = 2\n");
  REQUIRE(run_kith(room, {"serve", "--dev", "--config", room.path("good.toml"), "--check-config"}).first == 0);
}

TEST_CASE("what the admin API did is in the audit log, which is verified, offline too") {
  const scratch room;
  server running(room);
  REQUIRE(run_kith(room, with({"segments", "define", "all", "--expression", "true"}, running.flags())).first == 0);
  REQUIRE(run_kith(room, with({"segments", "delete", "all"}, running.flags())).first == 0);
  const auto verify = [&](std::vector<std::string> more) {
    return run_kith(room, with({"audit", "verify", running.data(), "--json"}, more));
  };
  const auto [code, text] = verify({});
  REQUIRE(code == 0);
  const auto found = last_object(text);
  REQUIRE(found.at("records") >= 2);
  const auto head = found.at("head").get<std::string>();
  REQUIRE(running.stop() == 0);
  REQUIRE(verify({"--head", head}).first == 0);
  REQUIRE(verify({"--head", "1:" + std::string(64, 'a')}).first == 65);
  REQUIRE(verify({"--head", "nonsense"}).first == 64);
  const auto path = running.data() + "/audit/audit-000001.log";
  std::ifstream in(path);
  std::string log{std::istreambuf_iterator<char>(in), {}};
  REQUIRE(contains(log, "/v1/segments"));
  log[log.find("\"DELETE\"") + 1] = 'X';
  std::ofstream(path, std::ios::trunc) << log;
  const auto damaged = run_kith(room, {"audit", "verify", running.data()});
  REQUIRE(damaged.first == 65);
  REQUIRE(contains(damaged.second, "was changed"));
  REQUIRE(run_kith(room, {"audit", "verify", room.path("nowhere")}).first == 66);
}

TEST_CASE("publish counts each line once and names the ones it refuses") {
  const scratch room;
  const server running(room);
  room.write("events.jsonl", event("m1", "ada") + "not JSON\n\n" + event("m2", "bob") +
                                 "{\"type\": \"track\", \"event\": \"Seen\", \"userId\": \"ada\"}\n");
  const auto publish = with({"publish", "--json", room.path("events.jsonl")}, running.flags());
  const auto [code, text] = run_kith(room, publish);
  CAPTURE(text);
  REQUIRE(code == 65);
  REQUIRE(
      contains(text, "line 2: invalid_argument: event: is not JSON at byte 2: put keys and texts into double quotes"));
  REQUIRE(!contains(text, "json.exception"));
  REQUIRE(contains(text, "line 5: invalid_argument: messageId: missing"));
  const auto first = last_object(text);
  REQUIRE(first.at("events") == 4);
  REQUIRE(first.at("applied") == 2);
  REQUIRE(first.at("rejected") == 2);
  const auto again = last_object(run_kith(room, publish).second);
  REQUIRE(again.at("applied") == 0);
  REQUIRE(again.at("duplicate") == 2);

  room.write("good.jsonl", event("m1", "ada") + event("m3", "ada"));
  REQUIRE(run_kith(room, with({"publish", room.path("good.jsonl")}, running.flags())).first == 0);
  REQUIRE(run_kith(room, with({"publish", room.path("none.jsonl")}, running.flags())).first == 66);
}

TEST_CASE("get finds a profile by each of its names, or ends with 1") {
  const scratch room;
  const server running(room);
  room.write("events.jsonl", event("m1", "ada"));
  REQUIRE(run_kith(room, with({"publish", room.path("events.jsonl")}, running.flags())).first == 0);
  // --dev alone is enough: it knows the address, too.
  const auto [code, text] = run_kith(room, {"get", "ada", "--dev", running.data()});
  REQUIRE(code == 0);
  const auto profile = json::parse(text);
  REQUIRE(profile.at("userIds") == json::array({"ada"}));
  REQUIRE(profile.at("version") == 1);
  const auto id = profile.at("profile").get<std::string>();
  for (const auto& words : std::vector<std::vector<std::string>>{
           {"user:ada"}, {"profile:" + id}, {id, "--profile"}, {"ada", "--fields", "profile,version"}}) {
    const auto found = run_kith(room, with(with({"get"}, words), running.flags()));
    CAPTURE(words, found.second);
    REQUIRE(found.first == 0);
    REQUIRE(json::parse(found.second).at("profile") == id);
  }
  for (const auto& words : std::vector<std::vector<std::string>>{
           {"nobody"}, {"ada", "--anonymous"}, {"ada", "--external", "email"}, {"email:ada"}}) {
    CAPTURE(words);
    REQUIRE(run_kith(room, with(with({"get"}, words), running.flags())).first == 1);
  }
  REQUIRE(run_kith(room, with({"get", "short", "--profile"}, running.flags())).first == 65);
}

TEST_CASE("watch prints changes and resumes behind a cursor") {
  const scratch room;
  const server running(room);
  const auto output = room.path("watch.out");
  process watching(with({KITH_EXECUTABLE, "watch", "ada", "--count", "2"}, running.flags()), output);
  // The watch stands when a change arrives; until then events go by it.
  unsigned sent = 0;
  const auto publish_one = [&] {
    room.write("one.jsonl", event("w" + std::to_string(++sent), "ada"));
    return run_kith(room, with({"publish", room.path("one.jsonl")}, running.flags())).first == 0;
  };
  REQUIRE(eventually([&] { return !watching.running() || !publish_one(); }));
  REQUIRE(watching.wait() == 0);
  std::istringstream lines(watching.output());
  std::string first;
  std::string second;
  REQUIRE((std::getline(lines, first) && std::getline(lines, second)));
  const auto cursor = json::parse(first).at("cursor").get<std::string>();
  const auto [code, text] = run_kith(room, with({"watch", "ada", "--count", "1", "--from", cursor}, running.flags()));
  REQUIRE(code == 0);
  REQUIRE(json::parse(text).at("version") == json::parse(second).at("version"));
  REQUIRE(run_kith(room, with({"watch", "--from", "nonsense"}, running.flags())).first == 65);
}

TEST_CASE("a server that is not there ends with 69, one that does not know us with 77") {
  const scratch room;
  server running(room);
  const auto refused = run_kith(room, with({"get", "ada", "--token", "wrong"}, running.flags()));
  CAPTURE(refused.second);
  REQUIRE(refused.first == 77);
  const auto flags = running.flags();
  // Its certificate is of a CA that nobody named.
  REQUIRE_THAT(run_kith(room, {"get", "ada", "--addr", flags.at(3)}).second, Contains("--ca FILE"));
  REQUIRE_THAT(run_kith(room, {"segments", "list", "--addr", flags.at(3)}).second, Contains("--ca FILE"));
  REQUIRE(running.stop() == 0);
  REQUIRE(run_kith(room, with({"get", "ada"}, flags)).first == 69);
  REQUIRE(run_kith(room, with({"bench", "publish", "--events", "10"}, flags)).first == 69);
  REQUIRE(run_kith(room, {"get", "ada", "--dev", room.path("none")}).first == 78);
}

TEST_CASE("a port or a data directory in use ends with 69") {
  const scratch room;
  const server running(room);
  std::ifstream in(running.data() + "/dev/address");
  std::string address;
  REQUIRE(std::getline(in, address));
  const auto port = address.substr(address.rfind(':') + 1);
  const auto taken = run_kith(room, {"serve", "--dev", "--data", room.path("other"), "--port-base", port});
  REQUIRE(taken.first == 69);
  REQUIRE(contains(taken.second, ": Address already in use"));
  REQUIRE(run_kith(room, {"serve", "--dev", "--data", running.data(), "--port-base", port}).first == 69);
}

TEST_CASE("a start that fails at its last port ends what it had begun") {
  const scratch room;
  const server running(room);
  std::ifstream in(running.data() + "/dev/address");
  std::string address;
  REQUIRE(std::getline(in, address));
  const auto taken = std::to_string(std::stoi(address.substr(address.rfind(':') + 1)) + 2);  // its admin port
  const auto free = free_ports();
  room.write("other.toml", "[listen]\nprotocol = \"127.0.0.1:" + std::to_string(free) + "\"\ningest = \"127.0.0.1:" +
                               std::to_string(free + 1) + "\"\nadmin = \"127.0.0.1:" + taken +
                               "\"\n[segments.all]\nexpression = \"true\"\n[webhooks.crm]\nurl = "
                               "\"https://localhost:1/\"\nsecrets = [\"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\"]\n");
  const auto [code, text] =
      run_kith(room, {"serve", "--dev", "--data", room.path("other"), "--config", room.path("other.toml")});
  CAPTURE(text);
  REQUIRE(code == 69);
  REQUIRE(contains(text, "admin: cannot listen on 127.0.0.1:" + taken));
}

TEST_CASE("bench prints one JSON object in which every event is accounted for") {
  const scratch room;
  const server running(room);
  const auto bench = [&](const std::vector<std::string>& words) {
    const auto [code, text] =
        run_kith(room, with(with({"bench", "--json", "--profiles", "50"}, words), running.flags()));
    CAPTURE(text);
    REQUIRE(code == 0);
    return json::parse(text);
  };
  const std::vector<std::string> publish = {"publish", "--events",   "3001", "--connections", "7", "--batch",
                                            "10",      "--pipeline", "3",    "--seed",        "9", "--in-turn"};
  for (const auto* threads : {"1", "3"}) {
    // The same seed gives the same events, whatever the number of threads.
    const auto made = bench(with(publish, {"--threads", threads}));
    CAPTURE(made);
    REQUIRE(made.at("events") == 3001);
    REQUIRE(made.at("applied") == (*threads == '1' ? 3001 : 0));
    REQUIRE(made.at("duplicate") == (*threads == '1' ? 0 : 3001));
    REQUIRE(made.at("rejected") == 0);
    REQUIRE(made.at("errors") == 0);
    REQUIRE(made.at("events_per_s") > 0);
    for (const auto* key : {"p50", "p90", "p99", "p999", "max"}) REQUIRE(made.at("latency_us").at(key) > 0);
  }
  const auto read = bench({"get", "--events", "200", "--batch", "7"});
  REQUIRE(read.at("found") == 200);
  REQUIRE(read.at("missing") == 0);
  const auto strangers = bench({"get", "--events", "20", "--batch", "1", "--id-prefix", "x-"});
  REQUIRE(strangers.at("missing") == 20);
  for (const auto* batch : {"1", "5"}) {
    const auto some = bench({"--fields", "version,profile", "get", "--events", "20", "--batch", batch});
    REQUIRE(some.at("found") == 20);
    REQUIRE(some.at("fields") == json::array({"version", "profile"}));
  }
  const auto mixed = bench({"mixed", "--events", "40", "--batch", "2", "--zipf", "1.1", "--durability", "memory"});
  REQUIRE(mixed.at("applied") == 20);
  REQUIRE(mixed.at("found") == 20);
  const auto paced = bench({"publish", "--events", "500", "--batch", "5", "--rate", "2000"});
  REQUIRE(paced.at("seconds") > 0.2);
}

TEST_CASE("check and export look at a directory without changing it") {
  const scratch room;
  server running(room);
  std::string lines;
  for (int i = 0; i < 100; ++i) lines += event("m" + std::to_string(i), "user-" + std::to_string(i % 10));
  room.write("events.jsonl", lines);
  REQUIRE(run_kith(room, with({"publish", room.path("events.jsonl")}, running.flags())).first == 0);
  // What is only in the journal is exported too.
  running.kill();
  const auto [code, text] = run_kith(room, {"export", running.data()});
  CAPTURE(text);
  REQUIRE(code == 0);
  std::istringstream in(text);
  std::string line;
  std::string before;
  std::size_t profiles = 0;
  while (std::getline(in, line)) {
    const auto profile = json::parse(line);
    REQUIRE(profile.at("version") == 10);
    REQUIRE(profile.at("profile").get<std::string>() > before);
    before = profile.at("profile").get<std::string>();
    ++profiles;
  }
  REQUIRE(profiles == 10);
  const auto checked = run_kith(room, {"check", running.data(), "--json"});
  REQUIRE(checked.first == 0);
  REQUIRE(last_object(checked.second).at("sound") == true);
  REQUIRE(run_kith(room, {"check", room.path("none")}).first == 66);
  REQUIRE(run_kith(room, {"export", room.path("none")}).first == 66);
  REQUIRE(run_kith(room, {"export", running.data()}).second == text);
  running.start();
  REQUIRE(running.stop() == 0);
  REQUIRE(run_kith(room, {"export", running.data()}).second == text);
}

TEST_CASE("damage in the journal is told by check and export, with 65") {
  const scratch room;
  server running(room);
  for (int i = 0; i < 3; ++i) {
    room.write("events.jsonl", event("d" + std::to_string(i), "ada"));
    REQUIRE(run_kith(room, with({"publish", room.path("events.jsonl")}, running.flags())).first == 0);
  }
  running.kill();
  // Into the payload of the first record of a segment that has several.
  std::string damaged;
  std::uintmax_t largest = 0;
  for (const auto& entry : std::filesystem::directory_iterator(running.data() + "/journal")) {
    if (entry.path().extension() != ".log" || entry.file_size() <= largest) continue;
    largest = entry.file_size();
    damaged = entry.path();
  }
  REQUIRE_FALSE(damaged.empty());
  {
    std::fstream file(damaged, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(32 + 24 + 30);
    file.put('\x7f');
  }
  const auto checked = run_kith(room, {"check", running.data()});
  CAPTURE(checked.second);
  REQUIRE(checked.first == 65);
  REQUIRE(contains(checked.second, "DAMAGED " + damaged));
  const auto exported = run_kith(room, {"export", running.data()});
  REQUIRE(exported.first == 65);
  REQUIRE(contains(exported.second, "DAMAGED " + damaged));
}

TEST_CASE("a journal segment that is gone is told by check, export and serve, with 65") {
  const scratch room;
  server running(room);
  room.write("events.jsonl", event("g1", "ada"));
  REQUIRE(run_kith(room, with({"publish", room.path("events.jsonl")}, running.flags())).first == 0);
  running.kill();
  const std::string gone = "journal-000-000000000001.log";
  std::filesystem::rename(running.data() + "/journal/" + gone, room.path(gone));
  for (const auto& command :
       {std::vector<std::string>{"check", running.data()}, std::vector<std::string>{"export", running.data()},
        std::vector<std::string>{"serve", "--dev", "--data", running.data()}}) {
    const auto [code, text] = run_kith(room, command);
    CAPTURE(text);
    REQUIRE(code == 65);
    REQUIRE(contains(text, gone + " is missing"));
  }
  std::filesystem::rename(room.path(gone), running.data() + "/journal/" + gone);
  running.start();
  REQUIRE(running.stop() == 0);
  REQUIRE(run_kith(room, {"check", running.data()}).first == 0);
}

TEST_CASE("check and export leave a directory alone that a server runs on") {
  const scratch room;
  server running(room);
  for (const auto* command : {"check", "export"}) {
    const auto [code, text] = run_kith(room, {command, running.data()});
    CAPTURE(text);
    REQUIRE(code == 69);
    REQUIRE(contains(text, running.data() + ": a server (process "));
    REQUIRE(contains(text, "admin API"));
  }
  REQUIRE(running.stop() == 0);
  for (const auto* command : {"check", "export"}) REQUIRE(run_kith(room, {command, running.data()}).first == 0);
}

TEST_CASE("check looks at the small files of a directory too") {
  const scratch room;
  server running(room);
  REQUIRE(run_kith(room, with({"segments", "define", "loyal", "--expression", "events(\"Seen\").count() >= 3"},
                              running.flags()))
              .first == 0);
  // It is written once all profiles are up to date.
  REQUIRE(eventually([&] { return std::filesystem::exists(running.data() + "/definitions"); }));
  REQUIRE(running.stop() == 0);
  REQUIRE(run_kith(room, {"check", running.data()}).first == 0);
  for (const auto* name : {"checkpoint", "segments.json", "definitions"}) {
    CAPTURE(name);
    const auto path = running.data() + "/" + name;
    std::filesystem::copy_file(path, room.path("kept"), std::filesystem::copy_options::overwrite_existing);
    {
      std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
      file.seekp(5);
      file.put('\x7f');
    }
    const auto [code, text] = run_kith(room, {"check", running.data()});
    CAPTURE(text);
    REQUIRE(code == 65);
    REQUIRE(contains(text, "DAMAGED " + path));
    std::filesystem::copy_file(room.path("kept"), path, std::filesystem::copy_options::overwrite_existing);
  }
  auto text = [&] {
    std::ifstream in(running.data() + "/segments.json");
    return std::string{std::istreambuf_iterator<char>(in), {}};
  }();
  text.replace(text.find("count()"), 7, "mount()");
  std::ofstream(running.data() + "/segments.json") << text;
  const auto checked = run_kith(room, {"check", running.data()});
  CAPTURE(checked.second);
  REQUIRE(checked.first == 65);
  REQUIRE(contains(checked.second, "segments.json: loyal: "));
}

TEST_CASE("kith get reads through a view, and SIGHUP brings others") {
  const scratch room;
  const auto view = [](const std::string& name, const std::string& field) {
    return "[views." + name + "]\nfields = [\"" + field + "\"]\n";
  };
  server running(room, view("card", "traits.plan"));
  room.write("one.jsonl", R"({"type":"identify","messageId":"1","userId":"ada","traits":{"plan":"gold","age":7}})");
  REQUIRE(run_kith(room, with({"publish", room.path("one.jsonl")}, running.flags())).first == 0);
  const auto get = [&](const std::string& name) {
    return run_kith(room, with({"get", "ada", "--json", "--view", name}, running.flags()));
  };
  REQUIRE(get("card") == std::pair(0, std::string("{\"traits\":{\"plan\":\"gold\"}}\n")));
  REQUIRE(get("age").first == 65);
  room.write("kith.toml", view("card", "traits.plan") + view("age", "traits.age"));
  running.send(SIGHUP);
  REQUIRE(eventually([&] { return get("age").first == 0; }));
  REQUIRE(get("age").second == "{\"traits\":{\"age\":7}}\n");
  room.write("kith.toml", view("age", "traits.years..old"));
  REQUIRE(contains(run_kith(room, {"serve", "--dev", "--check-config", "--config", room.path("kith.toml")}).second,
                   "kith.toml:2:11: views.age.fields: \"traits.years..old\": has an empty key"));
  REQUIRE(running.stop() == 0);
}

TEST_CASE("SIGHUP takes new tokens and drops old ones") {
  const scratch room;
  room.write("kith.toml", "");
  const auto token = [](const std::string& value) {
    return "[[credentials]]\nname = \"shop\"\nrights = [\"read\"]\ntoken = \"" + value + "\"\n";
  };
  server running(room, token("old"));
  const auto get_with = [&](const std::string& value) {
    return run_kith(room, with({"get", "nobody", "--token", value}, running.flags())).first;
  };
  REQUIRE(get_with("old") == 1);
  REQUIRE(get_with("new") == 77);
  room.write("kith.toml", token("new"));
  running.send(SIGHUP);
  REQUIRE(eventually([&] { return get_with("new") == 1; }));
  REQUIRE(get_with("old") == 77);
  // A file that is wrong changes nothing.
  room.write("kith.toml", "nonsense = 1\n");
  running.send(SIGHUP);
  REQUIRE(eventually([&] { return contains(running.log(), "the old configuration stays"); }));
  REQUIRE(get_with("new") == 1);
  REQUIRE(running.stop() == 0);
}

TEST_CASE("a certificate that no credential names is refused unless the configuration says otherwise") {
  const scratch room;
  std::string dev;
  std::string address;
  {
    server maker(room);  // of certificates, and finder of ports
    dev = maker.data() + "/dev";
    address = maker.flags().back();
    // --dev trusts those of its own CA, until it is told not to.
    REQUIRE(run_kith(room, with({"get", "nobody"}, maker.flags())).first == 1);
    REQUIRE(maker.stop() == 0);
  }
  const auto port = address.substr(address.rfind(':') + 1);
  const auto tls = "[tls]\ncertificate = \"" + dev + "/server.pem\"\nkey = \"" + dev + "/server.key\"\nclient_ca = \"" +
                   dev + "/ca.pem\"\n";
  room.write("kith.toml", tls);
  process serving(
      {KITH_EXECUTABLE, "serve", "--config", room.path("kith.toml"), "--data", room.path("plain"), "--port-base", port},
      room.path("plain.log"));
  std::pair<int, std::string> got;
  const auto get = [&] {
    got = run_kith(room, {"get", "nobody", "--addr", address, "--ca", dev + "/ca.pem", "--cert", dev + "/client.pem",
                          "--key", dev + "/client.key"});
    return got.first;
  };
  REQUIRE(eventually([&] { return !serving.running() || get() != 69; }));
  CAPTURE(serving.output(), got.second);
  REQUIRE(got.first == 77);
  REQUIRE(contains(got.second, dev + "/client.pem is not listed by the server: give its common name"));

  const auto reload = [&](const std::string& more, int expected) {
    room.write("kith.toml", tls + more);
    serving.send(SIGHUP);
    return eventually([&] { return get() == expected; });
  };
  REQUIRE(reload("unlisted_certificates = true\n", 1));
  REQUIRE(reload("unlisted_certificates = false\n", 77));
  REQUIRE(reload("[[credentials]]\nname = \"dev\"\ncommon_name = \"dev-client\"\n", 1));
  serving.send(SIGTERM);
  REQUIRE(serving.wait() == 0);
}

TEST_CASE("--dev does as the configuration says of unlisted certificates") {
  const scratch room;
  room.write("kith.toml", "");
  server running(room, "[log]\nlevel = \"info\"\n");
  REQUIRE(run_kith(room, with({"get", "nobody"}, running.flags())).first == 1);
  room.write("kith.toml", "[tls]\nunlisted_certificates = false\n");
  running.send(SIGHUP);
  REQUIRE(eventually([&] { return run_kith(room, with({"get", "nobody"}, running.flags())).first == 77; }));
  REQUIRE(running.stop() == 0);
}

TEST_CASE("the manual knows every command and option, and no other") {
  std::ifstream in(KITH_SOURCE "/docs/kith.1");
  std::string manual{std::istreambuf_iterator<char>(in), {}};
  REQUIRE_FALSE(manual.empty());
  for (std::size_t at = 0; (at = manual.find('\\', at)) != std::string::npos;) {
    // Fonts and escaped hyphens.
    manual.erase(at, manual.compare(at, 2, "\\f") == 0 ? 3 : 1);
  }
  const auto options_in = [](const std::string& text) {
    std::set<std::string> found;
    const std::regex option("--[a-z][a-z-]*");
    for (std::sregex_iterator at(text.begin(), text.end(), option), end; at != end; ++at) found.insert(at->str());
    return found;
  };
  const scratch room;
  std::set<std::string> offered;
  for (const auto* command : {"serve",   "forward",      "publish",  "get",     "watch",  "top",     "segments",
                              "schemas", "dead-letters", "identity", "unmerge", "ingest", "bench",   "backup",
                              "restore", "check",        "audit",    "privacy", "export", "version", "completion"}) {
    CAPTURE(command);
    REQUIRE(contains(manual, std::string("kith ") + command));
    offered.merge(options_in(run_kith(room, {"help", command}).second));
  }
  // Verbs of a verb are not in the help of the command.
  for (const auto* verb : {"list", "show", "new", "confirm", "verify", "extend", "run", "refuse", "download"}) {
    offered.merge(options_in(run_kith(room, {"privacy", "requests", verb, "--help"}).second));
  }
  offered.erase("--help");
  REQUIRE(options_in(manual) == offered);
}
