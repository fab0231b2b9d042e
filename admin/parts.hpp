// What the admin API shows and steers beside the profiles.
#pragma once

#include <utility>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "ingest/probe.hpp"
#include "net/http_server.hpp"
#include "net/probe.hpp"
#include "persistence/dead_letters.hpp"

namespace kith::actors {
class tracer;
}
namespace kith::ingest::schema {
class gate;
class store;
}  // namespace kith::ingest::schema
namespace kith::net {
class reloadable_tls;
}
namespace kith::webhooks {
class deliverer;
}

namespace kith::admin {

class access;
class backups;
class audit_log;
class privacy_requests;
class receipt_signer;
class shared_personal_rules;
class token_store;
struct probe;

/// Each may be null; what is there outlives the server.
struct parts {
  const net::probe* protocol = nullptr;  ///< counts of the protocol's server
  const ingest::probe* ingest = nullptr;
  const net::http_counts* ingest_connections = nullptr;
  webhooks::deliverer* webhooks = nullptr;
  persistence::dead_letters* letters = nullptr;
  persistence::replayer replay;  ///< tries letters again
  ingest::schema::store* schemas = nullptr;
  const ingest::schema::gate* gate = nullptr;  ///< what is observed of events
  token_store* tokens = nullptr;
  std::vector<std::pair<std::string, std::shared_ptr<const net::reloadable_tls>>> certificates;  ///< by listener
  std::string data;                ///< the directory whose disk is looked at
  std::uint64_t memory_limit = 0;  ///< bytes that profiles may hold; 0: not told
  admin::backups* backups = nullptr;
  audit_log* audit = nullptr;                          ///< null: nothing is recorded
  bool audit_reads = true;                             ///< also answers that hold personal data
  const shared_personal_rules* personal = nullptr;     ///< null: the rules of an empty [pii]
  const receipt_signer* receipts = nullptr;            ///< null: nobody is erased
  privacy_requests* requests = nullptr;                ///< null: none are kept
  actors::tracer* traces = nullptr;                    ///< null: nothing is traced
  std::function<result<nlohmann::json>()> settings{};  ///< the configuration that holds, without its secrets
  std::map<std::string, std::int64_t, std::less<>> event_retention;  ///< milliseconds, by event
  access* door = nullptr;                                            ///< the server's own
  probe* counts = nullptr;                                           ///< as door
  std::chrono::milliseconds shard_patience{30'000};  ///< past it /healthz tells that a shard does not answer
};

}  // namespace kith::admin
