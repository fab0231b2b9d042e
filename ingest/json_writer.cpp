#include "ingest/json_writer.hpp"

#include <cmath>
#include <cstdlib>

namespace kith::ingest {

namespace {

namespace msgpack = profile::msgpack;
namespace ondemand = simdjson::ondemand;

constexpr std::string_view replacement = "\xef\xbf\xbd";  // U+FFFD

void append_utf8(std::string& out, std::uint32_t code) {
  if (code < 0x80) {
    out.push_back(static_cast<char>(code));
  } else if (code < 0x800) {
    out.push_back(static_cast<char>(0xc0 | (code >> 6)));
    out.push_back(static_cast<char>(0x80 | (code & 0x3f)));
  } else if (code < 0x10000) {
    out.push_back(static_cast<char>(0xe0 | (code >> 12)));
    out.push_back(static_cast<char>(0x80 | ((code >> 6) & 0x3f)));
    out.push_back(static_cast<char>(0x80 | (code & 0x3f)));
  } else {
    out.push_back(static_cast<char>(0xf0 | (code >> 18)));
    out.push_back(static_cast<char>(0x80 | ((code >> 12) & 0x3f)));
    out.push_back(static_cast<char>(0x80 | ((code >> 6) & 0x3f)));
    out.push_back(static_cast<char>(0x80 | (code & 0x3f)));
  }
}

/// Four hexadecimal digits at `at`; -1: they are none.
int code_unit(std::string_view text, std::size_t at) {
  if (text.size() < at + 4) return -1;
  int value = 0;
  for (const char c : text.substr(at, 4)) {
    const int digit = c >= '0' && c <= '9'   ? c - '0'
                      : c >= 'a' && c <= 'f' ? c - 'a' + 10
                      : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                             : -1;
    if (digit < 0) return -1;
    value = value * 16 + digit;
  }
  return value;
}

constexpr bool is_high(int unit) noexcept { return unit >= 0xd800 && unit < 0xdc00; }
constexpr bool is_low(int unit) noexcept { return unit >= 0xdc00 && unit < 0xe000; }

/// The escape behind a backslash at `at`, which moves behind it. False: there is no such escape.
bool take_escape(std::string_view raw, std::size_t& at, std::string& out) {
  if (at >= raw.size()) return false;
  const char which = raw[at++];
  switch (which) {
    case '"':
    case '\\':
    case '/': out.push_back(which); return true;
    case 'b': out.push_back('\b'); return true;
    case 'f': out.push_back('\f'); return true;
    case 'n': out.push_back('\n'); return true;
    case 'r': out.push_back('\r'); return true;
    case 't': out.push_back('\t'); return true;
    case 'u': break;
    default: return false;
  }
  const int first = code_unit(raw, at);
  if (first < 0) return false;
  at += 4;
  if (is_high(first) && raw.substr(at, 2) == "\\u") {
    const int second = code_unit(raw, at + 2);
    if (is_low(second)) {
      at += 6;
      append_utf8(out, 0x10000U + (static_cast<std::uint32_t>(first - 0xd800) << 10) +
                           static_cast<std::uint32_t>(second - 0xdc00));
      return true;
    }
  }
  if (is_high(first) || is_low(first)) {
    out += replacement;
  } else {
    append_utf8(out, static_cast<std::uint32_t>(first));
  }
  return true;
}

/// RFC 8259, section 6.
bool is_json_number(std::string_view text) noexcept {
  std::size_t at = 0;
  const auto digits = [&] {
    const auto first = at;
    while (at < text.size() && text[at] >= '0' && text[at] <= '9') ++at;
    return at - first;
  };
  if (text.starts_with('-')) ++at;
  const bool zero = at < text.size() && text[at] == '0';
  const auto whole = digits();
  if (whole == 0 || (zero && whole > 1)) return false;
  if (at < text.size() && text[at] == '.') {
    ++at;
    if (digits() == 0) return false;
  }
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    ++at;
    if (at < text.size() && (text[at] == '+' || text[at] == '-')) ++at;
    if (digits() == 0) return false;
  }
  return at == text.size();
}

/// `token`: a string with its quotes and perhaps blanks behind it. False: it is none.
bool unescape(std::string_view token, std::string& out) {
  out.clear();
  for (std::size_t at = 1; at < token.size();) {
    const char c = token[at++];
    if (c == '"') return true;
    if (static_cast<unsigned char>(c) < 0x20) return false;
    if (c != '\\') {
      out.push_back(c);
    } else if (!take_escape(token, at, out)) {
      return false;
    }
  }
  return false;
}

}  // namespace

