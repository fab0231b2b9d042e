#include "ingest/pixel.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

#include "profile/encoding.hpp"

namespace kith::ingest {

namespace {

constexpr std::size_t deepest_field = 16;

/// GIF89a: 1 x 1, two colours, the first of them transparent.
constexpr std::string_view image(
    "GIF89a\x01\0\x01\0\x80\0\0\0\0\0\xff\xff\xff!\xf9\x04\x01\0\0\0\0,\0\0\0\0\x01\0\x01\0\0\x02\x02\x44\x01\0;", 43);

tl::unexpected<error> refused(const std::string& why) { return fail(errc::invalid_argument, why); }

struct parameter {
  std::string_view name;
  std::string_view value;
};

std::vector<parameter> parameters_of(std::string_view query) {
  std::vector<parameter> all;
  while (!query.empty()) {
    const auto one = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), one.size() + 1));
    const auto equals = std::min(one.find('='), one.size());
    if (!one.empty()) all.push_back({one.substr(0, equals), one.substr(std::min(equals + 1, one.size()))});
  }
  return all;
}

/// Of either alphabet, with or without padding; a blank is a plus that was taken for one.
std::optional<std::string> bytes_of(std::string text) {
  text.erase(text.find_last_not_of('=') + 1);
  std::replace(text.begin(), text.end(), '-', '+');
  std::replace(text.begin(), text.end(), ' ', '+');
  std::replace(text.begin(), text.end(), '_', '/');
  text.append((4 - text.size() % 4) % 4, '=');
  return profile::bytes_from_base64(text);
}

result<std::string> event_in_data(std::string_view value) {
  auto text = profile::percent_decoded(value);
  if (!text) return refused("data: holds a % that no two hexadecimal digits follow");
  const auto first = text->find_first_not_of(" \t\r\n");
  if (first != std::string::npos && (*text)[first] == '{') return std::move(*text);
  auto bytes = bytes_of(std::move(*text));
  if (!bytes) return refused("data: is neither base64 nor JSON");
  return std::move(*bytes);
}

/// Where the field `a.b.c` is kept; null: there is a value where another field needs an object, or it is too deep.
nlohmann::json* place_of(nlohmann::json& event, std::string_view path) {
  auto* at = &event;
  for (std::size_t depth = 0; depth < deepest_field; ++depth) {
    const auto dot = path.find('.');
    if (!at->is_object() && !at->is_null()) return nullptr;
    at = &(*at)[std::string(path.substr(0, dot))];
    if (dot == std::string_view::npos) return at->is_null() ? at : nullptr;
    path.remove_prefix(dot + 1);
  }
  return nullptr;
}

}  // namespace

result<std::string> pixel_event(std::string_view query) {
  const auto all = parameters_of(query);
  if (all.empty()) return refused("the address holds no event: it is ?data=BASE64JSON, or ?userId=…&event=…");
  for (const auto& each : all) {
    if (each.name == "data") return event_in_data(each.value);
  }
  nlohmann::json event = nlohmann::json::object();
  for (const auto& each : all) {
    const auto name = profile::percent_decoded(each.name, true);
    auto value = profile::percent_decoded(each.value, true);
    if (!name || !value) return refused("the address holds a % that no two hexadecimal digits follow");
    auto* const place = place_of(event, *name);
    if (place == nullptr) return refused("the field \"" + *name + "\" is there twice, or is too deep");
    *place = std::move(*value);
  }
  return event.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

net::http_response pixel_answer() {
  return {200,
          "image/gif",
          std::string(image),
          {{"Cache-Control", "no-store, max-age=0"},
           {"Cross-Origin-Resource-Policy", "cross-origin"},
           {"X-Content-Type-Options", "nosniff"}}};
}

}  // namespace kith::ingest
