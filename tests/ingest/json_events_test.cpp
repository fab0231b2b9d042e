#include "ingest/json_events.hpp"

#include <nlohmann/json.hpp>

#include "profile/event.hpp"
#include "tests/catch.hpp"

using namespace kith;
using namespace kith::ingest;
using nlohmann::json;

namespace {

std::string padded(std::string text) {
  text.reserve(text.size() + json_events::padding);
  return text;
}

result<converted_events> convert(const std::string& body, const json_events_options& options = {}) {
  json_events to;
  return to.convert(padded(body), options);
}

json events_of(const converted_events& made) { return json::from_msgpack(made.events); }

json first_of(const std::string& body, const json_events_options& options = {}) {
  const auto made = convert(body, options);
  REQUIRE(made);
  REQUIRE(made->count == 1);
  return events_of(*made).at(0);
}

std::string text(const json& of, const char* key) { return of.at(key).get<std::string>(); }

json_events_options typed(std::string_view type) {
  json_events_options options;
  options.type = type;
  return options;
}

}  // namespace

TEST_CASE("a batch becomes the same events in MessagePack", "[ingest]") {
  const auto body = R"({"batch": [
    {"type": "track", "messageId": "m1", "userId": "u1", "event": "Order Completed",
     "timestamp": "2024-05-01T10:00:00Z",
     "properties": {"total": 12.5, "count": 3, "big": 18446744073709551615, "negative": -7, "ok": true, "none": null,
                    "products": [{"sku": "a"}, {"sku": "b"}], "text": "caf\u00e9 \ud83d\ude00 \n"}},
    {"type": "identify", "messageId": "m2", "anonymousId": "a1", "traits": {"plan": "gold"}}]})";
  const auto made = convert(body);
  REQUIRE(made);
  CHECK(made->count == 2);
  CHECK(made->sent == 2);
  CHECK(made->refused.empty());
  CHECK(made->indexes.empty());
  CHECK(events_of(*made).dump() == json::parse(body)["batch"].dump());
}

TEST_CASE("maps and arrays of any size keep their entries", "[ingest]") {
  for (const std::size_t size : {0U, 15U, 16U, 300U, 70000U}) {
    json list = json::array();
    json map = json::object();
    for (std::size_t i = 0; i < size; ++i) {
      list.push_back(i);
      map["k" + std::to_string(i)] = i;
    }
    const json event = {{"messageId", "m"}, {"properties", {{"list", list}, {"map", map}}}, {"type", "track"}};
    const json body = {{"batch", json::array({event})}};
    CHECK(first_of(body.dump()).dump() == event.dump());
  }
}

TEST_CASE("what a batch says of all its events is in each that does not say it itself", "[ingest]") {
  const auto made = convert(R"({"batch": [
      {"type": "track", "event": "A", "userId": "u", "messageId": "1"},
      {"type": "track", "event": "B", "userId": "u", "messageId": "2", "sentAt": "2024-01-01T00:00:00Z",
       "context": {"ip": "10.0.0.1"}, "integrations": {"All": false}}],
    "context": {"library": {"name": "x"}, "ip": "10.0.0.2"}, "integrations": {"All": true},
    "sentAt": "2024-05-01T10:00:00Z", "writeKey": "wk"})");
  REQUIRE(made);
  CHECK(made->write_key == "wk");
  const auto events = events_of(*made);
  CHECK(text(events[0], "sentAt") == "2024-05-01T10:00:00Z");
  CHECK(events[0]["context"].dump() == R"({"ip":"10.0.0.2","library":{"name":"x"}})");
  CHECK(events[0]["integrations"].dump() == R"({"All":true})");
  CHECK(text(events[1], "sentAt") == "2024-01-01T00:00:00Z");
  CHECK(events[1]["context"].dump() == R"({"ip":"10.0.0.1","library":{"name":"x"}})");
  CHECK(events[1]["integrations"].dump() == R"({"All":false})");
}

