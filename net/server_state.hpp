// What all connections of a server share.
//
// Thread safety: all of it; the options do not change after the start.
#pragma once

#include <utility>
#include <memory>
#include <mutex>

#include "actors/service.hpp"
#include "net/credentials.hpp"
#include "net/event_loops.hpp"
#include "net/open_connections.hpp"
#include "net/probe.hpp"
#include "net/server.hpp"
#include "net/tls_context.hpp"

namespace kith::net {

struct server_state {
  server_state(actors::service& runs, std::shared_ptr<reloadable_tls> certificates,
               std::shared_ptr<credential_store> known, server_options chosen)
      : service(runs),
        loops(runs),
        tls(std::move(certificates)),
        credentials(std::move(known)),
        options(std::move(chosen)),
        limits_(std::make_shared<const limits::connection>(options.limits)) {}

  actors::service& service;
  shard_loops loops;
  const std::shared_ptr<reloadable_tls> tls;
  const std::shared_ptr<credential_store> credentials;
  const server_options options;
  probe counts;
  open_connections open{counts};

  /// Those for a connection that begins now.
  std::shared_ptr<const limits::connection> limits() const {
    const std::lock_guard lock(mutex_);
    return limits_;
  }
  void set_limits(const limits::connection& next) {
    const std::lock_guard lock(mutex_);
    limits_ = std::make_shared<const limits::connection>(next);
  }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const limits::connection> limits_;
};

}  // namespace kith::net
