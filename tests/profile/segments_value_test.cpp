// What chains come to: of nothing, of odd values, of large ones; and evaluation in the order of dependencies.
#include <cmath>

#include "tests/catch.hpp"
#include "tests/profile/support/segments.hpp"

using namespace kith;
using namespace kith::tests;

namespace {

/// Expression and what it comes to for a customer with these events.
struct expectation {
  const char* expression;
  json value;
};

void check_values(const std::vector<json>& events, const std::vector<expectation>& table) {
  for (const auto& each : table) {
    INFO(each.expression);
    const auto with = catalog_of({{"computed.value", each.expression}});
    customer ada;
    for (const auto& event : events) ada.apply(event, with);
    ada.at.evaluate_all(ada.state, *with, base_ms + hour_ms, ada.changed);
    CHECK(ada.computed(*with).value("value", json()) == each.value);
  }
}

}  // namespace

TEST_CASE("only the definitions that read a trait whose value changes are looked at") {
  const auto with = catalog_of({{"german", "traits.country == 'DE'"}, {"adult", "traits.age >= 18"}});
  customer ada;
  const auto identify = [](const json& traits) {
    static int next = 0;
    return held_event(json{{"type", "identify"},
                           {"userId", "ada"},
                           {"messageId", "id-" + std::to_string(next++)},
                           {"timestamp", "2026-01-05T10:00:00Z"},
                           {"traits", traits}});
  };
  const auto looked_at = [&](const json& traits) {
    const auto event = identify(traits);
    std::vector<std::string_view> changing;
    segments::changing_traits(ada.state, *with, event.view, changing);
    ada.apply(event, with.get());
    ada.at.evaluate_event(ada.state, *with, event.view, base_ms, ada.changed, &changing);
    return ada.changed.judged.size();
  };
  looked_at({{"country", "DE"}, {"age", 30}});  // the first event: all
  CHECK(looked_at({{"country", "DE"}, {"age", 30}}) == 0);
  CHECK(looked_at({{"country", "DE"}, {"age", 31}}) == 1);
  CHECK(looked_at({{"country", nullptr}, {"age", 31}}) == 1);
  CHECK(ada.members(*with) == std::set<std::string>{"adult"});
  CHECK(looked_at({{"shoe", 42}}) == 0);
  CHECK(looked_at({{"country", {{"code", "DE"}}}, {"age", 17}}) == 2);
}

TEST_CASE("chains without events") {
  for (const std::string window : {"", ".within('7d')"}) {
    const auto chain = "events('Order')" + window;
    check_values({}, {{(chain + ".count()").c_str(), 0}});
    check_values({}, {{(chain + ".distinct('properties.x')").c_str(), 0}});
    check_values({}, {{(chain + ".sum('properties.x')").c_str(), 0.0}});
    check_values({}, {{(chain + ".any()").c_str(), false}});
    for (const std::string end : {".first('properties.x')", ".last('properties.x')", ".last_at()", ".first_at()"}) {
      check_values({}, {{(chain + end).c_str(), nullptr}});
      check_values({}, {{(chain + end + " == null").c_str(), true}});
    }
    for (const std::string end : {".min('properties.x')", ".max('properties.x')", ".avg('properties.x')"}) {
      check_values({}, {{(chain + end + " > 1.0").c_str(), false}});
      check_values({}, {{(chain + end + " <= 1.0").c_str(), false}});
    }
  }
}

TEST_CASE("decimals add up exactly, in any order") {
  std::vector<json> events;
  for (int i = 0; i < 10; ++i) events.push_back(order_event(std::to_string(i), base_ms + i, {{"total", 0.1}}));
  events.push_back(order_event("big", base_ms, {{"total", 1e18}}));
  events.push_back(order_event("small", base_ms + 60, {{"total", -1e18}}));
  check_values(events, {{"events('Order').sum('properties.total')", 1.0},
                        {"events('Order').within('1d').sum('properties.total')", 1.0},
                        {"events('Order').avg('properties.total')", 1.0 / 12},
                        {"events('Order').min('properties.total')", -1e18},
                        {"events('Order').within('1d').max('properties.total')", 1e18}});
}

