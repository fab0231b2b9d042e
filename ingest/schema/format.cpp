#include "ingest/schema/format.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace kith::ingest::schema {

namespace {

constexpr std::size_t longest_mailbox = 254;  // RFC 5321, errata 1690
constexpr std::size_t longest_local_part = 64;
constexpr std::size_t longest_label = 63;

bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
bool is_letter(char c) noexcept { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_hex(char c) noexcept { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

/// `count` digits from the front as a number of `least` to `most`.
bool take_number(std::string_view& text, std::size_t count, int least, int most, int& value) noexcept {
  if (text.size() < count) return false;
  value = 0;
  for (std::size_t i = 0; i < count; ++i) {
    if (!is_digit(text[i])) return false;
    value = value * 10 + (text[i] - '0');
  }
  text.remove_prefix(count);
  return value >= least && value <= most;
}

bool take(std::string_view& text, char c) noexcept {
  if (text.empty() || text.front() != c) return false;
  text.remove_prefix(1);
  return true;
}

bool take_date(std::string_view& text) noexcept {
  int year = 0;
  int month = 0;
  int day = 0;
  if (!take_number(text, 4, 0, 9999, year) || !take(text, '-') || !take_number(text, 2, 1, 12, month) ||
      !take(text, '-') || !take_number(text, 2, 1, 31, day)) {
    return false;
  }
  const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  const int days = month == 2 ? (leap ? 29 : 28) : (month == 4 || month == 6 || month == 9 || month == 11) ? 30 : 31;
  return day <= days;
}

bool take_time(std::string_view& text) noexcept {
  int unused = 0;
  if (!take_number(text, 2, 0, 23, unused) || !take(text, ':') || !take_number(text, 2, 0, 59, unused) ||
      !take(text, ':') || !take_number(text, 2, 0, 60, unused)) {
    return false;
  }
  if (take(text, '.')) {
    const auto digits = std::find_if_not(text.begin(), text.end(), is_digit) - text.begin();
    if (digits == 0) return false;
    text.remove_prefix(static_cast<std::size_t>(digits));
  }
  if (take(text, 'Z') || take(text, 'z')) return true;
  if (!take(text, '+') && !take(text, '-')) return false;
  return take_number(text, 2, 0, 23, unused) && take(text, ':') && take_number(text, 2, 0, 59, unused);
}

bool is_date_time(std::string_view text) noexcept {
  return take_date(text) && (take(text, 'T') || take(text, 't')) && take_time(text) && text.empty();
}

bool is_domain(std::string_view text) noexcept {
  std::size_t label = 0;
  char before = '.';
  for (const char c : text) {
    if (c == '.') {
      if (label == 0 || before == '-') return false;
      label = 0;
    } else {
      if (!is_letter(c) && !is_digit(c) && (c != '-' || label == 0) && static_cast<unsigned char>(c) < 0x80) {
        return false;
      }
      if (++label > longest_label) return false;
    }
    before = c;
  }
  return label > 0 && before != '-';
}

bool is_email(std::string_view text) noexcept {
  constexpr std::string_view also = "!#$%&'*+/=?^_`{|}~-.";
  const auto at = text.rfind('@');
  if (at == std::string_view::npos || at == 0 || at > longest_local_part || text.size() > longest_mailbox) return false;
  const auto local = text.substr(0, at);
  if (local.front() == '.' || local.back() == '.' || local.find("..") != std::string_view::npos) return false;
  const bool good = std::all_of(local.begin(), local.end(), [&](char c) {
    return is_letter(c) || is_digit(c) || static_cast<unsigned char>(c) >= 0x80 || also.find(c) != also.npos;
  });
  return good && is_domain(text.substr(at + 1));
}

bool is_uuid(std::string_view text) noexcept {
  if (text.size() != 36) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? text[i] != '-' : !is_hex(text[i])) return false;
  }
  return true;
}

bool is_ipv4(std::string_view text) noexcept {
  for (int part = 0; part < 4; ++part) {
    if (part > 0 && !take(text, '.')) return false;
    const auto digits = static_cast<std::size_t>(std::find_if_not(text.begin(), text.end(), is_digit) - text.begin());
    int value = 0;
    if (digits == 0 || digits > 3 || (digits > 1 && text.front() == '0')) return false;
    if (!take_number(text, digits, 0, 255, value)) return false;
  }
  return text.empty();
}

bool is_ipv6(std::string_view text) noexcept {
  std::size_t groups = 0;
  bool shortened = false;
  if (text.starts_with("::")) {
    shortened = true;
    text.remove_prefix(2);
  }
  while (!text.empty()) {
    const auto digits = static_cast<std::size_t>(std::find_if_not(text.begin(), text.end(), is_hex) - text.begin());
    if (digits < text.size() && text[digits] == '.') {
      groups += 2;
      if (!is_ipv4(text)) return false;
      break;
    }
    if (digits == 0 || digits > 4) return false;
    ++groups;
    text.remove_prefix(digits);
    if (text.empty()) break;
    if (!take(text, ':')) return false;
    if (take(text, ':')) {
      if (shortened) return false;
      shortened = true;
    } else if (text.empty()) {
      return false;
    }
  }
  return shortened ? groups < 8 : groups == 8;
}

bool is_uri(std::string_view text) noexcept {
  constexpr std::string_view also = "-._~:/?#[]@!$&'()*+,;=";
  const auto colon = text.find(':');
  if (colon == std::string_view::npos || colon == 0 || !is_letter(text.front())) return false;
  const auto scheme = text.substr(0, colon);
  if (!std::all_of(scheme.begin(), scheme.end(),
                   [](char c) { return is_letter(c) || is_digit(c) || c == '+' || c == '-' || c == '.'; })) {
    return false;
  }
  for (std::size_t i = colon; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '%') {
      if (i + 2 >= text.size() || !is_hex(text[i + 1]) || !is_hex(text[i + 2])) return false;
    } else if (!is_letter(c) && !is_digit(c) && also.find(c) == also.npos) {
      return false;
    }
  }
  return true;
}

}  // namespace

bool has_format(std::string_view text, std::string_view format) noexcept {
  if (format == "date-time") return is_date_time(text);
  if (format == "date") return take_date(text) && text.empty();
  if (format == "time") return take_time(text) && text.empty();
  if (format == "email") return is_email(text);
  if (format == "uuid") return is_uuid(text);
  if (format == "ipv4") return is_ipv4(text);
  if (format == "ipv6") return is_ipv6(text);
  return is_uri(text);
}

}  // namespace kith::ingest::schema
