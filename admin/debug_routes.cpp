// What somebody who debugs a server looks at: /debug, for the role admin. Nothing here tells of people.
#include <sys/resource.h>
#include <thread>

#include "actors/clock.hpp"
#include "admin/json.hpp"
#include "admin/process_metrics.hpp"
#include "admin/routes.hpp"

// Of mimalloc, which the executable is linked with, but not the tests.
extern "C" {
// NOLINTNEXTLINE(readability-identifier-naming, bugprone-easily-swappable-parameters)
__attribute__((weak)) void mi_process_info(std::size_t* elapsed_ms, std::size_t* user_ms, std::size_t* system_ms,
                                           std::size_t* current_rss, std::size_t* peak_rss, std::size_t* current_commit,
                                           std::size_t* peak_commit, std::size_t* page_faults);
__attribute__((weak)) int mi_version();
}

namespace kith::admin {

namespace {

using nlohmann::json;

json memory_of_allocator() {
  if (mi_process_info == nullptr || mi_version == nullptr) return nullptr;
  std::size_t elapsed = 0;
  std::size_t user = 0;
  std::size_t system = 0;
  std::size_t resident = 0;
  std::size_t most_resident = 0;
  std::size_t committed = 0;
  std::size_t most_committed = 0;
  std::size_t faults = 0;
  mi_process_info(&elapsed, &user, &system, &resident, &most_resident, &committed, &most_committed, &faults);
  return {{"name", "mimalloc"},
          {"version", mi_version()},
          {"committedBytes", committed},
          {"mostCommittedBytes", most_committed}};
}

json sample_of(const actors::latency_sample& of) {
  return {{"microseconds", of.microseconds},
          {"at", profile::format_time(of.at_ms)},
          {"traceId", of.of.exists() ? json(trace_id_of(of.of)) : json(nullptr)}};
}

}  // namespace

response routes::debug_shards(const call& asked) {
  if (auto unknown = unknown_parameter(asked.target, {})) return *unknown;
  auto items = json::array();
  for (const auto& each : service_.load_by_shard()) {
    items.push_back({{"shard", items.size()},
                     {"runsWaiting", each.runs_waiting},
                     {"urgentRunsWaiting", each.urgent_runs_waiting},
                     {"batchesInFlight", each.batches_in_flight},
                     {"inFlightBytes", each.in_flight_bytes},
                     {"unsyncedRecords", each.unsynced_records},
                     {"savesUnderWay", each.saves_under_way},
                     {"takesMore", each.takes_more},
                     {"profilesActive", each.profiles_active},
                     {"profileBytes", each.profile_bytes},
                     {"timers", each.timers},
                     {"journalBytes", each.journal_bytes},
                     {"eventsApplied", each.events_applied},
                     {"processorSeconds", each.processor_seconds}});
  }
  return ok({{"items", std::move(items)}, {"next", nullptr}});
}

response routes::debug_slowest(const call& asked) {
  if (auto unknown = unknown_parameter(asked.target, {})) return *unknown;
  auto stages = json::object();
  for (std::size_t i = 0; i < actors::stage_count; ++i) {
    const auto stage = static_cast<actors::stage>(i);
    auto& of = stages[std::string(name_of(stage))] = json::array();
    for (const auto& each : service_.latency().slowest(stage)) of.push_back(sample_of(each));
  }
  return ok({{"stages", std::move(stages)}});
}

response routes::debug_memory(const call& asked) {
  if (auto unknown = unknown_parameter(asked.target, {})) return *unknown;
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  double resident = 0;
  for (const auto& each : process_gauges({})) {
    if (std::string_view(each.metric) == "process_resident_memory_bytes") resident = each.value;
  }
  const auto stats = service_.stats();
  constexpr std::int64_t kib = 1024;
  return ok({{"residentBytes", static_cast<std::uint64_t>(resident)},
             {"mostResidentBytes", used.ru_maxrss * kib},
             {"majorFaults", used.ru_majflt},
             {"minorFaults", used.ru_minflt},
             {"profileBytes", stats.profile_bytes},
             {"profileBytesLimit", with_.memory_limit},
             {"inFlightBytes", stats.in_flight_bytes},
             {"allocator", memory_of_allocator()}});
}

response routes::debug_build(const call& asked) {
  if (auto unknown = unknown_parameter(asked.target, {})) return *unknown;
#ifdef NDEBUG
  constexpr bool checks = false;
#else
  constexpr bool checks = true;
#endif
  return ok({{"version", KITH_VERSION},
             {"compiler", __VERSION__},
             {"standard", __cplusplus},
             {"assertions", checks},
             {"shards", service_.shard_count()},
             {"processors", std::thread::hardware_concurrency()}});
}

response routes::debug_config(const call& asked) {
  if (auto unknown = unknown_parameter(asked.target, {})) return *unknown;
  if (!with_.settings) return problem(404, "not_found", "this server was not started with a configuration");
  const auto told = with_.settings();
  return told ? ok(*told) : problem_of(told.error());
}

}  // namespace kith::admin
