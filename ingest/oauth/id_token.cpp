#include "ingest/oauth/id_token.hpp"

#include "ingest/oauth/encoding.hpp"
#include "net/http_message.hpp"

namespace kith::ingest::oauth {

namespace {

auto refuse(const std::string& why) { return fail(errc::unauthenticated, "the ID token " + why); }

/// An access token must not pass for an ID token (RFC 8725, section 3.11).
result<void> check_type(const parsed_jwt& token) {
  if (token.type.empty() || net::same_field_name(token.type, "JWT")) return {};
  return refuse("is of type (typ) " + shown(token.type) + ", not \"JWT\"");
}

/// For us alone: another audience could show it to us as its own.
result<void> check_parties(const nlohmann::json& all, const std::string& client_id) {
  const auto& audience = all.at("aud");
  if (audience.is_array() && audience.size() != 1) return refuse("is for other audiences (aud) too");
  if (all.contains("azp") && text_member(all, "azp") != client_id) {
    return refuse("was issued to another client (azp), " + shown(text_member(all, "azp")));
  }
  return {};
}

}  // namespace

result<claims> verify_id_token(const parsed_jwt& token, const id_token_rules& rules, const key_list& keys,
                               std::int64_t now_ms) {
  if (auto checked = check_type(token); !checked) return tl::make_unexpected(checked.error());
  if (auto checked = check_signature(token, rules.algorithms, keys); !checked) {
    return tl::make_unexpected(checked.error());
  }
  auto said = read_claims(token.claims, {rules.issuer, {rules.client_id}, rules.leeway}, token_form::identity, now_ms);
  if (!said) return said;
  if (auto checked = check_parties(said->all, rules.client_id); !checked) return tl::make_unexpected(checked.error());
  if (!same_secret(text_member(said->all, "nonce"), rules.nonce)) {
    return refuse("is not the answer to this request (nonce)");
  }
  return said;
}

}  // namespace kith::ingest::oauth
