// MessagePack as JSON: timestamps as RFC 3339, binary as base64.
#pragma once

#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>

#include "profile/event.hpp"
#include "profile/msgpack.hpp"

namespace kith::admin {

inline std::string base64(std::string_view bytes) {
  constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t group = 0;
    for (std::size_t j = 0; j < 3; ++j) {
      group = group << 8 | (i + j < bytes.size() ? static_cast<unsigned char>(bytes[i + j]) : 0U);
    }
    for (std::size_t j = 0; j < 4; ++j) text.push_back(i + j > bytes.size() ? '=' : digits[group >> (18 - 6 * j) & 63]);
  }
  return text;
}

/// The next value. Depth is bounded where events come in.
inline nlohmann::json to_json(profile::msgpack::reader& in) {
  using profile::msgpack::kind;
  const auto value = in.next();
  switch (value.type) {
    case kind::boolean: return value.integer != 0;
    case kind::integer: return value.integer;
    case kind::natural: return value.natural;
    case kind::real: return value.real;
    case kind::string: return std::string(value.bytes);
    case kind::binary: return base64(value.bytes);
    case kind::array: {
      auto list = nlohmann::json::array();
      for (std::uint32_t i = 0; i < value.size && !in.done(); ++i) list.push_back(to_json(in));
      return list;
    }
    case kind::map: {
      auto map = nlohmann::json::object();
      for (std::uint32_t i = 0; i < value.size && !in.done(); ++i) {
        const auto key = to_json(in);
        map[key.is_string() ? key.get<std::string>() : key.dump()] = to_json(in);
      }
      return map;
    }
    case kind::extension: {
      std::int64_t ms = 0;
      if (profile::msgpack::timestamp_ms(value, ms)) return profile::format_time(ms);
      return base64(value.bytes);
    }
    default: return nullptr;
  }
}

inline nlohmann::json to_json(std::string_view msgpack) {
  profile::msgpack::reader in(msgpack);
  return to_json(in);
}

/// What the body of a request says, which may be anything but has to be read without throwing.
inline result<nlohmann::json> parse_body(const std::string& text) {
  const auto refuse = [](const std::string& why) { return fail(errc::invalid_argument, "body: " + why); };
  try {
    return nlohmann::json::parse(text);
  } catch (const nlohmann::json::parse_error& error) {
    return refuse(std::string("is not JSON: ") + error.what());
  } catch (const nlohmann::json::exception&) {  // well-formed, and a number that no type holds
    return refuse("has a number that is too large; at most 1.7e308 is taken");
  }
}

/// From 0 to `most`; 5.0 is a whole number in JSON, too.
inline std::optional<std::int64_t> whole_number(const nlohmann::json& value, std::int64_t most) {
  if (!value.is_number()) return std::nullopt;
  const auto number = value.get<double>();
  if (number < 0 || number > static_cast<double>(most) || std::floor(number) != number) return std::nullopt;
  return static_cast<std::int64_t>(number);
}

/// Bytes that are not UTF-8 are replaced, never thrown on.
inline std::string dump(const nlohmann::json& value) {
  return value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace kith::admin
