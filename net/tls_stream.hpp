// TLS over a non-blocking socket: steps that go as far as they can and say what they wait for.
//
// OpenSSL reads and writes the socket itself. Asio's own ssl::stream keeps 68 KB of buffers a connection, which ten
// thousand idle ones would not be worth.
//
// Thread safety: none.
#pragma once

#include <utility>
#include <boost/asio/ip/tcp.hpp>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "net/tls_context.hpp"

namespace kith::net {

enum class tls_role : std::uint8_t { server, client };

struct tls_step {
  enum class kind : std::uint8_t { done, want_read, want_write, closed, failed };
  kind is = kind::failed;
  std::size_t bytes = 0;  ///< done: read or written
};

class tls_stream {
 public:
  tls_stream(const tls_stream&) = delete;
  tls_stream& operator=(const tls_stream&) = delete;

  using tcp = boost::asio::ip::tcp;

  /// `server_name`: what a client wants the certificate to name, a host name or an IP address.
  tls_stream(tcp::socket socket, std::shared_ptr<tls_context> context, tls_role role,
             const std::string& server_name = {});

  tls_step handshake();
  /// REQUIRES: size > 0.
  tls_step read(char* to, std::size_t size);
  tls_step write(const char* from, std::size_t size);
  /// The socket may have bytes again. Before that, once it gave all it had, steps that need some ask it for none.
  void readable() noexcept { bytes_.drained = false; }
  /// Says to the peer that nothing more will come; best effort.
  void close_notify();

  tcp::socket& socket() noexcept { return socket_; }
  /// Why the last step failed, for people.
  const std::string& failure() const noexcept { return failure_; }
  /// The common name of the peer's certificate, which its CA signed; empty: it showed none.
  std::string peer_name() const;

 private:
  struct free_ssl {
    void operator()(SSL* ssl) const noexcept;
  };
  friend struct socket_bio;
  /// What OpenSSL reads from and writes to.
  struct byte_source {
    int descriptor = -1;
    bool drained = false;  ///< the last read took less than it had asked for
  };
  tls_step outcome_of(int returned, std::size_t bytes);

  std::shared_ptr<tls_context> context_;
  tcp::socket socket_;
  byte_source bytes_;
  std::unique_ptr<SSL, free_ssl> ssl_;
  std::string failure_;
};

}  // namespace kith::net
