#include "admin/metrics.hpp"

#include <limits>
#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include "actors/clock.hpp"
#include "actors/tracing.hpp"
#include "admin/access.hpp"
#include "admin/audit_log.hpp"
#include "admin/backups.hpp"
#include "admin/forward_routes.hpp"
#include "admin/openmetrics.hpp"
#include "admin/privacy_requests.hpp"
#include "admin/process_metrics.hpp"
#include "ingest/schema/gate.hpp"
#include "net/tls_context.hpp"
#include "webhooks/deliverer.hpp"

namespace kith::admin {

const char* const duration_family = "kith_stage_duration_seconds";

namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

MetricFamily family(const std::string& name, const std::string& help, MetricType type) {
  MetricFamily made;
  made.name = name;
  made.help = help;
  made.type = type;
  return made;
}

void add(MetricFamily& to, double value, std::vector<ClientMetric::Label> labels = {}) {
  ClientMetric metric;
  metric.label = std::move(labels);
  (to.type == MetricType::Counter ? metric.counter.value : metric.gauge.value) = value;
  to.metric.push_back(std::move(metric));
}

MetricFamily latencies_of(const actors::latency_recorder& recorder) {
  auto latencies = family("kith_latency_seconds", "Latency by stage over the last minute.", MetricType::Summary);
  for (std::size_t i = 0; i < actors::stage_count; ++i) {
    const auto stage = static_cast<actors::stage>(i);
    const auto recent = recorder.snapshot(stage, actors::window::minute, actors::now());
    const auto ever = recorder.snapshot(stage, actors::window::ever, actors::now());
    ClientMetric metric;
    metric.label = {{"stage", std::string(name_of(stage))}};
    for (const double quantile : {0.5, 0.9, 0.99, 0.999}) {
      metric.summary.quantile.push_back({quantile, static_cast<double>(recent.percentile(quantile * 100)) / 1e6});
    }
    metric.summary.sample_count = ever.count();
    metric.summary.sample_sum = ever.mean() * static_cast<double>(ever.count()) / 1e6;
    latencies.metric.push_back(std::move(metric));
  }
  return latencies;
}

/// A bucket has what is in those below it, too.
MetricFamily durations_of(const actors::latency_recorder& recorder) {
  auto durations = family(duration_family, "Latency by stage since the start, by bucket.", MetricType::Histogram);
  for (std::size_t i = 0; i < actors::stage_count; ++i) {
    const auto stage = static_cast<actors::stage>(i);
    const auto counted = recorder.buckets(stage);
    ClientMetric metric;
    metric.label = {{"stage", std::string(name_of(stage))}};
    auto& of = metric.histogram;
    for (std::size_t at = 0; at < counted.counts.size(); ++at) {
      const auto bound = at < actors::latency_bounds.size() ? static_cast<double>(actors::latency_bounds[at]) / 1e6
                                                            : std::numeric_limits<double>::infinity();
      of.sample_count += counted.counts[at];
      of.bucket.push_back({of.sample_count, bound});
    }
    of.sample_sum = static_cast<double>(counted.sum) / 1e6;
    durations.metric.push_back(std::move(metric));
  }
  return durations;
}

response answer_with(const std::vector<MetricFamily>& families, std::string_view accept,
                     const actors::latency_recorder* exemplars_of) {
  const auto how = exposition_for(accept);
  return {200,
          std::string(content_type_of(how)),
          how == exposition::openmetrics ? openmetrics_text(families, exemplars_of)
                                         : prometheus::TextSerializer().Serialize(families),
          {{"Vary", "Accept"}}};
}

void add_ingest(std::vector<MetricFamily>& to, const ingest::probe& probe) {
  using of_edge = ingest::probe::of_edge;
  const auto by_edge = [&](const char* name, const char* help, ingest::probe::counter of_edge::*member) {
    to.push_back(family(name, help, MetricType::Counter));
    for (std::size_t i = 0; i < ingest::edge_count; ++i) {
      add(to.back(), static_cast<double>((probe.edges[i].*member).load()),
          {{"edge", std::string(name_of(static_cast<ingest::edge>(i)))}});
    }
  };
  by_edge("kith_ingest_requests_total", "Requests over HTTPS.", &of_edge::requests);
  by_edge("kith_ingest_events_total", "Events that came with them.", &of_edge::events);
  by_edge("kith_ingest_refused_total", "Events and payloads that became dead letters.", &of_edge::refused);
  by_edge("kith_ingest_bad_requests_total", "Requests answered with 4xx, but for the next two.",
          &of_edge::bad_requests);
  by_edge("kith_ingest_unauthenticated_total", "Requests without a credential or signature that holds.",
          &of_edge::unauthenticated);
  by_edge("kith_ingest_over_quota_total", "Requests answered with 429.", &of_edge::over_quota);
  by_edge("kith_ingest_unavailable_total", "Requests answered with 503: the sender tries again.",
          &of_edge::unavailable);
}

void add_ingest_connections(std::vector<MetricFamily>& to, const net::http_counts& counts) {
  const auto count = [&](const char* name, const char* help, const std::atomic<std::uint64_t>& value, MetricType type) {
    to.push_back(family(name, help, type));
    add(to.back(), static_cast<double>(value.load()));
  };
  count("kith_http_connections_open", "HTTPS connections that are open.", counts.connections_open, MetricType::Gauge);
  count("kith_http_connections_total", "HTTPS connections accepted.", counts.connections_total, MetricType::Counter);
  count("kith_http_connections_refused_total", "HTTPS connections over the bound.", counts.connections_refused,
        MetricType::Counter);
  count("kith_http_handshake_failures_total", "TLS handshakes that failed.", counts.handshake_failures,
        MetricType::Counter);
  count("kith_http_refused_total", "Requests that were no HTTP/1.1, or too large.", counts.refused,
        MetricType::Counter);
  count("kith_http_timeouts_total", "Requests that did not come whole in time.", counts.timeouts, MetricType::Counter);
  count("kith_http_reads_paused_total", "Times that a connection was not read for a while.", counts.reads_paused,
        MetricType::Counter);
  count("kith_http_waiting_bytes", "Bodies of requests that are not answered yet.", counts.waiting_bytes,
        MetricType::Gauge);
}

void add_protocol(std::vector<MetricFamily>& to, const net::probe& probe) {
  const auto count = [&](const char* name, const char* help, const net::probe::counter& value, MetricType type) {
    to.push_back(family(name, help, type));
    add(to.back(), static_cast<double>(value.load()));
  };
  count("kith_connections_open", "Protocol connections that are open.", probe.connections_open, MetricType::Gauge);
  count("kith_connections_total", "Protocol connections accepted.", probe.connections_total, MetricType::Counter);
  count("kith_connections_refused_total", "Connections over the bound.", probe.connections_refused,
        MetricType::Counter);
  count("kith_handshake_failures_total", "TLS handshakes that failed.", probe.handshake_failures, MetricType::Counter);
  count("kith_timeouts_total", "Handshakes, hellos and half-sent frames that took too long.", probe.timeouts,
        MetricType::Counter);
  count("kith_malformed_frames_total", "Frames that were no MessagePack-RPC.", probe.malformed_frames,
        MetricType::Counter);
  count("kith_frames_total", "Frames received.", probe.frames, MetricType::Counter);
  count("kith_received_bytes_total", "Bytes received inside TLS.", probe.bytes_in, MetricType::Counter);
  count("kith_sent_bytes_total", "Bytes sent inside TLS.", probe.bytes_out, MetricType::Counter);
  count("kith_quota_refusals_total", "Requests refused by a quota.", probe.quota_refusals, MetricType::Counter);
  count("kith_events_held_back_total", "Events that schemas and guards held back: they became dead letters.",
        probe.events_held_back, MetricType::Counter);
  count("kith_reads_paused_total", "Times a connection was not read for a while.", probe.reads_paused,
        MetricType::Counter);
  count("kith_watches_ended_total", "Watches ended because their reader was too slow.", probe.watches_ended,
        MetricType::Counter);
  to.push_back(family("kith_protocol_errors_total", "Replies with an error, by code.", MetricType::Counter));
  for (std::size_t i = 0; i < net::errc_count; ++i) {
    add(to.back(), static_cast<double>(probe.errors[i].load()), {{"code", std::string(name_of(static_cast<errc>(i)))}});
  }
}

void add_webhooks(std::vector<MetricFamily>& to, const std::vector<webhooks::status>& all) {
  const auto each_of = [&](const char* name, const char* help, MetricType type, auto value_of) {
    to.push_back(family(name, help, type));
    for (const auto& each : all) add(to.back(), static_cast<double>(value_of(each)), {{"webhook", each.name}});
  };
  const auto now_ms = actors::wall_clock_ms();
  using status = webhooks::status;
  each_of("kith_webhook_delivered_total", "Messages that the endpoint took.", MetricType::Counter,
          [](const status& of) { return of.delivered; });
  each_of("kith_webhook_failed_total", "Requests that failed; they are made again.", MetricType::Counter,
          [](const status& of) { return of.failed; });
  each_of("kith_webhook_dead_letters_total", "Messages given up.", MetricType::Counter,
          [](const status& of) { return of.dead; });
  each_of(
      "kith_webhook_oldest_seconds", "Age of the oldest message that waits.", MetricType::Gauge, [&](const status& of) {
        return of.oldest_ms == 0 ? 0.0 : static_cast<double>(std::max<std::int64_t>(0, now_ms - of.oldest_ms)) / 1000;
      });
}

void add_dead_letters(std::vector<MetricFamily>& to, const persistence::dead_letter_status& of) {
  const auto number = [](std::uint64_t value) { return static_cast<double>(value); };
  const auto by_reason = [&](const char* name, const char* help, MetricType type, auto value_of) {
    to.push_back(family(name, help, type));
    for (const auto& each : of.counts) {
      add(to.back(), number(value_of(each)), {{"source", each.source}, {"code", each.code}});
    }
  };
  using count = persistence::dead_letter_count;
  by_reason("kith_dead_letters_total", "Dead letters kept since the start.", MetricType::Counter,
            [](const count& each) { return each.taken; });
  by_reason("kith_dead_letters", "Dead letters that are there.", MetricType::Gauge,
            [](const count& each) { return each.letters; });
  to.push_back(family("kith_dead_letters_bytes", "Size of the dead letters.", MetricType::Gauge));
  add(to.back(), number(of.bytes));
  to.push_back(
      family("kith_dead_letters_pushed_out_total", "Dead letters that the bounds pushed out.", MetricType::Counter));
  add(to.back(), number(of.pushed_out_by_bytes), {{"bound", "bytes"}});
  add(to.back(), number(of.pushed_out_by_age), {{"bound", "keep"}});
  const auto total = [&](const char* name, const char* help, std::uint64_t value) {
    to.push_back(family(name, help, MetricType::Counter));
    add(to.back(), number(value));
  };
  total("kith_dead_letters_refused_total", "Dead letters that could not be kept; their senders were told so.",
        of.refused);
  total("kith_dead_letters_truncated_total", "Dead letters that were cut, and cannot be replayed.", of.truncated);
  total("kith_dead_letters_replayed_total", "Dead letters that were replayed with success.", of.replayed);
  total("kith_dead_letters_refused_again_total", "Replays that were refused again.", of.again_refused);
  total("kith_dead_letters_dropped_total", "Dead letters that somebody dropped.", of.dropped);
}

void add_schemas(std::vector<MetricFamily>& to, const ingest::schema::gate& gate) {
  to.push_back(family("kith_schema_events_total", "Events judged by schema: by name and what became of them.",
                      MetricType::Counter));
  const auto seen = gate.observed();
  for (const auto& [event, outcomes] : ingest::schema::gate::counts_of(seen)) {
    for (std::size_t i = 0; i < outcomes.size(); ++i) {
      const auto outcome = name_of(static_cast<ingest::schema::mode>(i));
      if (outcomes[i] > 0) {
        add(to.back(), static_cast<double>(outcomes[i]), {{"event", event}, {"outcome", std::string(outcome)}});
      }
    }
  }
  to.push_back(family("kith_schema_events_unlisted_total",
                      "Events whose name or source was one too many to be listed by name.", MetricType::Counter));
  add(to.back(), static_cast<double>(seen.unlisted));
}

void add_tracing(std::vector<MetricFamily>& to, const actors::tracing_counts& of) {
  const auto total = [&](const char* name, const char* help, const std::atomic<std::uint64_t>& value) {
    to.push_back(family(name, help, MetricType::Counter));
    add(to.back(), static_cast<double>(value.load()));
  };
  total("kith_tracing_spans_total", "Spans recorded of sampled traces.", of.recorded);
  total("kith_tracing_spans_exported_total", "Spans that the collector took.", of.exported);
  total("kith_tracing_export_failures_total", "Requests to the collector that failed.", of.failures);
  to.push_back(family("kith_tracing_spans_dropped_total", "Spans that were not exported.", MetricType::Counter));
  add(to.back(), static_cast<double>(of.overflowed.load()), {{"why", "queue"}});
  add(to.back(), static_cast<double>(of.refused.load()), {{"why", "refused"}});
  add(to.back(), static_cast<double>(of.unreachable.load()), {{"why", "unreachable"}});
}

void add_version(std::vector<MetricFamily>& to) {
  to.push_back(family("kith_build_info", "The version that runs.", MetricType::Gauge));
  add(to.back(), 1, {{"version", KITH_VERSION}});
}

void add_sender(std::vector<MetricFamily>& to, const ingest::forward::sender& sender, std::int64_t now_ms) {
  const auto one = [&](const char* name, const char* help, MetricType type, double value) {
    to.push_back(family(name, help, type));
    add(to.back(), value);
  };
  const auto total = [&](const char* name, const char* help, const std::atomic<std::uint64_t>& value) {
    one(name, help, MetricType::Counter, static_cast<double>(value.load()));
  };
  const auto& counts = sender.stats();
  total("kith_forward_sent_events_total", "Events sent to the store, each time that they were.", counts.sent_events);
  total("kith_forward_sent_batches_total", "Batches that they were sent in.", counts.sent_batches);
  to.push_back(family("kith_forward_acknowledged_events_total",
                      "Events that the store made durable, by what they were.", MetricType::Counter));
  add(to.back(), static_cast<double>(counts.applied.load()), {{"outcome", "applied"}});
  add(to.back(), static_cast<double>(counts.duplicate.load()), {{"outcome", "duplicate"}});
  total("kith_forward_rejected_events_total", "Events that the store rejected: they are dead letters.",
        counts.rejected);
  total("kith_forward_retries_total", "Times that the store failed, and what was unanswered is sent again.",
        counts.retries);
  total("kith_forward_connections_total", "Connections made to the store.", counts.connections);
  const auto status = sender.status();
  one("kith_forward_connected", "1 while the store is connected.", MetricType::Gauge, status.connected ? 1 : 0);
  one("kith_forward_lag_seconds", "From when the events acknowledged last came until they were.", MetricType::Gauge,
      static_cast<double>(status.lag_ms) / 1000);
  to.push_back(family("kith_forward_oldest_seconds", "Age of the oldest event that waits.", MetricType::Gauge));
  for (std::size_t i = 0; i < persistence::lane_count; ++i) {
    const auto since = status.oldest_ms[i] == 0 ? 0 : std::max<std::int64_t>(0, now_ms - status.oldest_ms[i]);
    add(to.back(), static_cast<double>(since) / 1000,
        {{"lane", std::string(name_of(static_cast<persistence::lane>(i)))}});
  }
}

void add_spool(std::vector<MetricFamily>& to, const persistence::spool_status& of) {
  const auto one = [&](const char* name, const char* help, MetricType type, std::uint64_t value) {
    to.push_back(family(name, help, type));
    add(to.back(), static_cast<double>(value));
  };
  one("kith_forward_spool_bytes", "Size of the spool's files.", MetricType::Gauge, of.bytes);
  one("kith_forward_spool_limit_bytes", "Past which events are refused.", MetricType::Gauge, of.limit);
  one("kith_forward_spool_full", "1 while events are refused for want of room.", MetricType::Gauge, of.full ? 1 : 0);
  one("kith_forward_spool_refused_total", "Records that the spool did not take; their senders were told so.",
      MetricType::Counter, of.refused);
  one("kith_forward_spool_syncs_total", "Group commits.", MetricType::Counter, of.syncs);
  one("kith_forward_spool_damaged_bytes_total", "Bytes that could not be read: events in there are lost.",
      MetricType::Counter, of.damaged_bytes);
  one("kith_forward_spool_progress_failures_total", "Times that it could not be written what was acknowledged.",
      MetricType::Counter, of.progress_failures);
  to.push_back(family("kith_forward_backlog_bytes", "What is in the spool and not acknowledged.", MetricType::Gauge));
  for (std::size_t i = 0; i < persistence::lane_count; ++i) {
    add(to.back(), static_cast<double>(of.backlog[i]),
        {{"lane", std::string(name_of(static_cast<persistence::lane>(i)))}});
  }
}

void add_process(std::vector<MetricFamily>& to, const parts& with) {
  for (const auto& each : process_gauges(with.data)) {
    to.push_back(family(each.metric, each.help, each.grows ? MetricType::Counter : MetricType::Gauge));
    add(to.back(), each.value);
  }
  if (with.memory_limit > 0) {
    to.push_back(family("kith_profile_bytes_limit", "Memory that profiles may hold; past it some are let go.",
                        MetricType::Gauge));
    add(to.back(), static_cast<double>(with.memory_limit));
  }
  if (with.certificates.empty()) return;
  to.push_back(family("kith_tls_certificate_not_after_seconds", "When the certificate that is shown ends, since 1970.",
                      MetricType::Gauge));
  for (const auto& [listener, tls] : with.certificates) {
    add(to.back(), static_cast<double>(tls->not_after()), {{"listener", listener}});
  }
}

void add_backups(std::vector<MetricFamily>& to, backups& of) {
  const auto state = of.state();
  if (!state) return;
  const auto one = [&](const char* name, const char* help, MetricType type, double value) {
    to.push_back(family(name, help, type));
    add(to.back(), value);
  };
  one("kith_backups_total", "Backups written since the start.", MetricType::Counter, static_cast<double>(state->made));
  one("kith_backup_failures_total", "Backups that failed since the start.", MetricType::Counter,
      static_cast<double>(state->failures));
  one("kith_backup_last_seconds", "When the newest backup that is there was begun, since 1970; 0: there is none.",
      MetricType::Gauge, static_cast<double>(state->last_ms) / 1000);
}

void add_privacy_requests(std::vector<MetricFamily>& to, const request_counts& counts) {
  const auto gauge = [&](const char* name, const char* help, std::uint64_t value) {
    to.push_back(family(name, help, MetricType::Gauge));
    add(to.back(), static_cast<double>(value));
  };
  gauge("kith_privacy_requests_open", "Requests of people that are neither done nor refused.", counts.open);
  gauge("kith_privacy_requests_overdue", "Those past a deadline of the law.", counts.overdue);
  gauge("kith_privacy_requests_due_soon", "Those with a deadline within privacy.due_soon.", counts.due_soon);
  gauge("kith_privacy_requests_failing", "Those that could not be carried out the last time.", counts.failing);
  gauge("kith_privacy_export_bytes", "Documents that were made for requests and are kept.", counts.export_bytes);
}

void add_admin(std::vector<MetricFamily>& to, const probe& counts) {
  const auto total = [&](const char* name, const char* help, const probe::counter& value) {
    to.push_back(family(name, help, MetricType::Counter));
    add(to.back(), static_cast<double>(value.load()));
  };
  total("kith_admin_requests_total", "Requests to the admin port.", counts.requests);
  to.push_back(family("kith_admin_refused_total", "Those that were refused for who sent them.", MetricType::Counter));
  const auto refused = [&](const char* why, const probe::counter& value) {
    add(to.back(), static_cast<double>(value.load()), {{"why", why}});
  };
  refused("unauthenticated", counts.unauthenticated);
  refused("forbidden", counts.forbidden);
  refused("forged", counts.forged);
  refused("quota", counts.throttled);
  total("kith_admin_sessions_opened_total", "Sessions of the console that were opened.", counts.sessions_opened);
  total("kith_admin_sign_ins_refused_total", "People who came from the OpenID provider, or for it, and got no session.",
        counts.sign_ins_refused);
  total("kith_admin_repeated_total", "Requests answered as the first with their Idempotency-Key was.",
        counts.idempotent_replays);
}

void add_audit(std::vector<MetricFamily>& to, const audit_counts& of, std::uint64_t refusals_unrecorded) {
  const auto one = [&](const char* name, const char* help, MetricType type, double value) {
    to.push_back(family(name, help, type));
    add(to.back(), value);
  };
  one("kith_audit_records_total", "Records written to the audit log.", MetricType::Counter,
      static_cast<double>(of.records));
  one("kith_audit_write_failures_total", "Writes to the audit log that failed; what must be recorded was refused.",
      MetricType::Counter, static_cast<double>(of.failures));
  one("kith_audit_refusals_unrecorded_total", "Refused requests that were over the bound on their records.",
      MetricType::Counter, static_cast<double>(refusals_unrecorded));
  one("kith_audit_damaged", "1 when the start found records of the audit log missing or changed.", MetricType::Gauge,
      of.damaged ? 1 : 0);
  one("kith_audit_failed", "1 when the last write to the audit log failed.", MetricType::Gauge, of.failed ? 1 : 0);
}

}  // namespace

