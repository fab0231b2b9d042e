#include "ingest/cloudevents.hpp"

#include "tests/catch.hpp"
#include "tests/ingest/support/webhooks.hpp"

using namespace kith;
using namespace kith::tests;
using ingest::cloud_event_mode;
using nlohmann::json;

namespace {

constexpr const char* structured_type = "application/cloudevents+json; charset=utf-8";
constexpr const char* batch_type = "Application/CloudEvents-batch+json";

post structured(const json& event) { return post(event.dump(), {{"Content-Type", structured_type}}); }

json usual() {
  return json::parse(R"({"specversion": "1.0", "id": "A234", "source": "/shop", "type": "com.example.order.placed",
    "subject": "ada", "time": "2023-11-01T10:00:00Z", "datacontenttype": "application/json", "data": {"total": 5}})");
}

post binary() {
  return post(R"({"total": 5})", {{"ce-specversion", "1.0"},
                                  {"CE-ID", "A234"},
                                  {"ce-source", "/shop"},
                                  {"ce-type", "com.example.order.placed"},
                                  {"ce-subject", "ada"},
                                  {"ce-time", "2023-11-01T10:00:00Z"},
                                  {"Content-Type", "application/json"}});
}

json only_event(const post& what, const webhook::mapping* map = nullptr) {
  const auto made = ingest::read_cloud_events(what.request(), "shop", map, now_ms);
  if (!made) FAIL(made.error().message);
  INFO((made->skipped_events.empty() ? made->ignored : made->skipped_events.front().reason));
  REQUIRE(made->count == 1);
  return events_of(*made)[0];
}

std::string refused(const post& what) {
  const auto made = ingest::read_cloud_events(what.request(), "shop", nullptr, now_ms);
  REQUIRE_FALSE(made);
  return made.error().message;
}

std::string refused_with(const char* name, const json& value) {
  auto event = usual();
  event[name] = value;
  return refused(structured(event));
}

}  // namespace

TEST_CASE("a CloudEvent in structured mode becomes a track event") {
  const auto event = only_event(structured(usual()));
  CHECK(event["type"].get<std::string>() == "track");
  CHECK(event["event"].get<std::string>() == "com.example.order.placed");
  CHECK(event["userId"].get<std::string>() == "ada");
  CHECK(event["timestamp"].get<std::string>() == "2023-11-01T10:00:00Z");
  CHECK(event["properties"].dump() == R"({"total":5})");
  CHECK(event["context"].dump() == R"({"cloudEvent":{"id":"A234","source":"/shop"}})");
}

TEST_CASE("binary mode makes the same event") {
  CHECK(only_event(binary()).dump() == only_event(structured(usual())).dump());
}

TEST_CASE("source and id together make the message's id") {
  const auto id_of = [](const char* source, const char* id) {
    auto event = usual();
    event["source"] = source;
    event["id"] = id;
    event["data"]["total"] = std::string(source) + id;  // nothing else counts
    return only_event(structured(event))["messageId"].get<std::string>();
  };
  CHECK(id_of("/a", "1") == id_of("/a", "1"));
  CHECK(id_of("/a", "1") != id_of("/a", "2"));
  CHECK(id_of("/a", "1") != id_of("/b", "1"));
  CHECK(id_of("/a1", "1") != id_of("/a", "11"));
}

TEST_CASE("an event within the data is taken as it is") {
  auto event = usual();
  event["data"] = json::parse(R"({"type": "identify", "userId": 7, "traits": {"plan": "gold"}})");
  const auto made = only_event(structured(event));
  CHECK(made["type"].get<std::string>() == "identify");
  CHECK(made["userId"].get<std::string>() == "7");
  CHECK(made["timestamp"].get<std::string>() == "2023-11-01T10:00:00Z");
  CHECK_THAT(made["messageId"].get<std::string>(), Contains("ce_"));
  CHECK_FALSE(made.contains("properties"));
  event["data"]["messageId"] = "m-1";
  event["data"]["timestamp"] = "2023-10-01";
  CHECK(only_event(structured(event))["messageId"].get<std::string>() == "m-1");
  CHECK(only_event(structured(event))["timestamp"].get<std::string>() == "2023-10-01");
}

