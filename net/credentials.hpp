// Who may do what: credentials, found by token or by the subject of a client certificate.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "net/token_bucket.hpp"
#include "profile/result.hpp"

namespace kith::net {

/// What someone may do at the admin API (docs/security.md): operations and privacy may each do what a viewer may, an
/// admin all.
enum class role : std::uint8_t { none, viewer, operations, privacy, admin };

/// "operator" for operations.
std::string_view name_of(role one) noexcept;
/// Nothing: no role's name; "none" is none.
std::optional<role> parse_role(std::string_view name) noexcept;
constexpr bool allows(role has, role needed) noexcept {
  if (needed == role::none || has == needed || has == role::admin) return true;
  return needed == role::viewer && has != role::none;
}

struct credential {
  std::string name;
  std::string source;  ///< what its events get as `source`
  bool can_publish = true;
  bool can_read = true;
  bool can_admin = false;
  double events_per_second = 0;    ///< 0: no quota
  role granted = role::none;       ///< none: what the rights come to, see role_of()
  std::optional<bool> personal{};  ///< may see personal data at the admin API; not said: see sees_personal()
  bool can_forward = false;        ///< may say for its events which source they are of, and when they came in
  std::string display{};           ///< what people read beside the name, and may change hands; empty: there is none
};

/// The role that is granted; else admin or viewer, as the rights to administer and to read have always been taken.
role role_of(const credential& one) noexcept;
/// All roles but a viewer that was named so; credentials with the right to read get the same from the protocol.
bool sees_personal(const credential& one) noexcept;

/// One entry of the configuration. At least one of token, token_sha256 (64 hexadecimal digits) and common_name is set.
struct credential_config {
  std::string name;
  std::string token;
  std::string token_sha256;
  std::string common_name;  ///< of a client certificate's subject
  std::string source;       ///< empty: the name
  bool can_publish = true;
  bool can_read = true;
  bool can_admin = false;
  double events_per_second = 0;
  bool can_forward = false;
  role granted = role::none;
  std::optional<bool> personal{};
};

/// A credential and what all its connections share. Thread safety: all of it.
struct identity {
  credential rights;
  token_bucket quota;  ///< of events

  explicit identity(credential granted) : rights(std::move(granted)), quota(rights.events_per_second) {}
};

using token_digest = std::array<unsigned char, 32>;
/// SHA-256.
token_digest digest_of(std::string_view token);

/// Thread safety: all of it.
class credential_store {
 public:
  /// `unlisted`: the rights of a certificate that our CA signed and no entry names; its name is the certificate's
  /// common name then. Nothing: such certificates are strangers. Errors: invalid_argument, naming the entry.
  static result<std::shared_ptr<credential_store>> make(const std::vector<credential_config>& entries,
                                                        std::optional<credential> unlisted = credential{});

  /// Replaces all entries; connections that are open are judged anew at their next request.
  result<void> replace(const std::vector<credential_config>& entries,
                       std::optional<credential> unlisted = credential{});

  /// Null: no such token. Compares all digests in constant time.
  std::shared_ptr<identity> by_token(std::string_view token) const;
  std::shared_ptr<identity> by_digest(const token_digest& digest) const;
  /// Null: no such name, and unlisted ones are strangers.
  std::shared_ptr<identity> by_common_name(std::string_view name) const;

  /// All entries, in their order; those of unlisted certificates are not among them.
  std::vector<credential> listed() const;
  bool has(std::string_view name) const;

  /// Counts replace() calls.
  std::uint64_t generation() const noexcept { return generation_.load(std::memory_order_acquire); }

 private:
  struct table;
  credential_store();

  mutable std::mutex mutex_;
  std::shared_ptr<table> table_;
  std::atomic<std::uint64_t> generation_{0};
};

}  // namespace kith::net
