#include "ingest/oauth/authorizer.hpp"

#include <algorithm>
#include <set>

#include "ingest/oauth/encoding.hpp"
#include "ingest/oauth/introspection.hpp"
#include "ingest/oauth/jwt.hpp"
#include "ingest/oauth/token_cache.hpp"

namespace kith::ingest::oauth {

namespace {

using outcome = result<std::shared_ptr<const granted>>;

constexpr std::size_t most_source_bytes = 255;

/// The syntax of a bearer token: b64token of RFC 6750, section 2.1.
bool is_token(std::string_view text) {
  constexpr std::string_view allowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/";
  const auto end = text.find_first_not_of(allowed);
  return end != 0 && !text.empty() &&
         (end == std::string_view::npos || text.find_first_not_of('=', end) == std::string_view::npos);
}

jwt_rules rules_of(const issuer_settings& of) {
  return {{of.issuer, of.audiences, of.leeway}, of.algorithms, of.accept_type_jwt};
}

result<std::string> source_of(const claims& said, const issuer_settings& by, const std::string& name) {
  if (!by.source.empty()) return by.source;
  if (by.source_claim.empty()) return name;
  auto source = text_member(said.all, by.source_claim.c_str());
  if (source.empty() || source.size() > most_source_bytes) {
    return fail(errc::unauthenticated, "the token has no claim \"" + by.source_claim + "\" of 1 to " +
                                           std::to_string(most_source_bytes) +
                                           " bytes of text, which names the source of its events");
  }
  return source;
}

result<granted> grant(const claims& said, const issuer_settings& by, std::int64_t until_ms) {
  granted made;
  made.issuer = by.issuer;
  made.subject = said.subject;
  made.client_id = said.client_id;
  made.scopes = said.scopes;
  made.until_ms = until_ms;
  made.expires_ms = said.until_ms;
  made.rights.name = said.client_id.empty() ? said.subject : said.client_id;
  made.rights.can_publish = made.rights.can_read = made.rights.can_admin = false;
  for (const auto& scope : said.scopes) {
    const auto found = by.scopes.find(scope);
    if (found == by.scopes.end()) continue;
    made.rights.can_publish |= found->second.publish;
    made.rights.can_read |= found->second.read;
    made.rights.can_admin |= found->second.admin;
    made.rights.granted = std::max(made.rights.granted, found->second.role);
  }
  // A role beside the right to administer takes nothing away from that.
  if (made.rights.can_admin && made.rights.granted != net::role::none) made.rights.granted = net::role::admin;
  auto source = source_of(said, by, made.rights.name);
  if (!source) return tl::make_unexpected(source.error());
  made.rights.source = std::move(*source);
  return made;
}

}  // namespace

struct authorizer::impl : std::enable_shared_from_this<impl> {
  struct issuer {
    const issuer_settings& configured;
    jwt_rules rules;
    std::shared_ptr<key_set> keys;
  };

  impl(settings with, outgoing::fetcher& fetcher, const environment& around)
      : configured(std::move(with)), now_ms(around.now_ms) {
    for (const auto& each : configured.issuers) {
      issuers.push_back(
          {each, rules_of(each), std::make_shared<key_set>(each.issuer, each.jwks_uri, each.ca, fetcher, around)});
      if (each.introspection_endpoint.empty()) continue;
      introspecting = &each;
      introspection = std::make_shared<introspector>(each, fetcher, around);
    }
  }

  void authorize_jwt(std::string_view text, const net::token_digest& digest, const callback& done);
  void authorize_opaque(std::string_view text, const net::token_digest& digest, const callback& done);
  outcome keep(const net::token_digest& digest, const result<claims>& said, const issuer_settings& by, token_form form);

