#include "ingest/oauth/key_set.hpp"

#include <algorithm>

#include "ingest/oauth/encoding.hpp"
#include "ingest/oauth/resource_metadata.hpp"

namespace kith::ingest::oauth {

namespace {

constexpr std::string_view oauth_metadata = "/.well-known/oauth-authorization-server";
constexpr std::string_view openid_metadata = "/.well-known/openid-configuration";

/// OpenID Connect Discovery appends to the path, where RFC 8414 puts in front of it.
std::string openid_url(std::string issuer) {
  while (issuer.ends_with('/')) issuer.pop_back();
  return issuer.append(openid_metadata);
}

}  // namespace

key_set::key_set(std::string issuer, std::string jwks_uri, std::string ca, outgoing::fetcher& fetcher, environment with)
    : issuer_(std::move(issuer)),
      configured_uri_(std::move(jwks_uri)),
      ca_(std::move(ca)),
      fetcher_(fetcher),
      environment_(std::move(with)),
      uri_(configured_uri_) {}

bool key_set::has(std::string_view kid) const {
  return kid.empty() || std::any_of(keys_->begin(), keys_->end(), [&](const auto& each) { return each.id == kid; });
}

void key_set::find(std::string_view kid, const callback& done) {
  std::unique_lock lock(mutex_);
  // Behind the lock: a time of before it may be older than what came meanwhile, as if the clock had gone back.
  const auto now_ms = environment_.now_ms();
  // A clock that went back makes what is kept old, not young for ever.
  const auto age_ms = keys_ ? now_ms - fetched_ms_ : 0;
  const bool is_old = age_ms >= fresh_ms || age_ms < 0;
  const auto since_try_ms = now_ms - tried_ms_;
  const auto pause = keys_ && !is_old ? cooldown_ms : pause_ms;
  const bool may_fetch = tried_ms_ == 0 || since_try_ms >= pause || since_try_ms < 0;
  const bool good = keys_ && !is_old && has(kid);
  const bool wanted = !keys_ || age_ms >= renew_ms || is_old || !good;
  const bool begins = wanted && may_fetch && !fetching_;
  if (begins) fetching_ = true;
  result<keys> now = keys_;
  const bool waits = !good && fetching_;
  if (waits) {
    if (waiting_.size() == most_waiting) {
      now = fail(errc::resource_exhausted, "too many tokens wait for the keys of " + issuer_);
    } else {
      waiting_.push_back(done);
    }
  } else if (!keys_ || (is_old && (age_ms < 0 || age_ms >= fresh_ms + stale_ms))) {
    now = fail(errc::unavailable, "the keys of " + issuer_ + " are not there: " + last_error_);
  }
  lock.unlock();
  if (begins) fetch();
  if (!waits || !now) done(std::move(now));
}

outgoing::fetch_request key_set::get(std::string url) const {
  outgoing::fetch_request request;
  request.url = std::move(url);
  request.headers = {"accept: application/json, application/jwk-set+json"};
  request.ca = ca_;
  return request;
}

void key_set::fetch() {
  const auto now_ms = environment_.now_ms();
  std::string uri;
  {
    const std::lock_guard lock(mutex_);
    const auto age_ms = now_ms - discovered_ms_;
    if (configured_uri_.empty() && (age_ms < 0 || age_ms >= rediscover_ms)) uri_.clear();
    uri = uri_;
  }
  if (!uri.empty()) return fetch_keys(uri);
  discover(well_known_url(issuer_, oauth_metadata), false);
}

void key_set::discover(const std::string& well_known, bool is_last) {
  auto request = get(well_known);
  fetcher_.fetch(std::move(request), [self = shared_from_this(), well_known, is_last](auto response) {
    if (!response) return self->failed(well_known + ": " + response.error().message);
    if (response->status == 200) return self->discovered(response->body);
    if (!is_last) return self->discover(openid_url(self->issuer_), true);
    self->failed(well_known + ": answered " + std::to_string(response->status));
  });
}

void key_set::discovered(const std::string& document) {
  const auto metadata = parse_object(document, "the metadata of " + issuer_);
  if (!metadata) return failed(metadata.error().message);
  // Else one issuer could have another's keys taken for its own (RFC 8414, section 3.3).
  if (text_member(*metadata, "issuer") != issuer_) {
    return failed("the metadata of " + issuer_ + " are of another issuer, " + shown(text_member(*metadata, "issuer")));
  }
  auto uri = text_member(*metadata, "jwks_uri");
  const auto url = net::parse_outgoing_url(uri);
  const auto own = net::parse_outgoing_url(issuer_);
  if (!url) return failed("the metadata of " + issuer_ + " name no jwks_uri: " + url.error().message);
  // Only who configures this server may point it at this machine.
  if (url->is_here() && !(own && own->is_here())) {
    return failed("the jwks_uri of " + issuer_ + " is on this machine: " + shown(uri));
  }
  {
    const std::lock_guard lock(mutex_);
    uri_ = uri;
    discovered_ms_ = environment_.now_ms();
  }
  fetch_keys(uri);
}

void key_set::fetch_keys(const std::string& uri) {
  fetcher_.fetch(get(uri), [self = shared_from_this(), uri](auto response) {
    if (!response) return self->failed(uri + ": " + response.error().message);
    if (response->status != 200) return self->failed(uri + ": answered " + std::to_string(response->status));
    auto parsed = parse_key_set(response->body);
    if (!parsed) return self->failed(uri + ": " + parsed.error().message);
    self->arrived(std::move(*parsed));
  });
}

void key_set::arrived(key_list fetched) {
  auto made = std::make_shared<const key_list>(std::move(fetched));
  told waited;
  bool recovered = false;
  {
    const std::lock_guard lock(mutex_);
    const auto now_ms = environment_.now_ms();
    keys_ = made;
    fetched_ms_ = tried_ms_ = now_ms;
    recovered = std::exchange(last_failed_, false);
    last_error_.clear();
    fetching_ = false;
    waited.swap(waiting_);
  }
  if (recovered) environment_.log("info", "oauth: the keys of " + issuer_ + " were fetched again");
  for (const auto& each : waited) each(made);
}

void key_set::failed(const std::string& why) {
  told waited;
  result<keys> now = keys();
  bool is_news = false;
  {
    const std::lock_guard lock(mutex_);
    const auto now_ms = environment_.now_ms();
    tried_ms_ = now_ms;
    is_news = !std::exchange(last_failed_, true) || last_error_ != why;
    last_error_ = why;
    fetching_ = false;
    waited.swap(waiting_);
    uri_ = configured_uri_;  // it may have moved: what was discovered is asked for again
    const auto age_ms = now_ms - fetched_ms_;
    if (keys_ && age_ms >= 0 && age_ms < fresh_ms + stale_ms) {
      now = keys_;
    } else {
      now = fail(errc::unavailable, "the keys of " + issuer_ + " are not there: " + why);
    }
  }
  if (is_news) environment_.log("warning", "oauth: cannot fetch the keys of " + issuer_ + ": " + why);
  for (const auto& each : waited) each(now);
}

}  // namespace kith::ingest::oauth
