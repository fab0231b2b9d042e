// The laws of segments: the state is a function of the set of events, and evaluating step by step is the same as
// evaluating from scratch, which is the same as counting by hand.
#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <random>
#include <rapidcheck.h>

#include "tests/catch.hpp"
#include "tests/profile/support/segments.hpp"

using namespace kith;
using namespace kith::tests;

namespace {

const named_expressions& definitions() {
  static const named_expressions table = {
      {"loyal", "events('Order').count() >= 3"},
      {"recent", "events('Order').within('7d').any()"},
      {"big", "events('Order').sum('properties.total') > 200.0"},
      {"big_week", "events('Order').where(e, e.properties.total > 50.0).within('7d').count() >= 2"},
      {"good_average", "events('Order').within('3d').avg('properties.total') > 40.0"},
      {"wide", "events('Order').within('10d').distinct('properties.sku') >= 3"},
      {"ever_wide", "events('Order').distinct('properties.sku') >= 4"},
      {"dormant", "events('View').count() > 0 && !events('View').within('5d').any()"},
      {"gold", "traits.plan == 'gold'"},
      {"vip", "in_segment('big') && in_segment('recent') || in_segment('gold') && computed.orders > 2"},
      {"not_vip", "!in_segment('vip')"},
      {"computed.orders", "events('Order').count()"},
      {"computed.spent_week", "events('Order').within('7d').sum('properties.total')"},
      {"computed.dearest", "events('Order').max('properties.total')"},
      {"computed.last_sku", "events('Order').last('properties.sku')"},
      {"computed.first_sku_week", "events('Order').within('7d').first('properties.sku')"},
      {"computed.first_dear", "events('Order').where(e, e.properties.total > 50.0).first('properties.total')"},
      {"computed.cheapest_day", "events('Order').within('1d').min('properties.total')"},
  };
  return table;
}

struct fact {
  std::string id;
  std::string name;
  std::int64_t time_ms = 0;
  std::int64_t cents = 0;
  std::optional<std::string> sku;
  std::optional<std::string> plan;

  std::uint64_t id64() const { return profile::hash_of(id).high; }
  double total() const { return static_cast<double>(cents) / 100.0; }
  json event() const {
    auto properties = json::object();
    if (name == "Order") properties["total"] = total();
    if (sku) properties["sku"] = *sku;
    auto made = order_event(id, time_ms, properties, name);
    if (plan) made["traits"] = {{"plan", *plan}};
    return made;
  }
};

/// Counted by hand, with loops.
class by_hand {
 public:
  by_hand(std::vector<fact> facts, std::int64_t now_ms) : facts_(std::move(facts)), now_(now_ms) {
    std::sort(facts_.begin(), facts_.end(), [](const fact& a, const fact& b) {
      return std::pair(a.time_ms, a.id64()) < std::pair(b.time_ms, b.id64());
    });
  }

  std::set<std::string> members() const {
    std::set<std::string> found;
    const auto add = [&](const char* name, bool holds) {
      if (holds) found.insert(name);
    };
    const auto all = orders(0);
    add("loyal", all.size() >= 3);
    const bool recent = !orders(7).empty();
    add("recent", recent);
    const bool big = cents(all) > 20'000;
    add("big", big);
    const auto week = orders(7);
    add("big_week", std::count_if(week.begin(), week.end(), [](const fact& f) { return f.cents > 5000; }) >= 2);
    const auto three = orders(3);
    add("good_average",
        !three.empty() && static_cast<double>(cents(three)) / 100.0 / static_cast<double>(three.size()) > 40.0);
    add("wide", skus(orders(10)).size() >= 3);
    add("ever_wide", skus(all).size() >= 4);
    add("dormant", !of("View", 0).empty() && of("View", 5).empty());
    const bool gold = plan() == "gold";
    add("gold", gold);
    const bool vip = (big && recent) || (gold && all.size() > 2);
    add("vip", vip);
    add("not_vip", !vip);
    return found;
  }

  json computed() const {
    const auto all = orders(0);
    const auto week = orders(7);
    const auto today = orders(1);
    json made = {{"orders", all.size()}, {"spent_week", static_cast<double>(cents(week)) / 100.0}};
    double dearest = NAN;
    double cheapest = NAN;
    for (const auto& each : all) dearest = std::isnan(dearest) ? each.total() : std::max(dearest, each.total());
    for (const auto& each : today) cheapest = std::isnan(cheapest) ? each.total() : std::min(cheapest, each.total());
    made["dearest"] = dearest;
    made["cheapest_day"] = cheapest;
    for (const auto& each : all) {
      if (each.sku) made["last_sku"] = *each.sku;
      if (each.cents > 5000 && !made.contains("first_dear")) made["first_dear"] = each.total();
    }
    for (const auto& each : week) {
      if (each.sku && !made.contains("first_sku_week")) made["first_sku_week"] = *each.sku;
    }
    return made;
  }

