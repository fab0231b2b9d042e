// What every event of an edge passes before it is published: filters, crawlers, rates, schemas.
//
// Thread safety: pass() on the thread of shard `home`; replace() from any thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
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
  settings_ptr find(const std::string& source) const;

  schema::gate* schemas_;
  rate_guard rates_;
  mutable std::mutex mutex_;  ///< of what follows
  std::map<std::string, settings_ptr> sources_;
  settings_ptr usual_ = std::make_shared<const guard_settings>();
};

}  // namespace kith::ingest
