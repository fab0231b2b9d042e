// Traces: which are sampled, their spans under way, and the bounded queue from which an exporter takes them
// (net/span_exporter). docs/tracing.md tells which spans there are.
//
// Invariants
//   - Of a trace that is not sampled nothing is recorded: no allocation, no look at the clock.
//   - At most `most_spans` wait to be exported, and `most_links` places are remembered; what is more is dropped, the
//     spans counted. Nobody waits for an exporter.
// Thread safety: all public members of tracer, from any thread. A span under way belongs to one thread at a time.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

#include "actors/clock.hpp"
#include "actors/trace_context.hpp"
#include "profile/hash.hpp"

namespace kith::actors {

/// By OTLP's numbers.
enum class span_kind : std::uint8_t { internal = 1, server = 2, client = 3 };

/// Nothing that tells of a person: no identifiers, no traits, no URL that may hold any.
struct span_note {
  const char* name = "";
  std::variant<std::int64_t, std::string> value;
};

struct span {
  trace_context at;  ///< `span` is its own id
  std::uint64_t parent = 0;
  span_kind kind = span_kind::internal;
  std::string name;
  time_point begun{};
  time_point ended{};
  std::vector<span_note> notes;
  std::string error;  ///< why it failed; empty: it did not
};

struct tracer_options {
  double sample = 0.01;  ///< of the traces that begin here, 0 to 1
  std::size_t most_spans = 16'384;
  std::size_t most_links = 8'192;
  std::uint64_t seed = 0;  ///< of ids; by chance, or other servers have the same ones
  std::uint64_t other_seed = 0;
};

/// Counts of spans since the start, which only grow.
struct tracing_counts {
  using counter = std::atomic<std::uint64_t>;
  counter recorded{0};
  counter exported{0};
  counter overflowed{0};   ///< dropped: the queue was full
  counter refused{0};      ///< dropped: the collector refused them
  counter unreachable{0};  ///< dropped: the collector could not be reached for too long
  counter failures{0};     ///< requests to the collector that failed
};

class tracer {
 public:
  explicit tracer(const tracer_options& options);

  /// Where a request is: in its sender's trace, sampled or not as the sender says; or in one that begins here.
  trace_context begin(std::string_view traceparent = {});
  /// Of no recorded trace, for others to whom something is sent: they are not to record it either.
  trace_context unsampled();
  std::uint64_t next_id() noexcept;
  void sample(double ratio) noexcept;

  /// One that has ended.
  void record(span done);
  /// Up to `most` that wait, once there are as many, or after `patience`, or once stop() was called.
  std::vector<span> take(std::size_t most, std::chrono::milliseconds patience);
  void stop();
  bool stopped() const;

  /// What goes on by way of a queue on disk, and will be found again by this key: as long as the process lives, and not
  /// too many come behind it.
  void remember(profile::hash128 key, const trace_context& at);
  /// Not sampled: nothing is remembered by that key.
  trace_context recall(profile::hash128 key) const;

  tracing_counts& counts() noexcept { return counts_; }
  const tracing_counts& counts() const noexcept { return counts_; }

 private:
  const tracer_options options_;
  std::atomic<std::uint64_t> threshold_;  ///< ids below it are sampled
  std::atomic<std::uint64_t> drawn_{0};
  tracing_counts counts_;

  mutable std::mutex mutex_;  ///< of what follows
  std::condition_variable wake_;
  std::deque<span> waiting_;
  std::size_t wanted_ = 1;  ///< so many wake who takes
  bool stopped_ = false;

  std::atomic<std::size_t> links_{0};
  mutable std::mutex links_mutex_;  ///< of what follows
  std::unordered_map<profile::hash128, trace_context, profile::hash128_hasher> remembered_;
  std::deque<profile::hash128> order_;
};

/// A span under way; empty if its trace is not sampled, and then all of this does nothing. Copies are of one span,
/// which is recorded by end(), or when the last of them goes.
class open_span {
 public:
  open_span() = default;
  /// `of`: null: empty. REQUIRES: it outlives the span.
  open_span(tracer* of, const trace_context& within, span_kind kind, std::string_view name);
  open_span(tracer* of, const trace_context& within, span_kind kind, std::string_view name, time_point begun);

  bool on() const noexcept { return state_ != nullptr; }
  /// Of its children.
  trace_context context() const noexcept;
  open_span child(span_kind kind, std::string_view name) const;
  void note(const char* name, std::int64_t value);
  void note(const char* name, std::string_view value);
  void fail(std::string_view why);
  void end();

 private:
  struct state;
  std::shared_ptr<state> state_;
};

/// What is noted of a batch of a sampled trace on its way through the shards; recorded when it is done.
struct batch_trace {
  struct share {
    time_point begun{};  ///< its events came
    time_point ended{};  ///< all of them are applied
    std::uint32_t events = 0;
    std::uint64_t segment_span = 0;  ///< 0: nothing was evaluated
    time_point evaluated_from{};
    time_point evaluated_until{};
    std::uint64_t evaluated = 0;  ///< events
    std::uint64_t entered = 0;    ///< memberships
    std::uint64_t left = 0;
  };
  trace_context within;
  time_point handed_over{};    ///< to the journal
  time_point applying_from{};  ///< it was durable, or needed not be
  std::vector<share> shares;   ///< by shard, each written by its own
};

}  // namespace kith::actors