std::vector<named_counter> counters_of(const actors::counters& of) {
  const auto number = [](auto value) { return static_cast<double>(value); };
  return {
      {"eventsApplied", "kith_events_applied_total", "Events counted.", true, number(of.events_applied)},
      {"eventsDuplicate", "kith_events_duplicate_total", "Events whose id was counted before.", true,
       number(of.events_duplicate)},
      {"eventsRejected", "kith_events_rejected_total", "Events refused as invalid.", true, number(of.events_rejected)},
      {"eventsClamped", "kith_events_clamped_total", "Events from the future, set to the time received.", true,
       number(of.events_clamped)},
      {"eventsTooLate", "kith_events_too_late_total", "Events refused as older than dedup.retention.", true,
       number(of.events_too_late)},
      {"eventsSuppressed", "kith_events_suppressed_total",
       "Events refused since they name an erased person who is suppressed.", true, number(of.events_suppressed)},
      {"eventsUnreadable", "kith_journal_events_unreadable_total",
       "Events met in the journal, by replay or history, whose keys were destroyed when their persons were erased.",
       true, number(of.events_unreadable)},
      {"journalDamages", "kith_journal_damages_total",
       "Places of the journal that are damaged or missing, found at the start or while reading.", true,
       number(of.journal_damages)},
      {"erasuresPending", "kith_erasures_pending", "Erasures whose bytes are not all gone from the disk yet.", false,
       number(of.erasures_pending)},
      {"batches", "kith_batches_total", "Batches published.", true, number(of.batches)},
      {"reads", "kith_reads_total", "Profiles read.", true, number(of.reads)},
      {"viewsServed", "kith_views_served_total", "Of them, through a view.", true, number(of.views_served)},
      {"viewsBuilt", "kith_views_built_total", "Of those, built: at the first read and behind changes.", true,
       number(of.views_built)},
      {"viewsWithheld", "kith_views_withheld_total",
       "Of those served, the ones that showed nothing, without consent to the view's purpose.", true,
       number(of.views_withheld)},
      {"consentUnknown", "kith_consent_unknown_purposes_total",
       "Events that spoke of a purpose which is not configured; it was kept.", true, number(of.consent_unknown)},
      {"consentOverflows", "kith_consent_overflows_total",
       "Events of which a purpose was left out, since the profile has too many.", true, number(of.consent_overflows)},
      {"traitsForgotten", "kith_traits_forgotten_total", "Traits of profiles that were past their retention.", true,
       number(of.traits_forgotten)},
      {"outgoingWithheld", "kith_webhook_withheld_total",
       "Changes that a webhook was not told of, without consent to its purpose.", true, number(of.outgoing_withheld)},
      {"profilesActive", "kith_profiles_active", "Profiles in memory.", false, number(of.profiles_active)},
      {"profileBytes", "kith_profile_bytes", "Memory that they hold.", false, number(of.profile_bytes)},
      {"profilesStored", "kith_profiles_stored", "Snapshots on disk, estimated.", false, number(of.profiles_stored)},
      {"activations", "kith_activations_total", "Profiles brought into memory.", true, number(of.activations)},
      {"passivations", "kith_passivations_total", "Profiles let go from memory.", true, number(of.passivations)},
      {"snapshotsWritten", "kith_snapshots_written_total", "Snapshots written.", true, number(of.snapshots_written)},
      {"journalBytes", "kith_journal_bytes", "Size of the journal's files.", false, number(of.journal_bytes)},
      {"journalSyncs", "kith_journal_syncs_total", "Group commits.", true, number(of.journal_syncs)},
      {"inFlightBytes", "kith_in_flight_bytes", "Events taken in and not answered yet.", false,
       number(of.in_flight_bytes)},
      {"historyLagBytes", "kith_history_lag_bytes", "Journal that is not in the history yet.", false,
       number(of.history_lag_bytes)},
      {"watches", "kith_watches", "Watches that are open.", false, number(of.watches)},
      {"segmentsEntered", "kith_segments_entered_total", "Times a profile entered a segment.", true,
       number(of.segments_entered)},
      {"segmentsLeft", "kith_segments_left_total", "Times a profile left a segment.", true, number(of.segments_left)},
      {"segmentErrors", "kith_segment_errors_total", "Expressions that gave an error, and counted as false.", true,
       number(of.segment_errors)},
      {"timers", "kith_timers", "Profiles whose segments time alone may change.", false, number(of.timers)},
      {"merges", "kith_identity_merges_total", "Profiles joined into one.", true, number(of.merges)},
      {"splits", "kith_identity_splits_total", "Profiles that an unmerge made.", true, number(of.splits)},
      {"idsBlocked", "kith_identity_ids_blocked_total",
       "Times an identifier was left out of joining since its value says nothing.", true, number(of.ids_blocked)},
      {"idsNotUnique", "kith_identity_ids_not_unique_total",
       "Times an identifier was left out of joining since its type does not tell people apart.", true,
       number(of.ids_not_unique)},
      {"idsExcess", "kith_identity_ids_excess_total",
       "Times an identifier was left out of joining since the profile has as many as it may.", true,
       number(of.ids_excess)},
      {"idsUnmerged", "kith_identity_ids_unmerged_total",
       "Times an identifier was left out of joining since an unmerge took it out.", true, number(of.ids_unmerged)},
      {"overlaps", "kith_identity_overlaps_total", "Events that two profiles had counted before they were joined.",
       true, number(of.overlaps)},
      {"overlapsUnresolved", "kith_identity_overlaps_unresolved_total",
       "Those of them that count twice, since the history does not have them any more.", true,
       number(of.overlaps_unresolved)},
      {"memoryWindowSeconds", "kith_memory_window_seconds", "Age of the oldest event that is not synced yet.", false,
       of.memory_window_seconds},
  };
}

