#include "tests/net/support/certificates.hpp"

#include <cstdio>
#include <filesystem>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdexcept>
#include <stdlib.h>

namespace kith::test {

namespace {

struct signed_key {
  EVP_PKEY* key;
  X509* certificate;
};

void add_extension(X509* to, X509* issuer, int nid, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, to, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value);
  X509_add_ext(to, extension, -1);
  X509_EXTENSION_free(extension);
}

signed_key make(const std::string& common_name, long serial, const signed_key* issuer, bool is_ca) {
  EVP_PKEY* key = EVP_EC_gen("P-256");
  X509* made = X509_new();
  X509_set_version(made, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(made), serial);
  X509_gmtime_adj(X509_getm_notBefore(made), -3600);
  X509_gmtime_adj(X509_getm_notAfter(made), 24 * 3600);
  X509_set_pubkey(made, key);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(made), "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(common_name.c_str()), -1, -1, 0);
  X509* parent = issuer != nullptr ? issuer->certificate : made;
  X509_set_issuer_name(made, X509_get_subject_name(parent));
  add_extension(made, parent, NID_basic_constraints, is_ca ? "critical,CA:TRUE" : "CA:FALSE");
  if (!is_ca) add_extension(made, parent, NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1");
  X509_sign(made, issuer != nullptr ? issuer->key : key, EVP_sha256());
  return {key, made};
}

void release(const signed_key& one) {
  X509_free(one.certificate);
  EVP_PKEY_free(one.key);
}

template <class Write>
void write_file(const std::string& path, Write write) {
  std::FILE* file = std::fopen(path.c_str(), "w");
  if (file == nullptr) throw std::runtime_error("can not write " + path);
  write(file);
  std::fclose(file);
}

void save(const signed_key& one, const std::string& certificate, const std::string& key) {
  write_file(certificate, [&](std::FILE* file) { PEM_write_X509(file, one.certificate); });
  write_file(key, [&](std::FILE* file) { PEM_write_PrivateKey(file, one.key, nullptr, nullptr, 0, nullptr, nullptr); });
}

signed_key load(const std::string& certificate, const std::string& key) {
  signed_key out{};
  std::FILE* file = std::fopen(certificate.c_str(), "r");
  out.certificate = PEM_read_X509(file, nullptr, nullptr, nullptr);
  std::fclose(file);
  file = std::fopen(key.c_str(), "r");
  out.key = PEM_read_PrivateKey(file, nullptr, nullptr, nullptr);
  std::fclose(file);
  return out;
}

}  // namespace

certificates::certificates() {
  std::string pattern = (std::filesystem::temp_directory_path() / "kith-net-XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no temporary directory");
  directory_ = pattern;
  const signed_key ca = make("Kith test CA", next_serial_++, nullptr, true);
  save(ca, path("ca.pem"), path("ca.key"));
  release(ca);
  issue("server", "localhost");
}

certificates::~certificates() {
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
}

net::tls_files certificates::issue(const std::string& name, const std::string& common_name, bool self_signed) {
  const signed_key ca = load(path("ca.pem"), path("ca.key"));
  const signed_key made = make(common_name, next_serial_++, self_signed ? nullptr : &ca, false);
  save(made, path(name + ".pem"), path(name + ".key"));
  release(made);
  release(ca);
  return {path(name + ".pem"), path(name + ".key"), path("ca.pem")};
}

net::tls_server_options certificates::server_options() const {
  net::tls_server_options out;
  out.files = {path("server.pem"), path("server.key"), path("ca.pem")};
  return out;
}

}  // namespace kith::test
