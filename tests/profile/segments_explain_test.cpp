// What readers are told: which segments, until when, and why.
#include "tests/catch.hpp"
#include "tests/profile/support/segments.hpp"

using namespace kith;
using namespace kith::tests;

namespace {

std::string hex64(std::string_view id) { return profile::to_hex(profile::hash_of(id)).substr(0, 16); }
std::string time(std::int64_t ms) { return profile::format_time(ms); }

}  // namespace

TEST_CASE("segments are listed by name with since and until") {
  const auto with = catalog_of({{"week", "events('Order').within('7d').count() >= 2"},
                                {"through", "in_segment('week') && traits.plan == 'gold'"},
                                {"ever", "events('Order').any()"},
                                {"swings", "events('Order').within('1d').count() != 1"},
                                {"out", "false"}});
  customer ada;
  auto second = order_event("b", base_ms + day_ms);
  second["traits"] = {{"plan", "gold"}};
  ada.apply(order_event("a", base_ms), with);
  ada.apply(second, with);
  const auto now = base_ms + day_ms + hour_ms;
  ada.at.evaluate_all(ada.state, *with, now, ada.changed);
  CHECK(ada.segments_map(*with, now) ==
        json{{{"segment", "ever"}, {"since", time(now)}},
             {{"segment", "through"}, {"since", time(now)}, {"until", time(base_ms + 7 * day_ms)}},
             {{"segment", "week"}, {"since", time(now)}, {"until", time(base_ms + 7 * day_ms)}}});
  CHECK(ada.explanation(*with, "swings", now)["changesAt"] == time(base_ms + 2 * day_ms));
  CHECK_FALSE(ada.explanation(*with, "ever", now).contains("changesAt"));
}

TEST_CASE("an explanation has every part with its value, its counts and the events behind it") {
  const auto expression =
      "events('Order').where(e, e.properties.total > 50.0).within('7d').count() >= 2 && (traits.plan == 'gold' || "
      "events('View').count() > 1) && !events('View').within('1d').any()";
  const auto with = catalog_of({{"s", expression}});
  customer ada;
  ada.apply(order_event("a", base_ms, {{"total", 60}}), with);
  ada.apply(order_event("b", base_ms + hour_ms, {{"total", 70}}), with);
  ada.apply(order_event("small", base_ms + hour_ms, {{"total", 7}}), with);
  ada.apply(order_event("v", base_ms - 2 * day_ms, {}, "View"), with);
  ada.apply(order_event("w", base_ms - 3 * day_ms, {}, "View"), with);
  const auto now = base_ms + 2 * hour_ms;
  ada.at.evaluate_all(ada.state, *with, now, ada.changed);
  const auto told = ada.explanation(*with, "s", now);
  CHECK(told["segment"] == "s");
  CHECK(told["member"] == true);
  CHECK(told["since"] == time(now));
  CHECK(told["expression"] == expression);
  CHECK(told["changesAt"] == time(base_ms + 7 * day_ms));
  const auto& parts = told["parts"];
  REQUIRE(parts.size() == 7);
  CHECK(parts[0]["expression"] == expression);
  CHECK(parts[0]["depth"] == 0);
  CHECK(parts[0]["value"] == "true");
  CHECK_FALSE(parts[0].contains("count"));
  CHECK(parts[1]["count"] == 2);
  CHECK(parts[1]["events"] ==
        json{{{"id", hex64("b")}, {"time", time(base_ms + hour_ms)}}, {{"id", hex64("a")}, {"time", time(base_ms)}}});
  CHECK(parts[3]["expression"] == "traits.plan == 'gold'");
  CHECK(parts[3]["value"] == "error: no such key 'plan'");
  CHECK(parts[4]["count"] == 2);
  CHECK(parts[4]["value"] == "true");
  CHECK(parts[4]["eventNames"] == json::array({"View"}));  // whose events are counted only
  CHECK_FALSE(parts[1].contains("eventNames"));
  CHECK(parts[6]["expression"] == "events('View').within('1d').any()");
  CHECK(parts[6]["value"] == "false");
  CHECK(parts[6]["depth"] == 2);
  CHECK_FALSE(parts[6].contains("events"));
}

TEST_CASE("an explanation shows the newest 20 events and says no when there is no such segment") {
  const auto with = catalog_of({{"s", "events('Order').within('7d').count() > 100"}, {"computed.c", "1"}});
  customer ada;
  for (int i = 0; i < 30; ++i) ada.apply(order_event(std::to_string(i), base_ms + i), with);
  ada.at.evaluate_all(ada.state, *with, base_ms + 100, ada.changed);
  const auto told = ada.explanation(*with, "s", base_ms + 100);
  CHECK(told["member"] == false);
  CHECK_FALSE(told.contains("since"));
  CHECK_FALSE(told.contains("changesAt"));
  CHECK(told["parts"][0]["events"].size() == 20);
  CHECK(told["parts"][0]["events"][0]["id"] == hex64("29"));
  CHECK(told["parts"][0]["count"] == 30);
  std::string bytes;
  profile::msgpack::writer out(bytes);
  const auto missing = segments::write_explanation(ada.state, ada.at, *with, "c", base_ms, out);
  REQUIRE_FALSE(missing);
  CHECK(missing.error().code == errc::not_found);
  CHECK(bytes.empty());
}