response metrics_answer(const forward_parts& of, std::string_view accept) {
  std::vector<MetricFamily> families;
  families.push_back(family("kith_ready", "1 when events are taken in.", MetricType::Gauge));
  add(families.back(), of.into.takes_events() ? 1 : 0);
  add_version(families);
  families.push_back(family("kith_forward_spooled_events_total", "Events taken into the spool.", MetricType::Counter));
  add(families.back(), static_cast<double>(of.into.spooled()));
  add_sender(families, of.sender, actors::wall_clock_ms());
  add_spool(families, of.spool.status());
  if (of.edges.ingest != nullptr) add_ingest(families, *of.edges.ingest);
  if (of.edges.ingest_connections != nullptr) add_ingest_connections(families, *of.edges.ingest_connections);
  if (of.edges.letters != nullptr) add_dead_letters(families, of.edges.letters->status());
  if (of.edges.gate != nullptr) add_schemas(families, *of.edges.gate);
  if (of.edges.traces != nullptr) add_tracing(families, of.edges.traces->counts());
  return answer_with(families, accept, nullptr);
}

nlohmann::json stats_json(const actors::counters& counters) {
  auto body = nlohmann::json::object();
  for (const auto& each : counters_of(counters)) {
    const auto whole = static_cast<std::uint64_t>(each.value);
    body[each.field] = each.value == static_cast<double>(whole) ? nlohmann::json(whole) : nlohmann::json(each.value);
  }
  return body;
}