  const settings configured;
  const std::function<std::int64_t()> now_ms;
  std::vector<issuer> issuers;
  const issuer_settings* introspecting = nullptr;  ///< the one whose opaque tokens are taken
  std::shared_ptr<introspector> introspection;
  token_cache<outcome> cache{cached_tokens};
};

outcome authorizer::impl::keep(const net::token_digest& digest, const result<claims>& said, const issuer_settings& by,
                               token_form form) {
  const auto now = now_ms();
  const bool opaque = form == token_form::introspected;
  auto made = said.and_then([&](const claims& what) {
    auto until_ms = what.until_ms != 0 ? what.until_ms : now + unbounded_cached_ms;
    if (!opaque) until_ms = std::min(until_ms, now + jwt_cached_ms);
    return grant(what, by, until_ms);
  });
  if (made) {
    const auto until_ms = made->until_ms;
    outcome good = std::make_shared<const granted>(std::move(*made));
    cache.keep(digest, good, now, until_ms);
    return good;
  }
  outcome refused = tl::make_unexpected(std::move(made.error()));
  // Only where its authorization server would be asked for it again.
  if (opaque && refused.error().code == errc::unauthenticated) {
    cache.keep(digest, refused, now, now + refusal_cached_ms);
  }
  return refused;
}

void authorizer::impl::authorize_jwt(std::string_view text, const net::token_digest& digest, const callback& done) {
  auto parsed = parse_jwt(text);
  if (!parsed) return done(tl::make_unexpected(parsed.error()));
  const auto by = std::find_if(issuers.begin(), issuers.end(),
                               [&](const auto& each) { return each.configured.issuer == parsed->issuer; });
  if (by == issuers.end()) {
    return done(fail(errc::unauthenticated,
                     "the token is of an issuer (iss) that is not configured: " + shown(parsed->issuer)));
  }
  auto copy = std::make_shared<const std::string>(text);  // the keys may come later
  parsed->text = *copy;
  const auto kid = parsed->key_id;
  by->keys->find(kid, [self = shared_from_this(), copy, token = std::move(*parsed), digest, done,
                       of = &*by](const result<key_set::keys>& keys) {
    if (!keys) return done(tl::make_unexpected(keys.error()));
    const auto said = verify_jwt(token, of->rules, **keys, self->now_ms());
    done(self->keep(digest, said, of->configured, token_form::jwt));
  });
}

void authorizer::impl::authorize_opaque(std::string_view text, const net::token_digest& digest, const callback& done) {
  if (!introspection) return done(fail(errc::unauthenticated, "the token is no JWT, and others are not taken"));
  introspection->introspect(text, digest, [self = shared_from_this(), digest, done](const result<claims>& said) {
    done(self->keep(digest, said, *self->introspecting, token_form::introspected));
  });
}

authorizer::authorizer(settings with, std::unique_ptr<outgoing::fetcher> fetcher, const environment& around)
    : impl_(std::make_shared<impl>(std::move(with), *fetcher, around)), fetcher_(std::move(fetcher)) {}

authorizer::~authorizer() = default;

void authorizer::authorize(std::string_view bearer_token, const callback& done) {
  if (bearer_token.size() > most_token_bytes) {
    return done(fail(errc::unauthenticated, "the token is over " + std::to_string(most_token_bytes) + " bytes"));
  }
  if (!is_token(bearer_token))
    return done(fail(errc::unauthenticated, "the token holds what no bearer token may hold"));
  const auto digest = net::digest_of(bearer_token);
  if (auto known = impl_->cache.find(digest, impl_->now_ms())) return done(std::move(*known));
  if (looks_like_jwt(bearer_token)) return impl_->authorize_jwt(bearer_token, digest, done);
  impl_->authorize_opaque(bearer_token, digest, done);
}

std::string authorizer::scopes_for(bool rights::*needed) const {
  std::set<std::string> found;
  for (const auto& issuer : impl_->configured.issuers) {
    for (const auto& [scope, allows] : issuer.scopes) {
      if (allows.*needed) found.insert(scope);
    }
  }
  std::string made;
  for (const auto& each : found) made += (made.empty() ? "" : " ") + each;
  return made;
}

const settings& authorizer::configured() const { return impl_->configured; }

}  // namespace kith::ingest::oauth
