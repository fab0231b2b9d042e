#include "ingest/oauth/jwk.hpp"
#include "tests/catch.hpp"
#include "tests/ingest/support/tokens.hpp"

using namespace kith;
using namespace kith::ingest::oauth;
using namespace kith::tests;
using nlohmann::json;

namespace {

std::size_t usable(const json& key) {
  const auto made = parse_key_set(json{{"keys", {key}}}.dump());
  return made ? made->size() : 0;
}

json without(json of, const char* name) {
  of.erase(name);
  return of;
}

json with(json of, const char* name, const json& value) {
  of[name] = value;
  return of;
}

}  // namespace

TEST_CASE("keys are read, each for the algorithms that it can be for", "[oauth]") {
  const signing_key rsa("RSA", "r");
  const signing_key p256("P-256", "a");
  const signing_key p384("P-384", "b");
  const signing_key p521("P-521", "c");
  const auto keys = parse_key_set(key_set_of({&rsa, &p256, &p384, &p521}).dump());
  REQUIRE(keys);
  REQUIRE(keys->size() == 4);
  CHECK((*keys)[0].id == "r");
  CHECK((*keys)[0].signature_bytes == 256);
  CHECK((*keys)[0].fits(algorithm::rs256));
  CHECK((*keys)[0].fits(algorithm::ps512));
  CHECK_FALSE((*keys)[0].fits(algorithm::es256));
  CHECK((*keys)[1].fits(algorithm::es256));
  CHECK_FALSE((*keys)[1].fits(algorithm::es384));
  CHECK_FALSE((*keys)[1].fits(algorithm::rs256));
  CHECK((*keys)[2].fits(algorithm::es384));
  CHECK((*keys)[3].fits(algorithm::es512));
  CHECK((*keys)[3].signature_bytes == 132);
}

TEST_CASE("keys for something else, weak ones and broken ones are left out", "[oauth]") {
  const signing_key pair("P-256", "a");
  const auto good = pair.jwk();
  const auto rsa = signing_key("RSA", "r").jwk();
  CHECK(usable(good) == 1);
  CHECK(usable(without(good, "use")) == 1);
  CHECK(usable(without(good, "kid")) == 1);
  CHECK(usable(with(good, "key_ops", json::array({"verify"}))) == 1);
  CHECK(usable(with(good, "alg", "ES256")) == 1);
  CHECK(usable(rsa) == 1);
  const std::vector<json> bad = {
      with(good, "use", "enc"),
      with(good, "key_ops", json::array({"sign"})),
      with(good, "key_ops", "verify"),
      with(good, "alg", "ES384"),
      with(good, "alg", "RS256"),
      with(good, "alg", "none"),
      with(good, "alg", 5),
      with(good, "kty", "OKP"),
      with(good, "crv", "P-384"),
      with(good, "crv", "secp256k1"),
      with(good, "x", good.at("y")),  // not on the curve
      with(good, "x", good.at("x").get<std::string>() + "AA"),
      without(good, "y"),
      with(rsa, "n", rsa.at("n").get<std::string>().substr(0, 100)),
      with(rsa, "n", std::string(2000, 'A')),
      with(rsa, "e", "AQ"),
      with(rsa, "e", "AQAA"),
      with(rsa, "e", "AQAAAAAB"),
      without(rsa, "e"),
      json{{"kty", "oct"}, {"k", "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0"}, {"alg", "HS256"}},
      json(5),
  };
  for (const auto& each : bad) {
    INFO(each.dump());
    CHECK(usable(each) == 0);
  }
  const auto both = parse_key_set(json{{"keys", {bad[0], good}}, {"more", 1}}.dump());
  REQUIRE(both);
  CHECK(both->size() == 1);
}

TEST_CASE("what is no key set is refused", "[oauth]") {
  for (const auto* text : {"", "[]", "{}", "{\"keys\": {}}", "{\"keys\": []}", "{\"keys\": [], \"keys\": []}"}) {
    INFO(text);
    CHECK_FALSE(parse_key_set(text));
  }
  auto many = json::array();
  const auto key = signing_key("P-256", "a").jwk();
  for (std::size_t i = 0; i <= most_keys; ++i) many.push_back(key);
  const auto refused = parse_key_set(json{{"keys", many}}.dump());
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message == "the key set has 65 keys, 64 are allowed");
}

TEST_CASE("algorithms are taken by their exact names", "[oauth]") {
  CHECK(parse_algorithm("ES256") == algorithm::es256);
  CHECK(name_of(algorithm::ps384) == "PS384");
  for (const auto* bad : {"none", "None", "HS256", "es256", "ES256K", "EdDSA", "RSA-OAEP", ""}) {
    INFO(bad);
    CHECK_FALSE(parse_algorithm(bad));
  }
}
