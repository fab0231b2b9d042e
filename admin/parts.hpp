// What the admin API shows and steers beside the profiles.
#pragma once

#include "ingest/probe.hpp"
#include "net/http_server.hpp"
#include "net/probe.hpp"
#include "persistence/dead_letters.hpp"

namespace kith::ingest::schema {
class gate;
class store;
}  // namespace kith::ingest::schema
namespace kith::webhooks {
class deliverer;
}

namespace kith::admin {

class access;
class audit_log;
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
  audit_log* audit = nullptr;                       ///< null: nothing is recorded
  bool audit_reads = true;                          ///< also answers that hold personal data
  const shared_personal_rules* personal = nullptr;  ///< null: the rules of an empty [pii]
  const receipt_signer* receipts = nullptr;         ///< null: nobody is erased
  access* door = nullptr;                           ///< the server's own
  probe* counts = nullptr;                          ///< as door
};

}  // namespace kith::admin
