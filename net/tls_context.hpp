// TLS contexts: TLS 1.3, ALPN kith/1 offered and not required.
#pragma once

#include <utility>
#include <boost/asio/ssl/context.hpp>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

#include "profile/result.hpp"

namespace kith::net {

inline constexpr const char* alpn_protocol = "kith/1";

enum class peer_certificate : unsigned char { none, optional, required };

/// PEM files.
struct tls_files {
  std::string certificate;  ///< the chain, own certificate first
  std::string key;
  std::string ca;  ///< server: signs client certificates; client: signs the server's; empty: see below
};

struct tls_server_options {
  tls_files files;  ///< no `ca`: client certificates are not asked for
  peer_certificate clients = peer_certificate::optional;
  std::string alpn = alpn_protocol;  ///< empty: none
  bool also_tls_1_2 = false;         ///< with forward secrecy and authenticated encryption: what RFC 9325 recommends
};

using tls_context = boost::asio::ssl::context;

/// Errors: invalid_argument, naming the file and the cause.
result<std::shared_ptr<tls_context>> make_server_context(const tls_server_options& options);
/// No `ca`: the system's. No certificate: none is shown.
result<std::shared_ptr<tls_context>> make_client_context(const tls_files& files,
                                                         const std::string& alpn = alpn_protocol);

/// A server's context that can be read anew from its files while connections go on with the one they began with.
/// Thread safety: all of it.
class reloadable_tls {
 public:
  static result<std::shared_ptr<reloadable_tls>> load(tls_server_options options);

  /// On an error the present context stays.
  result<void> reload();
  std::shared_ptr<tls_context> current() const;
  /// When the certificate that is shown ends: seconds since 1970; 0: there is none.
  std::int64_t not_after() const;

 private:
  explicit reloadable_tls(tls_server_options options) : options_(std::move(options)) {}

  tls_server_options options_;
  mutable std::mutex mutex_;
  std::shared_ptr<tls_context> context_;
};

/// The common name of a certificate's subject; empty if it has none.
std::string common_name_of(X509* certificate);

}  // namespace kith::net
