#include "profile/cel/civil.hpp"

#include <array>
#include <charconv>
#include <cstring>
#include <limits>

namespace kith::profile::cel {

namespace {

constexpr std::int64_t nanos_a_second = 1'000'000'000;
constexpr std::int64_t seconds_a_day = 86'400;
constexpr std::int64_t first_second = -62'135'596'800;  // 0001-01-01T00:00:00Z
constexpr std::int64_t last_second = 253'402'300'799;   // 9999-12-31T23:59:59Z

constexpr bool is_leap(std::int64_t year) noexcept { return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0); }

constexpr int days_in(std::int64_t year, int month) noexcept {
  constexpr std::array<int, 12> days = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  return month == 2 && is_leap(year) ? 29 : days[static_cast<std::size_t>(month - 1)];
}

/// Takes from the front of a text.
struct scanner {
  std::string_view text;

  bool digits(std::size_t count, int& number) noexcept {
    if (text.size() < count) return false;
    number = 0;
    for (std::size_t i = 0; i < count; ++i) {
      if (text[i] < '0' || text[i] > '9') return false;
      number = number * 10 + (text[i] - '0');
    }
    text.remove_prefix(count);
    return true;
  }
  bool one_of(std::string_view characters) noexcept {
    if (text.empty() || characters.find(text.front()) == std::string_view::npos) return false;
    text.remove_prefix(1);
    return true;
  }
  bool take(std::string_view word) noexcept {
    if (!text.starts_with(word)) return false;
    text.remove_prefix(word.size());
    return true;
  }
};

bool read_fraction(scanner& in, std::int32_t& nanos) noexcept {
  nanos = 0;
  std::int32_t scale = 100'000'000;
  int digit = 0;
  bool any = false;
  for (; in.digits(1, digit); any = true) {
    nanos += digit * scale;
    scale /= 10;
  }
  return any;
}

bool read_offset(scanner& in, std::int64_t& offset) noexcept {
  offset = 0;
  if (in.one_of("Zz")) return true;
  const bool west = in.text.starts_with('-');
  int hours = 0;
  int minutes = 0;
  if (!in.one_of("+-") || !in.digits(2, hours) || !in.one_of(":") || !in.digits(2, minutes)) return false;
  if (hours > 23 || minutes > 59) return false;
  offset = (hours * 60 + minutes) * 60;
  if (west) offset = -offset;
  return true;
}

char* put_digits(char* at, std::int64_t number, int digits) noexcept {
  for (int i = digits - 1; i >= 0; --i) {
    at[i] = static_cast<char>('0' + number % 10);
    number /= 10;
  }
  return at + digits;
}

/// "." and the digits of a fraction of a second without zeros at the end; nothing for 0.
char* put_fraction(char* at, std::int64_t nanos) noexcept {
  if (nanos == 0) return at;
  *at++ = '.';
  at = put_digits(at, nanos, 9);
  while (at[-1] == '0') --at;
  return at;
}

/// Adds `number.fraction` units to the sum; false past an int64.
bool add_units(std::uint64_t whole, std::uint64_t fraction, std::uint64_t fraction_scale, std::uint64_t unit,
               std::uint64_t& sum) noexcept {
  std::uint64_t nanos = 0;
  if (__builtin_mul_overflow(whole, unit, &nanos)) return false;
  __extension__ using wide = unsigned __int128;
  const auto part = static_cast<std::uint64_t>(static_cast<wide>(fraction) * unit / fraction_scale);
  return !__builtin_add_overflow(nanos, part, &nanos) && !__builtin_add_overflow(sum, nanos, &sum);
}

std::uint64_t take_unit(scanner& in) noexcept {
  if (in.take("ns")) return 1;
  if (in.take("us") || in.take("\xc2\xb5s") || in.take("\xce\xbcs")) return 1'000;
  if (in.take("ms")) return 1'000'000;
  if (in.take("s")) return nanos_a_second;
  if (in.take("m")) return 60 * nanos_a_second;
  if (in.take("h")) return 3600 * nanos_a_second;
  return 0;
}

text_fault take_part(scanner& in, std::uint64_t& sum) noexcept {
  std::uint64_t whole = 0;
  std::uint64_t fraction = 0;
  std::uint64_t scale = 1;
  bool too_large = false;
  bool any = false;
  int digit = 0;
  for (; in.digits(1, digit); any = true) {
    const bool over = __builtin_mul_overflow(whole, 10U, &whole) ||
                      __builtin_add_overflow(whole, static_cast<unsigned>(digit), &whole);
    too_large = too_large || over;
  }
  if (in.one_of(".")) {
    for (; in.digits(1, digit); any = true) {
      if (scale >= 1'000'000'000'000'000'000U) continue;  // far below a nanosecond
      fraction = fraction * 10 + static_cast<unsigned>(digit);
      scale *= 10;
    }
  }
  if (!any) return text_fault::malformed;
  const auto unit = take_unit(in);
  if (unit == 0) return text_fault::malformed;
  return too_large || !add_units(whole, fraction, scale, unit, sum) ? text_fault::out_of_range : text_fault::none;
}

}  // namespace

