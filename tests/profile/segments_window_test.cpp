// Windows: to the millisecond while they are small, within the stated error when they are big.
#include <algorithm>
#include <cmath>
#include <random>

#include "profile/segments/bounds.hpp"
#include "tests/catch.hpp"
#include "tests/profile/support/segments.hpp"

using namespace kith;
using namespace kith::tests;

TEST_CASE("an event leaves its window exactly at its time plus the window") {
  const auto with = catalog_of({{"any", "events('Order').within('7d').any()"},
                                {"counted", "events('Order').within('7d').count() >= 1"},
                                {"first", "events('Order').within('7d').first_at() != null"},
                                {"gone", "!events('Order').within('7d').any() && events('Order').any()"}});
  customer ada;
  const held_event order(order_event("a", base_ms));
  ada.apply(order, with.get());
  ada.at.evaluate_event(ada.state, *with, order.view, base_ms + 10, ada.changed);
  CHECK(ada.changed.entered.size() == 3);
  CHECK(ada.at.due_ms() == base_ms + 7 * day_ms);
  CHECK(ada.at.members().front().since_ms == base_ms + 10);
  ada.at.evaluate_due(ada.state, *with, base_ms + 7 * day_ms - 1, ada.changed);
  CHECK(ada.changed.empty());
  CHECK(ada.at.due_ms() == base_ms + 7 * day_ms);
  ada.at.evaluate_due(ada.state, *with, base_ms + 7 * day_ms, ada.changed);
  CHECK(ada.changed.left.size() == 3);
  CHECK(ada.changed.entered.size() == 1);
  CHECK(ada.at.due_ms() == segments::never);
  CHECK(ada.members(*with) == std::set<std::string>{"gone"});
  // The clock jumps back, and with it what is true.
  ada.at.evaluate_due(ada.state, *with, base_ms + day_ms, ada.changed);
  CHECK(ada.members(*with) == std::set<std::string>{"any", "counted", "first"});
  CHECK(ada.at.due_ms() == base_ms + 7 * day_ms);
}

TEST_CASE("a late event lands in the right window, and one from the future counts") {
  const auto with = catalog_of({{"three", "events('Order').within('2d').count() >= 3"}});
  customer ada;
  for (const auto& [id, time] : {std::pair("a", base_ms), std::pair("b", base_ms - day_ms),
                                 std::pair("c", base_ms + 4 * minute_ms), std::pair("old", base_ms - 3 * day_ms)}) {
    const held_event order(order_event(id, time));
    ada.apply(order, with.get());
    ada.at.evaluate_event(ada.state, *with, order.view, base_ms, ada.changed);
  }
  CHECK(ada.members(*with).size() == 1);
  CHECK(ada.at.due_ms() == base_ms + day_ms);
  ada.at.evaluate_due(ada.state, *with, base_ms + day_ms, ada.changed);
  CHECK(ada.changed.left.size() == 1);
}

