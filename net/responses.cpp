#include "net/responses.hpp"

#include <utility>

#include "actors/clock.hpp"
#include "net/server.hpp"
#include "profile/msgpack.hpp"

namespace kith::net {

namespace msgpack = profile::msgpack;

namespace {

void entry(msgpack::writer& to, std::string_view key, std::uint64_t value) {
  to.string(key);
  to.natural(value);
}

void entry(msgpack::writer& to, std::string_view key, std::string_view value) {
  to.string(key);
  to.string(value);
}

/// Two lists: entered and left.
template <class Begin>
void write_memberships(msgpack::writer& to, const actors::membership_change* of, Begin begin) {
  static const actors::membership_change none;
  const auto& change = of == nullptr ? none : *of;
  const auto write = [&](std::string_view key, const std::vector<std::string>& names) {
    begin(key);
    to.array(names.size());
    for (const auto& name : names) to.string(name);
  };
  write("entered", change.entered);
  write("left", change.left);
}

void write_latency(msgpack::writer& to, const actors::histogram& latency) {
  to.map(6);
  entry(to, "p50", latency.percentile(50));
  entry(to, "p90", latency.percentile(90));
  entry(to, "p99", latency.percentile(99));
  entry(to, "p999", latency.percentile(99.9));
  entry(to, "max", latency.max());
  entry(to, "count", latency.count());
}

}  // namespace

void write_hello_result(std::string& out, const server_options& options, const limits::connection& bounds) {
  msgpack::writer to(out);
  to.map(4);
  entry(to, "server", options.server_name);
  entry(to, "version", options.version);
  entry(to, "node", options.node);
  to.string("limits");
  to.map(8);
  entry(to, "frameBytes", bounds.frame_bytes);
  entry(to, "eventBytes", options.event.bytes);
  entry(to, "batchEvents", bounds.batch_events);
  entry(to, "getManyIds", bounds.get_many_ids);
  entry(to, "nesting", options.event.nesting);
  entry(to, "inFlight", bounds.in_flight_requests);
  entry(to, "inFlightBytes", bounds.in_flight_bytes);
  entry(to, "watches", bounds.watches);
}

void write_publish_result(std::string& out, const actors::publish_outcome& outcome, bool detail) {
  msgpack::writer to(out);
  to.map(detail ? 4 : 3);
  entry(to, "applied", outcome.applied);
  entry(to, "duplicate", outcome.duplicate);
  to.string("rejected");
  to.array(outcome.rejected.size());
  for (const actors::rejection& rejected : outcome.rejected) {
    to.array(3);
    to.natural(rejected.index);
    to.string(rejected.word());
    to.string(rejected.message);
  }
  if (!detail) return;
  to.string("details");
  to.array(outcome.details.size());
  for (const actors::detail& one : outcome.details) {
    if (one.rejected) {
      to.nil();
      continue;
    }
    to.array(4);
    to.string(profile::to_hex(one.profile));
    to.natural(one.version);
    write_memberships(to, one.memberships.get(), [](std::string_view) {});
  }
}

void write_stats_result(std::string& out, const actors::service& service) {
  const actors::counters counted = service.stats();
  const std::pair<std::string_view, std::uint64_t> counters[] = {
      {"events_applied", counted.events_applied},
      {"events_duplicate", counted.events_duplicate},
      {"events_rejected", counted.events_rejected},
      {"events_clamped", counted.events_clamped},
      {"events_too_late", counted.events_too_late},
      {"events_suppressed", counted.events_suppressed},
      {"batches", counted.batches},
      {"reads", counted.reads},
      {"views_served", counted.views_served},
      {"views_built", counted.views_built},
      {"views_withheld", counted.views_withheld},
      {"consent_unknown", counted.consent_unknown},
      {"consent_overflows", counted.consent_overflows},
      {"traits_forgotten", counted.traits_forgotten},
      {"outgoing_withheld", counted.outgoing_withheld},
      {"profiles_active", counted.profiles_active},
      {"profile_bytes", counted.profile_bytes},
      {"profiles_stored", counted.profiles_stored},
      {"activations", counted.activations},
      {"passivations", counted.passivations},
      {"snapshots_written", counted.snapshots_written},
      {"journal_bytes", counted.journal_bytes},
      {"journal_syncs", counted.journal_syncs},
      {"in_flight_bytes", counted.in_flight_bytes},
      {"history_lag_bytes", counted.history_lag_bytes},
      {"watches", counted.watches},
      {"segments_entered", counted.segments_entered},
      {"segments_left", counted.segments_left},
      {"segment_errors", counted.segment_errors},
      {"timers", counted.timers},
  };
  msgpack::writer to(out);
  to.map(std::size(counters) + 2);
  for (const auto& [name, value] : counters) entry(to, name, value);
  to.string("memory_window_seconds");
  to.real(counted.memory_window_seconds);
  to.string("latency");
  to.map(actors::stage_count);
  const auto now = actors::now();
  for (std::size_t i = 0; i < actors::stage_count; ++i) {
    const auto stage = static_cast<actors::stage>(i);
    to.string(actors::name_of(stage));
    write_latency(to, service.latency().snapshot(stage, actors::window::minute, now));
  }
}

void write_change(std::string& out, const actors::change& change) {
  msgpack::writer to(out);
  to.map(6);
  entry(to, "profile", profile::to_hex(change.profile));
  entry(to, "version", change.version);
  write_memberships(to, change.memberships.get(), [&](std::string_view key) { to.string(key); });
  to.string("traits");
  if (change.traits != nullptr) {
    to.raw(*change.traits);
  } else {
    to.nil();
  }
  entry(to, "cursor", change.cursor);
}

}  // namespace kith::net
