#include "ingest/oauth/encoding.hpp"

#include <algorithm>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <set>
#include <vector>

#include "profile/encoding.hpp"

namespace kith::ingest::oauth {

namespace {

constexpr int most_levels = 16;

int value_of(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '-') return 62;
  if (c == '_') return 63;
  return -1;
}

}  // namespace

std::optional<std::string> decode_base64url(std::string_view text) {
  if (text.size() % 4 == 1) return std::nullopt;
  std::string bytes;
  bytes.reserve(text.size() / 4 * 3 + 2);
  unsigned group = 0;
  unsigned bits = 0;
  for (const char c : text) {
    const int value = value_of(c);
    if (value < 0) return std::nullopt;
    group = (group << 6 | static_cast<unsigned>(value)) & 0xfffU;
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    bytes.push_back(static_cast<char>(group >> bits & 0xffU));
  }
  if ((group & ((1U << bits) - 1)) != 0) return std::nullopt;
  return bytes;
}

std::string base64url_of(std::string_view bytes) {
  auto text = profile::base64_of(bytes);
  while (text.ends_with('=')) text.pop_back();
  std::replace(text.begin(), text.end(), '+', '-');
  std::replace(text.begin(), text.end(), '/', '_');
  return text;
}

std::string encode_form(std::string_view value) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string made;
  for (const char c : value) {
    const bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-' ||
                       c == '.' || c == '_' || c == '*';
    if (plain) {
      made += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    made += {'%', digits[byte >> 4U], digits[byte & 15U]};
  }
  return made;
}

std::string basic_authorization(std::string_view id, std::string_view secret) {
  const auto both = encode_form(id) + ':' + encode_form(secret);
  std::string text(4 * ((both.size() + 2) / 3) + 1, '\0');
  const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                                   reinterpret_cast<const unsigned char*>(both.data()), static_cast<int>(both.size()));
  text.resize(static_cast<std::size_t>(size));
  return "Basic " + text;
}

result<nlohmann::json> parse_object(std::string_view text, std::string_view what) {
  using nlohmann::json;
  std::string wrong;
  std::vector<std::set<std::string>> open;  // the members of each object around
  const auto look = [&](int depth, json::parse_event_t event, json& parsed) {
    if (depth > most_levels && wrong.empty()) wrong = "has more than " + std::to_string(most_levels) + " levels";
    if (event == json::parse_event_t::object_start) open.emplace_back();
    if (event == json::parse_event_t::object_end) open.pop_back();
    if (event == json::parse_event_t::key && !open.back().insert(parsed.get<std::string>()).second && wrong.empty()) {
      wrong = "has the member \"" + parsed.get<std::string>() + "\" twice";
    }
    return true;
  };
  auto made = json::parse(text, look, false);
  if (made.is_discarded()) return fail(errc::invalid_argument, std::string(what) + " is no JSON");
  if (!wrong.empty()) return fail(errc::invalid_argument, std::string(what) + " " + wrong);
  if (!made.is_object()) return fail(errc::invalid_argument, std::string(what) + " is no JSON object");
  return made;
}

std::string text_member(const nlohmann::json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

bool same_secret(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

std::string shown(std::string_view text) {
  constexpr std::size_t most = 64;
  return '"' + std::string(text.substr(0, most)) + (text.size() > most ? "…\"" : "\"");
}

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  for (std::size_t at = 0; at < text.size();) {
    const auto end = std::min(text.find(' ', at), text.size());
    if (end > at) words.emplace_back(text.substr(at, end - at));
    at = end + 1;
  }
  return words;
}

}  // namespace kith::ingest::oauth
