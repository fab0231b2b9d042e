// The keys of one issuer, kept for a while: fetched from its `jwks_uri`, which its metadata name (RFC 8414; or OpenID
// Connect Discovery) unless it is configured.
//
// Invariants
//   - One fetch at a time, whoever waits for it.
//   - Keys are used for `fresh_ms` since they were fetched; behind that only while fetching fails, up to `stale_ms`
//   more.
//   - A `kid` that is not there is asked for anew at most once in `cooldown_ms`, so that made-up ones cost nothing.
//   - Each call is answered exactly once.
// Thread safety: all public members, from any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "ingest/oauth/jwk.hpp"
#include "ingest/outgoing/fetch.hpp"
#include "profile/result.hpp"

namespace kith::ingest::oauth {

/// What the parts of the resource server have in common. Both are called from any thread.
struct environment {
  std::function<std::int64_t()> now_ms;  ///< wall clock
  std::function<void(std::string_view level, std::string_view message)> log;
};

/// REQUIRES: the fetcher lives until every call was answered; so it does if it is destroyed first.
class key_set : public std::enable_shared_from_this<key_set> {
 public:
  static constexpr std::int64_t fresh_ms = 10 * 60'000;
  static constexpr std::int64_t renew_ms = 8 * 60'000;  ///< past that a fetch begins while the keys are still fresh
  static constexpr std::int64_t stale_ms = 60 * 60'000;
  static constexpr std::int64_t cooldown_ms = 30'000;
  static constexpr std::int64_t pause_ms = 5'000;  ///< behind a fetch that failed
  static constexpr std::int64_t rediscover_ms = 60 * 60'000;
  static constexpr std::size_t most_waiting = 4096;

  using keys = std::shared_ptr<const key_list>;
  /// Errors: unavailable (there are no keys, and why), resource_exhausted (too many wait).
  using callback = std::function<void(result<keys>)>;

  /// `jwks_uri`: empty: discovered. `ca`: PEM file; empty: the system's.
  key_set(std::string issuer, std::string jwks_uri, std::string ca, outgoing::fetcher& fetcher, environment with);

  /// The keys, among them that of `kid` if the issuer has it. `done` is called before this returns if nothing need be
  /// fetched, else on the fetcher's thread.
  void find(std::string_view kid, const callback& done);

 private:
  using told = std::vector<callback>;

  bool has(std::string_view kid) const;
  void fetch();
  void discover(const std::string& well_known, bool is_last);
  void discovered(const std::string& document);
  void fetch_keys(const std::string& uri);
  void arrived(key_list keys);
  void failed(const std::string& why);
  outgoing::fetch_request get(std::string url) const;

  const std::string issuer_;
  const std::string configured_uri_;
  const std::string ca_;
  outgoing::fetcher& fetcher_;
  const environment environment_;

  std::mutex mutex_;
  keys keys_;
  std::string uri_;  ///< configured or discovered; empty: not known
  std::int64_t discovered_ms_ = 0;
  std::int64_t fetched_ms_ = 0;
  std::int64_t tried_ms_ = 0;  ///< when the last fetch ended; 0: never
  bool last_failed_ = false;
  std::string last_error_;
  bool fetching_ = false;
  told waiting_;
};

}  // namespace kith::ingest::oauth
