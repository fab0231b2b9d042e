#include "persistence/secret.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <gcrypt.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

namespace kith::persistence {

namespace {

/// With good arguments nothing can be wrong but memory or libcrypto itself; without it nothing here may go on.
void must(bool done) {
  if (!done) std::abort();
}

const unsigned char* bytes_of(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }
unsigned char* bytes_of(char* text) { return reinterpret_cast<unsigned char*>(text); }

/// Fetched once: looking a cipher up costs more than a call of it.
const EVP_CIPHER* cipher(const char* name) {
  const auto* found = EVP_CIPHER_fetch(nullptr, name, nullptr);
  must(found != nullptr);
  return found;
}
const EVP_CIPHER* ecb() {
  static const auto* found = cipher("AES-256-ECB");
  return found;
}
const EVP_CIPHER* gcm() {
  static const auto* found = cipher("AES-256-GCM");
  return found;
}

detail::cipher_context context_of(const EVP_CIPHER* with, const unsigned char* key, bool encrypts) {
  detail::cipher_context made(EVP_CIPHER_CTX_new());
  must(made && EVP_CipherInit_ex(made.get(), with, nullptr, key, nullptr, encrypts ? 1 : 0) == 1);
  return made;
}

void update(EVP_CIPHER_CTX* context, char* to, std::string_view from) {
  int written = 0;
  must(EVP_CipherUpdate(context, to == nullptr ? nullptr : bytes_of(to), &written, bytes_of(from),
                        static_cast<int>(from.size())) == 1);
}

bool parse_hex(std::string_view text, secret& into) {
  if (text.size() != 2 * secret_bytes) return false;
  const auto digit = [](char c) {
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
  };
  for (std::size_t i = 0; i < secret_bytes; ++i) {
    const int high = digit(text[2 * i]);
    const int low = digit(text[2 * i + 1]);
    if (high < 0 || low < 0) return false;
    into.bytes[i] = static_cast<unsigned char>(high << 4 | low);
  }
  return true;
}

bool parse_base64(std::string_view text, secret& into) {
  constexpr std::size_t digits = 43;
  if (text.size() != digits && text != std::string(text.substr(0, std::min(digits, text.size()))) + "=") return false;
  const auto padded = std::string(text.substr(0, digits)) + "=";
  std::array<unsigned char, 33> decoded{};
  if (EVP_DecodeBlock(decoded.data(), bytes_of(padded), static_cast<int>(padded.size())) != 33) return false;
  std::copy_n(decoded.begin(), secret_bytes, into.bytes.begin());
  OPENSSL_cleanse(decoded.data(), decoded.size());
  return true;
}

}  // namespace

void detail::free_context::operator()(evp_cipher_ctx_st* context) const noexcept { EVP_CIPHER_CTX_free(context); }

secret::~secret() { OPENSSL_cleanse(bytes.data(), bytes.size()); }

secret secret::random() {
  secret made;
  must(RAND_priv_bytes(made.bytes.data(), static_cast<int>(made.bytes.size())) == 1);
  return made;
}

bool operator==(const secret& a, const secret& b) noexcept {
  return CRYPTO_memcmp(a.bytes.data(), b.bytes.data(), a.bytes.size()) == 0;
}

result<secret> parse_secret(std::string_view text) {
  constexpr std::string_view blank = " \t\r\n";
  const auto from = text.find_first_not_of(blank);
  text = from == text.npos ? std::string_view() : text.substr(from, text.find_last_not_of(blank) - from + 1);
  secret made;
  if (parse_hex(text, made) || parse_base64(text, made)) return made;
  return fail(errc::invalid_argument,
              "is no key: a key is 32 bytes as 64 hexadecimal digits or in base64, for example from `openssl rand "
              "-base64 32`");
}

std::string fingerprint(const secret& key) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string input;
  input.reserve(1 + secret_bytes + 4);  // no copy of the key is left behind where it grew
  input.append(1, 'f').append(reinterpret_cast<const char*>(key.bytes.data()), secret_bytes).append("kith");
  std::array<unsigned char, EVP_MAX_MD_SIZE> hash{};
  must(EVP_Digest(input.data(), input.size(), hash.data(), nullptr, EVP_sha256(), nullptr) == 1);
  cleanse(input);
  std::string text;
  for (std::size_t i = 0; i < 8; ++i) {
    text.push_back(digits[hash[i] >> 4]);
    text.push_back(digits[hash[i] & 0xf]);
  }
  return text;
}

