// A real forwarder in front of a real server: the server is down for a while, the forwarder is killed, its spool is
// full.
//
// KITH_KILL_ROUNDS: how often it is killed (default 8). KITH_SEED: repeats a run's choices.
#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <optional>
#include <random>
#include <set>
#include <thread>

#include "net/https_client.hpp"
#include "profile/encoding.hpp"
#include "tests/catch.hpp"
#include "tests/system/support/server.hpp"

using namespace kith;
using namespace kith::tests;
using nlohmann::json;

namespace {

/// Beside a `kith serve --dev`: its certificates, its tokens.
class forwarder {
 public:
  /// `config`: TOML, beside where the store is; nothing: --dev says it all.
  forwarder(const scratch& room, const server& store, const std::optional<std::string>& config)
      : room_(room), store_(store), data_(room.path("forward")), port_(free_ports()) {
    std::ifstream(store.data() + "/dev/ingest.token") >> write_key_;
    command_ = {KITH_EXECUTABLE, "forward", "--dev",       store_.data(),
                "--data",        data_,     "--port-base", std::to_string(port_)};
    if (config) {
      const auto dev = store.data() + "/dev/";
      room.write("forward.toml", "[store]\nservers = [\"127.0.0.1:" + std::to_string(store.client_options().port) +
                                     "\"]\nca = \"" + dev + "ca.pem\"\ncertificate = \"" + dev +
                                     "client.pem\"\nkey = \"" + dev +
                                     "client.key\"\nretry_first = \"10ms\"\nretry_most = \"200ms\"\n" + *config);
      command_.insert(command_.end(), {"--config", room.path("forward.toml")});
    }
    start();
  }

  void start() {
    process_ = std::make_unique<process>(command_, room_.path("forward.log"));
    const bool answers = eventually([&] { return !process_->running() || ask("/healthz"); });
    if (!answers || !process_->running()) throw std::runtime_error("kith forward does not get ready:\n" + log());
  }
  void kill() {
    process_->send(SIGKILL);
    process_->wait();
  }
  std::optional<int> stop() {
    process_->send(SIGTERM);
    return process_->wait();
  }
  void send(int signal) const { process_->send(signal); }
  bool running() { return process_->running(); }
  std::string log() const { return process_->output(); }
  const std::string& data() const { return data_; }

  /// A connection to its edges.
  result<std::unique_ptr<net::https_client>> edge() const { return net::https_client::connect(options(1)); }
  net::https_request batch(const std::vector<json>& events) const {
    net::https_request made;
    made.method = "POST";
    made.target = "/v1/batch";
    made.body = json{{"batch", events}}.dump();
    made.headers["Authorization"] = "Basic " + profile::base64_of(write_key_ + ":");
    return made;
  }
  result<net::https_response> post(const std::vector<json>& events) const {
    auto link = edge();
    if (!link) return tl::make_unexpected(link.error());
    return (*link)->send(batch(events));
  }
  /// Of its admin port.
  result<net::https_response> ask(const std::string& path) const {
    auto with = options(2);
    std::ifstream(store_.data() + "/dev/admin.token") >> with.token;
    auto link = net::https_client::connect(with);
    if (!link) return tl::make_unexpected(link.error());
    net::https_request request;
    request.target = path;
    return (*link)->send(request);
  }
  std::string metrics() const { return ask("/metrics").value().body; }
  bool drained() const {
    return eventually([&] {
      const auto told = ask("/readyz");
      if (!told) return false;
      const auto lanes = json::parse(told->body)["spool"]["lanes"];
      return lanes["normal"]["backlogBytes"] == 0 && lanes["critical"]["backlogBytes"] == 0;
    });
  }
  std::vector<std::string> admin_flags() const {
    return {"--dev", store_.data(), "--admin", "127.0.0.1:" + std::to_string(port_ + 2)};
  }

 private:
  net::client_options options(int behind) const {
    net::client_options made;
    made.port = static_cast<unsigned short>(port_ + behind);
    made.ca_file = store_.data() + "/dev/ca.pem";
    made.connect_timeout = std::chrono::seconds(5);
    made.request_timeout = std::chrono::seconds(20);
    return made;
  }

