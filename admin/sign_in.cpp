#include "admin/sign_in.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <openssl/hmac.h>

#include "admin/sessions.hpp"
#include "ingest/oauth/encoding.hpp"

namespace kith::admin {

namespace {

using ingest::oauth::base64url_of;
using ingest::oauth::encode_form;
using ingest::oauth::same_secret;
using ingest::oauth::shown;
using nlohmann::json;

constexpr std::size_t most_subject_bytes = 255;  // OpenID Connect Core, section 2
constexpr std::size_t most_name_bytes = 128;
constexpr std::size_t most_cookie_bytes = 512;
constexpr std::size_t most_code_bytes = 4096;

auto refuse(std::string_view reason, std::string detail) {
  return tl::make_unexpected(sign_in::refusal{reason, std::move(detail)});
}

std::string value_of(const std::map<std::string, std::string>& of, const char* name) {
  const auto found = of.find(name);
  return found == of.end() ? std::string() : found->second;
}

std::string text_of(const net::token_digest& digest) {
  return base64url_of({reinterpret_cast<const char*>(digest.data()), digest.size()});
}

std::optional<net::token_digest> digest_in(std::string_view text) {
  const auto bytes = ingest::oauth::decode_base64url(text);
  net::token_digest made;
  if (!bytes || bytes->size() != made.size()) return std::nullopt;
  std::copy(bytes->begin(), bytes->end(), made.begin());
  return made;
}

std::string lower(std::string text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
  }
  return text;
}

std::string with_attributes(const std::string& value, std::int64_t seconds) {
  // Lax: the provider's page is what sends the browser back.
  return std::string(sign_in::cookie_name) + "=" + value +
         "; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=" + std::to_string(seconds);
}

/// A claim by its name, which may have dots of its own, or by a dotted path.
const json* claim_at(const json& all, const std::string& path) {
  if (const auto found = all.find(path); found != all.end()) return &*found;
  const json* at = &all;
  for (std::size_t begin = 0; begin <= path.size();) {
    const auto end = std::min(path.find('.', begin), path.size());
    if (!at->is_object()) return nullptr;
    const auto found = at->find(path.substr(begin, end - begin));
    if (found == at->end()) return nullptr;
    at = &*found;
    begin = end + 1;
  }
  return at;
}

net::role role_in(const json& claim, const std::map<std::string, net::role>& roles) {
  auto most = net::role::none;
  const auto look = [&](const json& word) {
    if (!word.is_string()) return;
    if (const auto found = roles.find(word.get_ref<const std::string&>()); found != roles.end()) {
      most = std::max(most, found->second);
    }
  };
  if (claim.is_array()) std::for_each(claim.begin(), claim.end(), look);
  look(claim);
  return most;
}

/// Nothing that a log or a terminal would take for more than text.
bool is_plain(const std::string& text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) >= 0x20 && c != 0x7f; });
}

std::string joined(const std::vector<std::string>& words) {
  std::string made;
  for (const auto& each : words) made += (made.empty() ? "" : " ") + each;
  return made;
}

}  // namespace

sign_in::sign_in(openid_settings settings, std::unique_ptr<ingest::outgoing::fetcher> fetcher,
                 ingest::oauth::environment around)
    : settings_(std::move(settings)),
      around_(around),
      key_(random_text()),
      provider_(settings_, std::move(fetcher), std::move(around)) {}

std::string sign_in::derived(std::string_view purpose, std::string_view from) const {
  const auto text = std::string(purpose).append(":").append(from);
  std::array<unsigned char, 32> made{};
  unsigned size = 0;
  HMAC(EVP_sha256(), key_.data(), static_cast<int>(key_.size()), reinterpret_cast<const unsigned char*>(text.data()),
       text.size(), made.data(), &size);
  return base64url_of({reinterpret_cast<const char*>(made.data()), size});
}

