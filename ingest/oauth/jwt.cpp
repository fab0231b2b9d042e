#include "ingest/oauth/jwt.hpp"

#include <algorithm>
#include <array>
#include <cjose/cjose.h>
#include <memory>

#include "ingest/oauth/encoding.hpp"
#include "net/http_message.hpp"

namespace kith::ingest::oauth {

namespace {

auto refuse(const std::string& why) { return fail(errc::unauthenticated, "the token " + why); }

/// Header, claims and signature, still encoded.
std::optional<std::array<std::string_view, 3>> parts_of(std::string_view token) {
  const auto first = token.find('.');
  if (first == std::string_view::npos) return std::nullopt;
  const auto second = token.find('.', first + 1);
  if (second == std::string_view::npos || token.find('.', second + 1) != std::string_view::npos) return std::nullopt;
  return std::array{token.substr(0, first), token.substr(first + 1, second - first - 1), token.substr(second + 1)};
}

result<nlohmann::json> decode_part(std::string_view text, const char* what) {
  const auto decoded = decode_base64url(text);
  if (!decoded) return refuse(std::string("has a ") + what + " that is no base64url");
  auto made = parse_object(*decoded, std::string("the token's ") + what);
  if (!made) return fail(errc::unauthenticated, made.error().message);
  return made;
}

result<void> check_type(const parsed_jwt& token, const jwt_rules& rules) {
  const auto is = [&](std::string_view type) { return net::same_field_name(token.type, type); };
  if (is("at+jwt") || is("application/at+jwt")) return {};
  if (rules.accept_type_jwt && (is("JWT") || token.type.empty())) return {};
  return refuse("is of type (typ) " + shown(token.type) + ", not \"at+jwt\"");
}

bool signature_holds(std::string_view token, const verification_key& key) {
  // Debian 12's cjose reads as many bytes as the key's signatures have: the caller has compared that.
  const std::unique_ptr<cjose_jws_t, decltype(&cjose_jws_release)> jws(
      cjose_jws_import(token.data(), token.size(), nullptr), cjose_jws_release);
  return jws && cjose_jws_verify(jws.get(), key.key.get(), nullptr);
}

}  // namespace

bool looks_like_jwt(std::string_view token) {
  const auto parts = parts_of(token);
  if (!parts) return false;
  const auto decoded = decode_base64url((*parts)[0]);
  if (!decoded) return false;
  const auto header = nlohmann::json::parse(*decoded, nullptr, false);
  return header.is_object() && header.contains("alg");
}

result<parsed_jwt> parse_jwt(std::string_view text) {
  if (text.size() > most_token_bytes) return refuse("is over " + std::to_string(most_token_bytes) + " bytes");
  const auto parts = parts_of(text);
  if (!parts) return refuse("is no JWT: it has not three parts");
  const auto header = decode_part((*parts)[0], "header");
  if (!header) return tl::make_unexpected(header.error());
  const auto signature = decode_base64url((*parts)[2]);
  if (!signature || signature->empty()) return refuse("has no signature, or one that is no base64url");
  if (header->contains("crit")) return refuse("has critical headers (crit), and none of them is known here");
  const auto alg = text_member(*header, "alg");
  const auto with = parse_algorithm(alg);
  if (!with) return refuse("is signed with (alg) " + shown(alg) + ", which is not taken");
  if (header->contains("kid") && !header->at("kid").is_string()) return refuse("has a kid that is no text");
  auto claims = decode_part((*parts)[1], "claims");
  if (!claims) return tl::make_unexpected(claims.error());
  parsed_jwt made;
  made.text = text;
  made.signed_with = *with;
  made.type = text_member(*header, "typ");
  made.key_id = text_member(*header, "kid");
  made.issuer = text_member(*claims, "iss");
  made.signature_bytes = signature->size();
  made.claims = std::move(*claims);
  return made;
}

result<void> check_signature(const parsed_jwt& token, const std::vector<algorithm>& allowed, const key_list& keys) {
  if (std::find(allowed.begin(), allowed.end(), token.signed_with) == allowed.end()) {
    return refuse("is signed with (alg) " + std::string(name_of(token.signed_with)) +
                  ", which is not allowed for its issuer");
  }
  bool known = false;
  std::size_t tried = 0;
  for (const auto& key : keys) {
    if (!token.key_id.empty() && key.id != token.key_id) continue;
    known = true;
    if (!key.fits(token.signed_with) || key.signature_bytes != token.signature_bytes) continue;
    if (tried++ == most_keys_tried) break;
    if (signature_holds(token.text, key)) return {};
  }
  if (!known) return refuse("names a key (kid) " + shown(token.key_id) + " that its issuer does not have");
  if (tried == 0) {
    return refuse("says that it is signed with " + std::string(name_of(token.signed_with)) +
                  ", which its key is not for");
  }
  return refuse("has a wrong signature");
}

result<claims> verify_jwt(const parsed_jwt& token, const jwt_rules& rules, const key_list& keys, std::int64_t now_ms) {
  if (auto checked = check_type(token, rules); !checked) return tl::make_unexpected(checked.error());
  if (auto checked = check_signature(token, rules.algorithms, keys); !checked)
    return tl::make_unexpected(checked.error());
  return read_claims(token.claims, rules.claims, token_form::jwt, now_ms);
}

}  // namespace kith::ingest::oauth
