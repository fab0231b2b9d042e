#include "tests/ingest/support/tokens.hpp"

#include <cjose/cjose.h>
#include <stdexcept>

namespace kith::tests {

using nlohmann::json;

namespace {

cjose_jwk_t* make_key(const std::string& kind) {
  if (kind == "RSA") return cjose_jwk_create_RSA_random(2048, nullptr, 0, nullptr);
  if (kind == "P-256") return cjose_jwk_create_EC_random(CJOSE_JWK_EC_P_256, nullptr);
  if (kind == "P-384") return cjose_jwk_create_EC_random(CJOSE_JWK_EC_P_384, nullptr);
  return cjose_jwk_create_EC_random(CJOSE_JWK_EC_P_521, nullptr);
}

}  // namespace

signing_key::signing_key(const std::string& kind, std::string id)
    : id_(std::move(id)), key_(make_key(kind), cjose_jwk_release) {
  if (!key_) throw std::runtime_error("no key was made");
}

json signing_key::jwk() const {
  char* text = cjose_jwk_to_json(key_.get(), false, nullptr);
  auto made = json::parse(text);
  cjose_get_dealloc()(text);
  made["kid"] = id_;
  made["use"] = "sig";
  return made;
}

std::string signing_key::sign(const json& header, const std::string& payload) const {
  cjose_header_t* head = cjose_header_new(nullptr);
  for (const auto& [name, value] : header.items()) {
    if (value.is_string()) {
      cjose_header_set(head, name.c_str(), value.get<std::string>().c_str(), nullptr);
    } else {
      cjose_header_set_raw(head, name.c_str(), value.dump().c_str(), nullptr);  // takes objects and arrays
    }
  }
  cjose_jws_t* jws =
      cjose_jws_sign(key_.get(), head, reinterpret_cast<const std::uint8_t*>(payload.data()), payload.size(), nullptr);
  if (jws == nullptr) throw std::runtime_error("not signed: " + header.dump());
  const char* text = nullptr;
  cjose_jws_export(jws, &text, nullptr);
  std::string made = text;
  cjose_jws_release(jws);
  cjose_header_release(head);
  return made;
}

std::string encode_base64url(std::string_view bytes) {
  char* text = nullptr;
  std::size_t size = 0;
  cjose_base64url_encode(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size(), &text, &size, nullptr);
  std::string made(text, size);
  cjose_get_dealloc()(text);
  return made;
}

json key_set_of(const std::vector<const signing_key*>& keys) {
  auto list = json::array();
  for (const auto* each : keys) list.push_back(each->jwk());
  return json{{"keys", list}};
}

json header_of(const std::string& alg, const signing_key& key) {
  return json{{"alg", alg}, {"typ", "at+jwt"}, {"kid", key.id()}};
}

json claims_of() {
  const auto now_s = token_now_ms / 1000;
  return json{
      {"iss", issuer_url}, {"aud", audience_url}, {"sub", "user-7"},    {"client_id", "shop"},
      {"jti", "t-1"},      {"iat", now_s},        {"exp", now_s + 300}, {"scope", "events:write profiles:read"}};
}

fake_fetcher::~fake_fetcher() {
  while (!waiting.empty()) fail_with("the test is over");
}

void fake_fetcher::fetch(ingest::outgoing::fetch_request request, callback done) {
  urls.push_back(request.url);
  if (answer) return done(answer(request));
  waiting.push_back({std::move(request), std::move(done)});
}

void fake_fetcher::reply(unsigned status, const std::string& body) {
  const auto one = std::move(waiting.front());
  waiting.pop_front();
  one.done(ingest::outgoing::fetch_response{status, body});
}

void fake_fetcher::fail_with(const std::string& why) {
  const auto one = std::move(waiting.front());
  waiting.pop_front();
  one.done(fail(errc::unavailable, why));
}

}  // namespace kith::tests
