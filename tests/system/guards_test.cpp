// What schemas and guards hold back, whichever way it comes in; pixels; secrets; many idle connections.
#include <csignal>
#include <filesystem>

#include "net/requests.hpp"
#include "profile/encoding.hpp"
#include "tests/catch.hpp"
#include "tests/net/support/raw_client.hpp"
#include "tests/system/support/edge.hpp"

using namespace kith;
using namespace kith::tests;
using nlohmann::json;

namespace {

std::string encoded(const json& value) {
  const auto bytes = json::to_msgpack(value);
  return {bytes.begin(), bytes.end()};
}

json track(const std::string& event, const std::string& id, const std::string& user, json properties = json::object()) {
  return {{"type", "track"}, {"event", event}, {"messageId", id}, {"userId", user}, {"properties", properties}};
}

/// A program that publishes by a token of its own.
std::unique_ptr<net::client> program(const server& at, const std::string& token) {
  auto options = at.client_options(2);
  options.token = token;
  options.cert_file.clear();
  options.key_file.clear();
  auto made = net::client::connect(options);
  if (!made) throw std::runtime_error(made.error().message);
  return std::move(*made);
}

std::string metric(const server& at, const std::string& name) {
  auto options = at.client_options(1);
  options.port = static_cast<unsigned short>(options.port + 2);
  auto link = net::https_client::connect(options).value();
  net::https_request request;
  request.target = "/metrics";
  const auto text = link->send(request).value().body;
  const auto found = text.find("\n" + name + " ");
  if (found == std::string::npos) return "none";
  const auto begin = found + name.size() + 2;
  return text.substr(begin, text.find('\n', begin) - begin);
}

/// 40 characters that stand nowhere else.
std::string planted(const std::string& where) {
  std::string made = "S3CRET" + where;
  made.resize(40, 'q');
  return made;
}

}  // namespace

TEST_CASE("what programs publish is judged by schemas and by the guards of their source, and applied after the mend") {
  const scratch room;
  std::filesystem::create_directories(room.path("schemas"));
  room.write("schemas/Order.json", R"({"type": "object", "required": ["total"]})");
  room.write("schemas/Refund.json", R"({"type": "object", "required": ["total"]})");
  const auto config = [&](const std::string& mode) {
    return "[schemas]\ndirectory = \"" + room.path("schemas") + "\"\nmode = \"" + mode +
           "\"\n[sources.shop]\ndrop = [\"event.event == 'Heartbeat'\"]\nprofile_rate = 0.001\nprofile_burst = 2\n"
           "[sources.shop.schemas.events]\nRefund = \"reject\"\n"
           "[[credentials]]\nname = \"shop\"\ntoken = \"shop-token\"\nrights = [\"publish\"]\n"
           "[[credentials]]\nname = \"other\"\ntoken = \"other-token\"\nrights = [\"publish\"]\n";
  };
  server running(room, config("quarantine"));
  const auto shop = program(running, "shop-token");
  const auto outcome = shop->publish({
      encoded(track("Heartbeat", "0", "ada")),
      encoded(track("Order", "1", "ada", {{"total", 5}})),
      encoded(track("Order", "2", "ada")),
      encoded(track("Refund", "3", "bob")),
      encoded(track("Visit", "4", "bob")),
      encoded(track("Visit", "5", "bob")),
  });
  REQUIRE(outcome);
  CHECK(outcome->applied == 2);
  std::vector<std::pair<std::uint32_t, std::string>> rejected;
  for (const auto& each : outcome->rejected) rejected.emplace_back(each.index, each.word());
  CHECK(rejected == std::vector<std::pair<std::uint32_t, std::string>>{
                        {0, "filtered"}, {2, "quarantined"}, {3, "schema"}, {5, "rate_guard"}});
  CHECK(outcome->rejected[1].message == "/properties/total: required: expected to be there, found absent");
  CHECK(metric(running, "kith_events_held_back_total") == "4");

  // Another source has only the usual guards, which are for pages.
  std::vector<std::string> many;
  for (int i = 0; i < 300; ++i) many.push_back(encoded(track("Visit", "o-" + std::to_string(i), "cleo")));
  many.push_back(encoded(track("Order", "o-o", "cleo")));
  const auto others = program(running, "other-token")->publish(many);
  REQUIRE(others);
  CHECK(others->applied == 300);
  REQUIRE(others->rejected.size() == 1);
  CHECK(others->rejected[0].reason == "quarantined");

  const auto letters = letters_of(room, running, {"list", "--oldest"});
  INFO(letters.dump(2));
  REQUIRE(letters.size() == 5);
  CHECK(letters[0].at("edge").get<std::string>() == "protocol");
  CHECK(letters[0].at("source").get<std::string>() == "shop");
  CHECK(letters[0].at("code").get<std::string>() == "filtered");
  CHECK(letters[1].at("code").get<std::string>() == "quarantined");
  CHECK(letters[1].at("event").get<std::string>() == "Order");

  CHECK(letters_of(room, running, {"replay", "--code", "quarantined"}).at("applied").get<int>() == 2);
  CHECK(count(profile_of(running, "ada"), "Order") == 2);
  room.write("kith.toml", config("allow"));
  running.send(SIGHUP);
  CHECK(eventually([&] {
    const auto again = program(running, "other-token")->publish({encoded(track("Order", "o-p", "cleo"))});
    return again && again->rejected.empty();
  }));
}

