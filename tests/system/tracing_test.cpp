// One event's way as a collector sees it: from the edge, or a forwarder, to the webhook.
#include <map>
#include <set>

#include "tests/catch.hpp"
#include "tests/net/support/collector.hpp"
#include "tests/system/support/edge.hpp"
#include "tests/system/support/server.hpp"

using namespace kith;
using namespace kith::tests;
using nlohmann::json;

namespace {

constexpr const char* caller = "00f067aa0ba902b7";

std::string traceparent(const std::string& trace, bool sampled = true) {
  return "00-" + trace + "-" + caller + (sampled ? "-01" : "-00");
}

std::string order(const edge& at, const std::string& id, const std::string& user) {
  return json{{"event", "Order Completed"}, {"messageId", id}, {"userId", user}, {"writeKey", at.write_key}}.dump();
}

/// Each has a parent among them, but for the one whose parent the caller is.
void check_tree(const std::vector<collected_span>& all) {
  std::map<std::string, const collected_span*> by_id;
  for (const auto& each : all) CHECK(by_id.emplace(each.id, &each).second);
  int roots = 0;
  for (const auto& each : all) {
    CAPTURE(each.name);
    if (each.parent == caller) {
      ++roots;
      continue;
    }
    REQUIRE(by_id.contains(each.parent));
    const auto& parent = *by_id.at(each.parent);
    // Each process has looked at the clock for itself.
    const std::uint64_t slack = parent.service == each.service ? 0 : 20'000'000;
    CHECK(parent.begun <= each.begun + slack);
  }
  CHECK(roots == 1);
}

std::string tracing(const collector& to, const std::string& more = {}) {
  return "[tracing]\nendpoint = \"" + to.endpoint() + "\"\ninterval = \"50ms\"\n" + more;
}

}  // namespace