void open_container::close() {
  const auto head = [this](char small, char two, char four) {
    if (entries_ < 16) {
      out_[at_] = static_cast<char>(static_cast<unsigned char>(small) | entries_);
      return;
    }
    const std::size_t bytes = entries_ <= 0xffff ? 2 : 4;
    out_.insert(at_ + 1, bytes, '\0');
    out_[at_] = bytes == 2 ? two : four;
    for (std::size_t i = 0; i < bytes; ++i) {
      out_[at_ + 1 + i] = static_cast<char>((entries_ >> (8 * (bytes - 1 - i))) & 0xff);
    }
  };
  is_map_ ? head('\x80', '\xde', '\xdf') : head('\x90', '\xdc', '\xdd');
}

void json_writer::within(std::string_view key) {
  const bool names_a_place = !problem_.empty() && problem_.front() != ':';
  problem_ = std::string(key.substr(0, 80)) + (names_a_place ? "." : "") + problem_;
}

json_writer::outcome json_writer::value(ondemand::value from, std::size_t depth) {
  ondemand::json_type type{};
  if (from.type().get(type)) return outcome::broken;
  msgpack::writer to(out_);
  switch (type) {
    case ondemand::json_type::object: return object(from, depth);
    case ondemand::json_type::array: return array(from, depth);
    case ondemand::json_type::number: return number(from);
    case ondemand::json_type::string: {
      std::string_view inside;
      const auto got = text(from, inside);
      if (got == outcome::good) to.string(inside);
      return got;
    }
    case ondemand::json_type::boolean: {
      bool is_true = false;
      if (from.get_bool().get(is_true)) return outcome::broken;
      to.boolean(is_true);
      return outcome::good;
    }
    default: {
      bool is_null = false;
      if (from.is_null().get(is_null) || !is_null) return outcome::broken;
      to.nil();
      return outcome::good;
    }
  }
}

json_writer::outcome json_writer::object(ondemand::value from, std::size_t depth) {
  if (depth > nesting_) return refuse(": nests over " + std::to_string(nesting_) + " levels");
  ondemand::object all;
  if (from.get_object().get(all)) return outcome::broken;
  open_container map(out_, true);
  for (auto field : all) {
    std::string_view key;
    ondemand::value inside;
    if (field.unescaped_key().get(key) || field.value().get(inside)) return outcome::broken;
    msgpack::writer(out_).string(key);
    if (const auto got = value(inside, depth + 1); got != outcome::good) {
      if (got == outcome::bad_value) within(key);
      return got;
    }
    map.count();
  }
  map.close();
  return outcome::good;
}

json_writer::outcome json_writer::array(ondemand::value from, std::size_t depth) {
  if (depth > nesting_) return refuse(": nests over " + std::to_string(nesting_) + " levels");
  ondemand::array all;
  if (from.get_array().get(all)) return outcome::broken;
  open_container list(out_, false);
  std::size_t index = 0;
  for (auto each : all) {
    ondemand::value inside;
    if (each.get(inside)) return outcome::broken;
    if (const auto got = value(inside, depth + 1); got != outcome::good) {
      if (got == outcome::bad_value) within(std::to_string(index));
      return got;
    }
    list.count();
    ++index;
  }
  list.close();
  return outcome::good;
}

json_writer::outcome json_writer::number(ondemand::value from) {
  msgpack::writer to(out_);
  const std::string_view token = from.raw_json_token();
  ondemand::number number;
  if (!from.get_number().get(number)) {
    switch (number.get_number_type()) {
      case ondemand::number_type::signed_integer: to.integer(number.get_int64()); break;
      case ondemand::number_type::unsigned_integer: to.natural(number.get_uint64()); break;
      default: to.real(number.get_double()); break;
    }
    return outcome::good;
  }
  // Larger than 64 bits, or no number at all.
  const auto shown = token.substr(0, token.find_first_not_of("+-0123456789.eE"));
  const std::string digits(shown);
  if (!is_json_number(digits)) return outcome::broken;
  const double real = std::strtod(digits.c_str(), nullptr);
  if (!std::isfinite(real)) return refuse(": a number is out of range; at most 1.8e308 can be kept");
  to.real(real);
  return outcome::good;
}

json_writer::outcome json_writer::text(ondemand::value from, std::string_view& into) {
  const std::string_view token = from.raw_json_token();
  const auto failed = from.get_string().get(into);
  if (!failed) return outcome::good;
  if (failed != simdjson::STRING_ERROR || !unescape(token, mended_)) return outcome::broken;
  into = mended_;
  return outcome::good;
}

}  // namespace kith::ingest
