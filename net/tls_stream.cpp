#include "net/tls_stream.hpp"

#include <boost/asio/ip/address.hpp>
#include <cerrno>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>
#include <system_error>

namespace kith::net {

namespace {

constexpr std::size_t read_ahead_bytes = 64 * 1024;

bool worth_retrying() noexcept { return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR; }

}  // namespace

// OpenSSL's own socket BIO lets a write to a closed socket raise SIGPIPE, and asks an empty socket after each read.
struct socket_bio {
  static tls_stream::byte_source& of(BIO* bio) noexcept {
    return *static_cast<tls_stream::byte_source*>(BIO_get_data(bio));
  }
  static int write(BIO* bio, const char* from, int size) {
    BIO_clear_retry_flags(bio);
    const auto sent = ::send(of(bio).descriptor, from, static_cast<std::size_t>(size), MSG_NOSIGNAL);
    if (sent < 0 && worth_retrying()) BIO_set_retry_write(bio);
    return static_cast<int>(sent);
  }
  static int read(BIO* bio, char* to, int size) {
    BIO_clear_retry_flags(bio);
    auto& source = of(bio);
    if (source.drained) {
      BIO_set_retry_read(bio);
      return -1;
    }
    const auto received = ::recv(source.descriptor, to, static_cast<std::size_t>(size), 0);
    if (received < 0 && worth_retrying()) BIO_set_retry_read(bio);
    source.drained = received > 0 && received < size;
    return static_cast<int>(received);
  }
  static long control(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }

  static BIO_METHOD* method() {
    static BIO_METHOD* const method = [] {
      BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "kith socket");
      BIO_meth_set_write(made, write);
      BIO_meth_set_read(made, read);
      BIO_meth_set_ctrl(made, control);
      return made;
    }();
    return method;
  }
};

namespace {

void expect_name(SSL* ssl, const std::string& name) {
  boost::system::error_code ec;
  boost::asio::ip::make_address(name, ec);
  if (!ec) {
    X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name.c_str());
    return;
  }
  SSL_set_tlsext_host_name(ssl, name.c_str());
  SSL_set1_host(ssl, name.c_str());
}

}  // namespace

void tls_stream::free_ssl::operator()(SSL* ssl) const noexcept { SSL_free(ssl); }

tls_stream::tls_stream(tcp::socket socket, std::shared_ptr<tls_context> context, tls_role role,
                       const std::string& server_name)
    : context_(std::move(context)), socket_(std::move(socket)), ssl_(SSL_new(context_->native_handle())) {
  bytes_.descriptor = socket_.native_handle();
  BIO* bio = BIO_new(socket_bio::method());
  BIO_set_data(bio, &bytes_);
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl_.get(), bio, bio);
  SSL_set_read_ahead(ssl_.get(), 1);
  SSL_set_default_read_buffer_len(ssl_.get(), read_ahead_bytes);
  if (role == tls_role::server) {
    SSL_set_accept_state(ssl_.get());
  } else {
    SSL_set_connect_state(ssl_.get());
    if (!server_name.empty()) expect_name(ssl_.get(), server_name);
  }
}

tls_step tls_stream::handshake() {
  ERR_clear_error();
  errno = 0;
  return outcome_of(SSL_do_handshake(ssl_.get()), 0);
}

tls_step tls_stream::read(char* to, std::size_t size) {
  ERR_clear_error();
  errno = 0;
  std::size_t bytes = 0;
  const int returned = SSL_read_ex(ssl_.get(), to, size, &bytes);
  return outcome_of(returned, bytes);
}

tls_step tls_stream::write(const char* from, std::size_t size) {
  ERR_clear_error();
  errno = 0;
  std::size_t bytes = 0;
  const int returned = SSL_write_ex(ssl_.get(), from, size, &bytes);
  return outcome_of(returned, bytes);
}

void tls_stream::close_notify() {
  ERR_clear_error();
  if (SSL_is_init_finished(ssl_.get())) SSL_shutdown(ssl_.get());
}

tls_step tls_stream::outcome_of(int returned, std::size_t bytes) {
  using kind = tls_step::kind;
  if (returned == 1) return {kind::done, bytes};
  const int cause = errno;
  switch (SSL_get_error(ssl_.get(), returned)) {
    case SSL_ERROR_WANT_READ: return {kind::want_read, 0};
    case SSL_ERROR_WANT_WRITE: return {kind::want_write, 0};
    case SSL_ERROR_ZERO_RETURN: failure_ = "closed by the peer"; return {kind::closed, 0};
    case SSL_ERROR_SYSCALL:
      failure_ = cause == 0 ? "closed by the peer" : std::generic_category().message(cause);
      return {cause == 0 ? kind::closed : kind::failed, 0};
    default: break;
  }
  const unsigned long code = ERR_peek_error();
  const char* reason = ERR_reason_error_string(code);
  failure_ = std::string("TLS: ") + (reason != nullptr ? reason : "protocol error");
  const long verified = SSL_get_verify_result(ssl_.get());
  if (verified != X509_V_OK) failure_ += std::string(" (") + X509_verify_cert_error_string(verified) + ")";
  return {kind::failed, 0};
}

std::string tls_stream::peer_name() const {
  X509* certificate = SSL_get1_peer_certificate(ssl_.get());
  if (certificate == nullptr) return {};
  std::string name = common_name_of(certificate);
  X509_free(certificate);
  return name;
}

}  // namespace kith::net
