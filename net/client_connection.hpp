// One pipelined connection to a server, asynchronous.
//
// Invariants
//   - Every send() is answered exactly once: by its reply or, when the connection is lost, by `unavailable`.
//   - Callbacks run on the io_context's thread, never from within the call.
//
// Thread safety: none; all members are called on the io_context's thread (before it runs, or from its handlers).
#pragma once

#include <utility>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "net/rpc.hpp"
#include "net/tls_context.hpp"
#include "profile/limits.hpp"
#include "profile/result.hpp"

namespace kith::net {

/// Exponential backoff with full jitter: before try n+1 a random time up to min(most, first * 2^n) is waited, and at
/// least what the server asked for.
struct retry_policy {
  unsigned attempts = 8;
  std::chrono::milliseconds first{50};
  std::chrono::milliseconds most{5'000};
};

struct client_options {
  std::string host = "127.0.0.1";
  unsigned short port = 7440;
  std::string ca_file;    ///< empty: the system's
  std::string cert_file;  ///< empty: no client certificate
  std::string key_file;
  std::string token;        ///< empty: the certificate says who we are
  std::string server_name;  ///< what the server's certificate must name; empty: the host
  std::string agent = "kith-cpp";
  std::chrono::milliseconds connect_timeout{10'000};
  std::chrono::milliseconds request_timeout{60'000};
  retry_policy retry;
  std::size_t reply_bytes = 64 * 1024 * 1024;  ///< a longer one ends the connection
};

/// The context of a client's options. Errors: invalid_argument, naming the file.
result<std::shared_ptr<tls_context>> make_client_context(const client_options& options);

/// A reply's result as MessagePack bytes, valid during the callback.
using reply = tl::expected<std::string_view, rpc_error>;
using reply_callback = std::function<void(const reply&)>;

class client_connection {
 public:
  using notification_callback = std::function<void(std::string_view method, std::string_view params)>;
  using closed_callback = std::function<void(const error& why)>;

  client_connection(boost::asio::io_context& io, std::shared_ptr<tls_context> tls, client_options options);
  ~client_connection();  ///< close(); callbacks that are due are not called any more
  client_connection(const client_connection&) = delete;
  client_connection& operator=(const client_connection&) = delete;

  /// TCP, TLS, hello. Once only. Errors: unavailable (not reached, with the cause), unauthenticated.
  void connect(std::function<void(const result<void>&)> done);

  /// Unique among the requests in flight.
  std::uint32_t next_msgid() noexcept;
  /// `frame`: one encoded request with this msgid (see net/requests.hpp); copied into the outbound buffer. What is
  /// sent in one handler leaves in one write.
  void send(std::string_view frame, std::uint32_t msgid, reply_callback done);

  void on_notification(notification_callback callback);
  /// Called once when an established connection is lost, after the requests in flight were answered.
  void on_closed(closed_callback callback);
  void close();

  bool is_open() const noexcept;
  std::size_t in_flight() const noexcept;
  std::size_t outbound_bytes() const noexcept;

 private:
  struct impl;
  std::shared_ptr<impl> impl_;
};

}  // namespace kith::net
