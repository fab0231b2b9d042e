// Aggregates of new definitions are built from past events; formats are read back.
#include <algorithm>

#include "profile/bytes.hpp"
#include "profile/segments/compiled.hpp"
#include "tests/catch.hpp"
#include "tests/profile/support/segments.hpp"

using namespace kith;
using namespace kith::tests;

namespace {

const named_expressions one = {{"computed.sum", "events('Order').sum('properties.total')"}};
const named_expressions more = {{"computed.sum", "events('Order').sum('properties.total')"},
                                {"computed.week", "events('Order').within('7d').count()"},
                                {"computed.views", "events('View').last('properties.path')"},
                                {"computed.never", "events('Never').last('properties.path')"}};

std::vector<json> past_events() {
  std::vector<json> events;
  for (int i = 0; i < 20; ++i) {
    const bool view = i % 3 == 0;
    events.push_back(order_event(std::to_string(i), base_ms + i * 12 * hour_ms,
                                 {{"total", i}, {"path", "/" + std::to_string(i)}}, view ? "View" : "Order"));
  }
  return events;
}

}  // namespace

TEST_CASE("a backfilled profile is the profile that had the definitions all along") {
  const auto old_catalog = catalog_of(one);
  const auto with = catalog_of(more);
  const auto events = past_events();
  customer expected;
  customer ada;
  for (const auto& each : events) {
    expected.apply(each, with);
    ada.apply(each, old_catalog);
  }
  CHECK(segments::missing_aggregates(ada.state, *old_catalog).empty());
  const auto keys = segments::missing_aggregates(ada.state, *with);
  CHECK(keys.size() == 2);
  CHECK(segments::event_names(*with, keys).size() == 2);
  auto backwards = events;
  std::reverse(backwards.begin(), backwards.end());
  for (const auto& each : backwards) ada.state.backfill(*with, keys, held_event(each).view);
  CHECK(segments::missing_aggregates(ada.state, *with) == keys);
  const auto interrupted = profile::profile::decode(ada.state.encode());
  REQUIRE(interrupted);
  CHECK(segments::missing_aggregates(*interrupted, *with) == keys);
  ada.state.mark_built(*with, keys);
  CHECK(segments::missing_aggregates(ada.state, *with).empty());
  CHECK(ada.state.encode() == expected.state.encode());
  // What is built is not built again.
  for (const auto& each : events) ada.state.backfill(*with, keys, held_event(each).view);
  CHECK(ada.state.encode() == expected.state.encode());
  // From here on events are counted as they come.
  const auto next = order_event("next", base_ms + 11 * day_ms, {{"total", 100}});
  ada.apply(next, with);
  expected.apply(next, with);
  CHECK(ada.state.encode() == expected.state.encode());
}

TEST_CASE("an aggregate of which no past event is left is built as empty") {
  const auto with = catalog_of(more);
  customer ada;
  for (const auto& each : past_events()) ada.apply(each, nullptr);
  const auto keys = segments::missing_aggregates(ada.state, *with);
  CHECK(keys.size() == 3);
  ada.state.mark_built(*with, keys);
  CHECK(segments::missing_aggregates(ada.state, *with).empty());
  ada.at.evaluate_all(ada.state, *with, base_ms, ada.changed);
  CHECK(ada.computed(*with)["sum"] == 0.0);
}

TEST_CASE("an aggregate that missed an event is missing, not wrong") {
  const auto with = catalog_of(more);
  customer ada;
  for (const auto& each : past_events()) ada.apply(each, with);
  CHECK(segments::missing_aggregates(ada.state, *with).empty());
  ada.apply(order_event("other catalog", base_ms, {{"total", 1}}), catalog_of(one));
  CHECK(segments::missing_aggregates(ada.state, *with).size() == 1);
  ada.apply(order_event("no catalog", base_ms, {{"total", 1}}), nullptr);
  CHECK(segments::missing_aggregates(ada.state, *with).size() == 2);
  ada.at.evaluate_all(ada.state, *with, base_ms, ada.changed);
  CHECK(ada.computed(*with)["sum"] == 0.0);
  // An event while it is missing does not make it whole.
  ada.apply(order_event("later", base_ms, {{"total", 1}}), with);
  CHECK(segments::missing_aggregates(ada.state, *with).size() == 2);
}