TEST_CASE("what is no number is skipped, what is too large is not counted") {
  const std::vector<json> events = {
      order_event("a", base_ms, {{"total", "12"}}),        order_event("b", base_ms + 1, {{"total", 1e19}}),
      order_event("c", base_ms + 2, {{"total", nullptr}}), order_event("d", base_ms + 3),
      order_event("e", base_ms + 4, {{"total", 3}}),       order_event("f", base_ms + 5, {{"total", std::uint64_t{4}}}),
      order_event("g", base_ms + 6, {{"total", true}})};
  for (const std::string chain : {"events('Order')", "events('Order').within('1d')"}) {
    check_values(events, {{(chain + ".sum('properties.total')").c_str(), 7.0},
                          {(chain + ".avg('properties.total')").c_str(), 3.5},
                          {(chain + ".max('properties.total')").c_str(), 4.0},
                          {(chain + ".count()").c_str(), 7},
                          {(chain + ".distinct('properties.total')").c_str(), 5},
                          {(chain + ".first('properties.total')").c_str(), "12"},
                          {(chain + ".last('properties.total')").c_str(), true}});
  }
}

TEST_CASE("values that first and last keep, and those that are too long for it") {
  const std::vector<json> events = {order_event("a", base_ms, {{"v", std::string(300, 'x')}}),
                                    order_event("b", base_ms + 1, {{"v", {{"deep", {1, 2.5, "t"}}}}}),
                                    order_event("c", base_ms + 2, {{"v", {1, 2}}}),
                                    order_event("d", base_ms + 3, {{"v", std::string(300, 'y')}})};
  check_values({order_event("a", base_ms, {{"v", 55.0}})},
               {{"type(events('Order').last('properties.v')) == double", true}});
  for (const std::string chain : {"events('Order')", "events('Order').within('1d')"}) {
    check_values(events, {{(chain + ".first('properties.v')").c_str(), {{"deep", {1, 2.5, "t"}}}},
                          {(chain + ".first('properties.v.deep')").c_str(), {1, 2.5, "t"}},
                          {(chain + ".last('properties.v')").c_str(), {1, 2}},
                          {(chain + ".last('messageId')").c_str(), "d"}});
  }
}

TEST_CASE("distinct counts values: 1 and 1.0 are one") {
  check_values({order_event("a", base_ms, {{"v", 1}}), order_event("b", base_ms, {{"v", 1.0}}),
                order_event("c", base_ms, {{"v", "1"}}), order_event("d", base_ms, {{"v", {1}}}),
                order_event("e", base_ms, {{"v", -0.0}}), order_event("f", base_ms, {{"v", 0}})},
               {{"events('Order').distinct('properties.v')", 4}});
}

TEST_CASE("distinct stays at 4096 and does not depend on the order") {
  const auto with = catalog_of({{"computed.n", "events('Order').distinct('properties.v')"}});
  customer up;
  customer down;
  for (int i = 0; i < 5000; ++i) {
    up.apply(order_event(std::to_string(i), base_ms, {{"v", i}}), with);
    down.apply(order_event(std::to_string(4999 - i), base_ms, {{"v", 4999 - i}}), with);
  }
  CHECK(up.state.encode() == down.state.encode());
  up.at.evaluate_all(up.state, *with, base_ms, up.changed);
  CHECK(up.computed(*with)["n"] == 4096);
}

TEST_CASE("conditions see the whole event; their errors count as false") {
  auto event =
      order_event("a", base_ms, {{"total", 5}, {"items", {{{"sku", "x"}, {"n", 2}}, {{"sku", "y"}, {"n", 1}}}}});
  event["anonymousId"] = "anon";
  event["context"] = {{"page", {{"path", "/cart"}}}};
  const std::vector<json> events = {event, order_event("b", base_ms - 1, {{"total", "many"}})};
  check_values(events,
               {{"events('Order').where(e, e.properties.total > 3).count()", 1},
                {"events('Order').where(e, e.properties.total).count()", 0},
                {"events('Order').where(e, e.type == 'track' && e.event == 'Order' && e.userId == 'ada').count()", 2},
                {"events('Order').where(e, has(e.anonymousId)).count()", 1},
                {"events('Order').where(e, e.messageId in ['b', 'c']).count()", 1},
                {"events('Order').where(e, e.properties.items.exists(i, i.sku == 'y')).any()", true},
                {"events('Order').where(e, e.context.page.path.startsWith('/c')).first_at() == "
                 "timestamp('2023-11-14T22:13:20Z')",
                 true},
                {"events('Order').where(e, !has(e.context.page) && !has(e.traits.x)).count()", 1},
                {"events('Order').where(e, e.timestamp < timestamp('2023-11-14T22:13:20Z')).last('messageId')", "b"},
                {"events('Order').where(e, e.nothing == 1).any()", false}});
}

