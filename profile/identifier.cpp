#include "profile/identifier.hpp"

#include <algorithm>
#include <array>

namespace kith::profile {

std::string_view normalized(id_kind kind, std::string_view type, std::string_view value, std::string& buffer) {
  constexpr std::string_view blanks = " \t\r\n";
  const auto upper = [](char c) { return c >= 'A' && c <= 'Z'; };
  if (kind != id_kind::external || type != "email") return value;
  const auto first = value.find_first_not_of(blanks);
  if (first != std::string_view::npos) value = value.substr(first, value.find_last_not_of(blanks) - first + 1);
  if (std::none_of(value.begin(), value.end(), upper)) return value;
  buffer.assign(value);
  for (auto& c : buffer) c = upper(c) ? static_cast<char>(c - 'A' + 'a') : c;
  return buffer;
}

hash128 address_of(id_kind kind, std::string_view type, std::string_view value) noexcept {
  std::string lowered;
  value = normalized(kind, type, value, lowered);
  static constexpr std::array<char, 4> tags = {'u', 'a', 'x', 'p'};
  std::array<char, 1100> buffer;  // kind, type and value, both at most 255 + 512 bytes by the event limits
  const std::size_t size = 3 + type.size() + value.size();
  std::string large;
  char* out = buffer.data();
  if (size > buffer.size()) {
    large.resize(size);
    out = large.data();
  }
  char* end = out;
  *end++ = tags[static_cast<std::size_t>(kind)];
  *end++ = '\0';
  if (kind == id_kind::external) {
    end = std::char_traits<char>::copy(end, type.data(), type.size()) + type.size();
    *end++ = '\0';
  }
  end = std::char_traits<char>::copy(end, value.data(), value.size()) + value.size();
  return hash_of({out, static_cast<std::size_t>(end - out)});
}

bool address_of(const identifier& id, hash128& address) noexcept {
  if (id.kind == id_kind::profile) return from_hex(id.value, address);
  address = address_of(id.kind, id.type, id.value);
  return true;
}

}  // namespace kith::profile
