// What is sampled, what waits to be exported, and the spans of a batch on its way through the shards.
#include "actors/tracing.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "tests/actors/support/harness.hpp"
#include "tests/catch.hpp"

using namespace kith;
using namespace kith::actors;
using namespace kith::tests;
using namespace std::chrono_literals;

namespace {

constexpr const char* sampled = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

tracer_options with(double ratio, std::size_t most = 1000) {
  tracer_options made;
  made.sample = ratio;
  made.most_spans = most;
  made.most_links = 10;
  made.seed = 42;
  made.other_seed = 43;
  return made;
}

std::map<std::string, std::int64_t> numbers_of(const span& of) {
  std::map<std::string, std::int64_t> all;
  for (const auto& each : of.notes) {
    if (const auto* number = std::get_if<std::int64_t>(&each.value)) all[each.name] = *number;
  }
  return all;
}

}  // namespace

TEST_CASE("a traceparent is read as W3C Trace Context says") {
  const auto good = parse_traceparent(sampled);
  REQUIRE(good);
  CHECK(trace_id_of(*good) == "4bf92f3577b34da6a3ce929d0e0e4736");
  CHECK(span_id_of(good->span) == "00f067aa0ba902b7");
  CHECK(good->sampled);
  CHECK(traceparent_of(*good) == sampled);
  CHECK_FALSE(parse_traceparent("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00")->sampled);
  CHECK(parse_traceparent("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-ff")->sampled);
  CHECK(parse_traceparent("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what comes later"));
  for (const auto* bad : {"", "00", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0",
                          "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-",
                          "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
                          "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
                          "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
                          "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
                          "00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
                          "0g-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
                          "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01.x"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_traceparent(bad));
  }
}

TEST_CASE("the sender's decision holds; without one, the ratio does") {
  tracer none(with(0));
  CHECK(none.begin(sampled).sampled);
  CHECK_FALSE(none.begin("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00").sampled);
  tracer all(with(1));
  CHECK_FALSE(all.begin("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00").sampled);
  CHECK(all.begin("nonsense").sampled);
  tracer some(with(0.01));
  std::set<std::string> ids;
  int taken = 0;
  for (int i = 0; i < 100'000; ++i) {
    CHECK_FALSE(none.begin().sampled);
    const auto at = some.begin();
    if (!at.sampled) continue;
    ++taken;
    ids.insert(trace_id_of(at));
    CHECK(at.span == 0);
  }
  CHECK(taken > 800);
  CHECK(taken < 1200);
  CHECK(ids.size() == static_cast<std::size_t>(taken));
  some.sample(0);
  CHECK_FALSE(some.begin().sampled);
  CHECK(some.unsampled().exists());
  CHECK_FALSE(some.unsampled().sampled);
}

TEST_CASE("what waits is bounded, and what is over that is counted") {
  tracer to(with(1, 3));
  for (int i = 0; i < 5; ++i) open_span(&to, to.begin(), span_kind::internal, "one").end();
  CHECK(to.counts().recorded == 5);
  CHECK(to.counts().overflowed == 2);
  CHECK(to.take(2, 0ms).size() == 2);
  CHECK(to.take(2, 0ms).size() == 1);
  CHECK(to.take(2, 0ms).empty());
  for (std::uint64_t i = 0; i < 20; ++i) to.remember({i, i}, to.begin());
  CHECK_FALSE(to.recall({9, 9}).sampled);
  CHECK(to.recall({10, 10}).sampled);
  CHECK(to.recall({19, 19}).sampled);
  to.stop();
  open_span(&to, to.begin(), span_kind::internal, "late").end();
  CHECK(to.take(2, 10s).empty());
}

