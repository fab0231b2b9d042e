// SHA-256 of what comes in pieces, by libcrypto.
//
// Thread safety: none; one belongs to one thread.
#pragma once

#include <cstdlib>
#include <memory>
#include <openssl/evp.h>
#include <string>
#include <string_view>

#include "persistence/erasure_book.hpp"

namespace kith::admin {

class sha256 {
 public:
  sha256() : context_(EVP_MD_CTX_new(), EVP_MD_CTX_free) {
    if (!context_ || EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) != 1) std::abort();
  }
  void add(std::string_view bytes) {
    if (EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) != 1) std::abort();
  }
  /// 64 digits. REQUIRES: it is the last call.
  std::string hex() {
    persistence::salted_hash digest{};
    if (EVP_DigestFinal_ex(context_.get(), digest.data(), nullptr) != 1) std::abort();
    return persistence::to_hex(digest);
  }

 private:
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context_;
};

}  // namespace kith::admin
