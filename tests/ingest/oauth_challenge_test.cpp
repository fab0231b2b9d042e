#include <nlohmann/json.hpp>

#include "ingest/oauth/challenge.hpp"
#include "ingest/oauth/resource_metadata.hpp"
#include "tests/catch.hpp"

using namespace kith;
using namespace kith::ingest::oauth;

TEST_CASE("a refusal names the error of RFC 6750, what would do and where to ask", "[oauth]") {
  CHECK(challenge(nullptr, "", "") == "Bearer realm=\"kith\"");
  const error expired{errc::unauthenticated, "the token has expired (exp)"};
  CHECK(challenge(&expired, "events:write", "https://kith.example/.well-known/oauth-protected-resource") ==
        "Bearer realm=\"kith\", error=\"invalid_token\", error_description=\"the token has expired (exp)\", "
        "scope=\"events:write\", resource_metadata=\"https://kith.example/.well-known/oauth-protected-resource\"");
  const error narrow{errc::forbidden, "publish"};
  CHECK_THAT(challenge(&narrow, "", ""), tests::Contains("error=\"insufficient_scope\""));
  const error twice{errc::invalid_argument, "two tokens"};
  CHECK_THAT(challenge(&twice, "", ""), tests::Contains("error=\"invalid_request\""));
}

TEST_CASE("somebody else's bytes do not break out of a challenge", "[oauth]") {
  const error evil{errc::unauthenticated, "kid \"a\\\", error=\"x\r\nset-cookie: y\xc3\xa9"};
  CHECK(challenge(&evil, "", "") ==
        "Bearer realm=\"kith\", error=\"invalid_token\", error_description=\"kid 'a?', error='x??set-cookie: y??\"");
}

TEST_CASE("the metadata of the resource are those of RFC 9728", "[oauth]") {
  settings of;
  of.resource = "https://kith.example/ingest";
  of.issuers.resize(2);
  of.issuers[0].issuer = "https://login.example";
  of.issuers[0].scopes = {{"b", {true, false, false}}, {"a", {false, true, false}}};
  of.issuers[1].issuer = "https://other.example";
  of.issuers[1].scopes = {{"a", {true, false, false}}};
  CHECK(resource_metadata(of) ==
        R"({"resource":"https://kith.example/ingest",)"
        R"("authorization_servers":["https://login.example","https://other.example"],)"
        R"("scopes_supported":["a","b"],"bearer_methods_supported":["header"],"resource_name":"Kith"})");
  CHECK(metadata_url(of.resource) == "https://kith.example/.well-known/oauth-protected-resource/ingest");
  CHECK(metadata_url("https://kith.example") == "https://kith.example/.well-known/oauth-protected-resource");
  CHECK(metadata_url("https://kith.example:7441/") == "https://kith.example:7441/.well-known/oauth-protected-resource");
  CHECK(metadata_url("").empty());
}

TEST_CASE("identifiers are https URLs without query and fragment", "[oauth]") {
  for (const auto* good : {"https://kith.example", "https://10.0.0.5:7441/x", "http://localhost:3000"}) {
    INFO(good);
    CHECK(check_identifier(good));
  }
  for (const auto* bad : {"", "kith", "http://kith.example", "https://kith.example?x", "https://kith.example/#x"}) {
    INFO(bad);
    CHECK_FALSE(check_identifier(bad));
  }
}
