// What is asked of an OpenID provider: where its endpoints are, what a code is worth, who signed an ID token.
//
// Thread safety: all of it; each call blocks its thread, for `patience` at most.
#pragma once

#include <chrono>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>

#include "admin/openid_settings.hpp"
#include "ingest/oauth/claims.hpp"
#include "ingest/oauth/key_set.hpp"
#include "ingest/outgoing/fetch.hpp"
#include "profile/result.hpp"

namespace kith::admin {

/// Errors of all: unavailable (it cannot be reached, or answers what none should), unauthenticated (it refuses).
class openid_provider {
 public:
  static constexpr std::chrono::seconds patience{6};
  static constexpr std::int64_t discovered_for_ms = 60 * 60'000;
  static constexpr std::int64_t pause_ms = 5'000;         ///< behind a discovery that failed
  static constexpr std::int64_t stale_pause_ms = 60'000;  ///< the same, while what was known before holds on

  openid_provider(const openid_settings& of, std::unique_ptr<ingest::outgoing::fetcher> fetcher,
                  ingest::oauth::environment around);

  /// OpenID Connect Discovery, section 3.
  struct metadata {
    std::string authorization_endpoint;
    std::string token_endpoint;
    std::string userinfo_endpoint;  ///< empty: there is none
    bool names_itself = false;      ///< in each answer, as `iss` (RFC 9207)
    bool secret_in_header = true;   ///< as Basic; else in the body
    std::shared_ptr<ingest::oauth::key_set> keys;
  };
  /// Kept for an hour, and longer if it cannot be had anew: that is tried each `stale_pause_ms`. An error is kept too,
  /// for `pause_ms`: anybody can have this asked.
  result<std::shared_ptr<const metadata>> discover();

  struct tokens {
    std::string id_token;
    std::string access_token;
    std::string scope;  ///< granted; empty: what was asked for
  };
  /// What the code is exchanged for (RFC 6749, section 4.1.3; RFC 7636).
  result<tokens> redeem(const metadata& at, const std::string& code, const std::string& redirect_uri,
                        const std::string& verifier);
  result<ingest::oauth::claims> verify(const metadata& at, const std::string& id_token, const std::string& nonce);
  /// What else it says of this subject (OpenID Connect Core, section 5.3).
  result<nlohmann::json> userinfo(const metadata& at, const std::string& access_token, const std::string& subject);

 private:
  result<nlohmann::json> ask(ingest::outgoing::fetch_request request, const std::string& what);
  result<std::shared_ptr<const metadata>> read(const nlohmann::json& document);
  result<std::string> endpoint_in(const nlohmann::json& document, const char* name) const;

  const openid_settings settings_;
  const ingest::oauth::environment around_;
  std::mutex mutex_;
  std::shared_ptr<const metadata> known_;
  error failure_;  ///< of the last discovery, if known_ is null
  std::int64_t tried_ms_ = 0;
  const std::unique_ptr<ingest::outgoing::fetcher> fetcher_;  ///< ends first, and answers what is under way
};

}  // namespace kith::admin