 private:
  std::vector<fact> of(std::string_view name, int days) const {
    std::vector<fact> found;
    for (const auto& each : facts_) {
      if (each.name == name && (days == 0 || each.time_ms > now_ - days * day_ms)) found.push_back(each);
    }
    return found;
  }
  std::vector<fact> orders(int days) const { return of("Order", days); }
  static std::int64_t cents(const std::vector<fact>& of) {
    std::int64_t sum = 0;
    for (const auto& each : of) sum += each.cents;
    return sum;
  }
  static std::set<std::string> skus(const std::vector<fact>& of) {
    std::set<std::string> found;
    for (const auto& each : of) {
      if (each.sku) found.insert(*each.sku);
    }
    return found;
  }
  std::string plan() const {
    std::string found;
    std::pair<std::int64_t, std::string> newest{INT64_MIN, ""};
    for (const auto& each : facts_) {
      if (!each.plan || std::pair(each.time_ms, each.id) < newest) continue;
      newest = {each.time_ms, each.id};
      found = *each.plan;
    }
    return found;
  }

  std::vector<fact> facts_;
  std::int64_t now_;
};

/// Each computed trait as text, so that NaN equals NaN.
std::string text_of(const json& computed) {
  std::string text;
  for (const auto& [name, value] : computed.items())
    text += name + "=" + (value.is_number_float() ? std::to_string(value.get<double>()) : value.dump()) + " ";
  return text;
}

fact some_fact(int number, std::int64_t time_ms) {
  fact made;
  made.id = "m-" + std::to_string(number);
  made.name = *rc::gen::element<std::string>("Order", "Order", "Order", "View", "Other");
  made.time_ms = time_ms;
  made.cents = *rc::gen::inRange(0, 10'000);
  if (*rc::gen::inRange(0, 4) > 0) made.sku = "sku-" + std::to_string(*rc::gen::inRange(0, 5));
  if (*rc::gen::inRange(0, 4) == 0) made.plan = *rc::gen::element<std::string>("gold", "basic");
  return made;
}

std::vector<fact> some_facts() {
  const int count = *rc::gen::inRange(0, 40);
  std::vector<fact> made;
  made.reserve(static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i)
    made.push_back(some_fact(i, base_ms + *rc::gen::inRange<std::int64_t>(0, 30) * day_ms / 2 +
                                    *rc::gen::element<std::int64_t>(0, 1, 7'200'000)));
  return made;
}

void publish(customer& to, const fact& of, const catalog_pointer& with) {
  const held_event event(of.event());
  auto seen = to.state.check(event.view);
  if (seen == profile::seen::ask_spilled)
    seen = to.spilled.contains(event.view.id) ? profile::seen::duplicate : profile::seen::fresh;
  if (seen == profile::seen::fresh) to.apply(event, with.get());
}

std::vector<fact> shuffled(std::vector<fact> facts) {
  std::mt19937 random(*rc::gen::arbitrary<unsigned>());
  std::shuffle(facts.begin(), facts.end(), random);
  return facts;
}

}  // namespace

TEST_CASE("any order of the same events gives the same aggregates and the same standing") {
  const auto with = catalog_of(definitions());
  REQUIRE(rc::check("order", [&] {
    const auto facts = some_facts();
    const auto now_ms = base_ms + *rc::gen::inRange<std::int64_t>(15, 30) * day_ms;
    customer straight;
    customer other;
    for (const auto& each : facts) publish(straight, each, with);
    for (const auto& each : shuffled(facts)) {
      publish(other, each, with);
      if (*rc::gen::inRange(0, 3) == 0) publish(other, each, with);  // again
    }
    RC_ASSERT(straight.state.encode() == other.state.encode());
    straight.at.evaluate_all(straight.state, *with, now_ms, straight.changed);
    other.at.evaluate_all(other.state, *with, now_ms, other.changed);
    RC_ASSERT(straight.at.encode() == other.at.encode());
    const by_hand expected(facts, now_ms);
    RC_ASSERT(straight.members(*with) == expected.members());
    RC_ASSERT(text_of(straight.computed(*with)) == text_of(expected.computed()));
  }));
}

TEST_CASE("the join of disjoint parts has the aggregates of the whole") {
  const auto with = catalog_of(definitions());
  REQUIRE(rc::check("join", [&] {
    const auto facts = some_facts();
    customer whole;
    customer parts[3];
    for (const auto& each : shuffled(facts)) {
      publish(whole, each, with);
      publish(parts[std::hash<std::string>{}(each.id) % 3], each, with);
    }
    std::vector<int> order = {0, 1, 2};
    std::mt19937 random(*rc::gen::arbitrary<unsigned>());
    std::shuffle(order.begin(), order.end(), random);
    profile::profile joined;
    std::vector<profile::spilled_id> spilled;
    for (const int part : order) joined.join(parts[part].state, spilled);
    RC_ASSERT(joined.encode() == whole.state.encode());
    RC_ASSERT(segments::missing_aggregates(joined, *with).empty());
  }));
}

TEST_CASE("step by step, with timers, is the same as from scratch and as by hand") {
  const auto with = catalog_of(definitions());
  REQUIRE(rc::check("steps", [&] {
    customer live;
    std::vector<fact> facts;
    auto now_ms = base_ms;
    const int steps = *rc::gen::inRange(1, 40);
    for (int i = 0; i < steps; ++i) {
      now_ms += *rc::gen::inRange<std::int64_t>(0, 3 * day_ms);
      const bool backwards = *rc::gen::inRange(0, 12) == 0;
      if (backwards) now_ms -= *rc::gen::inRange<std::int64_t>(0, 8 * minute_ms);
      while (live.at.due_ms() <= now_ms) {  // timers fire at their time
        const auto due = live.at.due_ms();
        if (*rc::gen::inRange(0, 4) == 0) break;  // or too late
        live.at.evaluate_due(live.state, *with, due, live.changed);
        RC_ASSERT(live.members(*with) == by_hand(facts, due).members());
        RC_ASSERT(live.at.due_ms() > due);
      }
      const auto late = *rc::gen::element<std::int64_t>(0, 0, 1000, 2 * day_ms, 8 * day_ms, -4 * minute_ms);
      facts.push_back(some_fact(i, now_ms - late));
      const auto before = live.members(*with);
      const held_event event(facts.back().event());
      std::vector<std::string_view> changing;
      segments::changing_traits(live.state, *with, event.view, changing);
      live.apply(event, with.get());
      live.at.evaluate_event(live.state, *with, event.view, now_ms, live.changed,
                             *rc::gen::arbitrary<bool>() ? &changing : nullptr);

      const by_hand expected(facts, now_ms);
      RC_ASSERT(live.members(*with) == expected.members());
      RC_ASSERT(text_of(live.computed(*with)) == text_of(expected.computed()));
      customer scratch;
      scratch.at.evaluate_all(live.state, *with, now_ms, scratch.changed);
      RC_ASSERT(standing_text(live, *with) == standing_text(scratch, *with));
      // What changed is what was told.
      auto after = before;
      for (const auto each : live.changed.entered) RC_ASSERT(after.insert(with->definitions()[each].name).second);
      for (const auto each : live.changed.left) RC_ASSERT(after.erase(with->definitions()[each].name) == 1);
      RC_ASSERT(after == live.members(*with));
    }
  }));
}

TEST_CASE("state and standing survive encoding") {
  const auto with = catalog_of(definitions());
  REQUIRE(rc::check("encode", [&] {
    customer someone;
    for (const auto& each : some_facts()) publish(someone, each, with);
    someone.at.evaluate_all(someone.state, *with, base_ms + 16 * day_ms, someone.changed);
    const auto bytes = someone.state.encode();
    const auto decoded = profile::profile::decode(bytes);
    RC_ASSERT(decoded.has_value());
    RC_ASSERT(decoded->encode() == bytes);
    RC_ASSERT(segments::missing_aggregates(*decoded, *with).empty());
    const auto at = segments::standing::decode(someone.at.encode());
    RC_ASSERT(at.has_value());
    RC_ASSERT(at->encode() == someone.at.encode());
    RC_ASSERT(at->fits(*with));
  }));
}

TEST_CASE("damaged aggregates and standings are refused or harmless, never a crash") {
  const auto with = catalog_of(definitions());
  REQUIRE(rc::check("mutations", [&] {
    customer someone;
    for (const auto& each : some_facts()) publish(someone, each, with);
    someone.at.evaluate_all(someone.state, *with, base_ms + 16 * day_ms, someone.changed);
    const auto damage = [](std::string bytes) {
      const int flips = *rc::gen::inRange(1, 4);
      for (int i = 0; i < flips; ++i)
        bytes[static_cast<std::size_t>(*rc::gen::inRange<int>(0, static_cast<int>(bytes.size())))] ^=
            static_cast<char>(1 << *rc::gen::inRange(0, 8));
      bytes.resize(static_cast<std::size_t>(*rc::gen::inRange<int>(1, static_cast<int>(bytes.size()) + 1)));
      return bytes;
    };
    auto at = segments::standing::decode(damage(someone.at.encode()));
    if (!at) at = someone.at;
    if (auto decoded = profile::profile::decode(damage(someone.state.encode()))) {
      const held_event event(order_event("new", base_ms + 15 * day_ms, {{"total", 5}, {"sku", "x"}}));
      std::vector<profile::spilled_id> spilled;
      decoded->apply(event.view, spilled, 7, with.get());
      at->evaluate_event(*decoded, *with, event.view, base_ms + 15 * day_ms, someone.changed);
      at->evaluate_due(*decoded, *with, base_ms + 40 * day_ms, someone.changed);
      someone.state.join(*decoded, spilled);
      (void)decoded->encode();
    }
  }));
}