  const scratch& room_;
  const server& store_;
  std::string data_;
  std::string write_key_;
  unsigned short port_;
  std::vector<std::string> command_;
  std::unique_ptr<process> process_;
};

json event(const std::string& user, const std::string& id) {
  return {{"type", "track"}, {"event", "Paid"}, {"messageId", id}, {"userId", user}};
}

json profile_of(const server& at, const std::string& user) {
  const auto got = at.client()->get({profile::id_kind::user, {}, user});
  REQUIRE(got);
  return json::from_msgpack(*got);
}

unsigned number_from_environment(const char* name, unsigned otherwise) {
  const char* text = std::getenv(name);
  return text != nullptr ? static_cast<unsigned>(std::strtoul(text, nullptr, 10)) : otherwise;
}

}  // namespace

TEST_CASE("a store that is down loses nothing, and is told the rest when it is back, in order and with its times") {
  const scratch room;
  server store(room);
  forwarder edge(room, store, "");
  REQUIRE(edge.post({event("ada", "m-0")})->status == 200);
  REQUIRE(edge.drained());
  REQUIRE(store.stop() == 0);
  const auto down_ms =
      std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
          .count();
  for (int i = 1; i <= 30; ++i) {
    // Without a time: the one at which the forwarder took it counts, and the last one wins.
    const json step = {
        {"type", "identify"}, {"messageId", "i-" + std::to_string(i)}, {"userId", "ada"}, {"traits", {{"step", i}}}};
    const auto answer = edge.post({event("ada", "m-" + std::to_string(i)), step});
    REQUIRE(answer);
    REQUIRE(answer->status == 200);
    REQUIRE(answer->body == R"({"success":true})");
  }
  // What a sender sends again is spooled again, and counts once.
  REQUIRE(edge.post({event("ada", "m-7")})->status == 200);
  const auto told = edge.ask("/readyz").value();
  CHECK(told.status == 200);
  CHECK(json::parse(told.body)["store"]["connected"] == false);
  CHECK_FALSE(json::parse(told.body)["store"]["reason"].get<std::string>().empty());
  CHECK_THAT(edge.metrics(), Contains("kith_forward_connected 0") && Contains("kith_forward_spooled_events_total 62"));
  const auto up_ms =
      std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
          .count();

  store.start();
  REQUIRE(edge.drained());
  const auto ada = profile_of(store, "ada");
  CHECK(ada["events"]["Paid"]["count"] == 31);
  CHECK(ada["traits"]["step"] == 30);
  CHECK_THAT(edge.metrics(), Contains("kith_forward_acknowledged_events_total{outcome=\"applied\"} 61") &&
                                 Contains("kith_forward_acknowledged_events_total{outcome=\"duplicate\"} 1") &&
                                 Contains("kith_forward_backlog_bytes{lane=\"normal\"} 0"));
  // The source is that of the forwarder's credential, the time that of the forwarder's receipt.
  auto admin = store.client_options();
  admin.port = static_cast<unsigned short>(admin.port + 2);
  net::https_request timeline;
  timeline.target = "/v1/profiles/user/ada/events?limit=1";
  const auto last = json::parse(net::https_client::connect(admin).value()->send(timeline).value().body)["items"][0];
  CHECK(last["source"] == "dev-ingest");
  std::int64_t received_ms = 0;
  REQUIRE(profile::parse_time(last["receivedAt"].get<std::string>(), received_ms));
  CHECK(received_ms >= down_ms);
  CHECK(received_ms <= up_ms);
  // A stop sends what is spooled.
  REQUIRE(edge.post({event("ada", "m-31")})->status == 200);
  CHECK(edge.stop() == 0);
  CHECK(profile_of(store, "ada")["events"]["Paid"]["count"] == 32);
  CHECK_THAT(edge.log(), !Contains("did not take all"));
  CHECK(store.stop() == 0);
}

