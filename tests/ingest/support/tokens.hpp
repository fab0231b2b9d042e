// Keys and tokens as an authorization server makes them, and a fetcher that answers what a test wants.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "ingest/outgoing/fetch.hpp"

struct _cjose_jwk_int;

namespace kith::tests {

inline constexpr std::int64_t token_now_ms = 1'795'600'000'000;
inline const std::string issuer_url = "https://login.example";
inline const std::string audience_url = "https://kith.example";

/// A key pair. `kind`: "RSA" (2048 bits), "P-256", "P-384" or "P-521".
class signing_key {
 public:
  explicit signing_key(const std::string& kind, std::string id);

  nlohmann::json jwk() const;  ///< the public half
  /// A JWS in compact form, signed.
  std::string sign(const nlohmann::json& header, const std::string& payload) const;
  std::string sign(const nlohmann::json& header, const nlohmann::json& payload) const {
    return sign(header, payload.dump());
  }
  const std::string& id() const { return id_; }

 private:
  std::string id_;
  std::shared_ptr<_cjose_jwk_int> key_;
};

std::string encode_base64url(std::string_view bytes);
nlohmann::json key_set_of(const std::vector<const signing_key*>& keys);
nlohmann::json header_of(const std::string& alg, const signing_key& key);
/// All claims that RFC 9068 asks for, of token_now_ms.
nlohmann::json claims_of();

/// Keeps requests until the test answers them, or answers at once if `answer` is set.
class fake_fetcher : public ingest::outgoing::fetcher {
 public:
  /// What waits is answered as unavailable, as of the real one.
  ~fake_fetcher() override;

  using response = result<ingest::outgoing::fetch_response>;
  struct asked {
    ingest::outgoing::fetch_request request;
    callback done;
  };

  void fetch(ingest::outgoing::fetch_request request, callback done) override;
  /// The oldest that waits. REQUIRES: one does.
  void reply(unsigned status, const std::string& body);
  void fail_with(const std::string& why);

  std::function<response(const ingest::outgoing::fetch_request&)> answer;
  std::vector<std::string> urls;  ///< of all requests
  std::deque<asked> waiting;
};

}  // namespace kith::tests
