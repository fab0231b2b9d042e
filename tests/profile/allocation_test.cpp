// The hot path takes nothing from the heap to read an event.
#include <cstdlib>
#include <new>

#include "profile/event.hpp"
#include "tests/catch.hpp"

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
