// What all connections of a server share.
//
// Thread safety: all of it; the options do not change after the start.
#pragma once

#include <utility>
#include <condition_variable>
#include <memory>
#include <mutex>

#include "actors/service.hpp"
#include "net/credentials.hpp"
#include "net/probe.hpp"
#include "net/server.hpp"
#include "net/tls_context.hpp"

namespace kith::net {

struct server_state {
  server_state(actors::service& runs, std::shared_ptr<reloadable_tls> certificates,
               std::shared_ptr<credential_store> known, server_options chosen)
      : service(runs),
        tls(std::move(certificates)),
        credentials(std::move(known)),
        options(std::move(chosen)),
        limits_(std::make_shared<const limits::connection>(options.limits)) {}

  actors::service& service;
  const std::shared_ptr<reloadable_tls> tls;
  const std::shared_ptr<credential_store> credentials;
  const server_options options;
  probe counts;

  /// Those for a connection that begins now.
  std::shared_ptr<const limits::connection> limits() const {
    const std::lock_guard lock(mutex_);
    return limits_;
  }
  void set_limits(const limits::connection& next) {
    const std::lock_guard lock(mutex_);
    limits_ = std::make_shared<const limits::connection>(next);
  }

  void connection_begins() noexcept {
    probe::add(counts.connections_open);
    probe::add(counts.connections_total);
  }
  void connection_ends() {
    const std::lock_guard lock(mutex_);
    if (counts.connections_open.fetch_sub(1) == 1) none_open_.notify_all();
  }
  /// False if some were still open at the deadline.
  bool wait_for_none(std::chrono::steady_clock::time_point deadline) {
    std::unique_lock lock(mutex_);
    return none_open_.wait_until(lock, deadline, [this] { return counts.connections_open.load() == 0; });
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable none_open_;
  std::shared_ptr<const limits::connection> limits_;
};

}  // namespace kith::net
