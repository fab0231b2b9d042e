#include "net/span_exporter.hpp"

#include <atomic>
#include <mutex>

#include "tests/catch.hpp"
#include "tests/net/support/collector.hpp"
#include "tests/net/support/fake_service.hpp"

using namespace kith;
using namespace kith::net;
using namespace kith::tests;
using namespace std::chrono_literals;
using kith::test::eventually;

namespace {

struct exporting {
  explicit exporting(const std::string& endpoint, double sample = 1) {
    settings.endpoint = endpoint;
    settings.sample = sample;
    settings.interval = 10ms;
    settings.headers = {"Authorization: Bearer of-the-collector"};
    start();
  }
  void start() {
    traces = std::make_shared<actors::tracer>(tracer_options_of(settings));
    to =
        std::make_unique<span_exporter>(traces, settings, "kith-test", [this](std::string_view, std::string_view what) {
          const std::lock_guard lock(mutex);
          logged.emplace_back(what);
        });
  }
  void record(int spans) {
    for (int i = 0; i < spans; ++i) {
      actors::open_span one(traces.get(), traces->begin(), actors::span_kind::server, "one");
      one.note("text", "with \"quotes\" and \xff");
      one.note("number", std::int64_t{-5});
      if (i % 2 == 1) one.fail("broken");
    }
  }
  std::size_t log_lines() {
    const std::lock_guard lock(mutex);
    return logged.size();
  }

  tracing_settings settings;
  std::mutex mutex;
  std::vector<std::string> logged;
  std::shared_ptr<actors::tracer> traces;
  std::unique_ptr<span_exporter> to;
};

}  // namespace

TEST_CASE("spans reach a collector as OTLP requires") {
  const collector at;
  exporting with(at.endpoint() + "/");
  with.record(1000);
  REQUIRE(eventually([&] { return with.traces->counts().exported == 1000; }));
  CHECK(at.wrong() == std::vector<std::string>());
  const auto spans = at.spans();
  REQUIRE(spans.size() == 1000);
  CHECK(spans[0].service == "kith");
  CHECK(spans[0].parent.empty());
  CHECK(spans[0].kind == 2);
  CHECK(spans[0].attributes.at("number") == "-5");
  CHECK(std::count_if(spans.begin(), spans.end(), [](const auto& each) { return each.failed; }) == 500);
  CHECK(at.requests()[0].headers.at("authorization") == "Bearer of-the-collector");
  CHECK(with.log_lines() == 0);
}

TEST_CASE("a collector that is overloaded is asked again, one that refuses is not, and each is logged once") {
  std::atomic<unsigned> status{503};
  const collector at([&] { return status.load(); });
  exporting with(at.endpoint());
  with.record(1);
  REQUIRE(eventually([&] { return with.traces->counts().failures > 0; }));
  status = 200;
  REQUIRE(eventually([&] { return with.traces->counts().exported == 1; }));
  CHECK(with.log_lines() == 0);
  status = 400;
  for (std::uint64_t i = 1; i <= 3; ++i) {
    with.record(1);
    REQUIRE(eventually([&] { return with.traces->counts().refused == i; }));
  }
  REQUIRE(eventually([&] { return with.log_lines() == 1; }));
  status = 200;
  with.record(1);
  REQUIRE(eventually([&] { return with.log_lines() == 2; }));
  CHECK(with.traces->counts().exported == 2);
}

TEST_CASE("a collector that is not there costs its spans, and a stop does not wait for it") {
  std::string gone;
  {
    const collector at;
    gone = at.endpoint();
  }
  exporting with(gone);
  with.settings.queue = 512;
  with.to.reset();
  with.start();
  with.record(2000);
  const auto& counts = with.traces->counts();
  CHECK(counts.recorded == 2000);
  REQUIRE(eventually([&] { return counts.failures > 0; }));
  const auto before = actors::now();
  with.to.reset();
  CHECK(actors::now() - before < 5s);
  CHECK(counts.exported == 0);
  CHECK(counts.overflowed + counts.unreachable == 2000);
}

TEST_CASE("an endpoint that would show its headers to others is refused") {
  tracing_settings of;
  CHECK(check(of));
  for (const auto* good :
       {"http://127.0.0.1:4318", "https://collector.example/otlp", "http://collector.example:4318"}) {
    CAPTURE(good);
    of.endpoint = good;
    CHECK(check(of));
  }
  of.headers = {"Authorization: x"};
  CHECK_FALSE(check(of));
  of.endpoint = "http://localhost:4318";
  CHECK(check(of));
  for (const auto* bad : {"127.0.0.1:4318", "grpc://127.0.0.1:4317", "http://127.0.0.1:4318/?a=b"}) {
    CAPTURE(bad);
    of.endpoint = bad;
    CHECK_FALSE(check(of));
  }
}
