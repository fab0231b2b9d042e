// People sign in at their OpenID provider (OpenID Connect Core: authorization code flow, with PKCE) and come back with
// a role, or with a reason why not. RFC 9700 says what such a client has to look out for.
//
// Invariants
//   - A sign-in is finished by the browser that began it: a cookie, signed with a key of this process, is what `state`,
//     `nonce` and the code verifier are derived from. It holds for `patience_ms`, and is good for one try.
//   - Where the browser is sent, and what the provider is told of us, comes from the configuration alone.
//   - Who has no role by the configuration has none.
// Thread safety: all of it; begin() and finish() may wait for the provider.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <unordered_set>

#include "admin/openid_provider.hpp"
#include "net/credentials.hpp"

namespace kith::admin {

class sign_in {
 public:
  static constexpr std::string_view cookie_name = "__Host-kith-sign-in";
  static constexpr std::int64_t patience_ms = 10 * 60'000;
  static constexpr std::size_t remembered =
      10'000;  ///< sign-ins that were tried; of more the oldest may be tried again

  sign_in(openid_settings settings, std::unique_ptr<ingest::outgoing::fetcher> fetcher,
          ingest::oauth::environment around);

  const openid_settings& configured() const noexcept { return settings_; }

  /// Why somebody is not signed in. `reason` is one of a few words, for the login page; `detail` for log and audit.
  struct refusal {
    std::string_view reason;
    std::string detail;
  };
  template <class T>
  using outcome = tl::expected<T, refusal>;

  struct begun {
    std::string url;     ///< of the provider
    std::string cookie;  ///< for Set-Cookie
  };
  /// `host`: as the browser named it. `session_id`: the session that it has, which the new one replaces; may be empty.
  outcome<begun> begin(const std::string& host, std::string_view session_id);

  struct person {
    std::shared_ptr<net::identity> who;
    std::string subject;                        ///< the provider's own name of them
    std::int64_t until_ms = 0;                  ///< of the session
    std::optional<net::token_digest> replaces;  ///< of the session's id that the browser had
  };
  /// `answer`: the parameters that the provider sent the browser back with.
  outcome<person> finish(const std::map<std::string, std::string>& answer, std::string_view cookies,
                         const std::string& host);

  static std::string cookie_that_ends();

 private:
  struct transaction {
    std::string id;
    std::optional<net::token_digest> replaces;
  };

  std::string derived(std::string_view purpose, std::string_view from) const;
  std::string sealed(const transaction& of) const;
  outcome<transaction> opened(std::string_view cookie) const;
  bool first_try(const std::string& id);
  std::optional<std::string> redirect_uri_at(const std::string& host) const;
  outcome<void> check_answer(const std::map<std::string, std::string>& answer,
                             const openid_provider::metadata& at) const;
  outcome<person> admit(const openid_provider::metadata& at, const openid_provider::tokens& got,
                        const transaction& begun_as);
  refusal trouble(const error& why) const;

  const openid_settings settings_;
  const ingest::oauth::environment around_;
  const std::string key_;
  openid_provider provider_;

  std::mutex mutex_;
  std::deque<std::string> tried_;
  std::unordered_set<std::string> was_tried_;
};

}  // namespace kith::admin