TEST_CASE("pages and other types are counted under their type's name") {
  check_values({{{"type", "page"},
                 {"messageId", "a"},
                 {"userId", "ada"},
                 {"timestamp", base_ms},
                 {"properties", {{"path", "/pricing"}}}}},
               {{"events('page').where(e, e.properties.path == '/pricing').count()", 1},
                {"events('page').count()", 1},
                {"events('Page').count()", 0}});
}

TEST_CASE("expressions read traits, ids, and what other definitions came to") {
  json identify = {
      {"type", "identify"},
      {"messageId", "i"},
      {"userId", "ada"},
      {"anonymousId", "x1"},
      {"timestamp", base_ms},
      {"traits",
       {{"plan", "gold"},
        {"address", {{"city", "Berlin"}, {"zip", 10115}}},
        {"gone", nullptr},
        {"a key that is rather long", true}}},
      {"context", {{"externalIds", {{{"type", "email"}, {"id", "a@b.c"}}, {{"type", "crm"}, {"id", "7"}}}}}}};
  check_values({identify}, {{"traits.plan", "gold"},
                            {"traits.address.city + string(traits.address.zip)", "Berlin10115"},
                            {"has(traits.gone) || has(traits.address.street)", false},
                            {"traits['a key that is rather long']", true},
                            {"traits.address", {{"city", "Berlin"}, {"zip", 10115}}},
                            {"size(traits)", 3},
                            {"traits.exists(k, k == 'plan')", true},
                            {"ids.user[0] + ids.anonymous[0]", "adax1"},
                            {"ids.external.email", {"a@b.c"}},
                            {"size(ids.external)", 2},
                            {"'phone' in ids.external", false},
                            {"size(consent) + size(context)", 0},
                            {"traits.missing", nullptr}});
  const auto with = catalog_of({{"computed.a", "traits.plan + '!'"},
                                {"computed.none", "traits.missing"},
                                {"computed.b", "computed.a + (has(computed.none) ? 'y' : 'n')"},
                                {"gold", "computed.b == 'gold!n'"},
                                {"not_gold", "!in_segment('gold')"}});
  customer ada;
  const held_event event(identify);
  ada.apply(event, with.get());
  ada.at.evaluate_event(ada.state, *with, event.view, base_ms, ada.changed);
  CHECK(ada.members(*with) == std::set<std::string>{"gold"});
  CHECK(ada.computed(*with) == json{{"a", "gold!"}, {"b", "gold!n"}});
  CHECK(ada.changed.errors == 1);
  identify["messageId"] = "j";
  identify["traits"] = {{"plan", "basic"}};
  const held_event next(identify);
  ada.apply(next, with.get());
  ada.at.evaluate_event(ada.state, *with, next.view, base_ms, ada.changed);
  CHECK(ada.members(*with) == std::set<std::string>{"not_gold"});
  CHECK(ada.changed.left.size() == 1);
}

TEST_CASE("a catalog that changes drops what vanished and evaluates what is new") {
  const auto first = catalog_of({{"a", "true"}, {"b", "true"}, {"computed.x", "1"}});
  const auto second = catalog_of({{"b", "true"}, {"c", "true"}, {"computed.y", "2"}});
  customer ada;
  ada.at.evaluate_all(ada.state, *first, base_ms, ada.changed);
  CHECK(ada.at.fits(*first));
  CHECK_FALSE(ada.at.fits(*second));
  const held_event event(order_event("m", base_ms));
  ada.at.evaluate_event(ada.state, *second, event.view, base_ms + 5, ada.changed);
  CHECK(ada.at.fits(*second));
  CHECK(ada.members(*second) == std::set<std::string>{"b", "c"});
  CHECK(ada.changed.left.empty());
  CHECK(ada.changed.entered.size() == 1);
  CHECK(ada.computed(*second) == json{{"y", 2}});
  CHECK(ada.at.members().size() == 2);
  ada.at.evaluate_all(ada.state, segments::catalog(), base_ms, ada.changed);
  CHECK(ada.at.members().empty());
  CHECK(ada.computed(*second) == json::object());
}

TEST_CASE("a computed trait that is too long is an error and has no value") {
  customer ada;
  const auto with = catalog_of({{"computed.long", "traits.t + traits.t"}, {"computed.short", "size(traits.t)"}});
  ada.apply({{"type", "identify"},
             {"messageId", "m"},
             {"userId", "u"},
             {"timestamp", base_ms},
             {"traits", {{"t", std::string(2100, 'x')}}}},
            with);
  ada.at.evaluate_all(ada.state, *with, base_ms, ada.changed);
  CHECK(ada.computed(*with) == json{{"short", 2100}});
  CHECK(ada.changed.errors == 1);
}
