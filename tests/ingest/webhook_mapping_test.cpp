#include <algorithm>

#include "ingest/webhook/bounds.hpp"
#include "ingest/webhook/mapping.hpp"
#include "tests/catch.hpp"
#include "tests/ingest/support/webhooks.hpp"

using namespace kith;
using namespace kith::tests;
using nlohmann::json;
using webhook::rule;

namespace {

rule order_rule() {
  rule made;
  made.event = "'Order Completed'";
  made.user_id = "body.customer.id";
  return made;
}

std::string problems_of(const std::vector<rule>& rules) {
  const auto made = webhook::mapping::make(rules, "sources.shop.map");
  REQUIRE_FALSE(made);
  CHECK(made.error().code == errc::invalid_argument);
  return made.error().message;
}

json only_event(const webhook::mapped& from) {
  INFO((from.skipped_events.empty() ? from.ignored : from.skipped_events.front().reason));
  REQUIRE(from.count == 1);
  return events_of(from)[0];
}

std::string only_reason(const webhook::mapped& from) {
  CHECK(from.count == 0);
  REQUIRE(from.skipped_events.size() == 1);
  return from.skipped_events[0].reason;
}

}  // namespace

TEST_CASE("a payload becomes an event, field by field") {
  rule made;
  made.when = "headers['x-topic'] == 'order' && query.shop == 'b c'";
  made.type = "track";
  made.event = "'Order ' + body.state";
  made.user_id = "body.customer.id";
  made.anonymous_id = "body.cookie";
  made.message_id = "'order-' + string(body.id)";
  made.timestamp = "body.at";
  made.priority = "critical";
  made.context = "{'shop': query.shop}";
  made.external_ids = {{"email", "body.customer.email.lowerAscii()"}, {"phone", "body.customer.phone"}};
  made.property = {{"total", "double(body.total)"}, {"currency", "body.currency.upperAscii()"},
                   {"count", "size(body.items)"},   {"paid", "sum(body.items.map(i, i.price))"},
                   {"absent", "body.nothing"},      {"null", "body.none"}};
  made.traits = "{'name': body.customer.name}";
  const auto event = only_event(mapped_by({made}, R"({"state": "Completed", "id": 7, "cookie": "a-1",
      "at": "2023-11-01T10:00:00Z", "total": "19.99", "currency": "eur", "none": null,
      "items": [{"price": 1.5}, {"price": 2}], "customer": {"id": 42, "email": "Ada@Example.com", "name": "Ada"}})",
                                          {{"X-Topic", "order"}}, "d-1", "shop=b+c&x"));
  CHECK(event.dump() ==
        json::parse(R"({"type": "track", "event": "Order Completed", "userId": "42", "anonymousId": "a-1",
      "messageId": "order-7", "timestamp": "2023-11-01T10:00:00Z", "priority": "critical",
      "properties": {"total": 19.99, "currency": "EUR", "count": 2, "paid": 3.5}, "traits": {"name": "Ada"},
      "context": {"shop": "b c", "externalIds": [{"type": "email", "id": "ada@example.com"}]}})")
            .dump());
}

TEST_CASE("an array becomes an event for each item, with ids of its own") {
  auto made = order_rule();
  made.each = "body.lines.filter(l, l.sku != 'gift')";
  made.property = {{"sku", "item.sku"}, {"line", "index"}};
  const auto text = R"({"customer": {"id": "ada"}, "lines": [{"sku": "a"}, {"sku": "gift"}, {"sku": "b"}]})";
  const auto events = events_of(mapped_by({made}, text));
  REQUIRE(events.size() == 2);
  CHECK(events[0]["properties"].dump() == R"({"line":0,"sku":"a"})");
  CHECK(events[1]["properties"].dump() == R"({"line":1,"sku":"b"})");
  CHECK(events[0]["messageId"].get<std::string>() != events[1]["messageId"].get<std::string>());

  const auto none = mapped_by({made}, R"({"customer": {"id": "ada"}, "lines": []})");
  CHECK(none.count == 0);
  CHECK(none.skipped_events.empty());
  CHECK(none.ignored.empty());
  CHECK(mapped_by({made}, R"({"customer": {"id": "ada"}})").count == 0);
  CHECK_THAT(only_reason(mapped_by({made}, R"({"lines": {"a": 1}})")), Contains("each = "));
}

