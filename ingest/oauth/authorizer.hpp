// Who a bearer token speaks for, and what it may do: JWT access tokens are verified here, opaque ones asked for at
// their authorization server. A token that was seen a moment ago is answered from memory.
//
// Invariants
//   - A token is good at most until its `exp` (and the leeway), and a JWT at most ten minutes before its keys are
//   looked
//     at again, so that keys which an issuer withdraws stop working.
//   - Each call is answered exactly once.
// Thread safety: authorize() from any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "ingest/oauth/key_set.hpp"
#include "ingest/oauth/settings.hpp"
#include "ingest/outgoing/fetch.hpp"
#include "net/credentials.hpp"
#include "profile/result.hpp"

namespace kith::ingest::oauth {

struct granted {
  std::string issuer;
  std::string subject;    ///< may be empty for an opaque token, if client_id is not
  std::string client_id;  ///< may be empty for an opaque token, if subject is not
  std::vector<std::string> scopes;
  /// What the scopes allow. `name` is the client's id, else the subject; `source` what its events get.
  net::credential rights;
  std::int64_t until_ms = 0;    ///< ask again from then on
  std::int64_t expires_ms = 0;  ///< when the token ends; 0: it does not say
};

class authorizer {
 public:
  static constexpr std::size_t cached_tokens = 10'000;
  static constexpr std::int64_t jwt_cached_ms = key_set::fresh_ms;
  static constexpr std::int64_t refusal_cached_ms = 10'000;    ///< of an opaque token
  static constexpr std::int64_t unbounded_cached_ms = 60'000;  ///< of an opaque token without `exp`

  /// Errors: unauthenticated (RFC 6750: invalid_token), unavailable (the authorization server cannot be reached),
  /// resource_exhausted.
  using callback = std::function<void(result<std::shared_ptr<const granted>>)>;

  authorizer(settings with, std::unique_ptr<outgoing::fetcher> fetcher, const environment& around);
  /// What is under way is answered as unavailable.
  ~authorizer();
  authorizer(const authorizer&) = delete;
  authorizer& operator=(const authorizer&) = delete;

  /// Does not wait. `done` is called before this returns where nothing need be fetched; else on the fetcher's thread,
  /// where it must not block: hand what it does over to your own.
  void authorize(std::string_view bearer_token, const callback& done);

  /// The scopes that allow this, space between, for a challenge. `needed`: e.g. &rights::publish.
  std::string scopes_for(bool rights::*needed) const;
  const settings& configured() const;

 private:
  struct impl;
  std::shared_ptr<impl> impl_;
  std::unique_ptr<outgoing::fetcher> fetcher_;  ///< ends first, and answers what is under way
};

}  // namespace kith::ingest::oauth
