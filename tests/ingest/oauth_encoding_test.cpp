#include <rapidcheck.h>

#include "ingest/oauth/encoding.hpp"
#include "tests/catch.hpp"
#include "tests/ingest/support/tokens.hpp"

using namespace kith;
using namespace kith::ingest::oauth;

TEST_CASE("base64url is read strictly", "[oauth]") {
  CHECK(decode_base64url("") == "");
  CHECK(decode_base64url("Zg") == "f");
  CHECK(decode_base64url("Zm8") == "fo");
  CHECK(decode_base64url("Zm9v") == "foo");
  CHECK(decode_base64url("-_-_") == std::string("\xfb\xff\xbf"));
  for (const auto* bad : {"Z", "Zg==", "Zh", "Zm9", "Zm+v", "Zm/v", "Zm v", "Zm9vY"}) {
    INFO(bad);
    CHECK_FALSE(decode_base64url(bad));
  }
}

TEST_CASE("base64url comes back as it was", "[oauth]") {
  rc::check("encode, decode", [](const std::string& bytes) {
    RC_PRE(!bytes.empty());
    RC_ASSERT(decode_base64url(tests::encode_base64url(bytes)) == bytes);
  });
}

TEST_CASE("a client's id and secret are encoded as a form, then as Basic", "[oauth]") {
  CHECK(encode_form("a b&c=d/é") == "a%20b%26c%3Dd%2F%C3%A9");
  // printf 'my%%3Aid:p%%40ss' | base64
  CHECK(basic_authorization("my:id", "p@ss") == "Basic bXklM0FpZDpwJTQwc3M=");
}

TEST_CASE("a JSON object is read with its members once each, and not too deep", "[oauth]") {
  CHECK(parse_object(R"({"a": {"b": 1}, "c": {"b": 2}, "d": [{"b": 3}, {"b": 4}]})", "it"));
  const auto refused = [](const std::string& text) {
    const auto parsed = parse_object(text, "it");
    INFO(text);
    REQUIRE_FALSE(parsed);
    return parsed.error().message;
  };
  CHECK(refused(R"({"a": 1, "a": 1})") == "it has the member \"a\" twice");
  CHECK(refused(R"({"a": {"b": 1, "b": 2}})") == "it has the member \"b\" twice");
  CHECK(refused(R"({"a": 1, "\u0061": 1})") == "it has the member \"a\" twice");
  CHECK(refused("[]") == "it is no JSON object");
  CHECK(refused("{\"a\": 1e999}") == "it is no JSON");
  CHECK(refused("{\"a\": \"\xff\"}") == "it is no JSON");
  CHECK(refused("{} {}") == "it is no JSON");
  CHECK(refused("{\"a\": " + std::string(1000, '[') + std::string(1000, ']') + "}") == "it has more than 16 levels");
}

TEST_CASE("scopes are the words of a text, however many spaces are between", "[oauth]") {
  CHECK(words_of("openid  events:write ") == std::vector<std::string>{"openid", "events:write"});
  CHECK(words_of("").empty());
  CHECK(words_of("  ").empty());
}
