#include "ingest/oauth/introspection.hpp"

#include "ingest/oauth/encoding.hpp"

namespace kith::ingest::oauth {

introspector::introspector(const issuer_settings& of, outgoing::fetcher& fetcher, environment with)
    : endpoint_(of.introspection_endpoint),
      authorization_("authorization: " + basic_authorization(of.client_id, of.client_secret)),
      ca_(of.ca),
      rules_{of.issuer, of.audiences, of.leeway},
      fetcher_(fetcher),
      environment_(std::move(with)) {}

void introspector::introspect(std::string_view token, const net::token_digest& digest, const callback& done) {
  bool begins = false;
  bool refused = false;
  {
    const std::lock_guard lock(mutex_);
    const auto found = under_way_.find(digest);
    begins = found == under_way_.end();
    refused = waiting_ == most_waiting || (begins && under_way_.size() == most_under_way);
    if (!refused) {
      under_way_[digest].push_back(done);
      ++waiting_;
    }
  }
  if (refused) {
    return done(fail(errc::resource_exhausted, "too many tokens wait for the answer of " + endpoint_));
  }
  if (!begins) return;
  outgoing::fetch_request request;
  request.url = endpoint_;
  request.headers = {"accept: application/json", "content-type: application/x-www-form-urlencoded", authorization_};
  request.is_post = true;
  request.body = "token=" + encode_form(token) + "&token_type_hint=access_token";
  request.ca = ca_;
  fetcher_.fetch(std::move(request),
                 [self = shared_from_this(), digest](const auto& response) { self->answered(digest, response); });
}

void introspector::answered(const net::token_digest& digest, const result<outgoing::fetch_response>& response) {
  const auto what = read(response);
  std::vector<callback> waited;
  {
    const std::lock_guard lock(mutex_);
    waited = std::move(under_way_.extract(digest).mapped());
    waiting_ -= waited.size();
  }
  for (const auto& each : waited) each(what);
}

tl::unexpected<error> introspector::unavailable(const std::string& why) {
  bool is_news = false;
  {
    const std::lock_guard lock(mutex_);
    is_news = std::exchange(last_error_, why) != why;
  }
  if (is_news) environment_.log("warning", "oauth: " + endpoint_ + ": " + why);
  return fail(errc::unavailable, "the token cannot be checked: " + endpoint_ + ": " + why);
}

result<claims> introspector::read(const result<outgoing::fetch_response>& response) {
  if (!response) {
    if (response.error().code == errc::resource_exhausted) return tl::make_unexpected(response.error());
    return unavailable(response.error().message);
  }
  if (response->status == 401) return unavailable("refuses our client_id and client_secret");
  if (response->status != 200) return unavailable("answered " + std::to_string(response->status));
  auto answer = parse_object(response->body, "its answer");
  if (!answer) return unavailable(answer.error().message);
  const auto active = answer->find("active");
  if (active == answer->end() || !active->is_boolean()) return unavailable("its answer has no boolean \"active\"");
  {
    const std::lock_guard lock(mutex_);
    last_error_.clear();
  }
  if (!active->get<bool>()) return fail(errc::unauthenticated, "the token is not active: unknown, expired or revoked");
  return read_claims(std::move(*answer), rules_, token_form::introspected, environment_.now_ms());
}

}  // namespace kith::ingest::oauth
