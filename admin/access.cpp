#include "admin/access.hpp"

#include <chrono>
#include <future>

#include "admin/sign_in.hpp"
#include "admin/tokens.hpp"
#include "ingest/oauth/authorizer.hpp"

namespace kith::admin {

namespace {

constexpr std::chrono::seconds issuer_patience{5};

/// The token of `Authorization: Bearer TOKEN`; nothing: it is of another scheme, or there is none.
std::optional<std::string> bearer_in(const std::string& authorization) {
  constexpr std::string_view scheme = "bearer ";
  if (authorization.size() < scheme.size()) return std::nullopt;
  for (std::size_t i = 0; i < scheme.size(); ++i) {
    const char c = authorization[i];
    if ((c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c) != scheme[i]) return std::nullopt;
  }
  return authorization.substr(scheme.size());
}

}  // namespace

access::access(environment around)
    : around_(std::move(around)), sessions_(around_.now_ms), of_credential_(0), of_failures_(0) {
  configure({}, nullptr);
}

void access::configure(const access_settings& settings, std::shared_ptr<ingest::oauth::authorizer> issuers) {
  sessions_.configure(settings.session);
  of_credential_.set_rate(settings.requests_per_second);
  of_failures_.set_rate(settings.failures_per_second);
  const std::lock_guard lock(mutex_);
  issuers_ = std::move(issuers);
}

void access::sign_in_at(const std::shared_ptr<sign_in>& provider) {
  std::shared_ptr<sign_in> before;
  {
    const std::lock_guard lock(mutex_);
    // Only the one that began a sign-in can finish it.
    if (people_ && provider && people_->configured() == provider->configured()) return;
    before = std::exchange(people_, provider);
  }
  const bool same = before && provider && before->configured().says_the_same_as(provider->configured());
  if (before && !same) sessions_.close_of_people();
}

std::shared_ptr<sign_in> access::people() {
  const std::lock_guard lock(mutex_);
  return people_;
}

access::resolved access::by_token(const std::string& token) {
  if (auto who = around_.credentials->by_token(token)) return {std::move(who), known_by::token, 0, {}};
  if (around_.tokens != nullptr) {
    auto found = around_.tokens->find(token);
    if (found.who) return {std::move(found.who), known_by::token, found.until_ms, {}};
    if (!found.why.empty()) return {nullptr, known_by::nothing, 0, std::move(found.why)};
  }
  return by_oauth(token);
}

access::resolved access::by_oauth(const std::string& token) {
  std::shared_ptr<ingest::oauth::authorizer> issuers;
  {
    const std::lock_guard lock(mutex_);
    issuers = issuers_;
  }
  resolved found;
  found.why = "the token is not known here";
  if (!issuers) return found;
  const auto place = waiting_.enter();
  if (!place) {
    found.why = "the authorization server is being asked for others; try again";
    return found;
  }
  using outcome = result<std::shared_ptr<const ingest::oauth::granted>>;
  auto promise = std::make_shared<std::promise<outcome>>();
  auto answer = promise->get_future();
  issuers->authorize(token, [promise](outcome said) { promise->set_value(std::move(said)); });
  if (answer.wait_for(issuer_patience) != std::future_status::ready) {
    found.why = "the authorization server does not answer in time";
    return found;
  }
  const auto said = answer.get();
  if (!said) {
    found.why = said.error().message;
    return found;
  }
  found = {std::make_shared<net::identity>((*said)->rights), known_by::oauth, (*said)->expires_ms, {}};
  return found;
}

std::string access::sent_by_another_site(const request& asked) {
  if (!asked.fetch_site.empty() && asked.fetch_site != "same-origin" && asked.fetch_site != "none") {
    return "a page of another site sent it (Sec-Fetch-Site: " + asked.fetch_site + ")";
  }
  if (!asked.origin.empty() && asked.origin != "https://" + asked.host) {
    return "a page of another site sent it (Origin is not https://" + asked.host + ")";
  }
  return {};
}

bool access::by_session(request& asked) {
  const auto id = sessions::id_in(asked.cookie);
  if (id.empty()) return false;
  const auto session = sessions_.find(id);
  if (!session) {
    asked.why_unknown = "the session has ended: open another one";
    return false;
  }
  asked.who = session->person;
  if (!asked.who) {
    auto found = by_token(session->token);
    if (!found.who) {
      asked.why_unknown = "the session's token holds no more: " + found.why;
      return false;
    }
    asked.who = std::move(found.who);
  }
  asked.how = known_by::session;
  asked.until_ms = session->until_ms;
  if (asked.is_safe()) return true;
  asked.forged = sent_by_another_site(asked);
  if (asked.forged.empty() && asked.kith_request != "1") {
    asked.forged = "with a session's cookie it needs the header `X-Kith-Request: 1`";
  }
  return true;
}

void access::by_certificate(request& asked) {
  asked.who = around_.credentials->by_common_name(asked.certificate);
  if (!asked.who) {
    asked.why_unknown = "the client certificate \"" + asked.certificate +
                        "\" is not listed: give this common_name to a [[credentials]] entry of the configuration, or "
                        "send `Authorization: Bearer TOKEN`";
    return;
  }
  asked.how = known_by::certificate;
  // Browsers show a certificate to whoever has them ask.
  if (!asked.is_safe()) asked.forged = sent_by_another_site(asked);
}

/// A token that is sent goes first, be it a wrong one; then the session; then the certificate.
void access::identify(request& asked) {
  if (const auto token = bearer_in(asked.authorization)) {
    auto found = by_token(*token);
    asked.who = std::move(found.who);
    asked.how = found.how;
    asked.until_ms = found.until_ms;
    if (!asked.who) asked.why_unknown = std::move(found.why);
    return;
  }
  if (by_session(asked)) return;
  if (!asked.certificate.empty()) return by_certificate(asked);
}

std::optional<response> access::refuse_if_over(throttle& quota, const std::string& name, const char* whose) {
  const auto wait_ms = quota.take(name, around_.now());
  if (wait_ms == 0) return std::nullopt;
  if (around_.counts != nullptr) probe::add_one(around_.counts->throttled);
  auto refused = problem(429, "resource_exhausted", std::string("the quota of ") + whose + " is used up");
  refused.headers["Retry-After"] = std::to_string((wait_ms + 999) / 1000);
  return refused;
}

std::optional<response> access::admit(request& asked) {
  if (around_.counts != nullptr) probe::add_one(around_.counts->requests);
  identify(asked);
  if (asked.who) return refuse_if_over(of_credential_, asked.who->rights.name, "this credential");
  const bool tried = !asked.authorization.empty() || !asked.certificate.empty() || !asked.cookie.empty();
  if (!tried) return std::nullopt;
  return refuse_if_over(of_failures_, asked.address, "credentials that do not hold, of this address,");
}

}  // namespace kith::admin
