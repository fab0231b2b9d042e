// The runtime's counts by name, and as Prometheus text.
#pragma once

#include <string>
#include <vector>

#include "actors/service.hpp"
#include "admin/definition_store.hpp"
#include "admin/parts.hpp"

namespace kith::admin {

struct named_counter {
  const char* field;   ///< in /v1/stats
  const char* metric;  ///< in /metrics
  const char* help;
  bool grows;  ///< a counter; else a gauge
  double value;
};

std::vector<named_counter> counters_of(const actors::counters& counters);

/// Prometheus' text format, version 0.0.4.
std::string metrics_text(actors::service& service, const definition_store& definitions, const parts& with,
                         std::uint64_t refusals_unrecorded);

}  // namespace kith::admin