TEST_CASE("kill -9 of the forwarder at random instants loses nothing acknowledged and doubles nothing") {
  constexpr std::size_t senders = 3;
  constexpr std::size_t users = 20;
  const auto seed = number_from_environment("KITH_SEED", std::random_device{}());
  const auto rounds = number_from_environment("KITH_KILL_ROUNDS", 8);
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  const scratch room;
  server store(room);
  // Small, so that segments are sealed and deleted in every round.
  forwarder edge(room, store,
                 "[spool]\nbytes = \"64MiB\"\nsegment = \"32KiB\"\n[sources.dev-ingest]\nprofile_rate = 0\n");
  std::mutex mutex;
  std::map<std::string, std::set<std::string>> sent;
  std::map<std::string, std::set<std::string>> acknowledged;
  std::atomic<std::size_t> count{0};
  std::atomic<bool> strange{false};
  for (unsigned round = 0; round < rounds; ++round) {
    CAPTURE(round);
    std::atomic<bool> ended{false};
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < senders; ++i) {
      threads.emplace_back([&, mine = std::mt19937_64(random())]() mutable {
        auto link = edge.edge();
        while (link && !ended) {
          std::vector<json> batch;
          for (int j = 0; j < 20; ++j) {
            const auto user = "u" + std::to_string(mine() % users);
            auto one = event(user, "m" + std::to_string(mine()));
            if (mine() % 4 == 0) one["priority"] = "critical";
            batch.push_back(std::move(one));
          }
          {
            const std::lock_guard lock(mutex);
            for (const auto& each : batch) sent[each["userId"]].insert(each["messageId"].get<std::string>());
          }
          const auto answer = (*link)->send(edge.batch(batch));
          if (!answer) return;
          if (answer->status != 200) {
            strange = true;
            return;
          }
          const std::lock_guard lock(mutex);
          for (const auto& each : batch) acknowledged[each["userId"]].insert(each["messageId"].get<std::string>());
          count += batch.size();
        }
      });
    }
    const auto until = count + 100 + random() % 1500;
    const bool reached = eventually([&] { return count >= until || strange; });
    // The store goes down with it, now and then.
    if (round % 3 == 2) store.kill();
    edge.kill();
    ended = true;
    for (auto& each : threads) each.join();
    REQUIRE(reached);
    REQUIRE_FALSE(strange);
    edge.start();
    if (round % 3 == 2) store.start();
  }
  REQUIRE(edge.drained());
  INFO(edge.log());
  std::vector<std::string> names;
  for (const auto& [user, ids] : sent) names.push_back(user);
  auto tallies = read_tallies(*store.client(), names);
  for (const auto& user : names) {
    CAPTURE(user);
    REQUIRE(tallies[user].version >= acknowledged[user].size());
    REQUIRE(tallies[user].version <= sent[user].size());
  }
  // What was acknowledged is there: sent again, nothing of it is applied.
  for (const auto& [user, ids] : acknowledged) {
    std::vector<std::string> again;
    for (const auto& id : ids) {
      const auto bytes = json::to_msgpack(event(user, id));
      again.emplace_back(bytes.begin(), bytes.end());
    }
    const auto outcome = store.client()->publish(again);
    REQUIRE(outcome);
    CAPTURE(user);
    REQUIRE(outcome->applied == 0);
    REQUIRE(outcome->duplicate == again.size());
  }
  CHECK(edge.stop() == 0);
  CHECK(store.stop() == 0);
}

