#include "ingest/schema/value.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "profile/event.hpp"

namespace kith::ingest::schema {

namespace {

using nlohmann::json;
using profile::msgpack::kind;
using profile::msgpack::reader;
using profile::msgpack::token;

constexpr std::array<std::string_view, value_types> type_names = {"null",   "boolean", "integer", "number",
                                                                  "string", "array",   "object",  "binary"};
constexpr std::size_t longest_plain_key = 64;
constexpr std::size_t most_digits_of_a_plain_key = 4;  ///< more are an id, a phone number, a date
constexpr double past_int64 = 9223372036854775808.0;   // 2^63

bool is_whole(double value) noexcept {
  return std::trunc(value) == value && value >= -past_int64 && value < past_int64;
}

json number_of(double value) {
  if (is_whole(value)) return static_cast<std::int64_t>(value);
  return value;
}

json read_json(reader& in) {
  const auto head = in.next();
  switch (head.type) {
    case kind::boolean: return head.integer != 0;
    case kind::integer: return head.integer;
    case kind::natural: return static_cast<double>(head.natural);
    case kind::real: return number_of(head.real);
    case kind::array: {
      auto list = json::array();
      for (std::uint32_t i = 0; i < head.size && !in.done(); ++i) list.push_back(read_json(in));
      return list;
    }
    case kind::map: {
      auto map = json::object();
      for (std::uint32_t i = 0; i < head.size && !in.done(); ++i) {
        const auto key = read_json(in);
        map[key.is_string() ? key.get<std::string>() : key.dump()] = read_json(in);
      }
      return map;
    }
    case kind::string:
    case kind::extension: {
      std::string room;
      return std::string(text_of(head, room));
    }
    default: return nullptr;
  }
}

}  // namespace

std::string_view name_of(value_type type) noexcept { return type_names[static_cast<std::size_t>(type)]; }

value_type type_of(const token& head) noexcept {
  switch (head.type) {
    case kind::nil: return value_type::null;
    case kind::boolean: return value_type::boolean;
    case kind::integer:
    case kind::natural: return value_type::integer;
    case kind::real: return is_whole(head.real) ? value_type::integer : value_type::number;
    case kind::string: return value_type::string;
    case kind::array: return value_type::array;
    case kind::map: return value_type::object;
    case kind::extension: {
      std::int64_t ms = 0;
      return profile::msgpack::timestamp_ms(head, ms) ? value_type::string : value_type::other;
    }
    default: return value_type::other;
  }
}

value_type type_of(const json& value) noexcept {
  switch (value.type()) {
    case json::value_t::boolean: return value_type::boolean;
    case json::value_t::number_integer:
    case json::value_t::number_unsigned: return value_type::integer;
    case json::value_t::number_float: return is_whole(value.get<double>()) ? value_type::integer : value_type::number;
    case json::value_t::string: return value_type::string;
    case json::value_t::array: return value_type::array;
    case json::value_t::object: return value_type::object;
    case json::value_t::null: return value_type::null;
    default: return value_type::other;
  }
}

std::string_view text_of(const token& head, std::string& room) {
  if (head.type == kind::string) return head.bytes;
  std::int64_t ms = 0;
  if (profile::msgpack::timestamp_ms(head, ms)) room = profile::format_time(ms);
  return room;
}

bool members_of(std::string_view map, std::vector<member>& into) {
  into.clear();
  reader in(map);
  for (auto left = in.next().size; left > 0; --left) {
    const auto key = in.next();
    if (!key.is_string()) return false;
    into.push_back({key.bytes, in.skip()});
  }
  const auto before = [](const member& a, const member& b) { return a.key < b.key; };
  if (!std::is_sorted(into.begin(), into.end(), before)) std::stable_sort(into.begin(), into.end(), before);
  // The last of those with the same key is kept.
  std::size_t kept = 0;
  for (std::size_t i = 0; i < into.size(); ++i) {
    if (i + 1 < into.size() && into[i + 1].key == into[i].key) continue;
    into[kept++] = into[i];
  }
  into.resize(kept);
  return true;
}

json json_of(std::string_view value) {
  reader in(value);
  return read_json(in);
}

json normal(const json& value) {
  if (value.is_number_float()) return number_of(value.get<double>());
  if (value.is_number_unsigned() && value.get<std::uint64_t>() > static_cast<std::uint64_t>(INT64_MAX)) {
    return static_cast<double>(value.get<std::uint64_t>());
  }
  if (value.is_number_integer()) return value.get<std::int64_t>();
  if (!value.is_structured()) return value;
  auto made = value;
  for (auto& each : made) each = normal(each);
  return made;
}

std::string encoded(const json& value) {
  const auto bytes = json::to_msgpack(value);
  return {bytes.begin(), bytes.end()};
}

void append_pointer(std::string& pointer, std::string_view key) {
  pointer += '/';
  for (const char c : key) {
    if (c == '~') {
      pointer += "~0";
    } else if (c == '/') {
      pointer += "~1";
    } else {
      pointer += c;
    }
  }
}

bool is_plain_key(std::string_view key) noexcept {
  if (key.empty() || key.size() > longest_plain_key) return false;
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '$'; };
  if (!letter(key.front())) return false;
  std::size_t digits = 0;
  for (const char c : key) {
    if (c >= '0' && c <= '9') {
      ++digits;
    } else if (!letter(c) && c != '-' && c != '.' && c != ' ' && c != ':') {
      return false;
    }
  }
  return digits <= most_digits_of_a_plain_key;
}

std::uint64_t length_of(std::string_view utf8) noexcept {
  return static_cast<std::uint64_t>(
      std::count_if(utf8.begin(), utf8.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0U) != 0x80; }));
}

}  // namespace kith::ingest::schema
