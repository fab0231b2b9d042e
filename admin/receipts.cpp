#include "admin/receipts.hpp"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/sha.h>

#include "admin/json.hpp"
#include "ingest/oauth/encoding.hpp"
#include "persistence/whole_file.hpp"

namespace kith::admin {

namespace {

using nlohmann::json;
using key_ptr = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using context_ptr = std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)>;

constexpr char file_name[] = "receipt.key";
constexpr std::size_t key_bytes = 32;
constexpr std::size_t signature_bytes = 64;

std::string base64url(std::string_view bytes) {
  auto text = base64(bytes);
  while (!text.empty() && text.back() == '=') text.pop_back();
  for (auto& c : text) c = c == '+' ? '-' : c == '/' ? '_' : c;
  return text;
}

const unsigned char* bytes_of(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

result<std::string> pem_of(EVP_PKEY* key) {
  const std::unique_ptr<BIO, decltype(&BIO_free)> out(BIO_new(BIO_s_mem()), BIO_free);
  if (!out || PEM_write_bio_PrivateKey(out.get(), key, nullptr, nullptr, 0, nullptr, nullptr) != 1) {
    return fail(errc::internal, "the key of receipts cannot be written as PEM");
  }
  char* text = nullptr;
  const auto size = BIO_get_mem_data(out.get(), &text);
  return std::string(text, static_cast<std::size_t>(size));
}

/// RFC 7638, section 3; RFC 8037, section 2.
std::string thumbprint(const std::string& x) {
  const auto members = R"({"crv":"Ed25519","kty":"OKP","x":")" + x + "\"}";
  std::string digest(SHA256_DIGEST_LENGTH, '\0');
  SHA256(bytes_of(members), members.size(), reinterpret_cast<unsigned char*>(digest.data()));
  return base64url(digest);
}

bool is_signed_by(const std::string& x, std::string_view what, std::string_view signature) {
  const auto raw = ingest::oauth::decode_base64url(x);
  if (!raw || raw->size() != key_bytes || signature.size() != signature_bytes) return false;
  const key_ptr key(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, bytes_of(*raw), raw->size()), EVP_PKEY_free);
  const context_ptr context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  return key && context && EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key.get()) == 1 &&
         EVP_DigestVerify(context.get(), bytes_of(signature), signature.size(), bytes_of(what), what.size()) == 1;
}

}  // namespace

struct receipt_signer::key {
  key_ptr pair{nullptr, EVP_PKEY_free};
  std::string x;  ///< the public half
};

receipt_signer::receipt_signer(std::unique_ptr<key> with, std::string node)
    : key_(std::move(with)), node_(std::move(node)) {}
receipt_signer::~receipt_signer() = default;

