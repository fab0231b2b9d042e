// Opaque tokens: their authorization server is asked what they are (RFC 7662). What it answers is kept by the
// authorizer.
//
// Invariants
//   - One request a token at a time, whoever waits for it; at most `most_under_way` tokens at once.
//   - Each call is answered exactly once.
// Thread safety: all public members, from any thread.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "ingest/oauth/claims.hpp"
#include "ingest/oauth/key_set.hpp"
#include "ingest/oauth/settings.hpp"
#include "ingest/outgoing/fetch.hpp"
#include "net/credentials.hpp"

namespace kith::ingest::oauth {

/// REQUIRES: the fetcher lives until every call was answered; so it does if it is destroyed first.
class introspector : public std::enable_shared_from_this<introspector> {
 public:
  static constexpr std::size_t most_under_way = 128;
  static constexpr std::size_t most_waiting = 4096;

  /// Errors: unauthenticated (the server says that it is not active, or it fails a check), unavailable,
  /// resource_exhausted.
  using callback = std::function<void(result<claims>)>;

  /// REQUIRES: the issuer has an introspection endpoint.
  introspector(const issuer_settings& of, outgoing::fetcher& fetcher, environment with);

  /// `digest`: of the token. `done` is called on the fetcher's thread, or before this returns.
  void introspect(std::string_view token, const net::token_digest& digest, const callback& done);

 private:
  void answered(const net::token_digest& digest, const result<outgoing::fetch_response>& response);
  result<claims> read(const result<outgoing::fetch_response>& response);
  tl::unexpected<error> unavailable(const std::string& why);

  const std::string endpoint_;
  const std::string authorization_;
  const std::string ca_;
  const claim_rules rules_;
  outgoing::fetcher& fetcher_;
  const environment environment_;

  std::mutex mutex_;
  std::map<net::token_digest, std::vector<callback>> under_way_;
  std::size_t waiting_ = 0;
  std::string last_error_;
};

}  // namespace kith::ingest::oauth
