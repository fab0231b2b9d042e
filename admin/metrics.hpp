// The runtime's counts by name, and as Prometheus text.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "actors/service.hpp"
#include "admin/definition_store.hpp"
#include "admin/http.hpp"
#include "admin/parts.hpp"

namespace kith::admin {

struct forward_parts;

struct named_counter {
  const char* field;   ///< in /v1/stats
  const char* metric;  ///< in /metrics
  const char* help;
  bool grows;  ///< a counter; else a gauge
  double value;
};

std::vector<named_counter> counters_of(const actors::counters& counters);
/// Those, by field.
nlohmann::json stats_json(const actors::counters& counters);

std::string_view name_of(actors::phase phase) noexcept;

/// For who sends this `Accept`: Prometheus' text format, version 0.0.4, or OpenMetrics 1.0.0.
response metrics_answer(const forward_parts& of, std::string_view accept);
response metrics_answer(actors::service& service, const definition_store& definitions, const parts& with,
                        std::uint64_t refusals_unrecorded, std::string_view accept);

}  // namespace kith::admin
