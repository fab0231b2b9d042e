#include "cli/dev_pki.hpp"

#include <array>
#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <filesystem>
#include <memory>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <system_error>
#include <unistd.h>

namespace kith::cli {

namespace {

constexpr long valid_seconds = 397L * 24 * 3600;

template <auto Free>
struct freed_by {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};
using key_ptr = std::unique_ptr<EVP_PKEY, freed_by<EVP_PKEY_free>>;
using certificate_ptr = std::unique_ptr<X509, freed_by<X509_free>>;
using bio_ptr = std::unique_ptr<BIO, freed_by<BIO_free_all>>;
using extension_ptr = std::unique_ptr<X509_EXTENSION, freed_by<X509_EXTENSION_free>>;

struct identity {
  key_ptr key;
  certificate_ptr certificate;
};

bool add_extension(X509* certificate, X509* issuer, int which, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const extension_ptr extension(X509V3_EXT_conf_nid(nullptr, &context, which, value));
  return extension && X509_add_ext(certificate, extension.get(), -1) == 1;
}

/// An EC P-256 key with a certificate; signed by `issuer`, or by itself if there is none. Without a certificate if
/// OpenSSL could not.
identity make_identity(const std::string& common_name, const identity* issuer, const char* usage, const char* names) {
  identity made;
  made.key.reset(EVP_EC_gen("P-256"));
  made.certificate.reset(X509_new());
  if (!made.key || !made.certificate) return {};
  auto* certificate = made.certificate.get();
  X509_set_version(certificate, 2);
  std::array<unsigned char, 8> serial{};
  if (RAND_bytes(serial.data(), static_cast<int>(serial.size())) != 1) return {};
  serial[0] &= 0x7f;
  BIGNUM* number = BN_bin2bn(serial.data(), static_cast<int>(serial.size()), nullptr);
  BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate));
  BN_free(number);
  X509_gmtime_adj(X509_getm_notBefore(certificate), -300);
  X509_gmtime_adj(X509_getm_notAfter(certificate), valid_seconds);
  X509_set_pubkey(certificate, made.key.get());
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(common_name.c_str()), -1, -1, 0);
  auto* signer = issuer == nullptr ? certificate : issuer->certificate.get();
  X509_set_issuer_name(certificate, X509_get_subject_name(signer));
  const bool is_ca = issuer == nullptr;
  const bool complete =
      add_extension(certificate, signer, NID_basic_constraints, is_ca ? "critical,CA:TRUE" : "critical,CA:FALSE") &&
      add_extension(certificate, signer, NID_key_usage,
                    is_ca ? "critical,keyCertSign,cRLSign" : "critical,digitalSignature") &&
      add_extension(certificate, signer, NID_subject_key_identifier, "hash") &&
      add_extension(certificate, signer, NID_authority_key_identifier, "keyid") &&
      (usage == nullptr || add_extension(certificate, signer, NID_ext_key_usage, usage)) &&
      (names == nullptr || add_extension(certificate, signer, NID_subject_alt_name, names));
  if (!complete || X509_sign(certificate, is_ca ? made.key.get() : issuer->key.get(), EVP_sha256()) == 0) return {};
  return made;
}

std::string drain(const bio_ptr& bio) {
  char* bytes = nullptr;
  const auto size = BIO_get_mem_data(bio.get(), &bytes);
  return {bytes, static_cast<std::size_t>(size)};
}

std::string pem_of(X509* certificate) {
  const bio_ptr bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_X509(bio.get(), certificate);
  return drain(bio);
}

std::string pem_of(EVP_PKEY* key) {
  const bio_ptr bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr);
  return drain(bio);
}

/// Empty if there is no randomness.
std::string random_token() {
  constexpr std::string_view digits = "0123456789abcdef";
  std::array<unsigned char, 24> bytes{};
  if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1) return {};
  std::string token;
  for (const auto byte : bytes) {
    token.push_back(digits[byte >> 4]);
    token.push_back(digits[byte & 0xf]);
  }
  return token;
}

result<void> write_file(const std::string& path, const std::string& text, unsigned mode) {
  ::unlink(path.c_str());
  const int descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
  const bool written =
      descriptor >= 0 && ::write(descriptor, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  const int code = errno;
  if (descriptor >= 0) ::close(descriptor);
  if (written) return {};
  return fail(errc::unavailable, path + ": cannot be written: " + std::generic_category().message(code));
}

bool still_valid(const std::string& directory) {
  for (const auto* name : {"ca.pem", "server.key", "client.pem", "client.key", "admin.token", "ingest.token"}) {
    if (!std::filesystem::exists(directory + "/" + name)) return false;
  }
  const bio_ptr bio(BIO_new_file((directory + "/server.pem").c_str(), "r"));
  if (!bio) return false;
  const certificate_ptr certificate(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
  return certificate && X509_cmp_current_time(X509_get0_notAfter(certificate.get())) > 0;
}

}  // namespace

result<void> make_dev_files(const std::string& directory) {
  std::error_code code;
  std::filesystem::create_directories(directory, code);
  if (code) return fail(errc::unavailable, directory + ": cannot be made: " + code.message());
  if (still_valid(directory)) return {};
  const auto ca = make_identity("Kith development CA", nullptr, nullptr, nullptr);
  if (!ca.certificate) return fail(errc::internal, "OpenSSL could not make a CA");
  const auto server = make_identity("localhost", &ca, "serverAuth", "DNS:localhost,IP:127.0.0.1,IP:::1");
  const auto client = make_identity("dev-client", &ca, "clientAuth", nullptr);
  const auto admin_token = random_token();
  const auto ingest_token = random_token();
  if (!server.certificate || !client.certificate || admin_token.empty() || ingest_token.empty()) {
    return fail(errc::internal, "OpenSSL could not make certificates and tokens");
  }
  struct part {
    const char* name;
    std::string text;
    unsigned mode;
  };
  const std::array<part, 7> parts = {{{"ca.pem", pem_of(ca.certificate.get()), 0644},
                                      {"server.key", pem_of(server.key.get()), 0600},
                                      {"client.pem", pem_of(client.certificate.get()), 0644},
                                      {"client.key", pem_of(client.key.get()), 0600},
                                      {"admin.token", admin_token + "\n", 0600},
                                      {"ingest.token", ingest_token + "\n", 0600},
                                      {"server.pem", pem_of(server.certificate.get()), 0644}}};
  for (const auto& each : parts) {
    if (auto written = write_file(directory + "/" + each.name, each.text, each.mode); !written) return written;
  }
  return {};
}

}  // namespace kith::cli
