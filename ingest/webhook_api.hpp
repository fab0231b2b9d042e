// POST /v1/webhooks/{source}, and POST /v1/cloudevents.
//
// Invariants: a sender hears of success only once the events are durable, and what could not be made of the payload is
// a dead letter.
// Thread safety: handle…() on the exchange's shard; replace() and replay() from any thread that is no shard's.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "ingest/access.hpp"
#include "ingest/exchange.hpp"
#include "ingest/intake.hpp"
#include "ingest/probe.hpp"
#include "ingest/source.hpp"
#include "ingest/webhook/receive.hpp"

namespace kith::ingest {

class webhook_api {
 public:
  webhook_api(intake& into, access& doors, probe& counts) : into_(into), doors_(doors), counts_(counts) {}

  /// These hold from now on.
  void replace(const std::vector<source_settings>& sources);

  void handle_webhook(std::string_view source, const exchange_ptr& with);
  void handle_cloud_events(const exchange_ptr& with);

  /// What a webhook's dead letter becomes now. Errors: not_found (there is no such source any more), others as of
  /// receive().
  result<webhook::mapped> map_again(const persistence::dead_letter& letter) const;

 private:
  /// How many letters of unsigned requests a source has left in this hour.
  struct allowance {
    std::int64_t hour = 0;
    std::size_t used = 0;
  };
  using settings_ptr = std::shared_ptr<const webhook::settings>;

  settings_ptr find(std::string_view source) const;
  bool may_keep_unsigned(const std::string& source, std::int64_t now_ms);
  void refuse(const exchange_ptr& with, const webhook::settings& of, webhook::refusal why, std::int64_t now_ms);
  void take(const exchange_ptr& with, edge by, const std::string& source, webhook::mapped events,
            std::vector<persistence::dead_letter> letters);

  intake& into_;
  access& doors_;
  probe& counts_;
  mutable std::mutex mutex_;  ///< of what follows
  std::map<std::string, settings_ptr, std::less<>> sources_;
  std::map<std::string, allowance> allowances_;
};

}  // namespace kith::ingest
