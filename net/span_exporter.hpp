// Sends spans to an OpenTelemetry collector: OTLP over HTTP, in JSON (https://opentelemetry.io/docs/specs/otlp/).
//
// Invariants
//   - It works on a thread of its own and holds up nobody: what it cannot send in time is dropped and counted
//     (tracer::counts), and that is logged once until it works again.
//   - At most one request is under way, of at most `most_spans` spans.
// Thread safety: all of it.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "actors/tracing.hpp"
#include "profile/result.hpp"

namespace kith::net {

/// [tracing]
struct tracing_settings {
  std::string endpoint;              ///< "http(s)://host:port", to which /v1/traces is added; empty: nothing is traced
  std::vector<std::string> headers;  ///< "name: value"
  std::string ca;                    ///< PEM file of those that may have signed its certificate; empty: the system's
  std::string service = "kith";      ///< service.name
  double sample = 0.01;
  std::size_t queue = 16'384;                 ///< spans that wait
  std::chrono::milliseconds interval{1'000};  ///< a span waits so long for others
  std::chrono::milliseconds timeout{10'000};  ///< of a request
};

/// Errors: invalid_argument: no http or https URL, with a query, or with headers that plain http would show to others.
result<void> check(const tracing_settings& of);

/// For its options; of ids by chance.
actors::tracer_options tracer_options_of(const tracing_settings& of);

/// The body of a request. `unix_nanoseconds`: of a point in time.
std::string otlp_json(std::span<const actors::span> spans, std::string_view service, std::string_view node,
                      const std::function<std::int64_t(actors::time_point)>& unix_nanoseconds);

class span_exporter {
 public:
  static constexpr std::size_t most_spans = 512;
  static constexpr unsigned most_attempts = 4;

  /// `node`: service.instance.id.
  span_exporter(std::shared_ptr<actors::tracer> from, tracing_settings to, std::string node,
                std::function<void(std::string_view level, std::string_view message)> log);
  ~span_exporter();  ///< what waits is sent, once and for a second at most; the rest is dropped
  span_exporter(const span_exporter&) = delete;
  span_exporter& operator=(const span_exporter&) = delete;

 private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

}  // namespace kith::net