TEST_CASE("a pixel's event counts, its browser gets an image whatever becomes of it, and what is refused is kept") {
  const scratch room;
  room.write("crawlers.txt", "# ours\nAcmeCrawl/[0-9]\n");
  server running(room, "crawlers_file = \"" + room.path("crawlers.txt") + "\"\n");
  const edge with(running);
  const auto open = [&](const json& event, const std::string& agent = "Mail/1") {
    auto sent = event;
    sent["writeKey"] = with.write_key;
    return with.get("/v1/pixel/track?data=" + net::percent_encoded(profile::base64_of(sent.dump())),
                    {{"User-Agent", agent}});
  };
  const auto is_image = [](const std::pair<unsigned, std::string>& got) {
    return got.first == 200 && got.second.substr(0, 6) == "GIF89a" && got.second.size() == 43;
  };
  CHECK(is_image(open({{"userId", "ada"}, {"event", "Email Opened"}, {"properties", {{"subject", "News"}}}})));
  CHECK(is_image(with.get("/v1/pixel/identify?userId=ada&traits.plan=gold&writeKey=" + with.write_key)));
  CHECK(is_image(open({{"event", "Email Opened"}, {"messageId", "nobody"}})));
  CHECK(is_image(open({{"userId", "ada"}, {"event", "Email Opened"}}, "AcmeCrawl/7")));
  CHECK(is_image(open({{"userId", "ada"}, {"event", "Email Opened"}}, "Googlebot/2.1")));  // not in that list
  CHECK(is_image(with.get("/v1/pixel/track?data=not*base64")));
  CHECK(is_image(with.get("/v1/pixel/track?userId=eve&event=A&writeKey=wrong")));
  CHECK(with.get("/v1/pixel/batch?data=e30").first == 404);
  const auto profile = profile_of(running, "ada");
  CHECK(count(profile, "Email Opened") == 2);
  CHECK(profile.at("traits").at("plan") == "gold");
  const auto letters = letters_of(room, running, {"list", "--oldest"});
  REQUIRE(letters.size() == 2);
  CHECK(letters[0].at("code").get<std::string>() == "invalid_argument");
  CHECK(letters[0].at("edge").get<std::string>() == "tracking");
  CHECK(letters[1].at("code").get<std::string>() == "crawler");
  CHECK(metric(running, "kith_ingest_bad_requests_total{edge=\"tracking\"}") == "1");
  CHECK(metric(running, "kith_ingest_unauthenticated_total{edge=\"tracking\"}") == "1");
}

