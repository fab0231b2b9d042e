// Who sends: a credential of the configuration by its token (a write key is one), or an OAuth 2.0 access token.
//
// Thread safety: identify() on the exchange's shard, where `done` runs too; replace_issuers() from any thread.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "ingest/exchange.hpp"
#include "ingest/oauth/authorizer.hpp"
#include "ingest/probe.hpp"
#include "net/credentials.hpp"
#include "net/event_loops.hpp"
#include "profile/result.hpp"

namespace kith::ingest {

using identity_ptr = std::shared_ptr<net::identity>;

class access {
 public:
  access(net::event_loops& loops, std::shared_ptr<net::credential_store> credentials)
      : loops_(loops), credentials_(std::move(credentials)) {}

  /// Who may sign tokens from now on; null: nobody.
  void replace_issuers(std::shared_ptr<oauth::authorizer> issuers);
  std::shared_ptr<oauth::authorizer> issuers() const;

  /// Who may publish goes to `done`; the others are answered: 401, 403 or 503. `write_key`: of the body, where the
  /// request has no Authorization.
  void identify(const exchange_ptr& with, std::string_view write_key, probe::of_edge& counts,
                std::function<void(identity_ptr)> done);
  /// Takes so many events off the sender's quota. False: answered with 429.
  static bool take_quota(const exchange_ptr& with, net::identity& who, std::size_t events, probe::of_edge& counts);

 private:
  void refuse(const exchange_ptr& with, const error& why, probe::of_edge& counts) const;
  void let_in(const exchange_ptr& with, const identity_ptr& who, probe::of_edge& counts,
              const std::function<void(identity_ptr)>& done) const;

  net::event_loops& loops_;
  std::shared_ptr<net::credential_store> credentials_;
  mutable std::mutex mutex_;  ///< of what follows
  std::shared_ptr<oauth::authorizer> issuers_;
};

}  // namespace kith::ingest
