#include "ingest/oauth/jwk.hpp"

#include <algorithm>
#include <array>
#include <cjose/cjose.h>

#include "ingest/oauth/encoding.hpp"

namespace kith::ingest::oauth {

namespace {

constexpr std::array<std::string_view, 9> algorithm_names{"RS256", "RS384", "RS512", "PS256", "PS384",
                                                          "PS512", "ES256", "ES384", "ES512"};
constexpr std::size_t least_rsa_bytes = 2048 / 8;
constexpr std::size_t most_rsa_bytes = 8192 / 8;
constexpr std::size_t most_exponent_bytes = 4;  ///< a larger one costs whoever verifies

using bytes = std::optional<std::string>;

bytes number_of(const nlohmann::json& object, const char* name) {
  auto decoded = decode_base64url(text_member(object, name));
  if (decoded) decoded->erase(0, decoded->find_first_not_of('\0'));
  return decoded;
}

std::uint8_t* data_of(std::string& text) { return reinterpret_cast<std::uint8_t*>(text.data()); }

std::shared_ptr<const _cjose_jwk_int> owned(cjose_jwk_t* key) {
  if (key == nullptr) return nullptr;
  return {key, [](const cjose_jwk_t* each) { cjose_jwk_release(const_cast<cjose_jwk_t*>(each)); }};
}

/// Is it for checking signatures, as far as it says what it is for?
bool is_for_signatures(const nlohmann::json& object) {
  if (const auto use = object.find("use"); use != object.end() && *use != "sig") return false;
  const auto operations = object.find("key_ops");
  return operations == object.end() ||
         (operations->is_array() &&
          std::any_of(operations->begin(), operations->end(), [](const auto& each) { return each == "verify"; }));
}

bool read_rsa(const nlohmann::json& object, verification_key& into) {
  auto modulus = number_of(object, "n");
  auto exponent = number_of(object, "e");
  if (!modulus || modulus->size() < least_rsa_bytes || modulus->size() > most_rsa_bytes) return false;
  if (!exponent || exponent->empty() || exponent->size() > most_exponent_bytes || *exponent == "\x01") return false;
  if ((static_cast<unsigned char>(exponent->back()) & 1U) == 0) return false;
  cjose_jwk_rsa_keyspec spec{};
  spec.n = data_of(*modulus);
  spec.nlen = modulus->size();
  spec.e = data_of(*exponent);
  spec.elen = exponent->size();
  into.kind = key_kind::rsa;
  into.signature_bytes = modulus->size();
  into.key = owned(cjose_jwk_create_RSA_spec(&spec, nullptr));
  return into.key != nullptr;
}

struct curve {
  std::string_view name;
  key_kind kind;
  cjose_jwk_ec_curve id;
  std::size_t coordinate_bytes;
};

constexpr std::array<curve, 3> curves{{{"P-256", key_kind::p256, CJOSE_JWK_EC_P_256, 32},
                                       {"P-384", key_kind::p384, CJOSE_JWK_EC_P_384, 48},
                                       {"P-521", key_kind::p521, CJOSE_JWK_EC_P_521, 66}}};

bool read_curve(const nlohmann::json& object, verification_key& into) {
  const auto name = text_member(object, "crv");
  const auto* on = std::find_if(curves.begin(), curves.end(), [&](const auto& each) { return each.name == name; });
  auto x = decode_base64url(text_member(object, "x"));
  auto y = decode_base64url(text_member(object, "y"));
  if (on == curves.end() || !x || !y || x->size() != on->coordinate_bytes || y->size() != on->coordinate_bytes) {
    return false;
  }
  cjose_jwk_ec_keyspec spec{};
  spec.crv = on->id;
  spec.x = data_of(*x);
  spec.xlen = x->size();
  spec.y = data_of(*y);
  spec.ylen = y->size();
  into.kind = on->kind;
  into.signature_bytes = 2 * on->coordinate_bytes;
  into.key = owned(cjose_jwk_create_EC_spec(&spec, nullptr));  // null: the point is not on the curve
  return into.key != nullptr;
}

std::optional<verification_key> read_key(const nlohmann::json& object) {
  if (!object.is_object() || !is_for_signatures(object)) return std::nullopt;
  verification_key made;
  made.id = text_member(object, "kid");
  if (object.contains("alg")) {
    made.only = parse_algorithm(text_member(object, "alg"));
    if (!made.only) return std::nullopt;
  }
  const auto type = text_member(object, "kty");
  const bool good = (type == "RSA" && read_rsa(object, made)) || (type == "EC" && read_curve(object, made));
  if (!good || (made.only && !made.fits(*made.only))) return std::nullopt;
  return made;
}

}  // namespace

std::optional<algorithm> parse_algorithm(std::string_view name) noexcept {
  const auto* found = std::find(algorithm_names.begin(), algorithm_names.end(), name);
  if (found == algorithm_names.end()) return std::nullopt;
  return static_cast<algorithm>(found - algorithm_names.begin());
}

std::string_view name_of(algorithm of) noexcept { return algorithm_names[static_cast<std::size_t>(of)]; }

bool verification_key::fits(algorithm with) const noexcept {
  if (only && *only != with) return false;
  switch (with) {
    case algorithm::es256: return kind == key_kind::p256;
    case algorithm::es384: return kind == key_kind::p384;
    case algorithm::es512: return kind == key_kind::p521;
    default: return kind == key_kind::rsa;
  }
}

result<key_list> parse_key_set(std::string_view json) {
  const auto document = parse_object(json, "the key set");
  if (!document) return tl::make_unexpected(document.error());
  const auto keys = document->find("keys");
  if (keys == document->end() || !keys->is_array()) {
    return fail(errc::invalid_argument, "the key set has no array \"keys\"");
  }
  if (keys->size() > most_keys) {
    return fail(errc::invalid_argument, "the key set has " + std::to_string(keys->size()) + " keys, " +
                                            std::to_string(most_keys) + " are allowed");
  }
  key_list made;
  for (const auto& each : *keys) {
    if (auto key = read_key(each)) made.push_back(std::move(*key));
  }
  if (made.empty()) {
    return fail(errc::invalid_argument,
                "the key set has no key to check signatures with: RSA from 2048 to 8192 bits, or P-256, P-384, P-521");
  }
  return made;
}

}  // namespace kith::ingest::oauth
