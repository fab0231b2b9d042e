// What was observed against what is declared.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "ingest/schema/observed.hpp"
#include "ingest/schema/registry.hpp"

namespace kith::ingest::schema {

/// The paths that a schema describes: JSON pointers into the value, "*" for any item of an array.
struct declared_paths {
  std::map<std::string, std::set<value_type>> types;  ///< empty set: any type
  std::set<std::string> free;                         ///< what is within these is not described

  bool describes(const std::string& pointer) const;
};
declared_paths paths_of(const schema& of);

/// One entry of the report:
/// {event, declared, version, count, invalid, outcomes: {allow, quarantine, reject}, incomplete,
///  sources: [{source, count, first, last}], undeclaredProperties: [pointer], neverSeen: [pointer],
///  typeConflicts: [{pointer, declared: [type], observed: {type: count}}], violations: [{pointer, rule, count}]}.
nlohmann::json report_of(const std::string& event, const event_schemas* declared,
                         const std::map<std::string, observed_event, std::less<>>& seen);

/// Sorted: those that were observed and those that are declared.
std::vector<std::string> reported_events(const schema_set& declared, const observations& seen);

}  // namespace kith::ingest::schema