TEST_CASE("a window of many events is exact for the newest 1000 and off by a 256th of the window beyond") {
  const auto with = catalog_of({{"computed.count", "events('Order').within('10d').count()"},
                                {"computed.sum", "events('Order').within('10d').sum('properties.total')"},
                                {"computed.least", "events('Order').within('10d').min('properties.total')"},
                                {"computed.greatest", "events('Order').within('10d').max('properties.total')"}});
  const auto window = 10 * day_ms;
  const auto bucket = window / segments::bounds::window_parts;
  std::mt19937 random(7);
  std::vector<std::pair<std::int64_t, double>> events;
  for (int i = 0; i < 5000; ++i)
    events.emplace_back(base_ms + static_cast<std::int64_t>(random() % (15 * day_ms)),
                        static_cast<double>(random() % 1000) / 4.0);
  const auto load = [&](unsigned seed) {
    customer ada;
    std::vector<int> order(events.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = static_cast<int>(i);
    std::shuffle(order.begin(), order.end(), std::mt19937(seed));
    for (const int i : order) {
      const auto& [time, total] = events[static_cast<std::size_t>(i)];
      ada.apply(order_event(std::to_string(i), time, {{"total", total}}), with);
    }
    return ada;
  };
  auto ada = load(1);
  CHECK(ada.state.encode() == load(2).state.encode());
  const auto bytes = ada.state.encode();
  const auto decoded = profile::profile::decode(bytes);
  REQUIRE(decoded);
  CHECK(decoded->encode() == bytes);

  const auto count_after = [&](std::int64_t time) {
    return std::count_if(events.begin(), events.end(), [&](const auto& each) { return each.first > time; });
  };
  for (auto now = base_ms + 15 * day_ms; now < base_ms + 26 * day_ms; now += 5 * hour_ms + 77) {
    ada.at.evaluate_all(ada.state, *with, now, ada.changed);
    const auto counted = ada.computed(*with)["count"].get<std::int64_t>();
    const auto exact = count_after(now - window);
    INFO("at " << now - base_ms << ": " << counted << " for " << exact);
    if (exact <= 1000) {
      CHECK(counted == exact);
    } else {
      CHECK(counted >= exact);
      CHECK(counted <= count_after(now - window - bucket));
    }
    double least_sum = 0;
    double greatest_sum = 0;
    for (const auto& [time, total] : events) {
      if (time > now - window) least_sum += total;
      if (time > now - window - bucket) greatest_sum += total;
    }
    const auto sum = ada.computed(*with)["sum"].get<double>();
    CHECK(sum >= least_sum);
    CHECK(sum <= greatest_sum);
    CHECK(ada.at.due_ms() > now);
  }
  CHECK(ada.computed(*with)["count"] == 0);
  CHECK(ada.at.due_ms() == segments::never);
  CHECK(ada.state.heap_bytes() < 200'000);
}

TEST_CASE("the join of two big windows is the window of both") {
  const auto with = catalog_of({{"computed.count", "events('Order').within('100d').count()"},
                                {"computed.n", "events('Order').within('100d').distinct('properties.n')"},
                                {"computed.f", "events('Order').within('100d').first('properties.n')"},
                                {"computed.all", "events('Order').distinct('properties.n')"}});
  customer whole;
  customer halves[2];
  std::mt19937 random(3);
  for (int i = 0; i < 3000; ++i) {
    const auto time = base_ms + static_cast<std::int64_t>(random() % (90 * day_ms));
    const held_event event(order_event(std::to_string(i), time, {{"n", i % 700}}));
    whole.apply(event, with.get());
    halves[random() % 2].apply(event, with.get());
  }
  std::vector<profile::spilled_id> spilled;
  halves[0].state.join(halves[1].state, spilled);
  CHECK(halves[0].state.encode() == whole.state.encode());
  CHECK(value_of(whole.state, "events('Order').within('100d').count()", base_ms + 90 * day_ms).is_null() == false);
  whole.at.evaluate_all(whole.state, *with, base_ms + 90 * day_ms, whole.changed);
  CHECK(whole.computed(*with)["count"] == 3000);
  CHECK(whole.computed(*with)["all"] == 700);
}

TEST_CASE("tiny windows with many events keep their bound") {
  const auto with = catalog_of({{"computed.count", "events('Order').within('1s').count()"}});
  customer ada;
  for (int i = 0; i < 6000; ++i) ada.apply(order_event(std::to_string(i), base_ms + i * 50), with);
  ada.at.evaluate_all(ada.state, *with, base_ms + 6000 * 50, ada.changed);
  CHECK(ada.computed(*with)["count"] == 19);
  CHECK(ada.state.heap_bytes() < 400'000);
  CHECK(profile::profile::decode(ada.state.encode()));
}

TEST_CASE("an aggregate lets go of what can never count again") {
  const auto with = catalog_of({{"computed.count", "events('Order').within('1d').count()"}});
  customer ada;
  customer without;
  const auto size = [&] { return ada.state.encode().size() - without.state.encode().size(); };
  const auto publish = [&](int from, int to) {
    for (int i = from; i < to; ++i) {
      const auto event = order_event(std::to_string(i), base_ms + i * hour_ms);
      ada.apply(event, with);
      without.apply(event, nullptr);
    }
  };
  publish(0, 400);
  const auto before = size();
  publish(400, 800);
  CHECK(size() == before);
  CHECK(size() < 600);
  // Even if no event of its name comes any more.
  ada.apply(order_event("view", base_ms + 90 * day_ms, json::object(), "View"), with);
  ada.apply(order_event("late", base_ms, json::object()), with);
  CHECK(value_of(ada.state, "events('Order').count()", base_ms) == 801);
  ada.at.evaluate_all(ada.state, *with, base_ms + 90 * day_ms, ada.changed);
  CHECK(ada.computed(*with)["count"] == 0);
}