TEST_CASE("one event's way is one tree of spans, from the edge to the webhook") {
  const collector spans;
  const receiver endpoint;
  const scratch room;
  server kith(room,
              tracing(spans, "sample = 0.0\nservice = \"shop-kith\"\n") +
                  "[segments.buyers]\nexpression = 'events(\"Order Completed\").any()'\n[webhooks.crm]\nurl = \"" +
                  endpoint.url() + "\"\nsecrets = [\"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\"]\n");
  const edge at(kith);
  // Neither is recorded: the ratio is 0, and the caller says no.
  REQUIRE(at.post("/v1/track", order(at, "m-1", "someone@else.example")).first == 200);
  const std::string quiet = "11111111111111111111111111111111";
  REQUIRE(at.post("/v1/track", order(at, "m-2", "u-2"), {{"traceparent", traceparent(quiet, false)}}).first == 200);

  // Nor what somebody asks for who is not known.
  const std::string stranger = "22222222222222222222222222222222";
  const std::map<std::string, std::string> asks = {{"traceparent", traceparent(stranger)}};
  CHECK(at.post("/v1/track", R"({"event": "Seen", "userId": "eve", "writeKey": "nobody's"})", asks).first == 401);
  CHECK(at.post("/v1/track", "{", asks).first == 400);
  CHECK(at.post("/v1/webhooks/nobody", "{}", asks).first == 404);
  auto unknown = kith.client_options(1);
  unknown.port = static_cast<unsigned short>(unknown.port + 2);
  unknown.cert_file.clear();
  unknown.key_file.clear();
  net::https_request outside;
  outside.headers = asks;
  auto door = net::https_client::connect(unknown).value();
  outside.target = "/v1/stats";
  CHECK(door->send(outside).value().status == 401);
  outside.target = "/healthz";
  CHECK(door->send(outside).value().status == 200);

  const std::string trace = "4bf92f3577b34da6a3ce929d0e0e4736";
  REQUIRE(at.post("/v1/track", order(at, "m-3", "ada@shop.example"), {{"traceparent", traceparent(trace)}}).first ==
          200);
  const std::set<std::string> names = {"apply", "ingest", "journal", "publish", "segment", "webhook"};
  REQUIRE(eventually([&] { return spans.has(trace, names); }));
  CHECK(spans.wrong() == std::vector<std::string>());
  const auto all = spans.spans(trace);
  CHECK(all.size() == names.size());
  check_tree(all);
  const auto ingest = named(all, "ingest");
  CHECK(ingest.parent == caller);
  CHECK(ingest.kind == 2);
  CHECK(ingest.service == "shop-kith");
  CHECK(ingest.attributes.at("http.request.method") == "POST");
  CHECK(ingest.attributes.at("http.route") == "/v1/track");
  CHECK(ingest.attributes.at("url.path") == "/v1/track");
  CHECK(ingest.attributes.at("http.response.status_code") == "200");
  CHECK(named(all, "publish").parent == ingest.id);
  CHECK(named(all, "journal").parent == named(all, "publish").id);
  CHECK(named(all, "apply").parent == named(all, "publish").id);
  CHECK(named(all, "segment").parent == named(all, "apply").id);
  CHECK(named(all, "segment").attributes.at("kith.segments.entered") == "1");
  const auto webhook = named(all, "webhook");
  CHECK(webhook.parent == named(all, "segment").id);
  CHECK(webhook.kind == 3);
  CHECK(endpoint.url().find(":" + webhook.attributes.at("server.port") + "/") != std::string::npos);
  CHECK(webhook.attributes.at("http.response.status_code") == "200");
  // The endpoint is told of it, and of the others that they are not recorded.
  REQUIRE(eventually([&] { return endpoint.received().size() == 3; }));
  std::size_t sampled = 0;
  for (const auto& each : endpoint.received()) {
    const auto told = each.headers.at("traceparent");
    CAPTURE(told);
    const bool is_it = told == "00-" + trace + "-" + webhook.id + "-01";
    sampled += is_it ? 1 : 0;
    CHECK((is_it || told.ends_with("-00")));
  }
  CHECK(sampled == 1);

  // By the protocol, and of the admin API.
  const std::string other = "0af7651916cd43dd8448eb211c80319c";
  room.write("one.jsonl", R"({"type":"track","event":"Seen","messageId":"m-4","userId":"ada@shop.example"})"
                          "\n");
  std::vector<std::string> words = {"publish", room.path("one.jsonl"), "--traceparent", traceparent(other)};
  for (const auto& each : kith.flags()) words.push_back(each);
  REQUIRE(run_kith(room, words).first == 0);
  REQUIRE(eventually([&] { return spans.has(other, {"apply", "journal", "publish", "segment"}); }));
  check_tree(spans.spans(other));
  CHECK(named(spans.spans(other), "publish").attributes.at("rpc.method") == "publish");
  CHECK(named(spans.spans(other), "publish").attributes.contains("kith.source"));
  const std::string third = "0af7651916cd43dd8448eb211c80319d";
  auto options = kith.client_options(1);
  options.port = static_cast<unsigned short>(options.port + 2);
  net::https_request request;
  request.target = "/v1/profiles/user/ada%40shop.example";
  request.headers["traceparent"] = traceparent(third);
  auto admin = net::https_client::connect(options).value();
  REQUIRE(admin->send(request).value().status == 200);
  REQUIRE(eventually([&] { return spans.has(third, {"admin"}); }));
  CHECK(named(spans.spans(third), "admin").attributes.at("http.route") == "/v1/profiles/{}/{}");
  request.target = "/metrics";
  request.headers.clear();
  const auto metrics = admin->send(request).value().body;
  CHECK(metrics.find("kith_tracing_spans_dropped_total{why=\"queue\"} 0") != std::string::npos);
  // Nobody is named, and nothing of who was not sampled is there.
  for (const auto& each : spans.requests()) {
    CHECK(each.body.find("shop.example") == std::string::npos);
    CHECK(each.body.find("else.example") == std::string::npos);
    CHECK(each.body.find(quiet) == std::string::npos);
    CHECK(each.body.find(stranger) == std::string::npos);
  }
  CHECK(spans.spans().size() == all.size() + 4 + 1);
  REQUIRE(kith.stop() == 0);
}

TEST_CASE("a webhook that is answered with a redirect is a span that failed, as its change was not taken") {
  const collector spans;
  const receiver endpoint([](const received_message&) { return 302U; });
  const scratch room;
  server kith(room,
              tracing(spans, "sample = 0.0\n") +
                  "[segments.buyers]\nexpression = 'events(\"Order Completed\").any()'\n[webhooks.crm]\nurl = \"" +
                  endpoint.url() + "\"\nsecrets = [\"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\"]\n");
  const edge at(kith);
  const std::string trace = "4bf92f3577b34da6a3ce929d0e0e4738";
  REQUIRE(at.post("/v1/track", order(at, "m-1", "ada"), {{"traceparent", traceparent(trace)}}).first == 200);
  REQUIRE(eventually([&] { return spans.has(trace, {"webhook"}); }));
  const auto webhook = named(spans.spans(trace), "webhook");
  CHECK(webhook.failed);
  CHECK(webhook.attributes.at("http.response.status_code") == "302");
  CHECK(webhook.attributes.at("error.type") == "302");
  REQUIRE(kith.stop() == 0);
}

TEST_CASE("what a forwarder took in is one tree with what the store makes of it") {
  const collector spans;
  const scratch room;
  server kith(room, tracing(spans, "sample = 0.0\n"));
  const auto dev = kith.data() + "/dev/";
  room.write("forward.toml", tracing(spans, "sample = 0.0\nservice = \"kith-forward\"\n"));
  const auto port = free_ports();
  process forward({KITH_EXECUTABLE, "forward", "--dev", kith.data(), "--data", room.path("forward"), "--port-base",
                   std::to_string(port), "--config", room.path("forward.toml")},
                  room.path("forward.log"));
  auto options = kith.client_options(1);
  options.port = static_cast<unsigned short>(port + 1);
  options.cert_file.clear();
  options.key_file.clear();
  const edge at(kith);
  const std::string trace = "4bf92f3577b34da6a3ce929d0e0e4737";
  net::https_request request;
  request.method = "POST";
  request.target = "/v1/track";
  request.body = order(at, "m-1", "ada");
  request.headers["traceparent"] = traceparent(trace);
  REQUIRE(eventually([&] {
    auto link = net::https_client::connect(options);
    if (!link) return false;
    const auto got = (*link)->send(request);
    return got && got->status == 200;
  }));
  INFO(forward.output());
  REQUIRE(eventually([&] { return spans.has(trace, {"apply", "ingest", "journal", "publish", "send", "spool"}); }));
  CHECK(spans.wrong() == std::vector<std::string>());
  const auto all = spans.spans(trace);
  check_tree(all);
  CHECK(named(all, "send").service == "kith-forward");
  CHECK(named(all, "send").kind == 3);
  CHECK(named(all, "send").parent == named(all, "spool").id);
  CHECK(named(all, "publish").service == "kith");
  CHECK(named(all, "publish").kind == 2);
  CHECK(named(all, "publish").parent == named(all, "send").id);
  forward.send(SIGTERM);
  CHECK(forward.wait() == 0);
}

TEST_CASE("without a collector events are taken in as ever, and the log says once why there are no traces") {
  std::string gone;
  {
    const collector at;
    gone = at.endpoint();
  }
  const scratch room;
  server kith(room, "[tracing]\nendpoint = \"" + gone + "\"\ninterval = \"10ms\"\nsample = 1.0\nqueue = 512\n");
  const edge at(kith);
  for (int i = 0; i < 50; ++i) {
    REQUIRE(at.post("/v1/track", order(at, "m-" + std::to_string(i), "ada")).first == 200);
  }
  CHECK(count(profile_of(kith, "ada"), "Order Completed") == 50);
  REQUIRE(eventually([&] { return kith.log().find("tracing: " + gone) != std::string::npos; }));
  CHECK(kith.log().find("tracing: ") == kith.log().rfind("tracing: "));
  CHECK(kith.stop() == 0);
}
