// Takes events of the edges to the spool, as a server's runtime would take them: what is no event is rejected, the rest
// is answered once it is durable.
//
// A record of the spool is one of a server's journal (actors/journal_record.hpp): the events of one request in one
// lane, with their source and when they came.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>

#include "actors/tracing.hpp"
#include "ingest/destination.hpp"
#include "persistence/spool.hpp"
#include "profile/limits.hpp"

namespace kith::ingest::forward {

/// By which the trace of a record is found again when it is sent (tracer::remember).
profile::hash128 trace_key(std::string_view record) noexcept;

/// Thread safety: as of destination.
class spooler final : public destination {
 public:
  /// REQUIRES: loops and spool outlive it, and no record is being written when the loops go. `now_ms`: milliseconds
  /// since 1970, from any thread.
  /// `traces`: null: nothing is traced; outlives it.
  spooler(net::event_loops& loops, persistence::spool& into, limits::event bounds, std::function<std::int64_t()> now_ms,
          actors::tracer* traces = nullptr)
      : loops_(loops), into_(into), bounds_(bounds), now_ms_(std::move(now_ms)), traces_(traces) {}

  net::event_loops& loops() override { return loops_; }
  void publish(unsigned home, std::string_view events, std::string_view source, const actors::trace_context& trace,
               actors::publish_done done) override;
  bool takes_events() const override;
  bool only_keeps() const noexcept override { return true; }
  /// Events that are, or were, in the spool, since the start.
  std::uint64_t spooled() const noexcept { return spooled_.load(std::memory_order_relaxed); }

 private:
  net::event_loops& loops_;
  persistence::spool& into_;
  const limits::event bounds_;
  const std::function<std::int64_t()> now_ms_;
  actors::tracer* const traces_;
  std::atomic<std::uint64_t> spooled_{0};
};

}  // namespace kith::ingest::forward