std::string_view name_of(actors::phase phase) noexcept {
  switch (phase) {
    case actors::phase::recovering: return "recovering";
    case actors::phase::ready: return "ready";
    case actors::phase::failed: return "failed";
    case actors::phase::stopping: return "stopping";
  }
  return "failed";
}

response metrics_answer(actors::service& service, const definition_store& definitions, const parts& with,
                        std::uint64_t refusals_unrecorded, std::string_view accept) {
  std::vector<MetricFamily> families;
  for (const auto& each : counters_of(service.stats())) {
    families.push_back(family(each.metric, each.help, each.grows ? MetricType::Counter : MetricType::Gauge));
    add(families.back(), each.value);
  }
  families.push_back(family("kith_ready", "1 when events are taken in.", MetricType::Gauge));
  add(families.back(), service.state().now == actors::phase::ready ? 1 : 0);
  families.push_back(family("kith_failed",
                            "1 once the disk refused a write or a sync: nothing is taken in until a restart.",
                            MetricType::Gauge));
  add(families.back(), service.state().now == actors::phase::failed ? 1 : 0);
  families.push_back(family("kith_definitions_disabled",
                            "Segments and computed traits that are not evaluated since they came to errors only.",
                            MetricType::Gauge));
  add(families.back(), static_cast<double>(definitions.count_disabled()));
  add_version(families);
  families.push_back(latencies_of(service.latency()));
  families.push_back(durations_of(service.latency()));
  if (with.protocol != nullptr) add_protocol(families, *with.protocol);
  if (with.ingest != nullptr) add_ingest(families, *with.ingest);
  if (with.ingest_connections != nullptr) add_ingest_connections(families, *with.ingest_connections);
  if (with.webhooks != nullptr) add_webhooks(families, with.webhooks->statuses());
  if (with.letters != nullptr) add_dead_letters(families, with.letters->status());
  if (with.gate != nullptr) add_schemas(families, *with.gate);
  if (with.traces != nullptr) add_tracing(families, with.traces->counts());
  add_process(families, with);
  if (with.backups != nullptr && !with.backups->directory().empty()) add_backups(families, *with.backups);
  if (with.requests != nullptr) add_privacy_requests(families, with.requests->counts());
  if (with.counts != nullptr) add_admin(families, *with.counts);
  if (with.door != nullptr) {
    families.push_back(family("kith_admin_sessions_open", "Sessions of the console.", MetricType::Gauge));
    add(families.back(), static_cast<double>(with.door->open_sessions().count()));
  }
  if (with.audit != nullptr) add_audit(families, with.audit->counts(), refusals_unrecorded);
  return answer_with(families, accept, &service.latency());
}

}  // namespace kith::admin
