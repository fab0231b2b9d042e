// What every event of an edge passes before it is published: filters, crawlers, rates, schemas.
//
// Thread safety: pass() on the thread of shard `home`; replace() from any thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "actors/service.hpp"
#include "ingest/guards.hpp"
#include "ingest/refused_event.hpp"
#include "ingest/schema/gate.hpp"
#include "ingest/source.hpp"

namespace kith::ingest {

struct arrival;

class sieve {
 public:
  /// `schemas`: null: none judge.
  explicit sieve(schema::gate* schemas) : schemas_(schemas) {}

  void replace(const std::vector<source_settings>& sources);

  /// Takes out of what arrives what is held back, into its `refused`.
  void pass(actors::shard_id home, arrival& what, std::int64_t now_ms);

 private:
  using settings_ptr = std::shared_ptr<const guard_settings>;
  struct held_back {
    std::string code;
    std::string message;
  };
  /// What all events of an arrival have in common.
  struct passing {
    actors::shard_id home;
    std::string_view source;
    const guard_settings& by;
    const profile::reception& received;
    bool from_pages;
    profile::cel::arena& memory;
  };
  static std::optional<held_back> by_guards(std::string_view encoded, const guard_settings& by,
                                            profile::cel::arena& memory);
  std::optional<held_back> judge(const passing& of, std::string_view encoded);
  settings_ptr find(const std::string& source) const;

  schema::gate* schemas_;
  rate_guard rates_;
  mutable std::mutex mutex_;  ///< of what follows
  std::map<std::string, settings_ptr> sources_;
  settings_ptr usual_ = std::make_shared<const guard_settings>();
};

}  // namespace kith::ingest
