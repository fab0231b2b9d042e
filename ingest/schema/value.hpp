// A MessagePack value as JSON Schema sees it: its JSON type, its members, its text.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "profile/msgpack.hpp"

namespace kith::ingest::schema {

/// The types of JSON (RFC 8259), `integer` beside them as JSON Schema has it, and `other` for what JSON has not: binary
/// and extensions that are no timestamps. A timestamp counts as the string that it is shown as.
enum class value_type : std::uint8_t { null, boolean, integer, number, string, array, object, other };
inline constexpr std::size_t value_types = 8;

/// "null", …, "object"; "binary" for other.
std::string_view name_of(value_type type) noexcept;

value_type type_of(const profile::msgpack::token& head) noexcept;
/// What nlohmann's values are. REQUIRES: not discarded.
value_type type_of(const nlohmann::json& value) noexcept;

/// The text of a string or of a timestamp; `room` holds the latter's.
std::string_view text_of(const profile::msgpack::token& head, std::string& room);

struct member {
  std::string_view key;
  std::string_view value;  ///< one whole MessagePack value
};

/// The members of a map sorted by key; of those with the same key, the last. False if a key is no string.
/// REQUIRES: `map` is a whole, well-formed MessagePack map.
bool members_of(std::string_view map, std::vector<member>& into);

/// The value as JSON. Numbers without a fraction are integers, as JSON Schema compares them (2020-12 Core, 4.2.2).
nlohmann::json json_of(std::string_view value);
/// The same of JSON.
nlohmann::json normal(const nlohmann::json& value);
/// As MessagePack.
std::string encoded(const nlohmann::json& value);

/// Appends "/key" (RFC 6901).
void append_pointer(std::string& pointer, std::string_view key);

/// Whether a key looks like a name that a programmer gave, and so may be shown; what else is a key may be personal data
/// ("ada@example.com": true).
bool is_plain_key(std::string_view key) noexcept;
inline constexpr std::string_view hidden_key = "*";

/// Code points, as JSON Schema counts lengths (RFC 8259).
std::uint64_t length_of(std::string_view utf8) noexcept;

}  // namespace kith::ingest::schema