TEST_CASE("a full spool refuses with Retry-After, loudly, and goes on when the store takes its part") {
  const scratch room;
  server store(room);
  forwarder edge(room, store, "[spool]\nbytes = \"1MiB\"\n[sources.dev-ingest]\nprofile_rate = 0\n");
  REQUIRE(store.stop() == 0);
  std::vector<std::string> accepted;
  result<net::https_response> answer;
  for (int i = 0; i < 200; ++i) {
    std::vector<json> batch;
    std::vector<std::string> ids;
    for (int j = 0; j < 50; ++j) {
      ids.push_back("m-" + std::to_string(i) + "-" + std::to_string(j));
      batch.push_back(event("ada", ids.back()));
      batch.back()["properties"]["note"] = std::string(300, 'n');
    }
    answer = edge.post(batch);
    REQUIRE(answer);
    if (answer->status != 200) break;
    accepted.insert(accepted.end(), ids.begin(), ids.end());
  }
  CHECK(answer->status == 503);
  CHECK(answer->retry_after == "10");
  CHECK(json::parse(answer->body)["code"] == "resource_exhausted");
  CHECK_THAT(json::parse(answer->body)["detail"].get<std::string>(), Contains("the spool is full"));
  CHECK(edge.ask("/readyz")->status == 503);
  CHECK_THAT(edge.metrics(), Contains("kith_forward_spool_full 1") && Contains("kith_forward_spool_refused_total 1"));
  CHECK_THAT(edge.log(), Contains("events are refused: the spool is full"));
  store.start();
  REQUIRE(edge.drained());
  CHECK(profile_of(store, "ada")["events"]["Paid"]["count"] == accepted.size());
  REQUIRE(eventually([&] { return edge.post({event("bob", "m-1")})->status == 200; }));
  REQUIRE(edge.drained());
  CHECK(profile_of(store, "bob")["events"]["Paid"]["count"] == 1);
  CHECK(edge.ask("/readyz")->status == 200);
}

TEST_CASE("what the store refuses stands in the forwarder's dead letters, is replayed from there, and webhooks work") {
  const scratch room;
  server store(room, "[dedup]\nretention = \"1d\"\n");
  forwarder edge(room, store,
                 "[sources.shop]\nscheme = \"bearer\"\nsecrets = [\"hush\"]\n[[sources.shop.map]]\n"
                 "event = \"'Order Paid'\"\nuserId = \"body.customer\"\n"
                 "messageId = \"'order:' + body.id\"\n");
  auto old = event("ada", "m-1");
  old["timestamp"] = "2020-01-01T00:00:00Z";
  auto nameless = event("", "m-2");
  REQUIRE(edge.post({old, nameless, event("ada", "m-3")})->status == 200);

  auto link = edge.edge().value();
  net::https_request hook;
  hook.method = "POST";
  hook.target = "/v1/webhooks/shop";
  hook.body = R"({"id": "7", "customer": "ada"})";
  hook.headers["Authorization"] = "Bearer hush";
  const auto hooked = link->send(hook);
  REQUIRE(hooked);
  CHECK(hooked->status == 200);
  CHECK(hooked->body == R"({"success":true,"spooled":1})");
  hook.headers["Authorization"] = "Bearer wrong";
  CHECK(link->send(hook)->status == 401);
  link.reset();  // a stop waits for clients to close

  REQUIRE(edge.drained());
  const auto ada = profile_of(store, "ada");
  CHECK(ada["events"]["Paid"]["count"] == 1);
  CHECK(ada["events"]["Order Paid"]["count"] == 1);
  const auto letters = [&](std::vector<std::string> words) {
    words.insert(words.begin(), "dead-letters");
    const auto flags = edge.admin_flags();
    words.insert(words.end(), flags.begin(), flags.end());
    words.emplace_back("--json");
    const auto [code, text] = run_kith(room, words);
    INFO(text);
    REQUIRE(code == 0);
    return json::parse(text);
  };
  const auto refused = letters({"list", "--code", "too_late"});
  REQUIRE(refused.size() == 1);
  CHECK(refused[0]["edge"] == "forward");
  CHECK(refused[0]["source"] == "dev-ingest");
  CHECK(refused[0]["messageId"] == "m-1");
  CHECK(letters({"list", "--code", "invalid_argument"})[0]["edge"] == "tracking");
  CHECK_THAT(edge.metrics(), Contains("kith_forward_rejected_events_total 1"));

  // Once the store takes it, a replay from here brings it there.
  REQUIRE(store.stop() == 0);
  room.write("kith.toml", "[dedup]\nretention = \"forever\"\n");
  store.start();
  CHECK(letters({"replay", "--code", "too_late"})["applied"] == 1);
  REQUIRE(edge.drained());
  CHECK(profile_of(store, "ada")["events"]["Paid"]["count"] == 2);
  CHECK(letters({"list", "--code", "too_late"}).empty());
  CHECK(edge.ask("/v1/stats")->status == 404);

  // A configuration that cannot be used leaves the old one.
  const std::string good = [&] {
    std::ifstream in(room.path("forward.toml"));
    return std::string{std::istreambuf_iterator<char>(in), {}};
  }();
  room.write("forward.toml", good + "[oops]\n");
  edge.send(SIGHUP);
  REQUIRE(eventually([&] { return edge.log().find("oops: is not a key") != std::string::npos; }));
  room.write("forward.toml", good);
  edge.send(SIGHUP);
  REQUIRE(eventually([&] { return edge.log().find("are reloaded") != std::string::npos; }));
  REQUIRE(edge.post({event("ada", "m-4")})->status == 200);
  REQUIRE(edge.drained());
  CHECK(profile_of(store, "ada")["events"]["Paid"]["count"] == 3);
  CHECK(edge.stop() == 0);
}