bool in_range(const instant& at) noexcept { return at.seconds >= first_second && at.seconds <= last_second; }

std::int64_t days_since_1970(std::int64_t year, int month, int day) noexcept {
  // Years are taken to begin in March, so that the leap day is the last; 400 years are 146,097 days.
  if (month <= 2) --year;
  const std::int64_t era = (year >= 0 ? year : year - 399) / 400;
  const std::int64_t year_of_era = year - era * 400;
  const std::int64_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
  return era * 146'097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719'468;
}

text_fault parse_timestamp(std::string_view text, instant& at) noexcept {
  scanner in{text};
  int year = 0;
  int month = 0;
  int day = 0;
  int hour = 0;
  int minute = 0;
  int second = 0;
  const auto digits_of_year = text.find('-');
  if (digits_of_year == 5 && text.find_first_not_of("0123456789") == 5) return text_fault::out_of_range;
  if (!in.digits(4, year) || !in.one_of("-") || !in.digits(2, month) || !in.one_of("-") || !in.digits(2, day) ||
      !in.one_of("Tt") || !in.digits(2, hour) || !in.one_of(":") || !in.digits(2, minute) || !in.one_of(":") ||
      !in.digits(2, second))
    return text_fault::malformed;
  if (month < 1 || month > 12 || day < 1 || day > days_in(year, month) || hour > 23 || minute > 59 || second > 59)
    return text_fault::malformed;
  std::int32_t nanos = 0;
  std::int64_t offset = 0;
  if (in.one_of(".") && !read_fraction(in, nanos)) return text_fault::malformed;
  if (!read_offset(in, offset) || !in.text.empty()) return text_fault::malformed;
  at = {days_since_1970(year, month, day) * seconds_a_day + (hour * 60 + minute) * 60 + second - offset, nanos};
  return in_range(at) ? text_fault::none : text_fault::out_of_range;
}

std::string_view format_timestamp(const instant& at, char (&out)[32]) noexcept {
  const auto parts = civil(at.seconds);
  char* end = put_digits(out, parts.year, 4);
  *end++ = '-';
  end = put_digits(end, parts.month + 1, 2);
  *end++ = '-';
  end = put_digits(end, parts.day_of_month + 1, 2);
  *end++ = 'T';
  end = put_digits(end, parts.hours, 2);
  *end++ = ':';
  end = put_digits(end, parts.minutes, 2);
  *end++ = ':';
  end = put_digits(end, parts.seconds, 2);
  end = put_fraction(end, at.nanos);
  *end++ = 'Z';
  return {out, static_cast<std::size_t>(end - out)};
}

text_fault parse_duration(std::string_view text, std::int64_t& nanos) noexcept {
  scanner in{text};
  const bool negative = in.text.starts_with('-');
  in.one_of("+-");
  nanos = 0;
  if (in.text == "0") return text_fault::none;
  if (in.text.empty()) return text_fault::malformed;
  std::uint64_t sum = 0;
  auto fault = text_fault::none;
  while (!in.text.empty()) {
    const auto part = take_part(in, sum);
    if (part == text_fault::malformed) return part;
    if (part != text_fault::none) fault = part;
  }
  constexpr auto most = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  if (fault != text_fault::none || sum > most + (negative ? 1 : 0)) return text_fault::out_of_range;
  nanos = static_cast<std::int64_t>(negative ? 0 - sum : sum);
  return text_fault::none;
}

