#include "profile/event.hpp"

#include <nlohmann/json.hpp>

#include "profile/identifier.hpp"
#include "tests/catch.hpp"

using namespace kith;
using namespace kith::profile;
using nlohmann::json;

namespace {

constexpr std::int64_t received_ms = 1'700'000'000'000;

json track() { return {{"type", "track"}, {"event", "Order Completed"}, {"messageId", "m-1"}, {"userId", "ada"}}; }

/// Parses; the message of the error or "".
std::string refusal(const json& event, reception received = {received_ms, 0, {}}) {
  std::string bytes;
  json::to_msgpack(event, bytes);
  const auto parsed = parse_event(bytes, received);
  return parsed ? "" : parsed.error().message;
}

std::int64_t time_of(const json& event) {
  std::string bytes;
  json::to_msgpack(event, bytes);
  const auto parsed = parse_event(bytes, {received_ms, 0, {}});
  REQUIRE(parsed);
  return parsed->time_ms;
}

json with(json event, const std::string& key, const json& value) {
  event[key] = value;
  return event;
}

json without(json event, const std::string& key) {
  event.erase(key);
  return event;
}

}  // namespace

TEST_CASE("errors name the field, what it holds and what is allowed") {
  using kith::tests::Contains;
  CHECK(refusal(track()).empty());
  CHECK_THAT(refusal(without(track(), "type")), Contains("type: missing"));
  CHECK_THAT(refusal(with(track(), "type", "purchase")), Contains("type: \"purchase\" is not known"));
  CHECK_THAT(refusal(without(track(), "messageId")), Contains("messageId: missing"));
  CHECK_THAT(refusal(with(track(), "messageId", "")), Contains("messageId: has 0 bytes"));
  CHECK_THAT(refusal(with(track(), "messageId", std::string(256, 'x'))), Contains("messageId: has 256 bytes"));
  CHECK_THAT(refusal(with(track(), "messageId", 7)), Contains("messageId: is an integer"));
  CHECK_THAT(refusal(without(track(), "userId")), Contains("userId: missing, and so are anonymousId"));
  CHECK_THAT(refusal(without(track(), "event")), Contains("event: missing"));
  CHECK_THAT(refusal(with(track(), "properties", "x")), Contains("properties: is a string; it must be a map"));
  CHECK_THAT(refusal(with(track(), "timestamp", "yesterday")), Contains("timestamp: \"yesterday\" is no time"));
  CHECK_THAT(refusal(with(track(), "priority", "urgent")), Contains("priority: must be"));
  CHECK_THAT(refusal(with(track(), "userId", "\xff\xfe")), Contains("userId: is not UTF-8"));
  CHECK_THAT(refusal(with(track(), "context", {{"externalIds", {{{"type", "email"}}}}})),
             Contains("context.externalIds[0]: needs both"));
  CHECK_THAT(refusal(json::array()), Contains("event: is an array; it must be a map"));
  CHECK_THAT(refusal(with(track(), "properties", {{"note", std::string(33'000, 'x')}})), Contains("at most 32768"));
  json deep = 1;
  for (int i = 0; i < 40; ++i) deep = json::array({deep});
  CHECK_THAT(refusal(with(track(), "properties", {{"deep", deep}})), Contains("nests over"));
}

TEST_CASE("identifiers, names and traits are checked to the last byte") {
  using kith::tests::Contains;
  const std::string longest(512, 'x');
  CHECK(refusal(with(track(), "userId", longest)).empty());
  CHECK_THAT(refusal(with(track(), "userId", longest + "x")), Contains("userId: has 513 bytes; 1 to 512"));
  CHECK_THAT(refusal(with(track(), "userId", 42)), Contains("userId: is an integer; send it as a string"));
  CHECK_THAT(refusal(with(track(), "anonymousId", json::array())), Contains("anonymousId: is an array"));
  CHECK_THAT(refusal(with(track(), "event", std::string(256, 'x'))), Contains("event: has 256 bytes; 1 to 255"));
  CHECK_THAT(refusal(with(track(), "event", "\xc0\xaf")), Contains("event: is not UTF-8"));
  CHECK_THAT(refusal(with(with(track(), "type", "page"), "event", 7)), Contains("event: is an integer"));
  CHECK_THAT(refusal(with(track(), "type", 7)), Contains("type: an integer is not known"));
  CHECK_THAT(refusal(with(track(), "traits", 1.5)), Contains("traits: is a number; it must be a map"));
  CHECK_THAT(refusal(with(track(), "context", true)), Contains("context: is a boolean; it must be a map"));
  CHECK_THAT(refusal(with(track(), "sentAt", false)), Contains("sentAt: a boolean is no time"));
  CHECK_THAT(refusal(with(track(), "priority", 1)), Contains("priority: must be"));
  CHECK(refusal(with(track(), "traits", {{std::string(1023, 'k'), 1}})).empty());
  CHECK_THAT(refusal(with(track(), "traits", {{std::string(1024, 'k'), 1}})), Contains("traits: has a key whose path"));
  CHECK_THAT(refusal(with(track(), "traits", {{"a", {{"b", {{std::string(1021, 'k'), 1}}}}}})),
             Contains("traits.a.b: has a key whose path"));
}

TEST_CASE("external ids are checked one by one") {
  using kith::tests::Contains;
  const auto holding = [](const json& ids) { return with(track(), "context", {{"externalIds", ids}}); };
  CHECK(refusal(holding({{{"type", "email"}, {"id", "a@b"}, {"collection", "users"}}})).empty());
  CHECK(refusal(holding(nullptr)).empty());
  CHECK_THAT(refusal(holding("x")), Contains("context.externalIds: is a string; it must be an array"));
  CHECK_THAT(refusal(holding({1})), Contains("context.externalIds[0]: is an integer"));
  CHECK_THAT(refusal(holding({{{"type", "email"}, {"id", "a"}}, {{"type", "email"}, {"id", 7}}})),
             Contains("context.externalIds[1].id: is an integer; send it as a string"));
  CHECK_THAT(refusal(holding({{{"type", std::string(256, 't')}, {"id", "a"}}})),
             Contains("context.externalIds[0].type: has 256 bytes; 1 to 255"));
  CHECK_THAT(refusal(holding(json::array_t(33, {{"type", "t"}, {"id", "i"}}))), Contains("has 33 entries; at most 32"));
}

TEST_CASE("keys that are no strings are refused wherever keys have a meaning") {
  using kith::tests::Contains;
  const auto refused = [](const std::string& rest) {
    // {type: "page", messageId: "m", userId: "u", …}
    const auto bytes = "\x84\xa4type\xa4page\xa9messageId\xa1m\xa6userId\xa1u" + rest;
    const auto parsed = parse_event(bytes, {received_ms, 0, {}});
    return parsed ? std::string() : parsed.error().message;
  };
  CHECK(refused("\xa6traits\x81\xa1k\x01").empty());
  CHECK_THAT(refused("\x07\x07"), Contains("event: has a key that is an integer; keys must be strings"));
  CHECK_THAT(refused("\xa6traits\x81\x01\x01"), Contains("traits: has a key that is an integer"));
  CHECK_THAT(refused("\xa6traits\x81\xa1k\x81\xc0\x01"), Contains("traits.k: has a key that is null"));
  CHECK_THAT(refused("\xa6traits\x81\xa1\xff\x01"), Contains("traits: has a key that is not UTF-8"));
  CHECK_THAT(refused("\xa7"
                     "context\x81\x91\x01\x01"),
             Contains("context: has a key that is an array"));
  // {[1]: "x", type: …, id: …}: who passes over a key by its header alone reads the rest out of step.
  CHECK_THAT(refused("\xa7"
                     "context\x81\xab"
                     "externalIds\x91\x83\x91\x01\xa1x\xa4type\xa1t\xa2id\xa1i"),
             Contains("context.externalIds[0]: has a key that is an array"));
  CHECK_THAT(refused("\xa6traits\xc1"), Contains("traits: is not well-formed MessagePack"));
  CHECK_THAT(refused(""), Contains("event: is not well-formed MessagePack at byte"));
  CHECK_THAT(refused("\xa6traits\xc0!"), Contains("event: has bytes behind its end"));
}

TEST_CASE("of a key that stands twice the last counts") {
  const std::string bytes = "\x85\xa4type\xa4page\xa9messageId\xa1m\xa6userId\xa1u\xa6userId\xa1v\xa4type\xa6screen";
  const auto parsed = parse_event(bytes, {received_ms, 0, {}});
  REQUIRE(parsed);
  CHECK(parsed->user_id == "v");
  CHECK(parsed->name == "screen");
}

TEST_CASE("null counts as absent and unknown keys are kept") {
  CHECK(refusal(with(with(track(), "traits", nullptr), "colour", "red")).empty());
  CHECK_FALSE(refusal(with(track(), "userId", nullptr)).empty());
}

TEST_CASE("event time is corrected for the sender's clock and clamped in the future") {
  CHECK(time_of(track()) == received_ms);
  CHECK(time_of(with(track(), "timestamp", received_ms - 5000)) == received_ms - 5000);
  CHECK(time_of(with(with(track(), "timestamp", received_ms - 65'000), "sentAt", received_ms - 60'000)) ==
        received_ms - 5000);
  CHECK(time_of(with(track(), "timestamp", received_ms + 299'000)) == received_ms + 299'000);
  CHECK(time_of(with(track(), "timestamp", received_ms + 301'000)) == received_ms);
}

TEST_CASE("a time that the sender's clock moves out of the calendar is refused") {
  using kith::tests::Contains;
  CHECK_THAT(refusal(with(with(track(), "timestamp", "0001-01-01"), "sentAt", "9999-12-31")),
             Contains("timestamp: corrected by"));
  CHECK(time_of(with(with(track(), "timestamp", "9999-12-31"), "sentAt", "0001-01-01")) == received_ms);
}

TEST_CASE("events older than the retention are refused as too late") {
  const auto old = with(track(), "timestamp", received_ms - 1001);
  CHECK(refusal(old).empty());
  std::string bytes;
  json::to_msgpack(old, bytes);
  const auto parsed = parse_event(bytes, {received_ms, 1000, {}});
  REQUIRE_FALSE(parsed);
  CHECK(parsed.error().code == errc::too_late);
}

TEST_CASE("an event is addressed by its first identifier") {
  std::string bytes;
  json::to_msgpack(with(track(), "anonymousId", "a-1"), bytes);
  CHECK(parse_event(bytes, {received_ms, 0, {}})->address == address_of(id_kind::user, "", "ada"));
  bytes.clear();
  json::to_msgpack(with(without(track(), "userId"), "anonymousId", "a-1"), bytes);
  CHECK(parse_event(bytes, {received_ms, 0, {}})->address == address_of(id_kind::anonymous, "", "a-1"));
}

TEST_CASE("times are read as ISO 8601 says and written as RFC 3339") {
  std::int64_t ms = 0;
  REQUIRE(parse_time("1970-01-01T00:00:00Z", ms));
  CHECK(ms == 0);
  REQUIRE(parse_time("2000-02-29T12:30:15.123456+02:00", ms));
  CHECK(format_time(ms) == "2000-02-29T10:30:15.123Z");
  REQUIRE(parse_time("1969-12-31", ms));
  CHECK(ms == -86'400'000);
  for (const auto* bad : {"2001-02-29",
                          "2024-13-01",
                          "2024-01-32",
                          "24-01-01",
                          "2024-01-01T25:00:00Z",
                          "2024-01-01T10:00:00+",
                          "2024-01-01T10:00:00.Z",
                          "2024-01-01T10:00:00Zx",
                          "",
                          "0000-01-01",
                          "1900-02-29",
                          "2024-01-01T10:00.5Z",
                          "2024-01-01T10:00:00+24:00",
                          "2024-01-01T10:60:00Z",
                          "2024-01-01T10:00:61Z",
                          "2024-01-01T10:00:00.1234567890Z",
                          "2024-1-01",
                          "2024-01-01T",
                          "+2024-01-01",
                          "0001-01-01T00:00:00+00:01",
                          "9999-12-31T23:59:59-00:01",
                          "9999-12-31T23:59:60Z",
                          "2024-01-01T10:00:00 Z"}) {
    INFO(bad);
    CHECK_FALSE(parse_time(bad, ms));
  }
  for (const auto& [shown, expected] : std::vector<std::pair<const char*, const char*>>{
           {"2024-02-29t10:00:00z", "2024-02-29T10:00:00.000Z"},
           {"2024-05-01 10:00:00.9999-0130", "2024-05-01T11:30:00.999Z"},
           {"2023-12-31T23:59:60Z", "2024-01-01T00:00:00.000Z"},
           {"2024-05-01T10:00+05:45", "2024-05-01T04:15:00.000Z"},
           {"0001-01-01", "0001-01-01T00:00:00.000Z"},
           {"9999-12-31T23:59:59.999999999Z", "9999-12-31T23:59:59.999Z"}}) {
    INFO(shown);
    REQUIRE(parse_time(shown, ms));
    CHECK(format_time(ms) == expected);
  }
  for (std::int64_t day = -719'000; day < 800'000; day += 997) {
    REQUIRE(parse_time(format_time(day * 86'400'000 + 12'345), ms));
    CHECK(ms == day * 86'400'000 + 12'345);
  }
}

TEST_CASE("JSON errors say where") {
  const auto broken = event_from_json(R"({"type": "track",})");
  REQUIRE_FALSE(broken);
  CHECK(broken.error().message.find("at byte 18") != std::string::npos);
  CHECK_FALSE(event_from_json(std::string(100'000, '[')));
  CHECK_FALSE(event_from_json("[]"));
  CHECK(event_from_json(track().dump()));
}

TEST_CASE("JSON errors say how to mend it, in our words, and nothing of the text") {
  const std::pair<std::string, std::string> all[] = {{R"({"type": "track",})", "take out the comma"},
                                                     {R"({"type": "track")", "ends too early"},
                                                     {R"({"type": "tra)", "ends too early"},
                                                     {R"({'type': "track"})", "double quotes"},
                                                     {R"({type: "track"})", "double quotes"},
                                                     {R"({"type": track})", "double quotes"},
                                                     {"{\"type\": \xe2\x80\x9ctrack\xe2\x80\x9d}", "double quotes"},
                                                     {"secret JSON", "double quotes"},
                                                     {R"({"type" "track"})", "a comma or a colon is missing"},
                                                     {R"({"type": "track"} {"type": "page"})", "too much"},
                                                     {"{\"type\": \"a\tb\"}", "control character"},
                                                     {"{\"type\": \"a\xff\"}", "not UTF-8"},
                                                     {R"({"total": 1e999})", "too large"},
                                                     {R"([{"type": "track"}])", "on a line of its own"},
                                                     {" ", "nothing in it"}};
  for (const auto& [text, how] : all) {
    CAPTURE(text);
    const auto refused = event_from_json(text);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().message.find(how) != std::string::npos);
    CHECK(refused.error().message.find("exception") == std::string::npos);
    CHECK(refused.error().message.find("secret") == std::string::npos);
  }
}

TEST_CASE("a word of JSON that was cut off was taken for a text without quotes") {
  const std::pair<std::string, std::string> all[] = {
      {R"({"paid": tru})", "at byte 13: the word that ends there is cut off; write true"},
      {R"({"paid": fals, "secret": 1})", "cut off; write false"},
      {R"({"paid": [1, n]})", "cut off; write null"},
      {R"({"paid": tru)", "cut off; write true, and close what is open"},
      {R"({"paid": "tru)", "ends too early"},
      {R"({"it says \"tru)", "ends too early"},
      {R"({tru: 1})", "double quotes"},
      {R"({"paid": trap})", "double quotes"},
      {R"({"paid": nil})", "double quotes"},
      {R"({"paid": True})", "double quotes"}};
  for (const auto& [text, how] : all) {
    CAPTURE(text);
    const auto refused = event_from_json(text);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().message.find(how) != std::string::npos);
    CHECK(refused.error().message.find("secret") == std::string::npos);
  }
}

TEST_CASE("JSON may nest as deep as MessagePack, and no deeper") {
  const auto nested = [](int depth) {
    // The event's own map and `properties` are two of the levels.
    return R"({"type":"track","event":"e","messageId":"m","userId":"u","properties":{"deep":)" +
           std::string(static_cast<std::size_t>(depth - 2), '[') + "1" +
           std::string(static_cast<std::size_t>(depth - 2), ']') + "}}";
  };
  const auto deepest = event_from_json(nested(32));
  REQUIRE(deepest);
  CHECK(parse_event(*deepest, {received_ms, 0, {}}));
  CHECK_FALSE(event_from_json(nested(33)));
  json deeper = json::parse(nested(33));
  CHECK_FALSE(refusal(deeper).empty());
}

TEST_CASE("JSON numbers beyond 64 bits become reals") {
  const auto bytes = event_from_json(R"({"big": 123456789012345678901234567890, "most": 18446744073709551615})");
  REQUIRE(bytes);
  const auto read = json::from_msgpack(*bytes);
  CHECK(read["big"] == 123456789012345678901234567890.0);
  CHECK(read["most"] == 18446744073709551615ULL);
}
