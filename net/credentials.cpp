#include "net/credentials.hpp"

#include <utility>
#include <algorithm>
#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <unordered_map>

namespace kith::net {

namespace {

bool parse_digest(std::string_view hex, token_digest& digest) {
  const auto nibble = [](char c) -> int {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
  };
  if (hex.size() != digest.size() * 2) return false;
  for (std::size_t i = 0; i < digest.size(); ++i) {
    const int high = nibble(hex[2 * i]);
    const int low = nibble(hex[2 * i + 1]);
    if (high < 0 || low < 0) return false;
    digest[i] = static_cast<unsigned char>(high << 4 | low);
  }
  return true;
}

}  // namespace

std::string_view name_of(role one) noexcept {
  switch (one) {
    case role::none: return "none";
    case role::viewer: return "viewer";
    case role::operations: return "operator";
    case role::privacy: return "privacy";
    case role::admin: return "admin";
  }
  return "none";
}

std::optional<role> parse_role(std::string_view name) noexcept {
  for (const auto each : {role::viewer, role::operations, role::privacy, role::admin}) {
    if (name_of(each) == name) return each;
  }
  return std::nullopt;
}

role role_of(const credential& one) noexcept {
  if (one.granted != role::none) return one.granted;
  if (one.can_admin) return role::admin;
  return one.can_read ? role::viewer : role::none;
}

bool sees_personal(const credential& one) noexcept {
  return one.personal.value_or(one.granted != role::viewer && role_of(one) != role::none);
}

token_digest digest_of(std::string_view token) {
  token_digest digest{};
  SHA256(reinterpret_cast<const unsigned char*>(token.data()), token.size(), digest.data());
  return digest;
}

struct credential_store::table {
  std::vector<std::pair<token_digest, std::shared_ptr<identity>>> tokens;
  std::unordered_map<std::string, std::shared_ptr<identity>> names;
  std::vector<credential> listed;
  std::optional<credential> unlisted;
};

credential_store::credential_store() : table_(std::make_shared<table>()) {}

result<std::shared_ptr<credential_store>> credential_store::make(const std::vector<credential_config>& entries,
                                                                 std::optional<credential> unlisted) {
  std::shared_ptr<credential_store> made(new credential_store);
  if (auto replaced = made->replace(entries, std::move(unlisted)); !replaced) {
    return tl::make_unexpected(std::move(replaced.error()));
  }
  return made;
}

result<void> credential_store::replace(const std::vector<credential_config>& entries,
                                       std::optional<credential> unlisted) {
  auto next = std::make_shared<table>();
  next->unlisted = std::move(unlisted);
  for (const credential_config& entry : entries) {
    const auto refuse = [&](std::string_view what) {
      return fail(errc::invalid_argument, "credential \"" + entry.name + "\": " + std::string(what));
    };
    if (entry.name.empty()) return refuse("name: missing");
    if (entry.token.empty() && entry.token_sha256.empty() && entry.common_name.empty()) {
      return refuse("give it a token, a token_sha256 or a common_name");
    }
    if (entry.events_per_second < 0) return refuse("events_per_second: less than 0");
    auto granted = std::make_shared<identity>(
        credential{entry.name, entry.source.empty() ? entry.name : entry.source, entry.can_publish, entry.can_read,
                   entry.can_admin, entry.events_per_second, entry.granted, entry.personal, entry.can_forward});
    next->listed.push_back(granted->rights);
    if (!entry.token.empty()) next->tokens.emplace_back(digest_of(entry.token), granted);
    if (!entry.token_sha256.empty()) {
      token_digest digest{};
      if (!parse_digest(entry.token_sha256, digest)) return refuse("token_sha256: not 64 hexadecimal digits");
      next->tokens.emplace_back(digest, granted);
    }
    if (!entry.common_name.empty() && !next->names.emplace(entry.common_name, granted).second) {
      return refuse("common_name: another credential has it too");
    }
  }
  const std::lock_guard lock(mutex_);
  table_ = std::move(next);
  generation_.fetch_add(1, std::memory_order_release);
  return {};
}

std::shared_ptr<identity> credential_store::by_token(std::string_view token) const {
  return by_digest(digest_of(token));
}

std::shared_ptr<identity> credential_store::by_digest(const token_digest& digest) const {
  const std::lock_guard lock(mutex_);
  std::shared_ptr<identity> found;
  for (const auto& [known, granted] : table_->tokens) {
    if (CRYPTO_memcmp(known.data(), digest.data(), digest.size()) == 0) found = granted;
  }
  return found;
}

std::vector<credential> credential_store::listed() const {
  const std::lock_guard lock(mutex_);
  return table_->listed;
}

bool credential_store::has(std::string_view name) const {
  const std::lock_guard lock(mutex_);
  return std::any_of(table_->listed.begin(), table_->listed.end(), [&](const auto& each) { return each.name == name; });
}

std::shared_ptr<identity> credential_store::by_common_name(std::string_view name) const {
  const std::lock_guard lock(mutex_);
  std::string key(name);
  if (const auto found = table_->names.find(key); found != table_->names.end()) return found->second;
  if (!table_->unlisted) return nullptr;
  credential rights = *table_->unlisted;
  rights.name = key;
  if (rights.source.empty()) rights.source = key;
  // Remembered, so that all connections with this certificate share one quota.
  return table_->names.emplace(std::move(key), std::make_shared<identity>(std::move(rights))).first->second;
}

}  // namespace kith::net
