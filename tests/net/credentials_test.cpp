#include "net/credentials.hpp"

#include "tests/catch.hpp"

using namespace kith;

TEST_CASE("credentials are found by token, by its digest, by common name") {
  const auto store = net::credential_store::make({
      {"a", "secret", {}, {}, {}, true, false, false, 0},
      // SHA-256 of "abc" (FIPS 180-2, appendix B.1)
      {"b", {}, "BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD", {}, "shop", true, true, false, 0},
      {"c", {}, {}, "feeder", {}, true, true, true, 0},
  });
  REQUIRE(store);
  REQUIRE((*store)->by_token("secret")->rights.name == "a");
  REQUIRE((*store)->by_token("secret")->rights.source == "a");
  REQUIRE((*store)->by_token("abc")->rights.source == "shop");
  REQUIRE((*store)->by_token("") == nullptr);
  REQUIRE((*store)->by_token("secret ") == nullptr);
  REQUIRE((*store)->by_common_name("feeder")->rights.can_admin);
  REQUIRE((*store)->by_common_name("other")->rights.name == "other");
  REQUIRE((*store)->by_common_name("other") == (*store)->by_common_name("other"));
}

TEST_CASE("replacing credentials takes effect at once; a wrong entry changes nothing") {
  const auto store = net::credential_store::make({{"a", "secret", {}, {}, {}}}).value();
  const auto before = store->generation();
  REQUIRE_FALSE(store->replace({{"bad", {}, "12", {}, {}}}));
  REQUIRE(store->by_token("secret") != nullptr);
  REQUIRE(store->generation() == before);
  REQUIRE(store->replace({{"b", "other", {}, {}, {}}}, std::nullopt));
  REQUIRE(store->by_token("secret") == nullptr);
  REQUIRE(store->by_common_name("stranger") == nullptr);
  REQUIRE(store->generation() != before);
}

TEST_CASE("a wrong entry is named") {
  const auto message = [](net::credential_config entry) {
    return net::credential_store::make({std::move(entry)}).error().message;
  };
  REQUIRE(message({"x", {}, {}, {}, {}}) == "credential \"x\": give it a token, a token_sha256 or a common_name");
  REQUIRE(message({"x", {}, "zz", {}, {}}) == "credential \"x\": token_sha256: not 64 hexadecimal digits");
  REQUIRE(message({"", "t", {}, {}, {}}) == "credential \"\": name: missing");
}
