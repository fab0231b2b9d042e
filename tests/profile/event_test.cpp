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
  for (const auto* bad : {"2001-02-29", "2024-13-01", "2024-01-32", "24-01-01", "2024-01-01T25:00:00Z",
                          "2024-01-01T10:00:00+", "2024-01-01T10:00:00.Z", "2024-01-01T10:00:00Zx", ""}) {
    INFO(bad);
    CHECK_FALSE(parse_time(bad, ms));
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
