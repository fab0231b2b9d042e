// The hot paths take nothing from the heap: to read an event, to evaluate an expression.
#include <cstdlib>
#include <new>

#include "profile/cel/msgpack_view.hpp"
#include "profile/event.hpp"
#include "tests/catch.hpp"
#include "tests/profile/support/cel.hpp"

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