TEST_CASE("a span is recorded once, by its end or when the last that holds it goes") {
  tracer to(with(1));
  {
    auto span = open_span(&to, to.begin(sampled), span_kind::server, "parent");
    auto same = span;
    auto child = same.child(span_kind::client, "child");
    child.note("number", std::int64_t{7});
    child.fail("broken");
    child.end();
    child.end();
  }
  const auto all = to.take(10, 0ms);
  REQUIRE(all.size() == 2);
  CHECK(all[0].name == "child");
  CHECK(all[0].error == "broken");
  CHECK(numbers_of(all[0]).at("number") == 7);
  CHECK(all[0].parent == all[1].at.span);
  CHECK(span_id_of(all[1].parent) == "00f067aa0ba902b7");
  CHECK(all[1].ended >= all[1].begun);
  open_span empty(&to, {}, span_kind::server, "none");
  CHECK_FALSE(empty.on());
  CHECK_FALSE(empty.child(span_kind::server, "none").on());
  CHECK_FALSE(open_span(nullptr, to.begin(sampled), span_kind::server, "none").on());
}

TEST_CASE("a batch of a sampled trace leaves spans of the journal, and of each shard that applied and evaluated") {
  const temporary_directory directory;
  auto options = options_for(directory.path());
  options.shards = 2;
  options.definitions = catalog_of({{"buyers", "events(\"Order Completed\").any()"}});
  options.traces = std::make_shared<tracer>(with(1));
  running kith(options);
  std::vector<nlohmann::json> events;
  for (int i = 0; i < 20; ++i) {
    events.push_back(track("u" + std::to_string(i), "m" + std::to_string(i), "2024-05-01T10:00:00Z"));
  }
  publish_options not_sampled;
  not_sampled.trace = {1, 2, 3, false};
  kith.publish({track("zoe", "m-z", "2024-05-01T10:00:00Z")}, not_sampled);
  CHECK(options.traces->take(100, 0ms).empty());

  for (const auto wait : {durability::fsync, durability::memory}) {
    CAPTURE(static_cast<int>(wait));
    for (auto& each : events) each["messageId"] = each["messageId"].get<std::string>() + "x";
    publish_options traced;
    traced.wait_for = wait;
    traced.trace = *parse_traceparent(sampled);
    REQUIRE(kith.publish(events, traced).applied == 20);
    std::vector<span> all;
    REQUIRE(eventually([&] {
      for (auto& each : options.traces->take(100, 0ms)) all.push_back(std::move(each));
      return all.size() >= 5;
    }));
    CHECK(all.size() == 5);
    std::map<std::string, std::int64_t> totals;
    std::set<std::uint64_t> ids;
    for (const auto& each : all) {
      CHECK(trace_id_of(each.at) == "4bf92f3577b34da6a3ce929d0e0e4736");
      CHECK(each.ended >= each.begun);
      CHECK(ids.insert(each.at.span).second);
      const auto numbers = numbers_of(each);
      totals[each.name + ".spans"] += 1;
      if (numbers.contains("kith.events")) totals[each.name + ".events"] += numbers.at("kith.events");
      if (each.name == "segment") totals["entered"] += numbers.at("kith.segments.entered");
      const auto parent =
          std::find_if(all.begin(), all.end(), [&](const auto& one) { return one.at.span == each.parent; });
      if (each.name == "segment") {
        REQUIRE(parent != all.end());
        CHECK(parent->name == "apply");
      } else {
        CHECK(span_id_of(each.parent) == "00f067aa0ba902b7");
      }
    }
    CHECK(totals["journal.spans"] == 1);
    CHECK(totals["apply.spans"] == 2);
    CHECK(totals["apply.events"] == 20);
    CHECK(totals["segment.spans"] == 2);
    CHECK(totals["segment.events"] == 20);
    CHECK(totals["entered"] == (wait == durability::fsync ? 20 : 0));
  }
  const auto buckets = kith->latency().buckets(stage::apply);
  CHECK(std::any_of(buckets.exemplars.begin(), buckets.exemplars.end(), [](const auto& each) {
    return each.at_ms > 0 && trace_id_of(each.of) == "4bf92f3577b34da6a3ce929d0e0e4736";
  }));
  const auto slowest = kith->latency().slowest(stage::apply);
  REQUIRE(slowest.size() == 3);
  CHECK(slowest[0].microseconds >= slowest[2].microseconds);
}