/// ID.MILLISECONDS.REPLACED.SIGNATURE
std::string sign_in::sealed(const transaction& of) const {
  const auto text = of.id + '.' + std::to_string(around_.now_ms()) + '.' + (of.replaces ? text_of(*of.replaces) : "");
  return text + '.' + derived("cookie", text);
}

sign_in::outcome<sign_in::transaction> sign_in::opened(std::string_view cookie) const {
  if (cookie.empty()) return refuse("expired", "the browser did not begin a sign-in here, or too long ago");
  const auto signature = cookie.rfind('.');
  if (cookie.size() > most_cookie_bytes || signature == std::string_view::npos ||
      !same_secret(cookie.substr(signature + 1), derived("cookie", cookie.substr(0, signature)))) {
    return refuse("expired", "the cookie of the sign-in is not one that this server made since its start");
  }
  // What follows was written by sealed().
  const auto id = cookie.substr(0, cookie.find('.'));
  const auto rest = cookie.substr(id.size() + 1, signature - id.size() - 1);
  std::int64_t began_ms = 0;
  std::from_chars(rest.data(), rest.data() + rest.size(), began_ms);
  const auto age_ms = around_.now_ms() - began_ms;
  if (age_ms < 0 || age_ms >= patience_ms) return refuse("expired", "the sign-in began too long ago");
  return transaction{std::string(id), digest_in(rest.substr(rest.find('.') + 1))};
}

bool sign_in::first_try(const std::string& id) {
  const std::lock_guard lock(mutex_);
  if (!was_tried_.insert(id).second) return false;
  tried_.push_back(id);
  if (tried_.size() > remembered) {
    was_tried_.erase(tried_.front());
    tried_.pop_front();
  }
  return true;
}

/// As the configuration writes the host.
std::optional<std::string> sign_in::redirect_uri_at(const std::string& host) const {
  const auto found = std::find_if(settings_.hosts.begin(), settings_.hosts.end(),
                                  [&](const auto& each) { return lower(each) == lower(host); });
  if (found == settings_.hosts.end()) return std::nullopt;
  return "https://" + *found + "/v1/session/callback";
}

sign_in::refusal sign_in::trouble(const error& why) const {
  around_.log("warning", "oidc: " + why.message);
  return {why.code == errc::unauthenticated ? "refused" : "unavailable", why.message};
}

sign_in::outcome<sign_in::begun> sign_in::begin(const std::string& host, std::string_view session_id) {
  const auto redirect_uri = redirect_uri_at(host);
  if (!redirect_uri) return refuse("host", "oidc.hosts has no " + shown(host));
  const auto at = provider_.discover();
  if (!at) return tl::make_unexpected(trouble(at.error()));
  transaction made{random_text(), {}};
  if (!session_id.empty()) made.replaces = net::digest_of(session_id);
  const auto challenge = net::digest_of(derived("verifier", made.id));
  auto url = (*at)->authorization_endpoint;
  url += url.find('?') == std::string::npos ? '?' : '&';
  url += "response_type=code&client_id=" + encode_form(settings_.client_id) +
         "&redirect_uri=" + encode_form(*redirect_uri) + "&scope=" + encode_form(joined(settings_.scopes)) +
         "&state=" + derived("state", made.id) + "&nonce=" + derived("nonce", made.id) +
         "&code_challenge=" + text_of(challenge) + "&code_challenge_method=S256";
  return begun{std::move(url), with_attributes(sealed(made), patience_ms / 1000)};
}

/// Is it from whom was asked, and no error? `state` was looked at before.
sign_in::outcome<void> sign_in::check_answer(const std::map<std::string, std::string>& answer,
                                             const openid_provider::metadata& at) const {
  const auto from = value_of(answer, "iss");
  if (from != settings_.issuer && (!from.empty() || at.names_itself)) {
    return refuse("refused", "the answer is of another provider (iss), " + shown(from));
  }
  if (const auto failed = value_of(answer, "error"); !failed.empty()) {
    return refuse(failed == "access_denied" ? "denied" : "refused",
                  "the provider says " + shown(failed) + ": " + shown(value_of(answer, "error_description")));
  }
  const auto code = value_of(answer, "code");
  if (code.empty() || code.size() > most_code_bytes)
    return refuse("refused", "the answer has no code that could be one");
  return {};
}