TEST_CASE("a repeated delivery makes the same ids, another delivery others") {
  const auto id_of = [](const std::string& text, const std::string& delivery) {
    return only_event(mapped_by({order_rule()}, text, {}, delivery))["messageId"].get<std::string>();
  };
  const std::string text = R"({"customer": {"id": 1}})";
  const std::string other = R"({"customer": {"id": 1} })";
  CHECK(id_of(text, "d-1") == id_of(text, "d-1"));
  CHECK(id_of(text, "d-1") == id_of(other, "d-1"));  // a sender may write it anew
  CHECK(id_of(text, "d-1") != id_of(text, "d-2"));
  CHECK(id_of(text, "") == id_of(text, ""));
  CHECK(id_of(text, "") != id_of(other, ""));
  CHECK(id_of(text, "") != id_of(text, "d-1"));
}

TEST_CASE("a rule's name keeps its ids where other rules come before it") {
  auto named = order_rule();
  named.name = "order";
  auto other = order_rule();
  other.when = "false";
  const auto text = R"({"customer": {"id": 1}})";
  const auto alone = only_event(mapped_by({named}, text))["messageId"].get<std::string>();
  CHECK(only_event(mapped_by({other, named}, text))["messageId"].get<std::string>() == alone);
  CHECK_THAT(problems_of({named, named}), Contains("sources.shop.map[1].name: another rule has it"));
}

TEST_CASE("each rule that is meant makes events; if none is, that is said") {
  auto first = order_rule();
  first.when = "body.kind == 'order'";
  auto second = order_rule();
  second.when = "body.kind in ['order', 'sale']";
  second.event = "'Sale'";
  CHECK(mapped_by({first, second}, R"({"kind": "order", "customer": {"id": 1}})").count == 2);
  const auto one = mapped_by({first, second}, R"({"kind": "sale", "customer": {"id": 1}})");
  CHECK(events_of(one)[0]["event"].get<std::string>() == "Sale");
  CHECK(one.ignored.empty());
  for (const auto* text : {R"({"kind": "other"})", R"({})", "null"}) {
    const auto none = mapped_by({first, second}, text);
    CHECK(none.count == 0);
    CHECK(none.skipped_events.empty());
    CHECK(none.ignored == "no rule is meant for this payload: `when` of none of the 2 rules is true");
  }
  // A body of another kind is no payload that the rules were written for.
  CHECK(mapped_by({first, second}, "[]").skipped_events.size() == 2);
}

TEST_CASE("an event that names nobody is skipped, naming the expressions") {
  auto made = order_rule();
  made.external_ids = {{"email", "body.email"}};
  for (const auto* text : {R"({})", R"({"customer": null, "email": ""})", R"({"customer": {"id": null}})"}) {
    const auto reason = only_reason(mapped_by({made}, text));
    CHECK_THAT(reason, Contains("userId = \"body.customer.id\" is missing"));
    CHECK_THAT(reason, Contains("externalIds.email = \"body.email\" is missing"));
  }
  const auto event = only_event(mapped_by({made}, R"({"email": "a@b.c"})"));
  CHECK_FALSE(event.contains("userId"));
  CHECK(event["context"]["externalIds"].dump() == R"([{"id":"a@b.c","type":"email"}])");
}

TEST_CASE("ids are texts and whole numbers") {
  const auto id_of = [](const std::string& id) {
    return only_event(mapped_by({order_rule()}, R"({"customer": {"id": )" + id + "}}"))["userId"].get<std::string>();
  };
  CHECK(id_of("706405506930370084") == "706405506930370084");
  CHECK(id_of("18446744073709551615") == "18446744073709551615");
  CHECK(id_of("-1") == "-1");
  CHECK(id_of("1e3") == "1000");
  CHECK(id_of("\"x\"") == "x");
  for (const auto* bad : {"1.5", "true", "[]", "{}", "1e300"}) {
    CHECK_THAT(only_reason(mapped_by({order_rule()}, std::string(R"({"customer": {"id": )") + bad + "}}")),
               Contains("userId = \"body.customer.id\": userId gives"));
  }
}

TEST_CASE("one bad item leaves the others") {
  auto made = order_rule();
  made.each = "body";
  made.user_id = "item.id";
  made.property = {{"n", "int(item.n)"}};
  const auto from = mapped_by({made}, R"([{"id": 1, "n": "5"}, {"id": 2, "n": "x"}, {"n": "7"}, {"id": 4}])");
  CHECK(from.count == 2);
  REQUIRE(from.skipped_events.size() == 2);
  CHECK(from.skipped_events[0].index == 1);
  CHECK_THAT(from.skipped_events[0].reason, Contains("properties.n = \"int(item.n)\": "));
  CHECK(from.skipped_events[1].index == 2);
  CHECK(from.skipped_events[1].rule == "map[0]");
  CHECK(events_of(from)[1]["properties"].dump() == "{}");
}