TEST_CASE("the example of docs/forwarder.md works, and its metrics are those that there are") {
  std::ifstream file(KITH_SOURCE "/docs/forwarder.md");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const std::string fence = "```json event\n";
  const auto begin = text.find(fence) + fence.size();
  const auto example = text.substr(begin, text.find("```", begin) - begin);
  const scratch room;
  const server store(room);
  const forwarder edge(room, store, std::nullopt);
  auto request = edge.batch({});
  request.target = "/v1/track";
  request.body = example;
  REQUIRE(edge.edge().value()->send(request)->status == 200);
  REQUIRE(edge.drained());
  const auto ada = profile_of(store, "ada");
  CHECK(ada["events"]["Order Completed"]["count"] == 1);
  CHECK_THAT(edge.log(), Contains("ingest    https://127.0.0.1:") && Contains("store     127.0.0.1:"));

  const auto names_in = [](const std::string& of) {
    std::set<std::string> names;
    const std::string prefix = "kith_forward_";
    for (auto at = of.find(prefix); at != std::string::npos; at = of.find(prefix, at + 1)) {
      names.insert(of.substr(at, of.find_first_not_of("abcdefghijklmnopqrstuvwxyz_", at) - at));
    }
    return names;
  };
  CHECK(names_in(text) == names_in(edge.metrics()));
  CHECK_THAT(edge.metrics(), Contains("kith_ingest_requests_total{edge=\"tracking\"} 1") && Contains("kith_ready 1"));
}

TEST_CASE("kith forward --check-config names what is wrong and hides what is secret") {
  const scratch room;
  const server store(room);
  const auto check = [&](const std::string& config) {
    room.write("forward.toml", config);
    return run_kith(room, {"forward", "--config", room.path("forward.toml"), "--dev", store.data(), "--check-config"});
  };
  const auto [code, text] = check(
      "[store]\nservers = [\"kith.example:7440\"]\ntoken = \"s3cret-one\"\n"
      "[[credentials]]\nname = \"web\"\ntoken = \"s3cret-two\"\n"
      "[sources.shop]\nscheme = \"bearer\"\nsecrets = [\"s3cret-three\"]\n"
      "mapping = \"generic\"\n");
  INFO(text);
  CHECK(code == 0);
  CHECK_THAT(text, Contains("the configuration is good") && Contains("kith.example:7440") && Contains("web") &&
                       Contains("(hidden)") && !Contains("s3cret"));
  const auto [wrong, told] = check("[spool]\nbites = 3\n");
  CHECK(wrong == 78);
  CHECK_THAT(told, Contains("forward.toml:2:1: spool.bites: is not a key; did you mean bytes?"));
  const auto [missing, why] = run_kith(room, {"forward"});
  CHECK(missing == 78);
  CHECK_THAT(why, Contains("tls.certificate and tls.key: missing"));
}