TEST_CASE("ids in the data go before the subject") {
  auto event = usual();
  event["data"] = {{"userId", 12}};
  CHECK(only_event(structured(event))["userId"].get<std::string>() == "12");
  event["data"] = {{"anonymousId", "a-1"}};
  const auto anonymous = only_event(structured(event));
  CHECK(anonymous["anonymousId"].get<std::string>() == "a-1");
  CHECK_FALSE(anonymous.contains("userId"));
}

TEST_CASE("data of any kind") {
  auto event = usual();
  event["data"] = json::parse("[1, 2]");
  CHECK(only_event(structured(event))["properties"].dump() == R"({"data":[1,2]})");
  event.erase("data");
  CHECK(only_event(structured(event))["properties"].dump() == "{}");
  event["data_base64"] = "eyJ0b3RhbCI6IDV9";  // {"total": 5}
  CHECK(only_event(structured(event))["properties"].dump() == R"({"total":5})");
  event["datacontenttype"] = "text/plain";
  event["data_base64"] = "YWRh";
  CHECK(only_event(structured(event))["properties"].dump() == R"({"data":"ada"})");
  event["datacontenttype"] = "image/png";
  CHECK(only_event(structured(event))["properties"].dump() == R"({"data_base64":"YWRh"})");
  event["data"] = 1;
  CHECK_THAT(refused(structured(event)), Contains("data_base64: data is there, too"));
  event["data"] = nullptr;
  event["data_base64"] = "?";
  event.erase("data");
  CHECK(refused(structured(event)) == "data_base64: is not base64");

  CHECK(only_event(binary().with("Content-Type", "text/plain").with_body("hi"))["properties"].dump() ==
        R"({"data":"hi"})");
  CHECK(only_event(binary().without("Content-Type"))["properties"].dump() == R"({"total":5})");
  CHECK(only_event(binary().without("Content-Type").with_body("hi"))["properties"].dump() == R"({"data":"hi"})");
  CHECK(only_event(binary().without("Content-Type").with_body("\xff"))["properties"].dump() ==
        R"({"data_base64":"/w=="})");
  CHECK(only_event(binary().with_body(""))["properties"].dump() == "{}");
  CHECK_THAT(refused(binary().with_body("{")), Contains("data: is not JSON"));
}

