// What `[oauth]` of the configuration says (docs/oauth.md).
#pragma once

#include <chrono>
#include <map>
#include <string>
#include <vector>

#include "ingest/oauth/jwk.hpp"
#include "net/credentials.hpp"

namespace kith::ingest::oauth {

struct rights {
  bool publish = false;
  bool read = false;
  bool admin = false;
  net::role role = net::role::none;  ///< at the admin API

  friend bool operator==(const rights&, const rights&) = default;
};

/// An authorization server that we take tokens of.
struct issuer_settings {
  std::string issuer;    ///< its identifier, an https URL: what `iss` is
  std::string jwks_uri;  ///< of its keys; empty: its metadata say (RFC 8414)
  std::vector<std::string> audiences;
  std::vector<algorithm> algorithms{algorithm::rs256, algorithm::ps256, algorithm::es256};
  bool accept_type_jwt = false;
  std::chrono::seconds leeway{60};
  std::map<std::string, rights> scopes;  ///< what each scope allows; others allow nothing
  std::string source;                    ///< of events; empty: see source_claim
  std::string source_claim;              ///< the claim that names the source; empty: the client's id
  std::string introspection_endpoint;    ///< for opaque tokens; empty: they are not taken
  std::string client_id;                 ///< ours, at that endpoint
  std::string client_secret;
  std::string ca;  ///< PEM file; empty: the system's
};

struct settings {
  std::string resource;  ///< our own identifier, an https URL (RFC 9728); empty: no metadata are published
  std::vector<issuer_settings> issuers;  ///< at most one with an introspection endpoint
};

}  // namespace kith::ingest::oauth