TEST_CASE("an endpoint's type holds whatever the body says, and the write key is no fact about anybody", "[ingest]") {
  const auto made =
      convert(R"({"type": "page", "userId": "u", "writeKey": "wk", "event": "E", "messageId": "m"})", typed("track"));
  REQUIRE(made);
  CHECK(made->write_key == "wk");
  profile::reception received;
  received.received_ms = 1'714'557'600'000;
  profile::msgpack::reader in(made->events);
  in.next();
  const auto event = profile::parse_event(in.rest(), received);
  REQUIRE(event);
  CHECK(event->type == profile::event_type::track);
  CHECK_FALSE(events_of(*made)[0].contains("writeKey"));
}

TEST_CASE("identifiers: numbers become strings, empty ones and null are none", "[ingest]") {
  const auto event = first_of(
      R"({"userId": 42, "anonymousId": "", "previousId": null, "messageId": 18446744073709551615, "event": "E"})",
      typed("track"));
  CHECK(text(event, "userId") == "42");
  CHECK(text(event, "messageId") == "18446744073709551615");
  CHECK_FALSE(event.contains("anonymousId"));
  CHECK_FALSE(event.contains("previousId"));
  const auto refused = convert(R"({"userId": 4.5, "event": "E"})", typed("track"));
  REQUIRE(refused);
  REQUIRE(refused->refused.size() == 1);
  CHECK(refused->refused[0].message == "userId: is a number with a fraction; send it as a string");
  CHECK(refused->refused[0].bytes == R"({"userId": 4.5, "event": "E"})");
}

TEST_CASE("an event without messageId gets the same one each time it is sent, if it says when it happened",
          "[ingest]") {
  const auto id_of = [](const std::string& body) { return text(first_of(body), "messageId"); };
  const std::string event = R"({"type": "track", "event": "E", "userId": "u", "timestamp": "2024-05-01T10:00:00Z"})";
  const auto first = id_of(R"({"batch": [)" + event + R"(], "sentAt": "2024-05-01T10:00:01Z"})");
  const auto retried = id_of(R"({"batch": [)" + event + R"(], "sentAt": "2024-05-01T10:00:09Z"})");
  CHECK(first == retried);
  const std::string timeless = R"({"batch": [{"type": "track", "event": "E", "userId": "u"}]})";
  CHECK(id_of(timeless) != id_of(timeless));
}

TEST_CASE("RudderStack's fields: originalTimestamp, and traits of an identify in its context", "[ingest]") {
  const auto event = first_of(R"({"batch": [{"type": "identify", "userId": "u", "messageId": "m",
      "originalTimestamp": "2024-05-01T10:00:00Z", "context": {"traits": {"plan": "gold"}}}]})");
  CHECK(text(event, "timestamp") == "2024-05-01T10:00:00Z");
  CHECK(event["traits"].dump() == R"({"plan":"gold"})");
  const auto track = first_of(R"({"batch": [{"type": "track", "event": "E", "userId": "u", "messageId": "m",
      "context": {"traits": {"plan": "gold"}}}]})");
  CHECK_FALSE(track.contains("traits"));
}

TEST_CASE("a historical batch has no sentAt that would correct its times", "[ingest]") {
  json_events_options options;
  options.historical = true;
  const auto event = first_of(
      R"({"batch": [{"type": "track", "messageId": "m", "sentAt": "2024-05-01T10:00:00Z"}],
          "sentAt": "2024-05-01T10:00:00Z"})",
      options);
  CHECK_FALSE(event.contains("sentAt"));
}

TEST_CASE("Global Privacy Control is kept with each event", "[ingest]") {
  auto options = typed("track");
  options.opted_out = true;
  CHECK(first_of(R"({"event": "E", "messageId": "m"})", options)["context"].dump() ==
        R"({"globalPrivacyControl":true})");
  CHECK(first_of(R"({"event": "E", "messageId": "m", "context": {"ip": "::1"}})", options)["context"].dump() ==
        R"({"globalPrivacyControl":true,"ip":"::1"})");
}