void cleanse(std::string& text) noexcept {
  OPENSSL_cleanse(text.data(), text.size());
  text.clear();
}

std::string random_text(std::size_t bytes) {
  std::string made(bytes, '\0');
  must(RAND_bytes(bytes_of(made.data()), static_cast<int>(bytes)) == 1);
  return made;
}

key_stream::key_stream() {
  // The first of all initializes the library. Its secure memory is a small pool, of which a handle each would ask.
  static const bool ready = gcry_check_version(GCRYPT_VERSION) != nullptr &&
                            gcry_control(GCRYCTL_DISABLE_SECMEM, 0) == 0 &&
                            gcry_control(GCRYCTL_INITIALIZATION_FINISHED, 0) == 0;
  must(ready);
  gcry_cipher_hd_t made = nullptr;
  must(gcry_cipher_open(&made, GCRY_CIPHER_AES256, GCRY_CIPHER_MODE_CTR, 0) == 0);
  handle_.reset(made);
}

void key_stream::close::operator()(gcry_cipher_handle* handle) const noexcept { gcry_cipher_close(handle); }

void key_stream::apply(const secret& key, std::span<const unsigned char, 16> start, std::string_view from, char* to) {
  if (from.empty()) return;
  must(gcry_cipher_setkey(handle_.get(), key.bytes.data(), secret_bytes) == 0 &&
       gcry_cipher_setctr(handle_.get(), start.data(), start.size()) == 0 &&
       gcry_cipher_encrypt(handle_.get(), to, from.size(), from.data(), from.size()) == 0);
}

secret secret_generator::child(const secret& of, unsigned number) {
  constexpr std::array<char, secret_bytes> zeros{};
  std::array<unsigned char, 16> start{};
  const std::uint32_t big_endian = __builtin_bswap32(2 * number);
  std::memcpy(start.data() + 12, &big_endian, sizeof big_endian);
  secret made;
  stream_.apply(of, start, {zeros.data(), zeros.size()}, reinterpret_cast<char*>(made.bytes.data()));
  return made;
}

permutation::permutation(const secret& key)
    : there_(context_of(ecb(), key.bytes.data(), true)), back_(context_of(ecb(), key.bytes.data(), false)) {
  EVP_CIPHER_CTX_set_padding(there_.get(), 0);
  EVP_CIPHER_CTX_set_padding(back_.get(), 0);
}

void permutation::there(char* blocks, std::size_t bytes) { update(there_.get(), blocks, {blocks, bytes}); }
void permutation::back(char* blocks, std::size_t bytes) { update(back_.get(), blocks, {blocks, bytes}); }

aead::aead(const secret& key)
    : seals_(context_of(gcm(), key.bytes.data(), true)), opens_(context_of(gcm(), key.bytes.data(), false)) {}

void aead::seal(std::string_view nonce, additional_data beside, char* text, std::size_t bytes, char* tag) {
  must(EVP_EncryptInit_ex(seals_.get(), nullptr, nullptr, nullptr, bytes_of(nonce)) == 1);
  for (const auto each : beside) update(seals_.get(), nullptr, each);
  update(seals_.get(), text, {text, bytes});
  int written = 0;
  must(EVP_EncryptFinal_ex(seals_.get(), bytes_of(tag), &written) == 1 &&
       EVP_CIPHER_CTX_ctrl(seals_.get(), EVP_CTRL_AEAD_GET_TAG, static_cast<int>(tag_bytes), tag) == 1);
}

bool aead::open(std::string_view nonce, additional_data beside, char* text, std::size_t bytes, std::string_view tag) {
  if (nonce.size() != nonce_bytes || tag.size() != tag_bytes) return false;
  std::string expected(tag);
  unsigned char nothing = 0;
  int written = 0;
  must(EVP_DecryptInit_ex(opens_.get(), nullptr, nullptr, nullptr, bytes_of(nonce)) == 1 &&
       EVP_CIPHER_CTX_ctrl(opens_.get(), EVP_CTRL_AEAD_SET_TAG, static_cast<int>(tag_bytes), expected.data()) == 1);
  for (const auto each : beside) update(opens_.get(), nullptr, each);
  update(opens_.get(), text, {text, bytes});
  return EVP_DecryptFinal_ex(opens_.get(), &nothing, &written) == 1;
}

}  // namespace kith::persistence
