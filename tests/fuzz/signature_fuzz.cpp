// Arbitrary headers and a body: a signature is refused, or it holds, and then not for another body.
//
// The input: a byte for the scheme, lines of "name: value", an empty line, the body.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "ingest/webhook/signature.hpp"

namespace {

namespace webhook = kith::ingest::webhook;
using kith::net::http_field;
using webhook::scheme;

constexpr std::int64_t now_ms = 1'614'265'330'000;
constexpr std::size_t schemes = 7;

void require(bool holds) {
  if (!holds) std::abort();
}

/// The secrets of the corpus, so that its signatures hold.
webhook::scheme_settings settings_of(scheme kind) {
  webhook::scheme_settings made;
  made.kind = kind;
  made.tolerance_ms = 0;
  const auto add = [&](std::string_view secret) { require(webhook::add_secret(made, secret).has_value()); };
  switch (kind) {
    case scheme::standard_webhooks:
      add("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
      add("whpk_ZlN4eg7dSSqi0moX9hQUk3orrOouK3QVQSlJa248c/g=");
      break;
    case scheme::hmac:
      add("k");
      made.header = "x-signature";
      made.delivery_header = "x-id";
      made.hmac = {webhook::hmac_algorithm::sha512, webhook::text_encoding::base64, "v0=", "x-time",
                   webhook::signed_content::timestamp_body};
      break;
    case scheme::basic: add("shop:open sesame"); break;
    case scheme::bearer: add("token"); break;
    default: add("It's a Secret to Everybody"); add("whsec_test_secret");
  }
  require(webhook::check(made).has_value());
  return made;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  std::vector<http_field> fields;
  while (!rest.empty()) {
    const auto line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(line.size() < rest.size() ? line.size() + 1 : rest.size());
    if (line.empty()) break;
    const auto colon = line.find(": ");
    if (colon != std::string_view::npos) fields.push_back({line.substr(0, colon), line.substr(colon + 2)});
  }
  const auto kind = static_cast<scheme>(data[0] % schemes);
  const auto settings = settings_of(kind);
  kith::net::http_request request{"POST", "/v1/webhooks/shop", fields, rest};
  const auto verified = webhook::verify(settings, request, now_ms);
  if (!verified) {
    require(!verified.error().message.empty());
    require(verified.error().message.find("Everybody") == std::string::npos);
    return 0;
  }
  require(verified->delivery_id.size() <= 255);
  if (kind == scheme::basic || kind == scheme::bearer) return 0;
  const auto other = std::string(rest) + "x";
  request.body = other;
  require(!webhook::verify(settings, request, now_ms));
  return 0;
}
