// JWT access tokens: what is taken, and every way of forging one that RFC 8725 names.
#include "ingest/oauth/jwt.hpp"
#include "tests/catch.hpp"
#include "tests/ingest/support/tokens.hpp"

using namespace kith;
using namespace kith::ingest::oauth;
using namespace kith::tests;
using nlohmann::json;

namespace {

struct room {
  signing_key rsa{"RSA", "r"};
  signing_key curve{"P-256", "a"};
  key_list keys = parse_key_set(key_set_of({&rsa, &curve}).dump()).value();
  jwt_rules rules{{issuer_url, {audience_url}, std::chrono::seconds(60)},
                  {algorithm::rs256, algorithm::ps256, algorithm::es256},
                  false};
  std::int64_t now_ms = token_now_ms;

  result<claims> verify(const std::string& token) const {
    const auto parsed = parse_jwt(token);
    if (!parsed) return tl::make_unexpected(parsed.error());
    return verify_jwt(*parsed, rules, keys, now_ms);
  }
  result<claims> verify(const json& header, const json& payload) const { return verify(curve.sign(header, payload)); }
  result<claims> with_claim(const char* name, const json& value) const {
    auto all = claims_of();
    all[name] = value;
    return verify(header_of("ES256", curve), all);
  }
  result<claims> with_header(const char* name, const json& value) const {
    auto header = header_of("ES256", curve);
    header[name] = value;
    return verify(header, claims_of());
  }
};

void refuses(const result<claims>& outcome, const std::string& why) {
  REQUIRE_FALSE(outcome);
  CHECK(outcome.error().code == errc::unauthenticated);
  CHECK_THAT(outcome.error().message, Contains(why));
}

}  // namespace

