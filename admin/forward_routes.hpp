// What a forwarder's own HTTPS port answers: health, metrics, what is in the spool, and its dead letters as a server's.
//
// Thread safety: handle_forward() from any thread that is no loop's; it may block.
#pragma once

#include "admin/http.hpp"
#include "admin/parts.hpp"
#include "ingest/forward/sender.hpp"
#include "ingest/forward/spooler.hpp"
#include "persistence/spool.hpp"

namespace kith::admin {

/// All of it outlives the port.
struct forward_parts {
  const persistence::spool& spool;
  const ingest::forward::spooler& into;
  const ingest::forward::sender& sender;
  parts edges;
};

response handle_forward(const forward_parts& with, const request& asked);

}  // namespace kith::admin