TEST_CASE("a condition that errs is told, and one about what is missing is false") {
  auto made = order_rule();
  made.when = "int(body.n) > 1";
  CHECK_THAT(only_reason(mapped_by({made}, R"({"n": "x"})")), Contains("when = \"int(body.n) > 1\": "));
  CHECK(mapped_by({made}, R"({"n": "x"})").ignored.empty());
  CHECK_FALSE(mapped_by({made}, R"({})").ignored.empty());
  CHECK_FALSE(mapped_by({made}, R"({"n": null})").ignored.empty());
}

TEST_CASE("times of every kind") {
  const auto time_of = [](const std::string& expression, const std::string& body) {
    auto made = order_rule();
    made.user_id = "'ada'";
    made.timestamp = expression;
    return only_event(mapped_by({made}, body))["timestamp"];
  };
  CHECK(time_of("timestamp(body.created)", R"({"created": 1699999999})").get<std::string>() ==
        "2023-11-14T22:13:19.000Z");
  CHECK(time_of("body.created", R"({"created": 1699999999000})").get<std::int64_t>() == 1699999999000);
  CHECK(time_of("body.created", R"({"created": "2023-11-14"})").get<std::string>() == "2023-11-14");
  auto made = order_rule();
  made.user_id = "'ada'";
  made.timestamp = "body.created";
  CHECK_THAT(only_reason(mapped_by({made}, R"({"created": "yesterday"})")), Contains("\"yesterday\" is no time"));
  CHECK_FALSE(only_event(mapped_by({made}, "{}")).contains("timestamp"));
}

TEST_CASE("a whole event as the base, with numbers as ids") {
  rule made;
  made.base = "body";
  made.property = {{"added", "1"}};
  const auto event = only_event(mapped_by({made}, R"({"type": "identify", "userId": 7, "x": [1, null], "y": null,
      "context": {"ip": "::1", "externalIds": [{"type": "a", "id": "b"}]}})"));
  CHECK(event["userId"].get<std::string>() == "7");
  CHECK(event["x"].dump() == "[1,null]");
  CHECK_FALSE(event.contains("y"));
  CHECK(event["properties"].dump() == R"({"added":1})");
  CHECK(event["context"].dump() == R"({"externalIds":[{"id":"b","type":"a"}],"ip":"::1"})");

  made.external_ids = {{"c", "'d'"}};
  CHECK(only_event(mapped_by(
            {made},
            R"({"type": "identify", "context": {"ip": 1, "externalIds": [{"type": "a", "id": "b"}]}})"))["context"]
            .dump() == R"({"externalIds":[{"id":"d","type":"c"},{"id":"b","type":"a"}],"ip":1})");
  CHECK_THAT(only_reason(mapped_by({made}, "[]")), Contains("base = \"body\": gives a list; an event is a map"));
  made.base = "body.event";
  CHECK_THAT(only_reason(mapped_by({made}, "{}")), Contains("base = \"body.event\": is missing"));
}

TEST_CASE("headers with credentials are not for mappings") {
  auto made = order_rule();
  made.user_id = "'ada'";
  made.properties = "{'all': headers}";
  const auto event = only_event(mapped_by(
      {made}, "{}", {{"Authorization", "Bearer x"}, {"Cookie", "y"}, {"X-A", "1"}, {"x-a", "2"}, {"x-bad", "\xff"}}));
  CHECK(event["properties"]["all"].dump() == R"({"x-a":"1"})");
}

TEST_CASE("wrong expressions are refused with source, rule, field, column and mend") {
  auto typo = order_rule();
  typo.user_id = "bdy.customer.id";
  auto more = order_rule();
  more.property = {{"total", "double(body.total"}, {"n", "item.n"}};
  more.when = "1 + 1";
  more.each = "'x'";
  const auto problems = problems_of({order_rule(), typo, more});
  CHECK_THAT(problems, Contains("sources.shop.map[1].userId: 1:1: no such variable \"bdy\"; did you mean \"body\"?"));
  CHECK_THAT(problems, Contains("sources.shop.map[2].properties.total: 1:"));
  CHECK_THAT(problems, Contains("sources.shop.map[2].when: 1:1: gives int; it must give a bool"));
  CHECK_THAT(problems, Contains("sources.shop.map[2].each: 1:1: gives string; it must give a list"));
  CHECK(std::count(problems.begin(), problems.end(), '\n') == 3);
}

