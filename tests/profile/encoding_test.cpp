#include "profile/encoding.hpp"

#include <rapidcheck.h>

#include "profile/standard_webhooks.hpp"
#include "tests/catch.hpp"

using namespace kith;
using namespace kith::tests;

TEST_CASE("base64 of RFC 4648, section 10") {
  const std::pair<std::string, std::string> vectors[] = {{"", ""},
                                                         {"f", "Zg=="},
                                                         {"fo", "Zm8="},
                                                         {"foo", "Zm9v"},
                                                         {"foob", "Zm9vYg=="},
                                                         {"fooba", "Zm9vYmE="},
                                                         {"foobar", "Zm9vYmFy"},
                                                         {"\xff\xfe", "//4="}};
  for (const auto& [bytes, text] : vectors) {
    CHECK(profile::base64_of(bytes) == text);
    CHECK(profile::bytes_from_base64(text) == bytes);
  }
  for (const auto* bad :
       {"Z", "Zg", "Zg=", "Zh==", "Zm9=", "=Zg=", "Z===", "====", "Zg==Zg==", "Zm9v\n", "Zm-_", "Z=g="}) {
    INFO(bad);
    CHECK_FALSE(profile::bytes_from_base64(bad));
  }
}

TEST_CASE("hexadecimal digits and percent escapes") {
  CHECK(profile::bytes_from_hex("00fFA1") == std::string("\x00\xff\xa1", 3));
  CHECK(profile::bytes_from_hex("") == "");
  for (const auto* bad : {"0", "0g", "g0", " 0", "0x00"}) CHECK_FALSE(profile::bytes_from_hex(bad));
  CHECK(profile::percent_decoded("a%20b+%2f%C3%a4") == "a b+/\u00e4");
  CHECK(profile::percent_decoded("a+b", true) == "a b");
  for (const auto* bad : {"%", "%2", "a%2", "%zz", "%2z"}) CHECK_FALSE(profile::percent_decoded(bad));
}

TEST_CASE("any bytes come back from base64") {
  rc::check(
      [](const std::string& bytes) { RC_ASSERT(profile::bytes_from_base64(profile::base64_of(bytes)) == bytes); });
}

TEST_CASE("keys of Standard Webhooks") {
  CHECK(profile::parse_webhook_secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")->size() == 24);
  CHECK(profile::parse_webhook_public_key("whpk_ZlN4eg7dSSqi0moX9hQUk3orrOouK3QVQSlJa248c/g=")->size() == 32);
  for (const auto* bad : {"", "whsec_", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_c2hvcnQ=", "whsec_!!!!",
                          "whpk_ZlN4eg7dSSqi0moX9hQUk3orrOouK3QVQSlJa248c/g="}) {
    CHECK_FALSE(profile::parse_webhook_secret(bad));
  }
  CHECK_FALSE(profile::parse_webhook_public_key("whpk_ZlN4eg7dSSqi0moX"));
}