TEST_CASE("one bad event leaves the others, and is kept as it was sent", "[ingest]") {
  std::string deep = "1";
  for (int i = 0; i < 40; ++i) deep = "[" + deep + "]";
  const auto made = convert(R"({"batch": [{"messageId": "1"}, 7, {"messageId": "2", "properties": {"a": {"b": 1e999}}},
      [1, 2], {"messageId": "3", "properties": {"d": )" +
                            deep + R"(}}, {"messageId": "4"}]})");
  REQUIRE(made);
  CHECK(made->count == 2);
  CHECK(made->sent == 6);
  CHECK(made->indexes == std::vector<std::uint32_t>{0, 5});
  REQUIRE(made->refused.size() == 4);
  CHECK(made->refused[0].index == 1);
  CHECK(made->refused[0].bytes == "7");
  CHECK(made->refused[1].message == "properties.a.b: a number is out of range; at most 1.8e308 can be kept");
  CHECK(made->refused[1].bytes == R"({"messageId": "2", "properties": {"a": {"b": 1e999}}})");
  CHECK(made->refused[2].bytes == "[1, 2]");
  CHECK(made->refused[3].index == 4);
  CHECK(made->refused[3].message.find("nests over 32 levels") != std::string::npos);
  CHECK(text(events_of(*made)[1], "messageId") == "4");
}

TEST_CASE("whole numbers of more than 64 bits are kept as near as a double comes", "[ingest]") {
  const auto event =
      first_of(R"({"batch": [{"messageId": "m", "properties": {"n": 123456789012345678901234567890}}]})");
  CHECK(event["properties"]["n"].get<double>() == 123456789012345678901234567890.0);
}

TEST_CASE("half a surrogate pair, as browsers send a text cut in two, is replaced", "[ingest]") {
  const auto event = first_of(R"({"batch": [{"messageId": "m", "properties": {"t": "a\ud83d b\udc00\u0041\n\"\/"}}]})");
  CHECK(event["properties"]["t"].get<std::string>() ==
        "a\xef\xbf\xbd b\xef\xbf\xbd"
        "A\n\"/");
}

TEST_CASE("what is no JSON, no batch or too many is refused whole", "[ingest]") {
  const auto message = [](const std::string& body, const json_events_options& options = {}) {
    const auto made = convert(body, options);
    REQUIRE_FALSE(made);
    return made.error().message;
  };
  CHECK(message("").find("not JSON") != std::string::npos);
  CHECK(message("nonsense").find("must be an object") != std::string::npos);
  CHECK(message("[]").find("must be an object") != std::string::npos);
  CHECK(message("{}") == "batch: missing; it must be an array of events");
  CHECK(message(R"({"batch": {}})") == "batch: must be an array of events");
  CHECK(message(R"({"batch": [{"a": tru}]})").find("not JSON near byte") != std::string::npos);
  CHECK(message(R"({"batch": [{"a": nulx}]})").find("not JSON") != std::string::npos);
  CHECK(message(R"({"batch": [], "context": nope})").find("not JSON") != std::string::npos);
  CHECK(message(R"({"batch": [{"a": "\x"}]})").find("not JSON") != std::string::npos);
  CHECK(message(R"({"batch": [{"a": 01}]})").find("not JSON") != std::string::npos);
  CHECK(message(R"({"batch": [{"a": -}]})").find("not JSON") != std::string::npos);
  CHECK(message(R"({"batch": [{"a": 1.}]})").find("not JSON") != std::string::npos);
  CHECK(message(R"({"batch": [{"a": 1)").find("not JSON") != std::string::npos);
  CHECK(message("{\"batch\": [{\"a\": \"\xff\"}]}") == "the body is not UTF-8");
  CHECK(message(R"({"event": "E"} x)", typed("track")).find("not JSON") != std::string::npos);
  json_events_options few;
  few.most_events = 2;
  CHECK(message(R"({"batch": [{}, {}, {}]})", few) == "batch: has over 2 events; send less");
}