TEST_CASE("no secret of the configuration is printed or logged, be the configuration good or wrong") {
  const scratch room;
  room.write("token", planted("tokenfile") + "\n");
  room.write("hook", planted("hookfile") + "\n");
  room.write("client", planted("clientfile") + "\n");
  ::setenv("KITH_TEST_PLANTED", planted("env").c_str(), 1);
  const std::string standard = "whsec_" + profile::base64_of(planted("standard").substr(0, 32));
  const std::vector<std::string> parts = {
      "[[credentials]]\nname = \"a\"\ntoken = \"" + planted("token") + "\"\n",
      "[[credentials]]\nname = \"b\"\ntoken_file = \"" + room.path("token") + "\"\n",
      "[sources.one]\nscheme = \"github\"\nsecrets = [\"" + planted("hook") + "\"]\nmapping = \"generic\"\n",
      "[sources.two]\nscheme = \"bearer\"\nsecret_files = [\"" + room.path("hook") + "\"]\nmapping = \"generic\"\n",
      "[sources.three]\nscheme = \"hmac\"\nheader = \"x-s\"\nsecret_env = [\"KITH_TEST_PLANTED\"]\nmapping = "
      "\"generic\"\n",
      "[sources.four]\nscheme = \"basic\"\nsecrets = [\"user:" + planted("basic") + "\"]\nmapping = \"generic\"\n",
      "[webhooks.crm]\nurl = \"https://u:" + planted("urlword") + "@127.0.0.1:9/" + planted("urlpath") +
          "?k=" + planted("urlquery") + "\"\nsecrets = [\"" + standard + "\"]\nretry_for = \"1ms\"\n",
      "[oauth]\nresource = \"https://kith.example\"\n[[oauth.issuers]]\nissuer = \"https://127.0.0.1:9\"\naudience = "
      "\"x\"\nscopes = {a = [\"publish\"]}\nintrospection_endpoint = \"https://127.0.0.1:9/i\"\nclient_id = \"k\"\n"
      "client_secret_file = \"" +
          room.path("client") + "\"\n",
  };
  const std::vector<std::string> all = [&] {
    std::vector<std::string> made;
    for (const auto* each :
         {"tokenfile", "hookfile", "clientfile", "env", "token", "hook", "basic", "urlword", "urlpath", "urlquery"}) {
      made.push_back(planted(each));
    }
    made.push_back(standard);
    made.push_back(planted("standard").substr(0, 32));
    return made;
  }();
  const auto check = [&](const std::string& text) {
    for (const auto& each : all) {
      INFO(text);
      CHECK(text.find(each.substr(0, 20)) == std::string::npos);
    }
  };
  const auto check_config = [&](const std::string& toml) {
    room.write("try.toml", toml);
    const auto [code, text] = run_kith(
        room, {"serve", "--dev", "--data", room.path("none"), "--config", room.path("try.toml"), "--check-config"});
    check(text);
    return code;
  };
  std::string good;
  for (const auto& each : parts) good += each;
  CHECK(check_config(good) == 0);
  for (const auto& each : parts) {
    CHECK(check_config(each + "nonsense = 1\n") == 78);
    // A quote that is missing, at either end; and a value of another kind.
    for (std::size_t quote = each.find('"'); quote != std::string::npos; quote = each.find('"', quote + 1)) {
      auto wrong = each;
      wrong.erase(quote, 1);
      CHECK(check_config(wrong) == 78);
    }
  }
  const auto wrong_code = [&](const std::string& toml) { return check_config(toml) == 78; };
  CHECK(wrong_code("[[credentials]]\nname = \"a\"\ntoken = [\"" + planted("token") + "\"]\n"));
  CHECK(wrong_code("[[credentials]]\nname = \"a\"\ntoken_sha256 = \"" + planted("token") + "\"\n"));
  CHECK(
      wrong_code("[sources.a]\nscheme = \"basic\"\nsecrets = [\"" + planted("hook") + "\"]\nmapping = \"generic\"\n"));
  CHECK(wrong_code("[sources.a]\nscheme = \"github\"\nsecret_env = [\"" + planted("hook") +
                   "\"]\nmapping = \"generic\"\n"));
  CHECK(wrong_code("[sources.a]\nscheme = \"standard-webhooks\"\nsecrets = [\"" + planted("hook") +
                   "\"]\nmapping = \"generic\"\n"));
  CHECK(wrong_code("[webhooks.a]\nurl = \"https://a.example\"\nsecrets = [\"" + planted("hook") + "\"]\n"));
  CHECK(wrong_code(parts[7] + "client_secret_env = \"" + planted("hook") + "\"\n"));
  CHECK(wrong_code(parts[6] + "[outgoing]\nallow_hosts = [\"b.example\"]\n"));

  // Served: strangers, a reload, an endpoint that is not there, and a stop.
  server running(room,
                 good + "[log]\nlevel = \"debug\"\n[segments.buyer]\nexpression = 'events(\"Order\").count() > 0'\n");
  const edge with(running);
  CHECK(program(running, planted("token"))->publish({encoded(track("Order", "1", "ada"))})->applied == 1);
  CHECK(with.post("/v1/track", "{}", {{"Authorization", "Bearer " + planted("token") + "x"}}).first != 200);
  check(with.post("/v1/webhooks/one", "{}", {{"X-Hub-Signature-256", "sha256=00"}}).second);
  check(with.post("/v1/webhooks/four", "{}", {{"Authorization", "Basic " + profile::base64_of("user:no")}}).second);
  check(with.post("/v1/track", R"({"userId": "a", "event": "b"})", {{"Authorization", "Bearer opaque"}}).second);
  check(with.get("/healthz").second);
  CHECK(eventually([&] { return running.log().find("webhook crm: gave up telling") != std::string::npos; }));
  running.send(SIGHUP);
  CHECK(eventually([&] { return running.log().find("are reloaded") != std::string::npos; }));
  room.write("kith.toml", good + "[log]\nlevel = nothing" + planted("token") + "\n");
  running.send(SIGHUP);
  CHECK(eventually([&] { return running.log().find("the old configuration stays") != std::string::npos; }));
  check(letters_of(room, running, {"list"}).dump());
  CHECK(running.stop() == 0);
  check(running.log());
}

