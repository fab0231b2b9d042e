// What is told of events that were refused.
#include "profile/event_outline.hpp"

#include <nlohmann/json.hpp>
#include <rapidcheck.h>

#include "tests/catch.hpp"

using namespace kith;
using nlohmann::json;

namespace {

profile::event_outline outline(const json& event) {
  const auto bytes = json::to_msgpack(event);
  return profile::outline_of({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

}  // namespace

TEST_CASE("name and ids are told, whatever else is wrong") {
  const auto full = outline({{"type", "track"},
                             {"event", "Order Completed"},
                             {"messageId", "m-1"},
                             {"userId", "ada"},
                             {"anonymousId", "a-17"},
                             {"timestamp", json::array()},
                             {"context", {{"externalIds", {{{"type", "email"}, {"id", "ada@example.com"}}, 7}}}}});
  CHECK(full.name == "Order Completed");
  CHECK(full.message_id == "m-1");
  CHECK(full.ids == "user:ada email:ada@example.com anonymous:a-17");
  CHECK(outline({{"type", "page"}}).name == "page");
  const auto wrong = outline({{"event", 7}, {"userId", json::array()}, {"messageId", nullptr}});
  CHECK(wrong.name.empty());
  CHECK(wrong.ids.empty());
  CHECK(wrong.message_id.empty());
  CHECK(outline(json::array()).name.empty());
  CHECK(outline({{"userId", std::string(5000, 'x')}}).ids.empty());
}

TEST_CASE("bytes that are no event are told nothing of, and do no harm") {
  CHECK(profile::outline_of("").name.empty());
  const auto bytes = json::to_msgpack({{"event", "Paid"}, {"userId", "ada"}});
  const std::string whole(bytes.begin(), bytes.end());
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const auto cut = profile::outline_of(whole.substr(0, size));
    CHECK((cut.ids.empty() || cut.name.empty()));
  }
  CHECK(rc::check([] {
    const auto noise = *rc::gen::container<std::string>(rc::gen::arbitrary<char>());
    static_cast<void>(profile::outline_of(noise));
    static_cast<void>(profile::outline_of('\x8f' + noise));
  }));
}
