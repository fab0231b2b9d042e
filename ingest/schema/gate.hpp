// Where every event passes by: it is judged by its schema, and what was seen is kept for the report.
//
// Thread safety: see each class. There is one judge a shard, so that shards share nothing but the registry, which they
// look at only after a change.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "ingest/schema/observed.hpp"
#include "ingest/schema/registry.hpp"
#include "profile/event.hpp"

namespace kith::ingest::schema {

struct verdict {
  mode outcome = mode::allow;
  bool declared = false;              ///< the event has a schema
  std::uint32_t version = 0;          ///< of the schema that was used; 0: none
  std::vector<violation> violations;  ///< there may be some where the outcome is allow

  /// All of them in one line, for an error or a dead letter; empty: there are none.
  std::string text() const;
};

/// The number of events by name and outcome; those of observations::unlisted are not in there.
using outcome_counts = std::map<std::string, std::array<std::uint64_t, mode_count>, std::less<>>;

/// Thread safety: judge() by one thread at a time; what is read of it, by any.
class judge {
 public:
  explicit judge(const registry& schemas) : schemas_(schemas) {}

  /// What becomes of an event, between its parsing and its publishing. A track event is judged by the schema of its
  /// name, and identify, page, screen and group by that of their type's name; an alias always passes. The version is
  /// what `context.schemaVersion` names (2 or "2"), else the newest.
  verdict operator()(std::string_view source, const profile::event_view& event, std::int64_t received_ms);

  /// Is there a schema, or a mode that may hold an event without one back? If not, every event passes.
  bool has_any();

  void add_to(observations& all) const { seen_.add_to(all); }

 private:
  void refresh();

  const registry& schemas_;
  std::uint64_t generation_ = 0;
  std::shared_ptr<const schema_set> now_;
  observer seen_;
};

/// All judges. Thread safety: as theirs.
class gate {
 public:
  gate(const registry& schemas, std::size_t shards);

  /// REQUIRES: shard < shards.
  judge& at(std::size_t shard) noexcept { return *judges_[shard]; }

  observations observed() const;
  /// For metrics: counted since the start.
  static outcome_counts counts_of(const observations& seen);

 private:
  std::vector<std::unique_ptr<judge>> judges_;
};

/// The same without observing: what would become of an event. `schemas` may be of any time.
verdict judge_by(const schema_set& schemas, std::string_view source, const profile::event_view& event);

/// Where a schema's values are in an event: "/properties" or "/traits"; empty: it has none (alias).
std::string_view section_name(profile::event_type type) noexcept;

}  // namespace kith::ingest::schema