TEST_CASE("what a field may give is checked") {
  const auto refused = [](auto set) {
    auto made = order_rule();
    set(made);
    return problems_of({made});
  };
  CHECK_THAT(refused([](rule& r) { r.type = "identity"; }), Contains("no such variable \"identity\""));
  CHECK_THAT(refused([](rule& r) { r.event = "1"; }), Contains("map[0].event: 1:1: gives int; it must give a string"));
  CHECK_THAT(refused([](rule& r) { r.user_id = "[body.id]"; }), Contains("it must give a string or a number"));
  CHECK_THAT(refused([](rule& r) { r.timestamp = "1.5"; }), Contains("it must give a timestamp"));
  CHECK_THAT(refused([](rule& r) { r.traits = "[1]"; }), Contains("gives list(int); it must give a map"));
  CHECK_THAT(refused([](rule& r) { r.property = {{"x", "type(1)"}}; }), Contains("it must give a value"));
  CHECK_THAT(refused([](rule& r) { r.property = {{"x", "item"}}; }), Contains("no such variable \"item\""));
  CHECK_THAT(refused([](rule& r) { r.property = {{"x", ""}}; }), Contains("needs a name and an expression"));
  CHECK_THAT(refused([](rule& r) { r.user_id.clear(); }), Contains("map[0]: names nobody"));
  CHECK_THAT(refused([](rule& r) { r.properties = "body", r.property = {{"a", "1"}}; }), Contains("one expression or"));
  CHECK_THAT(refused([](rule& r) { r.property.assign(webhook::bounds::fields, {"a", "1"}); }), Contains("over 256"));
  CHECK_THAT(problems_of({}), Contains("has 0 rules; 1 to 64"));
  CHECK_THAT(problems_of(std::vector<rule>(65, order_rule())), Contains("has 65 rules; 1 to 64"));
}

TEST_CASE("a payload that makes more events or bytes than it may is refused as a whole") {
  rule made;
  made.each = "body";
  made.event = "'E'";
  made.user_id = "'ada'";
  const auto outcome = [&](const json& body) {
    const auto text = body.dump();
    const auto bytes = profile::msgpack_from_json(text, "body");
    webhook::delivery what;
    what.source = "shop";
    what.raw_body = text;
    what.body = *bytes;
    what.now_ms = now_ms;
    return webhook::mapping::make({made}, "map")->map(what);
  };
  CHECK(outcome(json(std::vector<int>(webhook::bounds::events, 1)))->count == webhook::bounds::events);
  const auto many = outcome(json(std::vector<int>(webhook::bounds::events + 1, 1)));
  REQUIRE_FALSE(many);
  CHECK(many.error().code == errc::too_large);
  CHECK(many.error().message == "the payload makes 2501 events; at most 2500 are allowed");
  made.property = {{"x", "item"}};
  const auto large = outcome(json(std::vector<std::string>(150, std::string(30'000, 'x'))));
  REQUIRE_FALSE(large);
  CHECK_THAT(large.error().message, Contains("events of over 4194304 bytes"));
  const auto one = outcome(json(std::vector<std::string>(1, std::string(40'000, 'x'))));
  REQUIRE(one);
  CHECK_THAT(only_reason(*one), Contains("has 4"));
}

TEST_CASE("two rules over the same items share the bound on events") {
  rule made;
  made.each = "body";
  made.event = "'E'";
  made.user_id = "'ada'";
  const auto text = json(std::vector<int>(1300, 1)).dump();
  const auto bytes = profile::msgpack_from_json(text, "body");
  webhook::delivery what;
  what.raw_body = text;
  what.body = *bytes;
  what.now_ms = now_ms;
  const auto many = webhook::mapping::make({made, made}, "map")->map(what);
  REQUIRE_FALSE(many);
  CHECK(many.error().message == "the payload makes 2600 events; at most 2500 are allowed");
}

TEST_CASE("what expressions make reads as JSON") {
  auto made = order_rule();
  made.user_id = "'ada'";
  made.property = {{"numbers", "{1: 'a', true: 'b'}"}, {"time", "timestamp(0)"},
                   {"for", "duration('90s')"},         {"bytes", "b'abc'"},
                   {"nested", "[[null, {}]]"},         {"big", "body.big"}};
  const auto event = only_event(mapped_by({made}, R"({"big": 18446744073709551615})"));
  CHECK(event["properties"]["numbers"].dump() == R"({"1":"a","true":"b"})");
  CHECK(event["properties"]["time"].get<std::string>() == "1970-01-01T00:00:00.000Z");
  CHECK(event["properties"]["bytes"].get<std::string>() == "YWJj");
  CHECK(event["properties"]["nested"].dump() == "[[null,{}]]");
  CHECK(event["properties"]["big"].get<std::uint64_t>() == UINT64_MAX);
  CHECK(event["properties"]["for"].is_string());
}
