// Receipts of erasures: signed with a key of the server's own, and checked by whoever has its public half
// (docs/privacy.md).
//
// A receipt is a compact JWS (RFC 7515) with EdDSA over Ed25519 (RFC 8037), so that any JOSE library checks it.
// Thread safety: all of it.
#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "actors/service.hpp"
#include "persistence/file.hpp"
#include "profile/result.hpp"

namespace kith::admin {

class receipt_signer {
 public:
  /// The key is made at the first start: `directory`/receipt.key. Errors: internal (it is damaged), the disk's.
  static result<std::unique_ptr<receipt_signer>> open(persistence::file_system& files, const std::string& directory,
                                                      std::string node);
  ~receipt_signer();
  receipt_signer(const receipt_signer&) = delete;
  receipt_signer& operator=(const receipt_signer&) = delete;

  /// `reason`: what the one who asked says.
  std::string sign(const actors::erasure& of, std::string_view reason) const;
  /// The public key as a JWK set (RFC 7517).
  nlohmann::json keys() const;

 private:
  struct key;
  receipt_signer(std::unique_ptr<key> with, std::string node);

  const std::unique_ptr<key> key_;
  const std::string node_;
};

/// What the receipt says, if one of these keys signed it. Errors: invalid_argument, with what is wrong.
result<nlohmann::json> verify_receipt(std::string_view receipt, const nlohmann::json& keys);

/// The part of a key set that a receipt is checked with, and the header that a receipt has: for people who look.
inline constexpr std::string_view receipt_type = "kith-erasure+jwt";

}  // namespace kith::admin
