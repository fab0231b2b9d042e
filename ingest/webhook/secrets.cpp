#include <utility>
#include <array>

#include "ingest/webhook/bounds.hpp"
#include "ingest/webhook/signature.hpp"
#include "profile/standard_webhooks.hpp"

namespace kith::ingest::webhook {

namespace {

constexpr std::array<std::pair<scheme, std::string_view>, 7> names = {{{scheme::stripe, "stripe"},
                                                                       {scheme::github, "github"},
                                                                       {scheme::shopify, "shopify"},
                                                                       {scheme::standard_webhooks, "standard-webhooks"},
                                                                       {scheme::hmac, "hmac"},
                                                                       {scheme::basic, "basic"},
                                                                       {scheme::bearer, "bearer"}}};

bool is_token(std::string_view text) noexcept {
  for (const char c : text) {
    if (c <= ' ' || c >= '\x7f') return false;
  }
  return !text.empty();
}

result<void> bad(std::string message) { return fail(errc::invalid_argument, std::move(message)); }

result<void> add_standard(scheme_settings& to, std::string_view text) {
  const bool is_public = text.starts_with("whpk_");
  auto key = is_public ? profile::parse_webhook_public_key(text) : profile::parse_webhook_secret(text);
  if (!key) return bad(key.error().message + (is_public ? "" : "; or a public key that begins with \"whpk_\""));
  (is_public ? to.public_keys : to.secrets).push_back(std::move(*key));
  return {};
}

}  // namespace

std::optional<scheme> parse_scheme(std::string_view name) {
  for (const auto& [kind, called] : names) {
    if (name == called) return kind;
  }
  return std::nullopt;
}

std::string_view name_of(scheme kind) noexcept { return names[static_cast<std::size_t>(kind)].second; }

result<void> add_secret(scheme_settings& to, std::string_view text) {
  if (text.empty()) return bad("holds an empty secret, which everybody knows");
  switch (to.kind) {
    case scheme::standard_webhooks: return add_standard(to, text);
    case scheme::basic: {
      // RFC 7617, section 2: the user's name holds no colon, the password may.
      const auto colon = text.find(':');
      if (colon == std::string_view::npos || colon == 0 || colon + 1 == text.size()) {
        return bad("must be \"user:password\", both not empty");
      }
      break;
    }
    case scheme::bearer:
      if (!is_token(text)) return bad("must be a token of visible ASCII characters without blanks");
      break;
    default: break;
  }
  to.secrets.emplace_back(text);
  return {};
}

result<void> check(const scheme_settings& settings) {
  const std::string named = "scheme \"" + std::string(name_of(settings.kind)) + "\" ";
  const auto secrets = settings.secrets.size() + settings.public_keys.size();
  if (secrets == 0) return bad(named + "needs secrets, secret_files or secret_env to check signatures with");
  if (secrets > bounds::secrets) {
    return bad("has " + std::to_string(secrets) + " secrets; at most " + std::to_string(bounds::secrets));
  }
  const bool generic = settings.kind == scheme::hmac;
  if (generic && settings.header.empty()) return bad(named + "needs header = \"…\", which holds the signature");
  if (!settings.header.empty() && !generic && settings.kind != scheme::bearer) {
    return bad(named + "has its own header; only \"hmac\" and \"bearer\" take one");
  }
  if (!settings.delivery_header.empty() && !generic && settings.kind < scheme::hmac) {
    return bad(named + "has its own id of a delivery; only \"hmac\", \"basic\" and \"bearer\" take delivery_header");
  }
  if (generic && settings.hmac.content == signed_content::timestamp_body && settings.hmac.timestamp_header.empty()) {
    return bad(named + "with signed = \"timestamp.body\" needs timestamp_header = \"…\"");
  }
  if (settings.hmac.content == signed_content::body && !settings.hmac.timestamp_header.empty()) {
    return bad(named +
               "with timestamp_header needs signed = \"timestamp.body\": a time that is not signed proves nothing");
  }
  return {};
}

}  // namespace kith::ingest::webhook
