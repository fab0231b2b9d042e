#include "cli/dev_pki.hpp"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/catch.hpp"

using namespace kith;

namespace {

struct directory {
  directory() {
    auto pattern = std::filesystem::temp_directory_path().string() + "/kith-dev.XXXXXX";
    REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    root = pattern;
    path = root + "/data/dev";
  }
  ~directory() {
    std::error_code ignored;
    std::filesystem::remove_all(root, ignored);
  }
  std::string text(const std::string& name) const {
    std::ifstream in(path + "/" + name);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  unsigned mode(const std::string& name) const {
    struct stat found {};
    REQUIRE(::stat((path + "/" + name).c_str(), &found) == 0);
    return found.st_mode & 0777U;
  }

  std::string root;
  std::string path;
};

using certificate = std::unique_ptr<X509, decltype(&X509_free)>;
using private_key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;

certificate read_certificate(const directory& room, const std::string& name) {
  const auto pem = room.text(name);
  const std::unique_ptr<BIO, decltype(&BIO_free)> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())),
                                                      BIO_free);
  return {PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr), X509_free};
}

private_key read_key(const directory& room, const std::string& name) {
  const auto pem = room.text(name);
  const std::unique_ptr<BIO, decltype(&BIO_free)> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())),
                                                      BIO_free);
  return {PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr), EVP_PKEY_free};
}

/// As a TLS peer would judge it.
bool verifies(X509* ca, X509* leaf, int purpose) {
  const std::unique_ptr<X509_STORE, decltype(&X509_STORE_free)> store(X509_STORE_new(), X509_STORE_free);
  X509_STORE_add_cert(store.get(), ca);
  const std::unique_ptr<X509_STORE_CTX, decltype(&X509_STORE_CTX_free)> context(X509_STORE_CTX_new(),
                                                                                X509_STORE_CTX_free);
  X509_STORE_CTX_init(context.get(), store.get(), leaf, nullptr);
  X509_STORE_CTX_set_purpose(context.get(), purpose);
  return X509_verify_cert(context.get()) == 1;
}

}  // namespace

TEST_CASE("the development certificates verify, each for its own purpose") {
  const directory room;
  REQUIRE(cli::make_dev_files(room.path));
  const auto ca = read_certificate(room, "ca.pem");
  const auto server = read_certificate(room, "server.pem");
  const auto client = read_certificate(room, "client.pem");
  REQUIRE((ca && server && client));
  REQUIRE(verifies(ca.get(), server.get(), X509_PURPOSE_SSL_SERVER));
  REQUIRE(verifies(ca.get(), client.get(), X509_PURPOSE_SSL_CLIENT));
  REQUIRE_FALSE(verifies(ca.get(), client.get(), X509_PURPOSE_SSL_SERVER));
  REQUIRE_FALSE(verifies(ca.get(), server.get(), X509_PURPOSE_SSL_CLIENT));
  REQUIRE(X509_check_host(server.get(), "localhost", 0, 0, nullptr) == 1);
  REQUIRE(X509_check_ip_asc(server.get(), "127.0.0.1", 0) == 1);
  REQUIRE(X509_check_ip_asc(server.get(), "::1", 0) == 1);
  REQUIRE(X509_check_host(server.get(), "example.com", 0, 0, nullptr) != 1);
  REQUIRE(X509_check_private_key(server.get(), read_key(room, "server.key").get()) == 1);
  REQUIRE(X509_check_private_key(client.get(), read_key(room, "client.key").get()) == 1);
}

TEST_CASE("keys and tokens are their owner's only, and the tokens differ") {
  const directory room;
  REQUIRE(cli::make_dev_files(room.path));
  for (const auto* name : {"server.key", "client.key", "admin.token", "ingest.token"}) REQUIRE(room.mode(name) == 0600);
  REQUIRE(room.text("admin.token").size() == 49);
  REQUIRE(room.text("admin.token") != room.text("ingest.token"));
}

TEST_CASE("development files are kept from start to start and made again when something is missing or broken") {
  const directory room;
  REQUIRE(cli::make_dev_files(room.path));
  const auto before = room.text("server.pem");
  REQUIRE(cli::make_dev_files(room.path));
  REQUIRE(room.text("server.pem") == before);

  SECTION("a key is missing") { std::filesystem::remove(room.path + "/client.key"); }
  SECTION("the certificate is cut off") { std::filesystem::resize_file(room.path + "/server.pem", 100); }
  REQUIRE(cli::make_dev_files(room.path));
  REQUIRE(room.text("server.pem") != before);
  REQUIRE(verifies(read_certificate(room, "ca.pem").get(), read_certificate(room, "client.pem").get(),
                   X509_PURPOSE_SSL_CLIENT));
}

TEST_CASE("a certificate that has expired is renewed") {
  const directory room;
  REQUIRE(cli::make_dev_files(room.path));
  const auto server = read_certificate(room, "server.pem");
  const auto key = read_key(room, "server.key");
  X509_gmtime_adj(X509_getm_notBefore(server.get()), -7200);
  X509_gmtime_adj(X509_getm_notAfter(server.get()), -3600);
  REQUIRE(X509_sign(server.get(), key.get(), EVP_sha256()) > 0);
  const std::unique_ptr<BIO, decltype(&BIO_free_all)> out(BIO_new_file((room.path + "/server.pem").c_str(), "w"),
                                                          BIO_free_all);
  REQUIRE(PEM_write_bio_X509(out.get(), server.get()) == 1);
  REQUIRE(BIO_flush(out.get()) == 1);
  REQUIRE(cli::make_dev_files(room.path));
  const auto renewed = read_certificate(room, "server.pem");
  REQUIRE(X509_cmp_current_time(X509_get0_notAfter(renewed.get())) > 0);
}

TEST_CASE("a directory that cannot be made is an error, not a crash") {
  const directory room;
  std::ofstream(room.root + "/data") << "a file is in the way";
  const auto made = cli::make_dev_files(room.path);
  REQUIRE_FALSE(made);
  REQUIRE(made.error().code == errc::unavailable);
}
