// What tracing costs a batch, on one thread, without I/O: one that is not sampled, and one that is, from its first span
// to the JSON that is sent. Processor time, so that others on the machine disturb it little.
#include <cstdio>
#include <ctime>

#include "net/span_exporter.hpp"

using namespace kith;

namespace {

double processor_seconds() {
  timespec used{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
  return static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) / 1e9;
}

/// As a request to an edge leaves them: ingest, publish, journal, apply, segment.
void trace_one(actors::tracer& to) {
  actors::open_span ingest(&to, to.begin(), actors::span_kind::server, "ingest");
  ingest.note("http.request.method", "POST");
  ingest.note("http.route", "/v1/track");
  ingest.note("url.path", "/v1/track");
  auto publish = ingest.child(actors::span_kind::internal, "publish");
  publish.note("kith.source", "web");
  publish.note("kith.events", std::int64_t{1});
  for (const auto* name : {"journal", "apply", "segment"}) {
    auto each = publish.child(actors::span_kind::internal, name);
    each.note("kith.shard", std::int64_t{1});
    each.note("kith.events", std::int64_t{1});
    each.end();
  }
  publish.end();
  ingest.note("http.response.status_code", std::int64_t{200});
  ingest.end();
}

}  // namespace

int main() {
  net::tracing_settings settings;
  settings.sample = 0;
  actors::tracer to(net::tracer_options_of(settings));
  constexpr int unsampled = 20'000'000;
  auto before = processor_seconds();
  for (int i = 0; i < unsampled; ++i) trace_one(to);
  const double quiet = (processor_seconds() - before) / unsampled;

  to.sample(1);
  constexpr int sampled = 50'000;
  std::size_t bytes = 0;
  before = processor_seconds();
  for (int i = 0; i < sampled; ++i) {
    trace_one(to);
    if (i % 100 != 99) continue;
    const auto spans = to.take(net::span_exporter::most_spans, {});
    bytes += net::otlp_json(spans, "kith", "kith-1", [](actors::time_point at) {
               return std::int64_t{at.time_since_epoch().count()};
             }).size();
  }
  const double traced = (processor_seconds() - before) / sampled;
  constexpr double ratio = 0.01;
  std::printf("{\"unsampled_ns\": %.1f, \"sampled_us\": %.2f, \"bytes\": %.0f, \"at_1_percent_ns\": %.1f}\n",
              quiet * 1e9, traced * 1e6, static_cast<double>(bytes) / sampled,
              (quiet * (1 - ratio) + traced * ratio) * 1e9);
}