TEST_CASE("headers of binary mode are unquoted and percent-decoded") {
  CHECK(only_event(binary().with("ce-subject", "Euro%20%e2%82%AC"))["userId"].get<std::string>() == "Euro \u20ac");
  CHECK(only_event(binary().with("ce-subject", R"("a \"b\" %21")"))["userId"].get<std::string>() == "a \"b\" !");
  CHECK(refused(binary().with("ce-subject", "%C0%A0")) == "ce-subject: is not UTF-8");
  CHECK(refused(binary().with("ce-subject", "%4")) == "ce-subject: holds a broken percent escape");
  CHECK_THAT(refused(binary().with("ce-datacontenttype", "text/plain")), Contains("must not be there"));
  CHECK(refused(binary().with("ce-id", "other")) == "ce-id: is there twice");
  CHECK(refused(binary().with("ce-data", "x")) == "ce-data: is no attribute");
}

TEST_CASE("attributes that are missing or wrong are named") {
  for (const auto* name : {"specversion", "id", "source", "type"}) {
    auto event = usual();
    event.erase(name);
    CHECK(refused(structured(event)) ==
          std::string(name) + ": missing; a CloudEvent has specversion, id, source and type");
    CHECK_THAT(refused_with(name, ""), Contains(std::string(name) + ": is empty"));
    CHECK_THAT(refused_with(name, nullptr), Contains(std::string(name) + ": missing"));
    CHECK(refused_with(name, 1) == std::string(name) + ": must be a string");
  }
  CHECK(refused(binary().without("CE-ID")) == "ce-id: missing; a CloudEvent has specversion, id, source and type");
  CHECK(refused_with("specversion", "0.3") == "specversion: is \"0.3\"; only \"1.0\" is known");
  CHECK_THAT(refused_with("time", "yesterday"), Contains("time: is not RFC 3339"));
  CHECK_THAT(refused_with("source", "a b"), Contains("source: is no URI reference"));
  CHECK(refused_with("subject", "a\nb") == "subject: holds a control character");
  CHECK_THAT(refused_with("my_extension", "x"), Contains("my_extension: is no attribute's name"));
  CHECK(refused_with("ext", json::array()) == "ext: must be a string");
  auto event = usual();
  event["ext"] = 7;
  CHECK(only_event(structured(event))["userId"].get<std::string>() == "ada");
}

TEST_CASE("a CloudEvent that names nobody is skipped") {
  auto event = usual();
  event.erase("subject");
  const auto what = structured(event);
  const auto made = ingest::read_cloud_events(what.request(), "shop", nullptr, now_ms);
  REQUIRE(made);
  CHECK(made->count == 0);
  REQUIRE(made->skipped_events.size() == 1);
  CHECK_THAT(made->skipped_events[0].reason, Contains("userId"));
}

TEST_CASE("a batch goes on behind an event that is wrong") {
  auto other = usual();
  other["id"] = "B";
  auto wrong = usual();
  wrong.erase("id");
  const post what(json({usual(), wrong, other, 7}).dump(), {{"content-type", batch_type}});
  const auto made = ingest::read_cloud_events(what.request(), "shop", nullptr, now_ms);
  REQUIRE(made);
  CHECK(made->count == 2);
  CHECK(events_of(*made).size() == 2);
  REQUIRE(made->skipped_events.size() == 2);
  CHECK(made->skipped_events[0].index == 1);
  CHECK_THAT(made->skipped_events[0].reason, Contains("id: missing"));
  CHECK(made->skipped_events[1].index == 3);

  const post empty("[]", {{"content-type", batch_type}});
  CHECK(ingest::read_cloud_events(empty.request(), "shop", nullptr, now_ms)->count == 0);
  CHECK_THAT(refused(post("{}", {{"content-type", batch_type}})), Contains("is a JSON array"));
  const post many(json(std::vector<int>(2501, 1)).dump(), {{"content-type", batch_type}});
  const auto large = ingest::read_cloud_events(many.request(), "shop", nullptr, now_ms);
  REQUIRE_FALSE(large);
  CHECK(large.error().code == errc::too_large);
}

TEST_CASE("a mapping of the source decides instead, and sees binary mode as structured") {
  webhook::rule rule;
  rule.when = "body.type == 'com.example.order.placed'";
  rule.event = "'Order Completed'";
  rule.user_id = "body.subject";
  rule.property = {{"total", "body.data.total"}, {"in", "body.source"}};
  const auto map = webhook::mapping::make({rule}, "map").value();
  const auto event = only_event(binary(), &map);
  CHECK(event["event"].get<std::string>() == "Order Completed");
  CHECK(event["properties"].dump() == R"({"in":"/shop","total":5})");
  const auto other = binary().with("ce-type", "other");
  const auto ignored = ingest::read_cloud_events(other.request(), "shop", &map, now_ms);
  REQUIRE(ignored);
  CHECK_FALSE(ignored->ignored.empty());
}

TEST_CASE("modes are told by Content-Type, then by headers") {
  const auto mode = [](const post& of) { return ingest::mode_of(of.request()); };
  CHECK(mode(structured(usual())) == cloud_event_mode::structured);
  CHECK(mode(post("", {{"Content-Type", batch_type}})) == cloud_event_mode::batched);
  CHECK(mode(post("", {{"Content-Type", "application/cloudevents+avro"}})) == cloud_event_mode::unsupported);
  CHECK(mode(binary()) == cloud_event_mode::binary);
  CHECK(mode(post("{}", {{"Content-Type", "application/json"}})) == cloud_event_mode::none);
  CHECK_THAT(refused(post("{}")), Contains("the request is no CloudEvent"));
  CHECK_THAT(refused(post("{}", {{"Content-Type", "application/cloudevents+avro"}})), Contains("are read"));
}