TEST_CASE("a join of profiles of which one lacks an aggregate lacks it") {
  const auto with = catalog_of(more);
  const auto events = past_events();
  customer whole;
  customer partly;
  customer views_only;
  for (std::size_t i = 0; i < events.size(); ++i) {
    const bool view = events[i]["event"] == "View";
    (view ? views_only : i % 2 == 0 ? whole : partly).apply(events[i], i % 2 == 0 || view ? with : catalog_of(one));
  }
  std::vector<profile::spilled_id> spilled;
  whole.state.join(views_only.state, spilled);
  CHECK(segments::missing_aggregates(whole.state, *with).empty());
  whole.state.join(partly.state, spilled);
  const auto keys = segments::missing_aggregates(whole.state, *with);
  CHECK(keys.size() == 1);
  for (const auto& each : events) whole.state.backfill(*with, keys, held_event(each).view);
  whole.state.mark_built(*with, keys);
  customer expected;
  for (const auto& each : events) expected.apply(each, with);
  CHECK(whole.state.encode() == expected.state.encode());
}

TEST_CASE("a state of format 1, without aggregates, is read") {
  customer ada;
  ada.apply(order_event("m", base_ms, {{"total", 5}}), nullptr);
  auto bytes = ada.state.encode();
  REQUIRE(bytes[0] == 2);
  // Version 1 had no length of the aggregates before the recent ids: here 4 zero bytes before a count and one id.
  const auto aggregates = bytes.size() - 20 - 4 - 4;
  REQUIRE(bytes.substr(aggregates, 4) == std::string(4, '\0'));
  auto old = bytes;
  old.erase(aggregates, 4);
  old[0] = 1;
  const auto decoded = profile::profile::decode(old);
  REQUIRE(decoded);
  CHECK(decoded->encode() == bytes);
  old[0] = 4;
  CHECK_FALSE(profile::profile::decode(old));
  old[0] = 0;
  CHECK_FALSE(profile::profile::decode(old));
  old[0] = 2;
  CHECK_FALSE(profile::profile::decode(old));
}

TEST_CASE("a standing that is cut, out of order or of another format is refused") {
  const auto with = catalog_of({{"a", "true"}, {"b", "true"}, {"computed.x", "1"}, {"computed.y", "2"}});
  customer ada;
  ada.at.evaluate_all(ada.state, *with, base_ms, ada.changed);
  const auto bytes = ada.at.encode();
  REQUIRE(segments::standing::decode(bytes));
  for (std::size_t size = 0; size < bytes.size(); ++size)
    CHECK_FALSE(segments::standing::decode(bytes.substr(0, size)));
  CHECK_FALSE(segments::standing::decode(bytes + "x"));
  auto swapped = bytes;
  std::rotate(swapped.begin() + 37, swapped.begin() + 53, swapped.begin() + 69);  // the two members
  CHECK_FALSE(segments::standing::decode(swapped));
  auto later = bytes;
  later[0] = 4;
  CHECK_FALSE(segments::standing::decode(later));
  CHECK(segments::standing::decode(segments::standing().encode()));
}

TEST_CASE("a standing of format 1, with computed traits by name, is read") {
  const auto with = catalog_of({{"computed.x", "1"}, {"computed.y", "2"}, {"computed.z", "null"}});
  std::string old("\1", 1);
  profile::put(old, with->fingerprint());
  profile::put(old, segments::never);
  profile::put(old, base_ms);
  profile::put(old, std::uint32_t{0});
  profile::put_text<std::uint32_t>(old, "\x82\xa1x\x05\xa1y\xa3six");
  const auto read = segments::standing::decode(old);
  REQUIRE(read);
  CHECK(read->fits(*with));
  customer ada;
  ada.at = *read;
  CHECK(ada.computed(*with) == json{{"x", 5}, {"y", "six"}});
  old[old.size() - 5] = 'w';
  CHECK_FALSE(segments::standing::decode(old));
}
