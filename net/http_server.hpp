// An HTTPS server on the loops that connections live on: HTTP/1.1, one request at a time on a connection.
//
// Invariants
//   - A connection whose loop has too much to do is not read: TCP tells the sender.
//   - What is not HTTP/1.1, too large or too slow is answered with a problem document and closed.
//
// Thread safety: all public members of http_server, from threads that are no loop's.
#pragma once

#include <utility>
#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "net/event_loops.hpp"
#include "net/http_limits.hpp"
#include "net/http_message.hpp"
#include "net/probe.hpp"
#include "net/tls_context.hpp"
#include "profile/result.hpp"

namespace kith::net {

class http_session;

/// Answers one request, from its loop's thread, once. The request's views hold until then. If it is let go without an
/// answer, the connection is closed.
class http_reply {
 public:
  explicit http_reply(std::shared_ptr<http_session> session) : session_(std::move(session)) {}
  http_reply(http_reply&&) noexcept = default;
  http_reply& operator=(http_reply&&) noexcept = default;
  ~http_reply();

  void operator()(const http_response& response);
  /// The name of the client's certificate, which our CA signed; empty: it showed none.
  const std::string& peer_name() const;

 private:
  std::shared_ptr<http_session> session_;
};

/// Called on the thread of loop `home`.
using http_handler = std::function<void(unsigned home, const http_request& request, http_reply reply)>;
/// What a request that is none, or is too large or too slow, is answered.
using http_refuser = std::function<http_response(unsigned status, const error& why)>;

struct http_counts : connection_counts {
  using counter = std::atomic<std::uint64_t>;

  counter requests{0};
  counter refused{0};  ///< what is no request that we serve: malformed, too large
  counter timeouts{0};
  counter handshake_failures{0};
  counter reads_paused{0};  ///< times that a connection was not read for a while
  counter bytes_in{0};      ///< inside TLS
  counter bytes_out{0};
  counter waiting_bytes{0};  ///< of requests that are not answered; falls again
};

struct http_options {
  std::string address = "127.0.0.1";
  unsigned short port = 7441;  ///< 0: any that is free
  http_limits limits;
};

class http_server {
 public:
  /// REQUIRES: the loops run, and outlive the server. Errors: as of listener::start.
  static result<std::unique_ptr<http_server>> start(event_loops& loops, std::shared_ptr<reloadable_tls> tls,
                                                    http_options options, http_handler handler, http_refuser refuser);
  ~http_server();  ///< stop(0)
  http_server(const http_server&) = delete;
  http_server& operator=(const http_server&) = delete;

  unsigned short port() const noexcept;
  const http_counts& stats() const noexcept;
  /// As net::server's.
  void stop(std::chrono::steady_clock::duration deadline);

 private:
  struct impl;
  explicit http_server(std::unique_ptr<impl> made);
  std::unique_ptr<impl> impl_;
};

}  // namespace kith::net
