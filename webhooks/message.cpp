#include "webhooks/message.hpp"

#include <array>
#include <nlohmann/json.hpp>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "profile/encoding.hpp"
#include "profile/event.hpp"

namespace kith::webhooks {

using nlohmann::json;

std::string message_id(profile::hash128 id) { return "msg_" + to_hex(id); }

std::string cloud_event(const actors::told_change& told, std::string_view id, std::string_view source) {
  auto data = json{{"segment", told.segment}, {"profile", to_hex(told.profile)}, {"version", told.version}};
  if (!told.who.empty()) data.update(json::from_msgpack(told.who, true, false));
  return json{{"specversion", "1.0"},
              {"id", id},
              {"source", "kith/" + std::string(source)},
              {"type", told.entered ? "kith.segment.entered" : "kith.segment.left"},
              {"subject", to_hex(told.profile)},
              {"time", profile::format_time(told.at_ms)},
              {"datacontenttype", "application/json"},
              {"data", std::move(data)}}
      .dump();
}

std::string signature(const std::vector<std::string>& secrets, std::string_view id, std::int64_t timestamp_s,
                      std::string_view body) {
  auto content = std::string(id) + '.' + std::to_string(timestamp_s) + '.';
  content += body;
  std::string header;
  for (const auto& secret : secrets) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned size = 0;
    HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
         reinterpret_cast<const unsigned char*>(content.data()), content.size(), digest.data(), &size);
    if (!header.empty()) header += ' ';
    header += "v1," + profile::base64_of({reinterpret_cast<const char*>(digest.data()), size});
  }
  return header;
}

}  // namespace kith::webhooks
