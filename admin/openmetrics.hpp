// Metrics as text for Prometheus: its own format, or OpenMetrics 1.0.0, which also holds exemplars.
//
// Thread safety: none; values.
#pragma once

#include <prometheus/metric_family.h>
#include <string>
#include <string_view>
#include <vector>

#include "actors/latency.hpp"

namespace kith::admin {

enum class exposition : std::uint8_t { text, openmetrics };

/// What who sends this `Accept` wants most of what there is (RFC 9110, section 12.5.1).
exposition exposition_for(std::string_view accept);
std::string_view content_type_of(exposition how) noexcept;

/// The family of what the recorder counts by bucket, in seconds.
extern const char* const duration_family;

/// `exemplars_of`: whose samples are shown beside the buckets of duration_family; null: none are.
std::string openmetrics_text(const std::vector<prometheus::MetricFamily>& families,
                             const actors::latency_recorder* exemplars_of);

}  // namespace kith::admin
