// All schemas that are in force, as shards read them.
//
// Invariants
//   - A schema_set is immutable; a change makes another one.
// Thread safety: all of it. A reader that keeps the set it has, and looks at generation() for a newer one, takes the
// lock only after a change.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "ingest/schema/modes.hpp"
#include "ingest/schema/schema.hpp"

namespace kith::ingest::schema {

struct known_schema {
  std::shared_ptr<const schema> what;
  bool from_directory = false;
  std::int64_t created_ms = 0;  ///< 0: it comes from a file
};

/// Of one event, by ascending version; never empty.
struct event_schemas {
  std::vector<known_schema> versions;

  const known_schema& newest() const noexcept { return versions.back(); }
  /// Null: there is no such version.
  const known_schema* find(std::uint32_t version) const noexcept;
};

class schema_set {
 public:
  schema_set() = default;
  schema_set(settings modes, std::vector<known_schema> all);

  /// One hash look-up. Null: the event has no schema.
  const event_schemas* find(std::string_view event) const noexcept;
  /// Sorted.
  std::vector<std::string> events() const;
  std::vector<known_schema> all() const;
  const settings& modes() const noexcept { return modes_; }
  /// Is there a schema, or a mode for events without one that is not to allow?
  bool judges() const noexcept { return judges_; }

 private:
  struct text_hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>()(text); }
  };

  settings modes_;
  bool judges_ = false;
  std::unordered_map<std::string, event_schemas, text_hash, std::equal_to<>> by_event_;
};

class registry {
 public:
  registry() = default;
  registry(const registry&) = delete;
  registry& operator=(const registry&) = delete;

  std::shared_ptr<const schema_set> current() const;
  void replace(std::shared_ptr<const schema_set> with);
  /// Another number after each change.
  std::uint64_t generation() const noexcept { return generation_.load(std::memory_order_acquire); }

 private:
  mutable std::mutex mutex_;  ///< of current_
  std::shared_ptr<const schema_set> current_ = std::make_shared<const schema_set>();
  std::atomic<std::uint64_t> generation_{1};
};

}  // namespace kith::ingest::schema