sign_in::outcome<sign_in::person> sign_in::finish(const std::map<std::string, std::string>& answer,
                                                  std::string_view cookies, const std::string& host) {
  const auto redirect_uri = redirect_uri_at(host);
  if (!redirect_uri) return refuse("host", "oidc.hosts has no " + shown(host));
  const auto begun_as = opened(cookie_in(cookies, cookie_name));
  if (!begun_as) return tl::make_unexpected(begun_as.error());
  if (!same_secret(value_of(answer, "state"), derived("state", begun_as->id))) {
    return refuse("expired", "the answer belongs to another sign-in than the browser began last (state)");
  }
  if (!first_try(begun_as->id)) return refuse("expired", "the sign-in was tried before");
  const auto at = provider_.discover();
  if (!at) return tl::make_unexpected(trouble(at.error()));
  if (auto good = check_answer(answer, **at); !good) return tl::make_unexpected(good.error());
  const auto got = provider_.redeem(**at, value_of(answer, "code"), *redirect_uri, derived("verifier", begun_as->id));
  if (!got) return tl::make_unexpected(trouble(got.error()));
  return admit(**at, *got, *begun_as);
}

sign_in::outcome<sign_in::person> sign_in::admit(const openid_provider::metadata& at,
                                                 const openid_provider::tokens& got, const transaction& begun_as) {
  auto said = provider_.verify(at, got.id_token, derived("nonce", begun_as.id));
  if (!said) return tl::make_unexpected(trouble(said.error()));
  auto all = std::move(said->all);
  if (said->subject.size() > most_subject_bytes || !is_plain(said->subject)) {
    return refuse("refused", "the ID token's subject (sub) is too long, or no plain text");
  }
  const bool by_scope = settings_.role_claim == "scope";
  const auto lacks = [&](const std::string& claim) { return claim_at(all, claim) == nullptr; };
  if ((lacks(settings_.name_claim) || (!by_scope && lacks(settings_.role_claim))) && !at.userinfo_endpoint.empty() &&
      !got.access_token.empty()) {
    auto more = provider_.userinfo(at, got.access_token, said->subject);
    if (!more) return tl::make_unexpected(trouble(more.error()));
    more->update(all);  // what was signed goes first
    all = std::move(*more);
  }
  const json scopes = ingest::oauth::words_of(got.scope.empty() ? joined(settings_.scopes) : got.scope);
  const auto* claim = by_scope ? &scopes : claim_at(all, settings_.role_claim);
  const auto role = claim == nullptr ? net::role::none : role_in(*claim, settings_.roles);
  if (role == net::role::none) {
    return refuse("no_role", "the provider knows " + shown(said->subject) + ", whose claim \"" + settings_.role_claim +
                                 "\" gives no role in oidc.roles");
  }
  const auto* name = claim_at(all, settings_.name_claim);
  const auto called = name != nullptr && name->is_string() ? name->get<std::string>() : std::string();
  const bool named = !called.empty() && called.size() <= most_name_bytes && is_plain(called);
  net::credential rights;
  // What stays theirs (OpenID Connect Core, section 5.7): what they are called may be another's tomorrow. An issuer has
  // no fragment, and no token can have such a name.
  rights.name = "oidc:" + settings_.issuer + "#" + said->subject;
  if (named) rights.display = called;
  rights.can_publish = rights.can_read = false;
  rights.granted = role;
  return person{std::make_shared<net::identity>(std::move(rights)), said->subject,
                around_.now_ms() + settings_.session.count(), begun_as.replaces};
}

std::string sign_in::cookie_that_ends() { return with_attributes("", 0); }

}  // namespace kith::admin
