// Keys of 256 bits, and what is done with them. The ciphers are libcrypto's, but for those that get another
// key with every call: libcrypto 3.0 asks itself for lengths by name each time, so libgcrypt does these in two thirds
// of the time.
//
// Invariants: a secret's bytes are overwritten when it ends.
// Thread safety: a value as any; a secret_generator, a key_stream and an aead belong to one thread at a time.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "profile/result.hpp"

struct evp_cipher_ctx_st;
struct gcry_cipher_handle;

namespace kith::persistence {

inline constexpr std::size_t secret_bytes = 32;
inline constexpr std::size_t nonce_bytes = 12;
inline constexpr std::size_t tag_bytes = 16;

struct secret {
  std::array<unsigned char, secret_bytes> bytes{};

  secret() = default;
  secret(const secret&) = default;
  secret& operator=(const secret&) = default;
  ~secret();

  static secret random();
  friend bool operator==(const secret& a, const secret& b) noexcept;  ///< in the same time whatever they hold
};

/// 64 hexadecimal digits, or the base64 of 32 bytes; white space around it is passed over. Errors: invalid_argument.
result<secret> parse_secret(std::string_view text);
/// 16 hexadecimal digits that tell keys apart and tell nothing of them.
std::string fingerprint(const secret& key);
/// Overwrites what held a key.
void cleanse(std::string& text) noexcept;
std::string random_text(std::size_t bytes);

namespace detail {
struct free_context {
  void operator()(evp_cipher_ctx_st* context) const noexcept;
};
using cipher_context = std::unique_ptr<evp_cipher_ctx_st, free_context>;
}  // namespace detail

/// AES-256-CTR (NIST SP 800-38A, 6.5); another key and place with every call.
class key_stream {
 public:
  key_stream();
  /// `to` gets as many bytes as `from` has; the same call takes it back. `start`: no two calls with a key have places
  /// in common, of which one takes one for each 16 bytes.
  void apply(const secret& key, std::span<const unsigned char, 16> start, std::string_view from, char* to);

 private:
  struct close {
    void operator()(gcry_cipher_handle* handle) const noexcept;
  };
  std::unique_ptr<gcry_cipher_handle, close> handle_;
};

/// Secrets that follow from one, of which none tells another or the one: AES-256 in counter mode under it, as a
/// pseudo-random generator. Child i is the blocks 2 i and 2 i + 1 of the key stream that begins with 0.
class secret_generator {
 public:
  secret child(const secret& of, unsigned number);

 private:
  key_stream stream_;
};

/// AES-256 of single blocks: a permutation of 16 bytes by a key.
class permutation {
 public:
  explicit permutation(const secret& key);
  void there(char* blocks, std::size_t bytes);  ///< in place; a multiple of 16
  void back(char* blocks, std::size_t bytes);

 private:
  detail::cipher_context there_;
  detail::cipher_context back_;
};

/// AES-256-GCM by one key.
class aead {
 public:
  explicit aead(const secret& key);
  /// What stands beside is authenticated only.
  using additional_data = std::initializer_list<std::string_view>;
  /// `text` is encrypted in place; `tag` gets 16 bytes. A nonce is used once with a key.
  void seal(std::string_view nonce, additional_data beside, char* text, std::size_t bytes, char* tag);
  /// False: not what was sealed; `text` is not to be used.
  bool open(std::string_view nonce, additional_data beside, char* text, std::size_t bytes, std::string_view tag);

 private:
  detail::cipher_context seals_;
  detail::cipher_context opens_;
};

}  // namespace kith::persistence
