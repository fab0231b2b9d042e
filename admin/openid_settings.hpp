// What `[oidc]` of the configuration says: the OpenID provider that people sign in at (docs/security.md).
#pragma once

#include <chrono>
#include <map>
#include <string>
#include <vector>

#include "ingest/oauth/jwk.hpp"
#include "net/credentials.hpp"
#include "net/outgoing_url.hpp"

namespace kith::admin {

struct openid_settings {
  std::string issuer;                   ///< an https URL; empty: people sign in with tokens only
  std::string name = "single sign-on";  ///< on the button: "Sign in with …"
  std::string client_id;                ///< ours, there
  std::string client_secret;            ///< empty: we are a public client
  std::vector<std::string> scopes{"openid"};
  std::vector<std::string> hosts;     ///< of the console, "HOST" or "HOST:PORT": where the provider may send back to
  std::string role_claim = "groups";  ///< a member, or a dotted path; "scope": the scopes that were granted
  std::map<std::string, net::role> roles;  ///< by what the claim holds; nothing else has a role
  std::string name_claim = "preferred_username";
  std::vector<ingest::oauth::algorithm> algorithms{ingest::oauth::algorithm::rs256, ingest::oauth::algorithm::ps256,
                                                   ingest::oauth::algorithm::es256};
  std::chrono::milliseconds session = std::chrono::hours(8);
  std::chrono::seconds leeway{60};
  std::string ca;                ///< PEM file; empty: the system's
  net::outgoing_rules outgoing;  ///< `[outgoing]`

  /// Would the same people have the same roles?
  bool says_the_same_as(const openid_settings& other) const {
    return issuer == other.issuer && client_id == other.client_id && scopes == other.scopes &&
           role_claim == other.role_claim && roles == other.roles && name_claim == other.name_claim &&
           algorithms == other.algorithms && session == other.session;
  }
  friend bool operator==(const openid_settings&, const openid_settings&) = default;
};

}  // namespace kith::admin
