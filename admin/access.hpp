// Who sends a request, and whether it is theirs: tokens, client certificates, OAuth access tokens and the console's
// sessions. What they may do is the routes' to say.
//
// Thread safety: all of it, from any thread that is no shard's; an OAuth token may have to be waited for.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "admin/http.hpp"
#include "admin/probe.hpp"
#include "admin/sessions.hpp"
#include "admin/throttle.hpp"
#include "admin/waiting_room.hpp"
#include "net/credentials.hpp"

namespace kith::ingest::oauth {
class authorizer;
}

namespace kith::admin {

class sign_in;
class token_store;

struct access_settings {
  session_settings session;
  double requests_per_second = 1000;  ///< of one credential; 0: no quota
  double failures_per_second = 100;   ///< credentials that hold not, from one address; 0: no quota
};

class access {
 public:
  struct environment {
    std::shared_ptr<net::credential_store> credentials;
    token_store* tokens = nullptr;  ///< may be null; outlives it
    probe* counts = nullptr;        ///< as tokens
    std::function<std::int64_t()> now_ms;
    std::function<net::token_bucket::time_point()> now;
  };

  explicit access(environment around);

  void configure(const access_settings& settings, std::shared_ptr<ingest::oauth::authorizer> issuers);
  /// Where people sign in from now on; null: nowhere. Their sessions end, if what gives them roles has changed. If
  /// nothing has, the one before stays, and with it the sign-ins that are under way.
  void sign_in_at(const std::shared_ptr<sign_in>& provider);
  /// Null: see sign_in_at().
  std::shared_ptr<sign_in> people();

  /// Finds out who asks: `who`, `how`, `until_ms`, `forged`. The answer, if it is to be refused whatever it asks: a
  /// quota is used up.
  std::optional<response> admit(request& asked);

  struct resolved {
    std::shared_ptr<net::identity> who;  ///< null: see why
    known_by how = known_by::nothing;
    std::int64_t until_ms = 0;
    std::string why;
  };
  resolved by_token(const std::string& token);

  sessions& open_sessions() noexcept { return sessions_; }
  /// For who has a thread of the server wait for the provider that people sign in at. Who waits for an authorization
  /// server has another: neither keeps the other out.
  waiting_room& signing_in() noexcept { return signing_in_; }
  const environment& around() const noexcept { return around_; }

  /// Why a browser may have sent it for another site's page; empty: nothing says so.
  static std::string sent_by_another_site(const request& asked);

 private:
  resolved by_oauth(const std::string& token);
  void identify(request& asked);
  bool by_session(request& asked);
  void by_certificate(request& asked);
  std::optional<response> refuse_if_over(throttle& quota, const std::string& name, const char* whose);

  const environment around_;
  sessions sessions_;
  throttle of_credential_;
  throttle of_failures_;
  waiting_room waiting_;  ///< for an authorization server
  waiting_room signing_in_;
  std::mutex mutex_;
  std::shared_ptr<ingest::oauth::authorizer> issuers_;
  std::shared_ptr<sign_in> people_;
};

}  // namespace kith::admin