std::string_view format_duration(std::int64_t nanos, char (&out)[32]) noexcept {
  char* end = out;
  if (nanos < 0) *end++ = '-';
  const auto size = nanos < 0 ? 0 - static_cast<std::uint64_t>(nanos) : static_cast<std::uint64_t>(nanos);
  end = std::to_chars(end, out + sizeof out, size / nanos_a_second).ptr;
  end = put_fraction(end, static_cast<std::int64_t>(size % nanos_a_second));
  *end++ = 's';
  return {out, static_cast<std::size_t>(end - out)};
}

std::optional<instant> add(const instant& at, std::int64_t nanos) noexcept {
  instant sum{at.seconds + nanos / nanos_a_second, 0};
  std::int64_t rest = at.nanos + nanos % nanos_a_second;
  if (rest < 0) {
    rest += nanos_a_second;
    --sum.seconds;
  } else if (rest >= nanos_a_second) {
    rest -= nanos_a_second;
    ++sum.seconds;
  }
  sum.nanos = static_cast<std::int32_t>(rest);
  return in_range(sum) ? std::optional(sum) : std::nullopt;
}

std::optional<instant> subtract(const instant& at, std::int64_t nanos) noexcept {
  if (nanos == std::numeric_limits<std::int64_t>::min()) {
    const auto almost = add(at, std::numeric_limits<std::int64_t>::max());
    return almost ? add(*almost, 1) : std::nullopt;
  }
  return add(at, -nanos);
}

std::optional<std::int64_t> subtract(const instant& left, const instant& right) noexcept {
  std::int64_t nanos = 0;
  const auto seconds = left.seconds - right.seconds;  // both in range: no overflow
  // The smallest int64 is not a multiple of a second: borrow one so that its neighbours work out.
  const std::int64_t borrowed = seconds < 0 ? 1 : 0;
  if (__builtin_mul_overflow(seconds + borrowed, nanos_a_second, &nanos) ||
      __builtin_add_overflow(nanos, left.nanos - right.nanos - borrowed * nanos_a_second, &nanos))
    return std::nullopt;
  return nanos;
}

civil_time civil(std::int64_t seconds_since_1970) noexcept {
  std::int64_t days = seconds_since_1970 / seconds_a_day;
  std::int64_t in_day = seconds_since_1970 % seconds_a_day;
  if (in_day < 0) {
    in_day += seconds_a_day;
    --days;
  }
  const std::int64_t shifted = days + 719'468;
  const std::int64_t era = (shifted >= 0 ? shifted : shifted - 146'096) / 146'097;
  const std::int64_t day_of_era = shifted - era * 146'097;
  const std::int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
  const std::int64_t from_march = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const std::int64_t month = (5 * from_march + 2) / 153;
  civil_time parts;
  parts.month = static_cast<int>(month < 10 ? month + 2 : month - 10);
  parts.year = year_of_era + era * 400 + (parts.month < 2 ? 1 : 0);
  parts.day_of_month = static_cast<int>(from_march - (153 * month + 2) / 5);
  parts.day_of_year = static_cast<int>(days - days_since_1970(parts.year, 1, 1));
  parts.day_of_week = static_cast<int>(((days + 4) % 7 + 7) % 7);
  parts.hours = static_cast<int>(in_day / 3600);
  parts.minutes = static_cast<int>(in_day / 60 % 60);
  parts.seconds = static_cast<int>(in_day % 60);
  return parts;
}

std::optional<int> fixed_offset(std::string_view zone) noexcept {
  if (zone == "UTC") return 0;
  scanner in{zone};
  const bool west = zone.starts_with('-');
  in.one_of("+-");
  int hours = 0;
  int minutes = 0;
  if (!in.digits(2, hours) || !in.one_of(":") || !in.digits(2, minutes) || !in.text.empty()) return std::nullopt;
  if (hours > 23 || minutes > 59) return std::nullopt;
  const int offset = (hours * 60 + minutes) * 60;
  return west ? -offset : offset;
}

}  // namespace kith::profile::cel