TEST_CASE("tokens of each algorithm are taken", "[oauth]") {
  room at;
  const signing_key p384("P-384", "b");
  const signing_key p521("P-521", "c");
  at.keys = parse_key_set(key_set_of({&at.rsa, &at.curve, &p384, &p521}).dump()).value();
  struct one {
    const char* alg;
    const signing_key& key;
    algorithm is;
  };
  for (const auto& [alg, key, is] : {one{"RS256", at.rsa, algorithm::rs256}, one{"RS384", at.rsa, algorithm::rs384},
                                     one{"RS512", at.rsa, algorithm::rs512}, one{"PS256", at.rsa, algorithm::ps256},
                                     one{"PS384", at.rsa, algorithm::ps384}, one{"PS512", at.rsa, algorithm::ps512},
                                     one{"ES256", at.curve, algorithm::es256}, one{"ES384", p384, algorithm::es384},
                                     one{"ES512", p521, algorithm::es512}}) {
    INFO(alg);
    const auto token = key.sign(header_of(alg, key), claims_of());
    CHECK(looks_like_jwt(token));
    at.rules.algorithms = {is};
    const auto made = at.verify(token);
    REQUIRE(made);
    CHECK(made->subject == "user-7");
    CHECK(made->client_id == "shop");
    CHECK(made->scopes == std::vector<std::string>{"events:write", "profiles:read"});
    CHECK(made->until_ms == token_now_ms + 360'000);
    // Not on the issuer's list.
    at.rules.algorithms = {is == algorithm::rs256 ? algorithm::es256 : algorithm::rs256};
    refuses(at.verify(token), "not allowed for its issuer");
  }
}

TEST_CASE("the signatures of RFC 7515's examples hold", "[oauth]") {
  const std::string keys =
      R"({"keys": [{"kty": "EC", "crv": "P-256", "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",)"
      R"("y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}, {"kty": "RSA", "e": "AQAB", "n": ")"
      "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4Ql"
      "L-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUs"
      "LA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoud"
      "F8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"
      "\"}]}";
  const std::string a2 =
      "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9"
      "pc19yb290Ijp0cnVlfQ.cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Q"
      "c_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARN"
      "PvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6I"
      "eYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";
  const std::string a3 =
      "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9"
      "pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqP"
      "P3-Kg6NU1Q";
  room at;
  at.keys = parse_key_set(keys).value();
  at.rules.accept_type_jwt = true;
  for (auto token : {a2, a3}) {
    refuses(at.verify(token), "has no claim \"aud\"");  // what is looked at behind the signature
    token[token.size() - 8] = token[token.size() - 8] == 'A' ? 'B' : 'A';
    refuses(at.verify(token), "wrong signature");
  }
}

TEST_CASE("a token whose signature, header or claims were changed is refused", "[oauth]") {
  const room at;
  const auto token = at.curve.sign(header_of("ES256", at.curve), claims_of());
  REQUIRE(at.verify(token));
  for (std::size_t i = 0; i < token.size(); i += 7) {
    auto changed = token;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    if (changed == token) continue;
    INFO(i);
    CHECK_FALSE(at.verify(changed));
  }
  const auto dot = token.rfind('.');
  refuses(at.verify(token.substr(0, dot + 1)), "no signature");
  refuses(at.verify(token.substr(0, token.size() - 6)), "not for");  // a signature of another length
  refuses(at.verify(token + "AAAA"), "not for");
}

TEST_CASE("a signature that is shorter than its RSA key is not even looked at", "[oauth]") {
  // Debian 12's cjose would read behind its end.
  const room at;
  for (const auto* alg : {"RS256", "PS256"}) {
    const auto token = at.rsa.sign(header_of(alg, at.rsa), claims_of());
    REQUIRE(at.verify(token));
    refuses(at.verify(token.substr(0, token.rfind('.') + 5)), "not for");
  }
}

TEST_CASE("a token that says alg none, or HMAC with the public key, is refused", "[oauth]") {
  const room at;
  auto header = header_of("none", at.curve);
  const auto payload = encode_base64url(claims_of().dump());
  refuses(at.verify(encode_base64url(header.dump()) + "." + payload + "."), "no signature");
  refuses(at.verify(encode_base64url(header.dump()) + "." + payload + ".AAAA"), "which is not taken");
  header["alg"] = "HS256";
  refuses(at.verify(encode_base64url(header.dump()) + "." + payload + "." + std::string(43, 'A')),
          "which is not taken");
  header["alg"] = "RS256";  // of a key that is for something else
  refuses(at.verify(encode_base64url(header.dump()) + "." + payload + "." + std::string(86, 'A')), "not for");
}

TEST_CASE("keys come from the issuer alone, not from the token", "[oauth]") {
  const room at;
  const signing_key evil("P-256", "a");  // even under the same id
  for (const auto* name : {"jku", "x5u"}) {
    auto header = header_of("ES256", evil);
    header[name] = "https://evil.example/keys";
    refuses(at.verify(evil.sign(header, claims_of())), "wrong signature");
    CHECK(at.with_header(name, "https://evil.example/keys"));  // not looked at
  }
  auto header = header_of("ES256", evil);
  header["jwk"] = evil.jwk();
  refuses(at.verify(evil.sign(header, claims_of())), "wrong signature");
}

TEST_CASE("a key is found by its id, or among those that fit where the token names none", "[oauth]") {
  room at;
  refuses(at.with_header("kid", "z"), "that its issuer does not have");
  refuses(at.with_header("kid", json::array({"a"})), "kid that is no text");
  auto header = header_of("ES256", at.curve);
  header.erase("kid");
  CHECK(at.verify(header, claims_of()));
  // The key's own alg decides too.
  auto only = at.rsa.jwk();
  only["alg"] = "RS256";
  at.keys = parse_key_set(json{{"keys", {only}}}.dump()).value();
  CHECK(at.verify(at.rsa.sign(header_of("RS256", at.rsa), claims_of())));
  refuses(at.verify(at.rsa.sign(header_of("PS256", at.rsa), claims_of())), "not for");
}

TEST_CASE("only access tokens are taken, and critical headers are not understood", "[oauth]") {
  room at;
  CHECK(at.with_header("typ", "application/at+jwt"));
  CHECK(at.with_header("typ", "AT+JWT"));
  auto untyped = header_of("ES256", at.curve);
  untyped.erase("typ");
  refuses(at.with_header("typ", "JWT"), "is of type (typ) \"JWT\", not \"at+jwt\"");
  refuses(at.verify(untyped, claims_of()), "of type");
  refuses(at.with_header("typ", "logout+jwt"), "of type");
  refuses(at.with_header("crit", json::array({"exp"})), "critical");
  at.rules.accept_type_jwt = true;
  CHECK(at.with_header("typ", "JWT"));
  CHECK(at.verify(untyped, claims_of()));
  refuses(at.with_header("typ", "logout+jwt"), "of type");
}

TEST_CASE("the claims of RFC 9068 are all asked for", "[oauth]") {
  const room at;
  for (const auto* name : {"iss", "exp", "aud", "sub", "client_id", "iat", "jti"}) {
    auto all = claims_of();
    all.erase(name);
    refuses(at.verify(header_of("ES256", at.curve), all), std::string("has no claim \"") + name + "\"");
  }
  refuses(at.with_claim("sub", 5), "no text");
  refuses(at.with_claim("client_id", ""), "no text");
}

TEST_CASE("the issuer is compared exactly, the audience must name us", "[oauth]") {
  const room at;
  refuses(at.with_claim("iss", issuer_url + "/"), "another issuer");
  refuses(at.with_claim("iss", json::array({issuer_url})), "another issuer");
  CHECK(at.with_claim("aud", json::array({"https://other.example", audience_url})));
  refuses(at.with_claim("aud", "https://other.example"), "another audience");
  refuses(at.with_claim("aud", json::array()), "another audience");
  refuses(at.with_claim("aud", json{{"a", audience_url}}.at("a").get<std::string>() + "/"), "another audience");
  refuses(at.with_claim("aud", json{{audience_url, true}}), "another audience");
}

TEST_CASE("times are checked with the leeway, to the second", "[oauth]") {
  room at;
  const auto now_s = token_now_ms / 1000;
  CHECK(at.with_claim("exp", now_s - 59));
  refuses(at.with_claim("exp", now_s - 60), "expired");
  CHECK(at.with_claim("exp", static_cast<double>(now_s) - 59.5));
  CHECK(at.with_claim("nbf", now_s + 60));
  refuses(at.with_claim("nbf", now_s + 61), "not good yet");
  CHECK(at.with_claim("iat", now_s + 60));
  refuses(at.with_claim("iat", now_s + 61), "in the future");
  for (const auto* name : {"exp", "nbf", "iat"}) {
    for (const auto& bad : {json("soon"), json(nullptr), json(-1), json(1e18), json(true)}) {
      INFO(name << " " << bad.dump());
      refuses(at.with_claim(name, bad), "that is no time");
    }
  }
  at.rules.claims.leeway = std::chrono::seconds(0);
  refuses(at.with_claim("exp", now_s), "expired");
  CHECK(at.with_claim("exp", now_s + 1));
}

TEST_CASE("tokens that are bound to a key are no bearer tokens", "[oauth]") {
  const room at;
  refuses(at.with_claim("cnf", json{{"jkt", "x"}}), "bound to a key");
}

TEST_CASE("members that are there twice, and what is no token, are refused", "[oauth]") {
  const room at;
  auto text = claims_of().dump();
  text.insert(1, "\"iss\": \"https://evil.example\", ");
  refuses(at.verify(at.curve.sign(header_of("ES256", at.curve), text)),
          "the token's claims has the member \"iss\" twice");
  const auto payload = encode_base64url(claims_of().dump());
  refuses(at.verify(encode_base64url(R"({"alg": "ES256", "alg": "none"})") + "." + payload + ".AAAA"), "twice");
  for (const auto* bad : {"", ".", "..", "a.b", "a.b.c.d", "....", "a.b.c"}) {
    INFO(bad);
    CHECK_FALSE(at.verify(bad));
    CHECK_FALSE(looks_like_jwt(bad));
  }
  refuses(at.verify(std::string(most_token_bytes + 1, 'a')), "is over 16384 bytes");
  refuses(at.verify(at.curve.sign(header_of("ES256", at.curve), std::string("[]"))), "no JSON object");
}

TEST_CASE("scopes are read as the servers write them", "[oauth]") {
  const room at;
  const auto scopes = [&](const char* name, const json& value) {
    auto all = claims_of();
    all.erase("scope");
    all[name] = value;
    return at.verify(header_of("ES256", at.curve), all).value().scopes;
  };
  using list = std::vector<std::string>;
  CHECK(scopes("scope", "  a  b ") == list{"a", "b"});
  CHECK(scopes("scp", json::array({"a", 5, "b"})) == list{"a", "b"});
  CHECK(scopes("scp", "a b") == list{"a", "b"});
  CHECK(scopes("scope", json(nullptr)).empty());
  CHECK(scopes("other", "a").empty());
  std::string many;
  for (std::size_t i = 0; i <= most_scopes; ++i) many += "s ";
  refuses(at.with_claim("scope", many), "more than 256 scopes");
}
