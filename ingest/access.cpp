#include "ingest/access.hpp"

#include <boost/asio/dispatch.hpp>

#include "actors/clock.hpp"
#include "ingest/oauth/challenge.hpp"
#include "ingest/oauth/resource_metadata.hpp"
#include "ingest/problem.hpp"
#include "profile/encoding.hpp"

namespace kith::ingest {

namespace {

constexpr std::uint64_t unavailable_retry_ms = 5000;

/// What stands behind the scheme of Authorization; empty: another scheme.
std::string_view behind_scheme(std::string_view authorization, std::string_view scheme) noexcept {
  if (!net::same_field_name(authorization.substr(0, scheme.size()), scheme)) return {};
  authorization.remove_prefix(scheme.size());
  const auto begin = authorization.find_first_not_of(' ');
  return begin == std::string_view::npos || begin == 0 ? std::string_view() : authorization.substr(begin);
}

}  // namespace

void access::replace_issuers(std::shared_ptr<oauth::authorizer> issuers) {
  {
    const std::lock_guard lock(mutex_);
    issuers_.swap(issuers);
  }
  // The former ones end here, which waits for a thread: not while a shard might wait for the lock.
}

std::shared_ptr<oauth::authorizer> access::issuers() const {
  const std::lock_guard lock(mutex_);
  return issuers_;
}

void access::refuse(const exchange_ptr& with, const error& why, probe::of_edge& counts) const {
  if (why.code != errc::unauthenticated && why.code != errc::forbidden) {
    probe::add(counts.unavailable);
    return with->refuse(503, why, unavailable_retry_ms);
  }
  probe::add(counts.unauthenticated);
  auto made = problem(why);
  // No `Basic` challenge: a browser would ask the page's visitor for a password.
  const auto by = issuers();
  made.fields.emplace_back("WWW-Authenticate", by ? oauth::challenge(&why, by->scopes_for(&oauth::rights::publish),
                                                                     oauth::metadata_url(by->configured().resource))
                                                  : std::string("Bearer"));
  with->answer(std::move(made));
}

void access::let_in(const exchange_ptr& with, const identity_ptr& who, probe::of_edge& counts,
                    const std::function<void(identity_ptr)>& done) const {
  if (!who) {
    return refuse(with,
                  {errc::unauthenticated,
                   "the write key is not known here: send it as user name of Basic authentication, as Bearer token, or "
                   "as \"writeKey\" in the body"},
                  counts);
  }
  if (!who->rights.can_publish) {
    return refuse(
        with, {errc::forbidden, "\"" + who->rights.name + "\" may not publish; give it the right \"publish\""}, counts);
  }
  with->let_in();
  done(who);
}

void access::identify(const exchange_ptr& with, std::string_view write_key, probe::of_edge& counts,
                      std::function<void(identity_ptr)> done) {
  const auto authorization = with->request.field("authorization");
  if (authorization.empty()) {
    return let_in(with, write_key.empty() ? nullptr : credentials_->by_token(write_key), counts, done);
  }
  const auto bearer = behind_scheme(authorization, "Bearer");
  if (bearer.empty()) {
    const auto basic = profile::bytes_from_base64(behind_scheme(authorization, "Basic"));
    // The write key is the user name; SDKs leave the password empty.
    const auto key = basic ? std::string_view(*basic).substr(0, basic->find(':')) : std::string_view();
    return let_in(with, key.empty() ? nullptr : credentials_->by_token(key), counts, done);
  }
  auto known = credentials_->by_token(bearer);
  const auto by = issuers();
  if (known || !by) return let_in(with, known, counts, done);
  // It may call back within the call, or on a thread that is not ours.
  by->authorize(
      bearer, [this, with, &counts, done = std::move(done)](result<std::shared_ptr<const oauth::granted>> granted) {
        boost::asio::dispatch(loops_.io(with->home), [this, with, &counts, done, granted = std::move(granted)] {
          if (!granted) return refuse(with, granted.error(), counts);
          let_in(with, std::make_shared<net::identity>((*granted)->rights), counts, done);
        });
      });
}

bool access::take_quota(const exchange_ptr& with, net::identity& who, std::size_t events, probe::of_edge& counts) {
  const auto wait_ms = who.quota.take(static_cast<double>(events), actors::now());
  if (wait_ms == 0) return true;
  probe::add(counts.over_quota);
  with->refuse({errc::resource_exhausted, "the quota of \"" + who.rights.name + "\" is used up"}, wait_ms);
  return false;
}

}  // namespace kith::ingest
