// The hot paths take nothing from the heap: to read an event, to evaluate an expression.
#include <cstdlib>
#include <new>

#include "profile/cel/msgpack_view.hpp"
#include "profile/event.hpp"
#include "tests/catch.hpp"
#include "tests/profile/support/cel.hpp"
#include "tests/profile/support/segments.hpp"

namespace {

std::size_t allocations = 0;

void* counted(std::size_t size) {
  ++allocations;
  if (void* made = std::malloc(size > 0 ? size : 1)) return made;
  throw std::bad_alloc();
}

}  // namespace

void* operator new(std::size_t size) { return counted(size); }
void* operator new[](std::size_t size) { return counted(size); }
// All that pair with the operators below: AddressSanitizer has its own of those that are not replaced.
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return std::malloc(size > 0 ? size : 1); }
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept { return std::malloc(size > 0 ? size : 1); }
void operator delete(void* made) noexcept { std::free(made); }
void operator delete[](void* made) noexcept { std::free(made); }
void operator delete(void* made, std::size_t) noexcept { std::free(made); }
void operator delete[](void* made, std::size_t) noexcept { std::free(made); }

TEST_CASE("an event that is accepted costs no allocation") {
  const auto bytes = kith::profile::event_from_json(R"({
    "type": "track", "event": "Order Completed", "messageId": "0190a3b4-5c6d-7e8f-9a0b-1c2d3e4f5a6b",
    "userId": "customer-with-a-rather-long-identifier-00012345", "anonymousId": "0190a3b4-5c6d-7e8f-9a0b-ffffffffffff",
    "timestamp": "2023-11-14T22:13:20.123Z", "sentAt": "2023-11-14T22:13:21Z", "priority": "critical",
    "properties": {"total": 19.99, "items": [{"sku": "a", "n": 1}, {"sku": "b", "n": 2}]},
    "context": {"externalIds": [{"type": "email", "id": "someone.with.a.long.name@example.com"}]},
    "traits": {"plan": "gold", "address": {"street": {"a long key of a nested map": {"another one below it": 1}}}}})");
  REQUIRE(bytes);
  const auto before = allocations;
  const auto parsed = kith::profile::parse_event(*bytes, {1'700'000'000'000, 0, {}});
  const auto taken = allocations - before;
  REQUIRE(parsed);
  CHECK(taken == 0);
}

TEST_CASE("a CEL expression that ran before costs no allocation") {
  using namespace kith::tests;
  const auto traits = kith::profile::event_from_json(R"({"type": "identify", "messageId": "m", "userId": "a",
    "traits": {"plan": "gold", "country": "DE", "tags": ["a", "b"], "n": 41, "name": "a name that is rather long"}})");
  REQUIRE(traits);
  cel::environment names;
  names.with("event", "dyn").with("limit", "int");
  auto tree = cel::parse(
      "event.traits.plan in ['gold', 'silver'] && event.traits.n + 1 == limit && has(event.traits.country)"
      " && event.traits.tags.exists(t, t == 'b') && event.traits.tags.map(t, t + '!').size() == 2"
      " && (event.traits.name + ' indeed').contains('long') && string(event.traits.n) == '41'"
      " && event.traits.name.matches('^a .* long$') && {'a': event.traits.n}.a == 41"
      " && timestamp('2020-01-01T00:00:00Z') + duration('1h') < timestamp('2021-01-01T00:00:00Z')"
      " && (event.traits.missing == 1 || true)");
  REQUIRE(tree);
  REQUIRE(cel::check(*tree, names));
  const auto program = cel::compile(*tree, names);
  REQUIRE(program);
  fixed_activation from;
  cel::arena memory;
  cel::arena of_event;
  from.variables = {{0, cel::from_msgpack(*traits, of_event)}, {1, cel::value::integer(42)}};
  for (int i = 0; i < 3; ++i) {  // the arena and RE2's caches grow once
    REQUIRE(cel::to_text(program->evaluate(from, memory)) == "true");
    memory.reset();
  }
  const auto before = allocations;
  bool held = true;
  for (int i = 0; i < 100; ++i) {
    held = held && program->evaluate(from, memory).is_true();
    memory.reset();
  }
  const auto taken = allocations - before;
  CHECK(held);
  CHECK(taken == 0);
}

TEST_CASE("an event that segments see costs no allocation once it is warm") {
  using namespace kith::tests;
  const auto with = catalog_of(
      {{"loyal", "events('Order').count() >= 3 && traits.a_plan_with_a_long_name == 'a value that is rather long'"},
       {"week", "events('Order').where(e, e.properties.total > 50.0).within('7d').count() >= 2"},
       {"big", "events('Order').within('30d').sum('properties.total') > 200.0 && in_segment('loyal')"},
       {"wide", "events('Order').within('10d').distinct('properties.sku') >= 3 || ids.user[0] == 'ada'"},
       {"dormant", "!events('Order').within('1m').any() && size(traits) > 5"},
       {"computed.spent", "events('Order').sum('properties.total')"},
       {"computed.sku", "'the last one was ' + events('Order').last('properties.sku')"},
       {"computed.week", "computed.spent > 100.0 ? events('Order').within('7d').avg('properties.total') : 0.0"}});
  customer ada;
  ada.apply({{"type", "identify"},
             {"messageId", "i"},
             {"userId", "ada"},
             {"timestamp", base_ms},
             {"traits", {{"a_plan_with_a_long_name", "a value that is rather long"}}}},
            with);
  std::vector<held_event> events;
  for (int i = 0; i < 400; ++i) {
    events.emplace_back(order_event("order with a rather long id " + std::to_string(i), base_ms + i * 30 * minute_ms,
                                    {{"total", i % 90}, {"sku", "sku-" + std::to_string(i % 7)}}));
  }
  std::size_t taken = 0;
  for (std::size_t i = 0; i < events.size(); ++i) {
    ada.apply(events[i], with.get());  // the profile's own growth is not looked at here
    const auto& event = events[i].view;
    const auto before = allocations;
    ada.at.evaluate_event(ada.state, *with, event, event.time_ms, ada.changed);
    ada.at.evaluate_due(ada.state, *with, event.time_ms + 2 * minute_ms, ada.changed);
    if (i >= 350) taken += allocations - before;
  }
  CHECK(ada.members(*with).contains("loyal"));
  CHECK(taken == 0);
}

TEST_CASE("counting an event in aggregates that do not grow costs no allocation") {
  using namespace kith::tests;
  const auto with = catalog_of(
      {{"computed.a", "events('Order').where(e, e.properties.total > 5.0).count()"},
       {"computed.b", "events('Order').sum('properties.total')"},
       {"computed.c", "events('Order').within('7d').last('properties.sku')"},
       {"computed.d", "events('Order').distinct('properties.sku')"},
       {"computed.e", "events('Order').where(e, e.properties.sku == 'none').within('7d').sum('properties.total')"}});
  customer ada;
  std::size_t taken = 0;
  std::vector<kith::profile::spilled_id> spilled;
  spilled.reserve(1000);
  for (int i = 0; i < 300; ++i) {
    const held_event event(
        order_event("an id that is rather long " + std::to_string(i), base_ms + i, {{"total", i}, {"sku", "a"}}));
    const auto before = allocations;
    ada.state.apply(event.view, spilled, 7, with.get());
    if (i >= 200) taken += allocations - before;
  }
  CHECK(taken <= 1);  // the table of recent ids doubles
}
