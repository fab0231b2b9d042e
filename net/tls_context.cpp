#include "net/tls_context.hpp"

#include <ctime>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <vector>

namespace kith::net {

namespace {

tl::unexpected<error> file_error(const char* what, const std::string& file, const boost::system::error_code& cause) {
  return fail(errc::invalid_argument, std::string(what) + " " + file + ": " + cause.message());
}

/// Loads whatever of the files is named.
result<void> use_files(tls_context& context, const tls_files& files) {
  boost::system::error_code ec;
  ERR_clear_error();
  if (!files.certificate.empty()) {
    context.use_certificate_chain_file(files.certificate, ec);
    if (ec) return file_error("certificate", files.certificate, ec);
    context.use_private_key_file(files.key, tls_context::pem, ec);
    if (ec) return file_error("key", files.key, ec);
    if (SSL_CTX_check_private_key(context.native_handle()) != 1) {
      return fail(errc::invalid_argument, "key " + files.key + ": does not belong to certificate " + files.certificate);
    }
  }
  if (files.ca.empty()) return {};
  context.load_verify_file(files.ca, ec);
  if (ec) return file_error("CA", files.ca, ec);
  return {};
}

/// What all contexts have in common.
void use_defaults(SSL_CTX* context) {
  SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
  SSL_CTX_set_mode(context,
                   SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  // No resumption: a connection is judged by its certificate and token each time, and lives long.
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(context, 0);
  // AES is in the processor; TLS_AES_128_GCM_SHA256 is the cheapest that TLS 1.3 has.
  SSL_CTX_set_ciphersuites(context, "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256");
}

/// ALPN's wire form: each name with its length in front.
std::string alpn_list(const std::string& name) { return static_cast<char>(name.size()) + name; }

int select_alpn(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* offered,
                unsigned offered_size, void* context) {
  const auto& ours = *static_cast<const std::string*>(context);
  unsigned char* chosen = nullptr;
  const int found = SSL_select_next_proto(&chosen, out_size, reinterpret_cast<const unsigned char*>(ours.data()),
                                          static_cast<unsigned>(ours.size()), offered, offered_size);
  if (found != OPENSSL_NPN_NEGOTIATED) return SSL_TLSEXT_ERR_NOACK;
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

/// The list lives as long as its context, which may outlive its maker.
void accept_alpn(SSL_CTX* context, const std::string& name) {
  static const int slot =
      SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, [](void*, void* list, CRYPTO_EX_DATA*, int, long, void*) {
        delete static_cast<std::string*>(list);  // NOLINT: OpenSSL owns it and calls this once
      });
  auto list = std::make_unique<std::string>(alpn_list(name));
  if (SSL_CTX_set_ex_data(context, slot, list.get()) != 1) return;  // no memory: no ALPN
  SSL_CTX_set_alpn_select_cb(context, select_alpn, list.release());
}

}  // namespace

result<std::shared_ptr<tls_context>> make_server_context(const tls_server_options& options) {
  auto context = std::make_shared<tls_context>(tls_context::tls_server);
  SSL_CTX* raw = context->native_handle();
  use_defaults(raw);
  if (auto used = use_files(*context, options.files); !used) return tl::make_unexpected(std::move(used.error()));
  if (!options.files.ca.empty() && options.clients != peer_certificate::none) {
    SSL_CTX_set_verify(
        raw, SSL_VERIFY_PEER | (options.clients == peer_certificate::required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0),
        nullptr);
    SSL_CTX_set_client_CA_list(raw, SSL_load_client_CA_file(options.files.ca.c_str()));
  }
  if (!options.alpn.empty()) accept_alpn(raw, options.alpn);
  if (options.also_tls_1_2) {
    SSL_CTX_set_min_proto_version(raw, TLS1_2_VERSION);
    SSL_CTX_set_cipher_list(raw, "ECDHE+AESGCM:ECDHE+CHACHA20");
    SSL_CTX_set_options(raw, SSL_OP_NO_RENEGOTIATION);
  }
  return context;
}

result<std::shared_ptr<tls_context>> make_client_context(const tls_files& files, const std::string& alpn) {
  auto context = std::make_shared<tls_context>(tls_context::tls_client);
  SSL_CTX* raw = context->native_handle();
  use_defaults(raw);
  if (auto used = use_files(*context, files); !used) return tl::make_unexpected(std::move(used.error()));
  if (files.ca.empty() && SSL_CTX_set_default_verify_paths(raw) != 1) {
    return fail(errc::invalid_argument, "the system's CA certificates can not be loaded; name a CA file");
  }
  SSL_CTX_set_verify(raw, SSL_VERIFY_PEER, nullptr);
  if (!alpn.empty()) {
    const std::string list = alpn_list(alpn);
    SSL_CTX_set_alpn_protos(raw, reinterpret_cast<const unsigned char*>(list.data()),
                            static_cast<unsigned>(list.size()));
  }
  return context;
}

result<std::shared_ptr<reloadable_tls>> reloadable_tls::load(tls_server_options options) {
  std::shared_ptr<reloadable_tls> made(new reloadable_tls(std::move(options)));
  if (auto loaded = made->reload(); !loaded) return tl::make_unexpected(std::move(loaded.error()));
  return made;
}

result<void> reloadable_tls::reload() {
  auto next = make_server_context(options_);
  if (!next) return tl::make_unexpected(std::move(next.error()));
  const std::lock_guard lock(mutex_);
  context_ = std::move(*next);
  return {};
}

std::shared_ptr<tls_context> reloadable_tls::current() const {
  const std::lock_guard lock(mutex_);
  return context_;
}

std::int64_t reloadable_tls::not_after() const {
  const auto shown = current();
  const X509* certificate = SSL_CTX_get0_certificate(shown->native_handle());
  std::tm ends{};
  if (certificate == nullptr || ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &ends) != 1) return 0;
  return timegm(&ends);
}

std::string common_name_of(X509* certificate) {
  X509_NAME* subject = X509_get_subject_name(certificate);
  const int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  if (at < 0) return {};
  unsigned char* text = nullptr;
  const int size = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
  if (size < 0) return {};
  std::string name(reinterpret_cast<const char*>(text), static_cast<std::size_t>(size));
  OPENSSL_free(text);
  return name;
}

}  // namespace kith::net