result<std::unique_ptr<receipt_signer>> receipt_signer::open(persistence::file_system& files,
                                                             const std::string& directory, std::string node) {
  if (auto made = files.make_directory(directory); !made) return tl::make_unexpected(made.error());
  const auto path = directory + "/" + file_name;
  auto with = std::make_unique<key>();
  const auto there = files.exists(path);
  if (!there) return tl::make_unexpected(there.error());
  if (*there) {
    const auto pem = persistence::read_file(files, path);
    if (!pem) return tl::make_unexpected(pem.error());
    const std::unique_ptr<BIO, decltype(&BIO_free)> in(BIO_new_mem_buf(pem->data(), static_cast<int>(pem->size())),
                                                       BIO_free);
    with->pair.reset(PEM_read_bio_PrivateKey(in.get(), nullptr, nullptr, nullptr));
  } else {
    with->pair.reset(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
    if (!with->pair) return fail(errc::internal, path + ": no key could be made");
    const auto pem = pem_of(with->pair.get());
    if (!pem) return tl::make_unexpected(pem.error());
    if (auto kept = persistence::replace_file(files, directory, file_name, *pem); !kept) {
      return tl::make_unexpected(kept.error());
    }
  }
  std::string raw(key_bytes, '\0');
  auto size = raw.size();
  if (!with->pair || EVP_PKEY_id(with->pair.get()) != EVP_PKEY_ED25519 ||
      EVP_PKEY_get_raw_public_key(with->pair.get(), reinterpret_cast<unsigned char*>(raw.data()), &size) != 1) {
    return fail(
        errc::internal,
        path + ": is no PEM file of an Ed25519 key; bring it back from a backup, or move it away for a new one");
  }
  with->x = base64url(raw);
  return std::unique_ptr<receipt_signer>(new receipt_signer(std::move(with), std::move(node)));
}

nlohmann::json receipt_signer::keys() const {
  return {{"keys", json::array({{{"kty", "OKP"},
                                 {"crv", "Ed25519"},
                                 {"alg", "EdDSA"},
                                 {"use", "sig"},
                                 {"kid", thumbprint(key_->x)},
                                 {"x", key_->x}}})}};
}

std::string receipt_signer::sign(const actors::erasure& of, std::string_view reason) const {
  auto hashes = json::array();
  for (const auto& hash : of.hashes) hashes.push_back(persistence::to_hex(hash));
  json claims = {{"iss", node_},
                 {"iat", of.at_ms / 1000},
                 {"erasedAt", profile::format_time(of.at_ms)},
                 {"ids", std::move(hashes)},
                 {"idHash", "SHA-256 of the server's salt and the identifier's address"},
                 {"reason", reason}};
  if (of.id.empty()) {
    claims["places"] = json::array();
    claims["note"] = "erased before: nothing was left";
  } else {
    claims["jti"] = of.id;
    claims["goneBy"] = profile::format_time(of.gone_by_ms);
    claims["historyEvents"] = of.history_events;
    claims["deadLetters"] = of.dead_letters;
    claims["places"] = {"memory",  "snapshots",    "history",  "segments",        "changes",
                        "journal", "dead letters", "webhooks", "privacy requests"};
    // As docs/privacy.md has it, in the same order.
    claims["notCovered"] = {"backups",
                            "spools and dead letters of forwarders",
                            "journal/quarantine",
                            "blocks that the file system keeps of deleted files",
                            "queues of webhooks that were taken out of the configuration",
                            "journal segments of shards that an earlier process had more of",
                            "events of other profiles that name an identifier",
                            "identity links of other profiles that were unmerged from it",
                            "hashes in the audit log",
                            "what others were told before"};
  }
  const json header = {{"alg", "EdDSA"}, {"typ", receipt_type}, {"kid", thumbprint(key_->x)}};
  const auto text = base64url(dump(header)) + "." + base64url(dump(claims));
  std::string signature(signature_bytes, '\0');
  auto size = signature.size();
  const context_ptr context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  const bool done = context && EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key_->pair.get()) == 1 &&
                    EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size,
                                   bytes_of(text), text.size()) == 1;
  if (!done) std::abort();  // with a good key nothing can be wrong but memory
  return text + "." + base64url(signature);
}

result<json> verify_receipt(std::string_view receipt, const json& keys) {
  const auto wrong = [](const std::string& what) { return fail(errc::invalid_argument, "receipt: " + what); };
  while (!receipt.empty() && (receipt.back() == '\n' || receipt.back() == ' ' || receipt.back() == '\r')) {
    receipt.remove_suffix(1);
  }
  const auto first = receipt.find('.');
  const auto second = first == std::string_view::npos ? first : receipt.find('.', first + 1);
  if (second == std::string_view::npos) return wrong("is no compact JWS, three parts with dots between them");
  const auto header = ingest::oauth::decode_base64url(receipt.substr(0, first));
  const auto claims = ingest::oauth::decode_base64url(receipt.substr(first + 1, second - first - 1));
  const auto signature = ingest::oauth::decode_base64url(receipt.substr(second + 1));
  if (!header || !claims || !signature) return wrong("its parts are not base64url");
  const auto said = json::parse(*header, nullptr, false);
  if (!said.is_object() || said.value("alg", "") != "EdDSA" || said.value("typ", "") != receipt_type) {
    return wrong("its header is not that of a receipt of an erasure");
  }
  if (!keys.is_object() || !keys.contains("keys") || !keys.at("keys").is_array()) {
    return wrong("what it is to be checked with is no JWK set");
  }
  for (const auto& each : keys.at("keys")) {
    if (!each.is_object() || each.value("kty", "") != "OKP" || each.value("crv", "") != "Ed25519") continue;
    if (!is_signed_by(each.value("x", ""), receipt.substr(0, second), *signature)) continue;
    auto told = json::parse(*claims, nullptr, false);
    if (!told.is_object()) return wrong("what it says is no JSON object");
    return told;
  }
  return wrong("none of the keys signed it, or it was changed");
}

}  // namespace kith::admin
