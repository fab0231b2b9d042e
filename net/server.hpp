// The protocol server: MessagePack-RPC over TLS 1.3.
//
// Invariants
//   - A connection lives wholly on one shard's io_context; connections are dealt out to the shards in turn.
//   - Nothing is dropped under load: a connection that has too much in flight is not read until it has less.
//
// Thread safety: all public members, from threads that are no shard's.
#pragma once

#include <utility>
#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "actors/service.hpp"
#include "actors/tracing.hpp"
#include "net/credentials.hpp"
#include "net/event_judge.hpp"
#include "net/probe.hpp"
#include "net/tls_context.hpp"
#include "persistence/dead_letters.hpp"
#include "profile/limits.hpp"

namespace kith::net {

/// What the method `erase` asks for.
struct erase_order {
  profile::hash128 address;
  std::string reason;
  std::string by;  ///< the credential's name
  std::string_view role;
  std::string_view known_by;  ///< "token" or "certificate"
};
using erase_done = std::function<void(result<std::string> receipt)>;

struct server_options {
  std::string address = "127.0.0.1";
  unsigned short port = 7440;  ///< 0: any that is free
  limits::connection limits;
  std::string server_name = "kith";
  std::string version = KITH_VERSION;
  std::string node = "kith-1";
  limits::event event;  ///< told in `hello`; the service enforces them
  /// Keeps the events that are rejected, before that is answered; null: it is only answered. Outlives the server, and
  /// calls nothing back once it is gone: it ends before the service.
  persistence::dead_letters* letters = nullptr;
  /// Erases on a thread of its own, and calls `done` there, or not at all once the server stops; empty: nobody may.
  std::function<void(erase_order what, erase_done done)> erase;
  /// Looks at what is published; null: nothing does. Outlives the server.
  event_judge* judge = nullptr;
  actors::tracer* traces = nullptr;  ///< null: nothing is traced. Outlives the server
};

class server {
 public:
  /// REQUIRES: the service's io_contexts run, and outlive the server. Errors: unavailable (the address can not be
  /// listened on), invalid_argument (it is none).
  static result<std::unique_ptr<server>> start(actors::service& service, std::shared_ptr<reloadable_tls> tls,
                                               std::shared_ptr<credential_store> credentials, server_options options);
  ~server();  ///< stop(0)
  server(const server&) = delete;
  server& operator=(const server&) = delete;

  unsigned short port() const noexcept;
  const probe& stats() const noexcept;

  /// For connections to come.
  void reload_limits(const limits::connection& limits);

  /// Accepts no more, reads no more, answers what is in flight, closes. What is not done at the deadline is cut.
  void stop(std::chrono::steady_clock::duration deadline);

 private:
  struct impl;
  explicit server(std::shared_ptr<impl> made);
  std::shared_ptr<impl> impl_;
};

}  // namespace kith::net