// KITH_CONNECTIONS: how many (default 200).
TEST_CASE("many idle connections cost little, and new requests and theirs are answered beside them") {
  const char* const wanted = std::getenv("KITH_CONNECTIONS");
  const auto many = wanted == nullptr ? 200U : static_cast<unsigned>(std::stoul(wanted));
  const scratch room;
  server running(room);
  const edge with(running);
  const auto port = static_cast<unsigned short>(running.client_options().port + 1);
  const auto trust = net::make_client_context({{}, {}, running.data() + "/dev/ca.pem"}, "http/1.1").value();
  const auto key = "Authorization: Basic " + profile::base64_of(with.write_key + ":") + "\r\n";
  const auto track_on = [&](test::raw_client& on, const std::string& id) {
    return on.ask("POST", "/v1/track", track("Visit", id, "ada").dump(), key).status;
  };
  test::raw_client first(port);
  REQUIRE(first.handshake(trust));
  REQUIRE(track_on(first, "first") == 200);
  const auto before = running.resident_bytes();
  std::vector<std::unique_ptr<test::raw_client>> idle;
  for (unsigned i = 0; i < many; ++i) {
    auto& made = *idle.emplace_back(std::make_unique<test::raw_client>(port));
    REQUIRE(made.handshake(trust));
    REQUIRE(made.ask("GET", "/healthz").status == 200);
  }
  CHECK(std::stod(metric(running, "kith_http_connections_open")) >= many);
  const auto each = (static_cast<double>(running.resident_bytes()) - static_cast<double>(before)) / many;
  unsigned answered = 0;
  std::vector<double> micros;
  for (unsigned i = 0; i < 200; ++i) {
    const auto begun = std::chrono::steady_clock::now();
    answered += track_on(i % 2 == 0 ? first : *idle[i % idle.size()], std::to_string(i)) == 200 ? 1 : 0;
    micros.push_back(std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - begun).count());
  }
  CHECK(answered == 200);
  CHECK(count(profile_of(running, "ada"), "Visit") == 201);
  std::sort(micros.begin(), micros.end());
  if (wanted == nullptr) return;
  WARN(many << " idle connections: " << each << " bytes each; a request among them: p50 " << micros[100] << " us, p99 "
            << micros[198] << " us");
  CHECK(each < 64.0 * 1024);
}
