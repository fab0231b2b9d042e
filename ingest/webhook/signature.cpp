#include "ingest/webhook/signature.hpp"

#include <memory>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "ingest/webhook/bounds.hpp"
#include "net/credentials.hpp"
#include "profile/encoding.hpp"
#include "profile/utf8.hpp"

namespace kith::ingest::webhook {

namespace {

using texts = std::vector<std::string>;

constexpr std::size_t ed25519_signature_bytes = 64;
constexpr std::size_t most_time_digits = 13;
constexpr std::int64_t seconds_end = 100'000'000'000;  ///< from here on a number is of milliseconds: the year 5138
constexpr std::string_view no_secret_fits =
    "does not match the body under any of the source's secrets; check that the "
    "secret is this endpoint's and that nothing on the way changes the body";

result<void> refused(std::string_view header, std::string_view why) {
  std::string message(header);
  return fail(errc::unauthenticated, message.append(": ").append(why));
}

tl::unexpected<error> missing(std::string_view header) {
  return fail(errc::unauthenticated, std::string(header) + ": is missing");
}

std::string_view trimmed(std::string_view text) noexcept {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

/// Calls each(part) for what is between the separators; false if there are more than may be.
template <class Each>
bool for_each_part(std::string_view text, char separator, std::size_t most, Each each) {
  for (std::size_t count = 0; !text.empty(); ++count) {
    if (count == most) return false;
    const auto at = text.find(separator);
    each(trimmed(text.substr(0, at)));
    text.remove_prefix(at == std::string_view::npos ? text.size() : at + 1);
  }
  return true;
}

std::string hmac_of(hmac_algorithm algorithm, const std::string& key, std::string_view content) {
  std::string digest(EVP_MAX_MD_SIZE, '\0');
  unsigned size = 0;
  HMAC(algorithm == hmac_algorithm::sha512 ? EVP_sha512() : EVP_sha256(), key.data(), static_cast<int>(key.size()),
       reinterpret_cast<const unsigned char*>(content.data()), content.size(),
       reinterpret_cast<unsigned char*>(digest.data()), &size);
  digest.resize(size);
  return digest;
}

/// Does one of the signatures come of one of the keys? Looks at all of both.
bool any_hmac(const texts& keys, const texts& signatures, std::string_view content,
              hmac_algorithm algorithm = hmac_algorithm::sha256) {
  bool found = false;
  for (const auto& key : keys) {
    const auto right = hmac_of(algorithm, key, content);
    for (const auto& given : signatures) {
      const bool same = given.size() == right.size() && CRYPTO_memcmp(given.data(), right.data(), right.size()) == 0;
      found = same || found;
    }
  }
  return found;
}

bool ed25519_holds(const std::string& key, const std::string& signature, std::string_view content) {
  const auto* const bytes = reinterpret_cast<const unsigned char*>(key.data());
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> of(
      EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, bytes, key.size()), EVP_PKEY_free);
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  return of && context && signature.size() == ed25519_signature_bytes &&
         EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, of.get()) == 1 &&
         EVP_DigestVerify(context.get(), reinterpret_cast<const unsigned char*>(signature.data()), signature.size(),
                          reinterpret_cast<const unsigned char*>(content.data()), content.size()) == 1;
}

bool any_ed25519(const texts& keys, const texts& signatures, std::string_view content) {
  bool found = false;
  for (const auto& key : keys) {
    for (const auto& given : signatures) found = ed25519_holds(key, given, content) || found;
  }
  return found;
}

/// Nothing: it is no such number. Seconds, or milliseconds if it is that large.
std::optional<std::int64_t> time_ms_of(std::string_view digits) {
  if (digits.empty() || digits.size() > most_time_digits) return std::nullopt;
  std::int64_t number = 0;
  for (const char c : digits) {
    if (c < '0' || c > '9') return std::nullopt;
    number = number * 10 + (c - '0');
  }
  return number < seconds_end ? number * 1000 : number;
}

result<void> check_time(std::string_view header, std::int64_t signed_ms, std::int64_t tolerance_ms,
                        std::int64_t now_ms) {
  const auto apart = now_ms > signed_ms ? now_ms - signed_ms : signed_ms - now_ms;
  if (tolerance_ms == 0 || apart <= tolerance_ms) return {};
  return fail(errc::too_late, std::string(header) + ": the signature holds, but was made " +
                                  std::to_string(apart / 1000) + " s " + (now_ms > signed_ms ? "ago" : "from now") +
                                  "; " + std::to_string(tolerance_ms / 1000) +
                                  " s are tolerated. It is sent again, or the clocks differ");
}

std::string dotted(std::string_view first, std::string_view second) {
  std::string content;
  content.reserve(first.size() + 1 + second.size());
  return content.append(first).append(1, '.').append(second);
}

result<void> verify_stripe(const scheme_settings& of, const net::http_request& request, std::int64_t now_ms) {
  constexpr std::string_view header = "Stripe-Signature";
  const auto value = request.field(header);
  if (value.empty()) return missing(header);
  std::string_view time;
  bool twice = false;
  texts signatures;
  const bool few = for_each_part(value, ',', bounds::signatures, [&](std::string_view part) {
    if (part.starts_with("t=")) {
      twice = twice || !time.empty();
      time = part.substr(2);
    } else if (part.starts_with("v1=")) {
      if (auto bytes = profile::bytes_from_hex(part.substr(3))) signatures.push_back(std::move(*bytes));
    }
  });
  const auto signed_ms = time_ms_of(time);
  if (!few || twice || !signed_ms || signatures.empty()) {
    return refused(header,
                   "must be \"t=SECONDS,v1=HEX\", with at most " + std::to_string(bounds::signatures) + " parts");
  }
  if (!any_hmac(of.secrets, signatures, dotted(time, request.body))) return refused(header, no_secret_fits);
  return check_time(header, *signed_ms, of.tolerance_ms, now_ms);
}

/// `header: PREFIX SIGNATURE` over the content.
result<void> verify_one(const scheme_settings& of, const net::http_request& request, std::string_view header,
                        const hmac_settings& how, std::string_view content) {
  auto value = request.field(header);
  if (value.empty()) return missing(header);
  if (!value.starts_with(how.prefix)) return refused(header, "must begin with \"" + how.prefix + "\"");
  value.remove_prefix(how.prefix.size());
  const bool hex = how.encoding == text_encoding::hex;
  auto bytes = hex ? profile::bytes_from_hex(value) : profile::bytes_from_base64(value);
  if (!bytes || bytes->empty()) {
    return refused(header, hex ? "is not in hexadecimal digits" : "is not in base64 with its padding");
  }
  if (!any_hmac(of.secrets, {std::move(*bytes)}, content, how.algorithm)) return refused(header, no_secret_fits);
  return {};
}

result<void> verify_standard(const scheme_settings& of, const net::http_request& request, std::int64_t now_ms) {
  const auto id = request.field("webhook-id");
  const auto time = request.field("webhook-timestamp");
  const auto value = request.field("webhook-signature");
  if (id.empty()) return missing("webhook-id");
  if (time.empty()) return missing("webhook-timestamp");
  if (value.empty()) return missing("webhook-signature");
  // With a full stop in the id, the same signed bytes could be cut in another way.
  if (id.find('.') != std::string_view::npos) return refused("webhook-id", "must not hold a full stop");
  const auto signed_ms = time_ms_of(time);
  if (!signed_ms) return refused("webhook-timestamp", "must be a whole number of seconds since 1970");
  texts symmetric;
  texts asymmetric;
  const bool few = for_each_part(value, ' ', bounds::signatures, [&](std::string_view part) {
    const auto comma = part.find(',');
    if (comma == std::string_view::npos) return;
    const auto version = part.substr(0, comma);
    auto bytes = profile::bytes_from_base64(part.substr(comma + 1));
    if (bytes && version == "v1") symmetric.push_back(std::move(*bytes));
    if (bytes && version == "v1a") asymmetric.push_back(std::move(*bytes));
  });
  if (!few || (symmetric.empty() && asymmetric.empty())) {
    return refused("webhook-signature", "must be \"v1,BASE64\" or \"v1a,BASE64\", or up to " +
                                            std::to_string(bounds::signatures) + " of them with blanks between");
  }
  const auto content = dotted(id, dotted(time, request.body));
  const bool by_secret = any_hmac(of.secrets, symmetric, content);
  const bool by_key = any_ed25519(of.public_keys, asymmetric, content);
  if (!by_secret && !by_key) return refused("webhook-signature", no_secret_fits);
  return check_time("webhook-timestamp", *signed_ms, of.tolerance_ms, now_ms);
}

result<void> verify_generic(const scheme_settings& of, const net::http_request& request, std::int64_t now_ms) {
  const auto& how = of.hmac;
  std::string_view time;
  std::optional<std::int64_t> signed_ms;
  if (!how.timestamp_header.empty()) {
    time = request.field(how.timestamp_header);
    if (time.empty()) return missing(how.timestamp_header);
    signed_ms = time_ms_of(time);
    if (!signed_ms) return refused(how.timestamp_header, "must be a whole number of seconds since 1970");
  }
  const bool with_time = how.content == signed_content::timestamp_body;
  const auto content = with_time ? dotted(time, request.body) : std::string();
  auto good = verify_one(of, request, of.header, how, with_time ? std::string_view(content) : request.body);
  if (!good || !signed_ms) return good;
  return check_time(how.timestamp_header, *signed_ms, of.tolerance_ms, now_ms);
}

/// Compares digests, so that the time says nothing about lengths either.
bool any_equal(const texts& secrets, std::string_view given) {
  const auto digest = net::digest_of(given);
  bool found = false;
  for (const auto& secret : secrets) {
    const auto known = net::digest_of(secret);
    found = CRYPTO_memcmp(known.data(), digest.data(), digest.size()) == 0 || found;
  }
  return found;
}

/// What stands behind the authentication scheme, whose name has no case (RFC 9110, section 11.1); nothing: it is not
/// it.
std::optional<std::string_view> authorization(const net::http_request& request, std::string_view kind) {
  const auto value = request.field("Authorization");
  if (value.size() <= kind.size() || value[kind.size()] != ' ') return std::nullopt;
  if (!net::same_field_name(value.substr(0, kind.size()), kind)) return std::nullopt;
  return trimmed(value.substr(kind.size()));
}

result<void> verify_basic(const scheme_settings& of, const net::http_request& request) {
  const auto given = authorization(request, "Basic");
  if (!given) return refused("Authorization", "must be \"Basic\" and user:password in base64");
  const auto pair = profile::bytes_from_base64(*given);
  if (!pair) return refused("Authorization", "does not hold base64 behind \"Basic\"");
  if (!any_equal(of.secrets, *pair)) return refused("Authorization", "the user or the password is not known");
  return {};
}

result<void> verify_bearer(const scheme_settings& of, const net::http_request& request) {
  const std::string_view header = of.header.empty() ? std::string_view("Authorization") : of.header;
  const auto given = of.header.empty() ? authorization(request, "Bearer") : std::optional(request.field(header));
  if (!given || given->empty()) {
    return refused(header, of.header.empty() ? "must be \"Bearer\" and a token" : "is missing");
  }
  if (!any_equal(of.secrets, *given)) return refused(header, "the token is not known");
  return {};
}

const hmac_settings github_hmac{hmac_algorithm::sha256, text_encoding::hex, "sha256=", {}, signed_content::body};
const hmac_settings shopify_hmac{hmac_algorithm::sha256, text_encoding::base64, {}, {}, signed_content::body};

result<void> verify_scheme(const scheme_settings& of, const net::http_request& request, std::int64_t now_ms) {
  switch (of.kind) {
    case scheme::stripe: return verify_stripe(of, request, now_ms);
    case scheme::github: return verify_one(of, request, "X-Hub-Signature-256", github_hmac, request.body);
    case scheme::shopify: return verify_one(of, request, "X-Shopify-Hmac-SHA256", shopify_hmac, request.body);
    case scheme::standard_webhooks: return verify_standard(of, request, now_ms);
    case scheme::hmac: return verify_generic(of, request, now_ms);
    case scheme::basic: return verify_basic(of, request);
    case scheme::bearer: return verify_bearer(of, request);
  }
  return fail(errc::internal, "scheme: is not known");
}

std::string_view delivery_header(const scheme_settings& of) noexcept {
  switch (of.kind) {
    case scheme::github: return "X-GitHub-Delivery";
    case scheme::shopify: return "X-Shopify-Webhook-Id";
    case scheme::standard_webhooks: return "webhook-id";
    default: return of.delivery_header;
  }
}

}  // namespace

result<std::string> delivery_id(const scheme_settings& settings, const net::http_request& request) {
  const auto header = delivery_header(settings);
  const auto id = header.empty() ? std::string_view() : request.field(header);
  if (id.size() > bounds::delivery_bytes || !profile::is_utf8(id)) {
    return fail(errc::invalid_argument, std::string(header) + ": must be UTF-8 of at most " +
                                            std::to_string(bounds::delivery_bytes) + " bytes");
  }
  return std::string(id);
}

result<verified> verify(const scheme_settings& settings, const net::http_request& request, std::int64_t now_ms) {
  if (auto good = verify_scheme(settings, request, now_ms); !good) return tl::make_unexpected(good.error());
  auto id = delivery_id(settings, request);
  if (!id) return tl::make_unexpected(id.error());
  return verified{std::move(*id)};
}

}  // namespace kith::ingest::webhook
