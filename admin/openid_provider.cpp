#include "admin/openid_provider.hpp"

#include <algorithm>
#include <future>

#include "ingest/oauth/encoding.hpp"
#include "ingest/oauth/id_token.hpp"

namespace kith::admin {

namespace {

using ingest::oauth::shown;
using ingest::oauth::text_member;
using nlohmann::json;

std::string openid_configuration_of(std::string issuer) {
  while (issuer.ends_with('/')) issuer.pop_back();
  return issuer.append("/.well-known/openid-configuration");
}

bool holds(const json& document, const char* name, const char* word) {
  const auto list = document.find(name);
  return list != document.end() && list->is_array() && std::find(list->begin(), list->end(), word) != list->end();
}

/// What a callback tells, waited for.
template <class T>
class answer {
 public:
  auto taker() {
    return [promise = promise_](result<T> told) { promise->set_value(std::move(told)); };
  }
  result<T> wait(const std::string& whose) {
    auto told = promise_->get_future();
    if (told.wait_for(openid_provider::patience) != std::future_status::ready) {
      return fail(errc::unavailable, whose + " does not answer in time");
    }
    return told.get();
  }

 private:
  std::shared_ptr<std::promise<result<T>>> promise_ = std::make_shared<std::promise<result<T>>>();
};

}  // namespace

openid_provider::openid_provider(const openid_settings& of, std::unique_ptr<ingest::outgoing::fetcher> fetcher,
                                 ingest::oauth::environment around)
    : settings_(of), around_(std::move(around)), fetcher_(std::move(fetcher)) {}

/// The JSON object that it answers with 200.
result<json> openid_provider::ask(ingest::outgoing::fetch_request request, const std::string& what) {
  request.ca = settings_.ca;
  request.headers.emplace_back("accept: application/json");
  answer<ingest::outgoing::fetch_response> coming;
  fetcher_->fetch(std::move(request), coming.taker());
  const auto response = coming.wait(what);
  if (!response) return fail(errc::unavailable, what + ": " + response.error().message);
  auto document = ingest::oauth::parse_object(response->body, what);
  if (response->status >= 400 && response->status < 500) {
    const auto why = document ? text_member(*document, "error") : std::string();
    return fail(errc::unauthenticated,
                what + " refuses: " + (why.empty() ? std::to_string(response->status) : shown(why)));
  }
  if (response->status != 200) return fail(errc::unavailable, what + " answered " + std::to_string(response->status));
  if (!document) return fail(errc::unavailable, document.error().message);
  return document;
}

/// Https; on this machine only if the issuer is, for only who configures this server may point it there.
result<std::string> openid_provider::endpoint_in(const json& document, const char* name) const {
  auto url = text_member(document, name);
  // The fetcher holds what is asked to `allow_hosts`; people's browsers may be sent elsewhere.
  auto rules = settings_.outgoing;
  rules.allow_hosts.clear();
  const auto good = net::check_outgoing_url(url, rules);
  if (!good) {
    return fail(errc::unavailable, "the metadata of " + settings_.issuer + ": " + name + ": " + good.error().message);
  }
  const auto there = net::parse_outgoing_url(url);
  const auto own = net::parse_outgoing_url(settings_.issuer);
  if (there && there->is_here() && !(own && own->is_here())) {
    return fail(errc::unavailable, "the metadata of " + settings_.issuer + ": " + name + " is on this machine");
  }
  return url;
}

result<std::shared_ptr<const openid_provider::metadata>> openid_provider::read(const json& document) {
  // Else one provider could have another's endpoints taken for its own.
  if (text_member(document, "issuer") != settings_.issuer) {
    return fail(errc::unavailable, "the metadata of " + settings_.issuer + " are of another issuer, " +
                                       shown(text_member(document, "issuer")));
  }
  auto made = std::make_shared<metadata>();
  for (const auto& [name, into] : {std::pair{"authorization_endpoint", &made->authorization_endpoint},
                                   {"token_endpoint", &made->token_endpoint},
                                   {"userinfo_endpoint", &made->userinfo_endpoint}}) {
    if (into == &made->userinfo_endpoint && !document.contains(name)) continue;
    auto url = endpoint_in(document, name);
    if (!url) return tl::make_unexpected(url.error());
    *into = std::move(*url);
  }
  const auto keys = endpoint_in(document, "jwks_uri");
  if (!keys) return tl::make_unexpected(keys.error());
  made->names_itself = document.value("authorization_response_iss_parameter_supported", json(false)) == true;
  constexpr const char* methods = "token_endpoint_auth_methods_supported";
  made->secret_in_header =
      holds(document, methods, "client_secret_basic") || !holds(document, methods, "client_secret_post");
  made->keys = std::make_shared<ingest::oauth::key_set>(settings_.issuer, *keys, settings_.ca, *fetcher_, around_);
  return std::shared_ptr<const metadata>(std::move(made));
}

result<std::shared_ptr<const openid_provider::metadata>> openid_provider::discover() {
  const auto now_ms = around_.now_ms();
  {
    const std::lock_guard lock(mutex_);
    const auto age_ms = now_ms - tried_ms_;
    if (known_ && age_ms >= 0 && age_ms < discovered_for_ms) return known_;
    if (!known_ && tried_ms_ != 0 && age_ms >= 0 && age_ms < pause_ms) return tl::make_unexpected(failure_);
  }
  ingest::outgoing::fetch_request request;
  request.url = openid_configuration_of(settings_.issuer);
  const auto document = ask(std::move(request), "the OpenID provider " + settings_.issuer);
  auto made = document ? read(*document)
                       : result<std::shared_ptr<const metadata>>(fail(errc::unavailable, document.error().message));
  const std::lock_guard lock(mutex_);
  tried_ms_ = now_ms;
  if (made) {
    known_ = *made;
  } else if (known_) {
    around_.log("warning", "oidc: " + made.error().message + "; what it said before holds on");
    tried_ms_ -= discovered_for_ms - stale_pause_ms;
    return known_;
  } else {
    failure_ = made.error();
  }
  return made;
}

result<openid_provider::tokens> openid_provider::redeem(const metadata& at, const std::string& code,
                                                        const std::string& redirect_uri, const std::string& verifier) {
  using ingest::oauth::encode_form;
  ingest::outgoing::fetch_request request;
  request.url = at.token_endpoint;
  request.is_post = true;
  request.headers = {"content-type: application/x-www-form-urlencoded"};
  request.body = "grant_type=authorization_code&code=" + encode_form(code) +
                 "&redirect_uri=" + encode_form(redirect_uri) + "&code_verifier=" + encode_form(verifier);
  if (!settings_.client_secret.empty() && at.secret_in_header) {
    request.headers.push_back("authorization: " +
                              ingest::oauth::basic_authorization(settings_.client_id, settings_.client_secret));
  } else {
    request.body += "&client_id=" + encode_form(settings_.client_id);
    if (!settings_.client_secret.empty()) request.body += "&client_secret=" + encode_form(settings_.client_secret);
  }
  const auto document = ask(std::move(request), "the token endpoint of " + settings_.issuer);
  if (!document) return tl::make_unexpected(document.error());
  tokens made{text_member(*document, "id_token"), text_member(*document, "access_token"),
              text_member(*document, "scope")};
  if (made.id_token.empty()) return fail(errc::unavailable, settings_.issuer + " gives no ID token");
  return made;
}

result<ingest::oauth::claims> openid_provider::verify(const metadata& at, const std::string& id_token,
                                                      const std::string& nonce) {
  const auto parsed = ingest::oauth::parse_jwt(id_token);
  if (!parsed) return tl::make_unexpected(parsed.error());
  answer<ingest::oauth::key_set::keys> coming;
  at.keys->find(parsed->key_id, coming.taker());
  const auto keys = coming.wait("the keys of " + settings_.issuer);
  if (!keys) return tl::make_unexpected(keys.error());
  return ingest::oauth::verify_id_token(
      *parsed, {settings_.issuer, settings_.client_id, nonce, settings_.leeway, settings_.algorithms}, **keys,
      around_.now_ms());
}

result<json> openid_provider::userinfo(const metadata& at, const std::string& access_token,
                                       const std::string& subject) {
  ingest::outgoing::fetch_request request;
  request.url = at.userinfo_endpoint;
  request.headers = {"authorization: Bearer " + access_token};
  auto document = ask(std::move(request), "the userinfo endpoint of " + settings_.issuer);
  if (!document) return document;
  // What is said of somebody else counts for nothing (section 5.3.2).
  if (text_member(*document, "sub") != subject) {
    return fail(errc::unauthenticated, "the userinfo of " + settings_.issuer + " is of somebody else (sub)");
  }
  return document;
}

}  // namespace kith::admin
