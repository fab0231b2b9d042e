// The admin HTTPS server: HTTP/1.1 over TLS 1.3 on threads of its own, so that it never delays a shard.
//
// Thread safety: all public members, from any thread but a shard's.
#pragma once

#include <utility>
#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "actors/service.hpp"
#include "admin/access.hpp"
#include "admin/definition_store.hpp"
#include "admin/parts.hpp"
#include "net/credentials.hpp"
#include "net/probe.hpp"
#include "net/tls_context.hpp"
#include "webhooks/deliverer.hpp"

namespace kith::admin {

struct request;
struct response;
/// From any thread; may block.
using request_handler = std::function<response(const request&)>;

struct admin_options {
  std::string address = "127.0.0.1";
  unsigned short port = 7442;  ///< 0: any that is free
  unsigned threads = 6;        ///< handlers may block, twice two of them on other servers (waiting_room)
  std::size_t connections = 256;
  std::size_t header_bytes = 16 * 1024;
  std::size_t body_bytes = 1024 * 1024;
  std::chrono::milliseconds request_timeout{15'000};  ///< for a whole request to arrive, and between requests
};

class admin_server {
 public:
  /// Errors: unavailable, invalid_argument.
  static result<std::unique_ptr<admin_server>> start(actors::service& service, definition_store& definitions,
                                                     std::shared_ptr<net::reloadable_tls> tls,
                                                     std::shared_ptr<net::credential_store> credentials,
                                                     admin_options options, parts with = {});
  /// Other routes than a server's.
  static result<std::unique_ptr<admin_server>> start(request_handler handle, std::shared_ptr<net::reloadable_tls> tls,
                                                     std::shared_ptr<net::credential_store> credentials,
                                                     admin_options options);
  ~admin_server();  ///< closes all connections and joins the threads
  admin_server(const admin_server&) = delete;
  admin_server& operator=(const admin_server&) = delete;

  /// As it holds from now on; `issuers`: of OAuth access tokens; null: none are taken.
  void configure(const access_settings& settings, std::shared_ptr<ingest::oauth::authorizer> issuers);
  /// As of access::sign_in_at().
  void sign_in_at(const std::shared_ptr<sign_in>& provider);
  unsigned short port() const noexcept;

 private:
  struct impl;
  explicit admin_server(std::unique_ptr<impl> made);
  std::unique_ptr<impl> impl_;
};

}  // namespace kith::admin
