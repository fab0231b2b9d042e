#include "admin/live.hpp"

#include <algorithm>

#include "actors/clock.hpp"
#include "admin/json.hpp"
#include "admin/metrics.hpp"
#include "webhooks/deliverer.hpp"

namespace kith::admin {

namespace {

using nlohmann::json;

constexpr std::uint64_t webhooks_every = 5;  ///< points
constexpr double decimals = 10;              ///< of rates: one is shown

double rounded(double value) { return static_cast<double>(static_cast<std::int64_t>(value * decimals)) / decimals; }

json shards_json(const std::vector<actors::shard_load>& loads) {
  auto all = json::array();
  for (const auto& each : loads) {
    all.push_back({{"applied", each.events_applied},
                   {"profiles", each.profiles_active},
                   {"profileBytes", each.profile_bytes},
                   {"journalBytes", each.journal_bytes},
                   {"inFlightBytes", each.in_flight_bytes},
                   {"runsWaiting", each.runs_waiting + each.urgent_runs_waiting},
                   {"takesMore", each.takes_more}});
  }
  return all;
}

json edges_json(const ingest::probe* probe) {
  auto all = json::object();
  for (std::size_t i = 0; probe != nullptr && i < ingest::edge_count; ++i) {
    const auto& of = probe->edges[i];
    all[std::string(name_of(static_cast<ingest::edge>(i)))] = {
        {"requests", of.requests.load()}, {"events", of.events.load()}, {"refused", of.refused.load()}};
  }
  return all;
}

json webhooks_json(const webhooks::deliverer* of) {
  std::uint64_t endpoints = 0;
  std::uint64_t failing = 0;
  std::uint64_t waiting = 0;
  std::uint64_t delivered = 0;
  std::uint64_t failed = 0;
  std::uint64_t dead = 0;
  for (const auto& each : of == nullptr ? std::vector<webhooks::status>() : of->statuses()) {
    ++endpoints;
    failing += each.now == webhooks::sending::delivering ? 0 : 1;
    waiting += each.waiting;
    delivered += each.delivered;
    failed += each.failed;
    dead += each.dead;
  }
  return {{"endpoints", endpoints}, {"failing", failing}, {"waiting", waiting},
          {"delivered", delivered}, {"failed", failed},   {"dead", dead}};
}

std::string event_of(std::string_view name, std::string_view data) {
  return std::string("event: ").append(name).append("\ndata: ").append(data).append("\n\n");
}

}  // namespace

live::live(actors::service& service, parts with)
    : service_(service),
      with_(std::move(with)),
      started_(actors::now()),
      totals_before_(totals_of(service.stats())),
      taken_(started_),
      webhooks_(webhooks_json(nullptr)) {
  for (std::size_t i = 0; i < actors::stage_count; ++i) {
    (*before_)[i] = service_.latency().snapshot(static_cast<actors::stage>(i), actors::window::ever, started_);
  }
}

live::totals live::totals_of(const actors::counters& stats) const {
  totals made{stats.events_applied, stats.events_duplicate, stats.events_rejected + stats.events_too_late, stats.reads};
  if (with_.ingest == nullptr) return made;
  for (const auto& each : with_.ingest->edges) made.refused += each.refused.load();
  return made;
}

/// Of the time since the last call, by stage: [p50, p99, p99.9]; null where nothing was recorded.
json live::latencies() {
  auto all = json::array();
  for (std::size_t i = 0; i < actors::stage_count; ++i) {
    const auto ever = service_.latency().snapshot(static_cast<actors::stage>(i), actors::window::ever, actors::now());
    const auto fresh = ever.since((*before_)[i]);
    (*before_)[i] = ever;
    all.push_back(fresh.count() == 0 ? json(nullptr)
                                     : json{fresh.percentile(50), fresh.percentile(99), fresh.percentile(99.9)});
  }
  return all;
}

json live::point_of(const actors::counters& stats) {
  const auto now = actors::now();
  const double seconds = std::max(0.001, std::chrono::duration<double>(now - taken_).count());
  taken_ = now;
  const auto so_far = totals_of(stats);
  const auto rate = [&](std::uint64_t totals::*which) {
    return rounded(static_cast<double>(so_far.*which - totals_before_.*which) / seconds);
  };
  json point = {{"t", actors::wall_clock_ms()},          {"applied", rate(&totals::applied)},
                {"duplicate", rate(&totals::duplicate)}, {"refused", rate(&totals::refused)},
                {"reads", rate(&totals::reads)},         {"memory", stats.profile_bytes},
                {"journal", stats.journal_bytes},        {"latency", latencies()}};
  totals_before_ = so_far;
  return point;
}

json live::sample_of(const actors::counters& stats) const {
  const auto state = service_.state();
  json made = {{"phase", name_of(state.now)},
               {"reason", state.reason},
               {"version", KITH_VERSION},
               {"uptimeSeconds", std::chrono::duration_cast<std::chrono::seconds>(actors::now() - started_).count()},
               {"stats", stats_json(stats)},
               {"shards", shards_json(service_.load_by_shard())},
               {"edges", edges_json(with_.ingest)},
               {"webhooks", webhooks_}};
  const auto* protocol = with_.protocol;
  made["protocol"] = {{"frames", protocol == nullptr ? 0 : protocol->frames.load()},
                      {"connections", protocol == nullptr ? 0 : protocol->connections_open.load()},
                      {"bytesIn", protocol == nullptr ? 0 : protocol->bytes_in.load()}};
  const auto* https = with_.ingest_connections;
  made["https"] = {{"connections", https == nullptr ? 0 : https->connections_open.load()}};
  const auto letters = with_.letters == nullptr ? persistence::dead_letter_status() : with_.letters->status();
  made["deadLetters"] = {{"letters", letters.letters}, {"bytes", letters.bytes}};
  return made;
}

void live::take() {
  const auto stats = service_.stats();
  const auto point = point_of(stats);
  // Only take() counts, so that reading without the lock is fine here.
  if (count_ % webhooks_every == 0) webhooks_ = webhooks_json(with_.webhooks);
  auto sample = sample_of(stats);
  sample["point"] = point;
  auto text = dump(sample);
  const std::lock_guard lock(mutex_);
  ++count_;
  points_.push_back(dump(point));
  if (points_.size() > kept) points_.pop_front();
  newest_ = std::move(text);
}

std::string live::told(std::uint64_t& heard) const {
  const std::lock_guard lock(mutex_);
  if (heard == count_) return count_ == 0 ? event_of("history", R"({"stages":[],"points":[]})") : ": nothing new\n\n";
  std::string text;
  if (heard == 0) {
    auto stages = json::array();
    for (std::size_t i = 0; i < actors::stage_count; ++i) stages.push_back(name_of(static_cast<actors::stage>(i)));
    std::string points;
    for (const auto& each : points_) points.append(points.empty() ? "" : ",").append(each);
    text = event_of("history", R"({"stages":)" + stages.dump() + R"(,"points":[)" + points + "]}");
  }
  heard = count_;
  return text + event_of("sample", newest_);
}

std::string live::newest() const {
  const std::lock_guard lock(mutex_);
  return newest_;
}

}  // namespace kith::admin
