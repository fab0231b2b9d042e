// What the process and its disk are at: gauges for /metrics, under the names that Prometheus' client libraries use.
//
// Thread safety: from any thread.
#pragma once

#include <string>
#include <vector>

namespace kith::admin {

struct process_gauge {
  const char* metric;
  const char* help;
  bool grows;  ///< a counter
  double value;
};

/// `directory`: the one whose disk is looked at; empty: none. What the system does not tell is left out.
std::vector<process_gauge> process_gauges(const std::string& directory);

}  // namespace kith::admin
