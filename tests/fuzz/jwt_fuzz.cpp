// Arbitrary bytes as an access token, as a key set and as the claims of a token: they are refused, or hold what was
// asked.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "ingest/oauth/challenge.hpp"
#include "ingest/oauth/encoding.hpp"
#include "ingest/oauth/jwt.hpp"

namespace {

using namespace kith;
using namespace kith::ingest::oauth;

constexpr std::int64_t now_ms = 1'795'600'000'000;

void check(bool holds) {
  if (!holds) std::abort();
}

/// The keys of the tokens in the corpus (RFC 7515, appendices A.2 and A.3).
const key_list& keys() {
  static const auto made =
      parse_key_set(R"({"keys": [{"kty": "EC", "crv": "P-256", "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",)"
                    R"("y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}, {"kty": "RSA", "e": "AQAB", "n": ")"
                    "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4Ql"
                    "L-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUs"
                    "LA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoud"
                    "F8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"
                    "\"}]}");
  check(made.has_value() && made->size() == 2);
  return *made;
}

jwt_rules rules() {
  return {{"https://login.example", {"https://kith.example"}, std::chrono::seconds(60)},
          {algorithm::rs256, algorithm::es256},
          true};
}

void check_refusal(const error& why) {
  check(why.code == errc::unauthenticated && !why.message.empty());
  for (const char c : challenge(&why, "", "")) check(c >= ' ' && c <= '~');
}

void try_token(std::string_view text) {
  const auto parsed = parse_jwt(text);
  if (!parsed) return check_refusal(parsed.error());
  check(looks_like_jwt(text));
  const auto verified = verify_jwt(*parsed, rules(), keys(), now_ms);
  if (!verified) check_refusal(verified.error());
}

void try_claims(std::string_view text) {
  const auto parsed = parse_object(text, "it");
  if (!parsed) return;
  for (const auto form : {token_form::jwt, token_form::introspected}) {
    const auto read = read_claims(*parsed, rules().claims, form, now_ms);
    if (!read) {
      check_refusal(read.error());
      continue;
    }
    check(!read->subject.empty() || !read->client_id.empty());
    check(read->until_ms == 0 || read->until_ms > now_ms);
    check(read->scopes.size() <= most_scopes);
  }
}

void try_keys(std::string_view text) {
  const auto parsed = parse_key_set(text);
  if (!parsed) return check(!parsed.error().message.empty());
  check(!parsed->empty() && parsed->size() <= most_keys);
  for (const auto& each : *parsed) check(each.key != nullptr && each.signature_bytes >= 64);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  looks_like_jwt(bytes);
  try_token(bytes);
  try_claims(bytes);
  try_keys(bytes);
  // As the claims of a token whose signature is somebody else's.
  if (size < most_token_bytes / 2) {
    constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    std::string token = "eyJhbGciOiJFUzI1NiJ9.";  // {"alg":"ES256"}
    std::uint32_t group = 0;
    unsigned bits = 0;
    for (const auto byte : bytes) {
      group = (group << 8 | static_cast<unsigned char>(byte)) & 0xffffU;
      for (bits += 8; bits >= 6; bits -= 6) token += digits[group >> (bits - 6) & 63U];
    }
    if (bits > 0) token += digits[group << (6 - bits) & 63U];
    try_token(token + '.' + std::string(86, 'A'));
  }
  return 0;
}
