// Civil time without the C library's clocks and locales.
#include <array>

#include "profile/event.hpp"
#include "profile/time_range.hpp"

namespace kith::profile {

namespace {

constexpr std::int64_t ms_a_day = 86'400'000;

/// Days from 1970-01-01 in the proleptic Gregorian calendar. Years are taken to begin in March, so that the leap day
/// is the last; 400 years are 146,097 days.
constexpr std::int64_t days_from_civil(std::int64_t year, unsigned month, unsigned day) noexcept {
  if (month <= 2) --year;
  const std::int64_t era = (year >= 0 ? year : year - 399) / 400;
  const auto year_of_era = static_cast<std::int64_t>(year - era * 400);
  const std::int64_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
  return era * 146'097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719'468;
}

constexpr bool is_leap(unsigned year) noexcept { return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0); }

constexpr unsigned days_in(unsigned year, unsigned month) noexcept {
  constexpr std::array<unsigned, 12> days = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  return month == 2 && is_leap(year) ? 29 : days[month - 1];
}

/// Reads from the front of a text.
class scanner {
 public:
  explicit scanner(std::string_view text) noexcept : text_(text) {}

  bool number(std::size_t digits, unsigned& value) noexcept {
    if (text_.size() < digits) return false;
    value = 0;
    for (std::size_t i = 0; i < digits; ++i) {
      if (text_[i] < '0' || text_[i] > '9') return false;
      value = value * 10 + static_cast<unsigned>(text_[i] - '0');
    }
    text_.remove_prefix(digits);
    return true;
  }
  bool any_of(std::string_view characters, char& found) noexcept {
    if (text_.empty() || characters.find(text_.front()) == std::string_view::npos) return false;
    found = text_.front();
    text_.remove_prefix(1);
    return true;
  }
  bool literal(char c) noexcept {
    char found = 0;
    return any_of({&c, 1}, found);
  }
  bool done() const noexcept { return text_.empty(); }

 private:
  std::string_view text_;
};

bool read_fraction(scanner& in, std::int64_t& ms) noexcept {
  char ignored = 0;
  if (!in.any_of(".,", ignored)) return true;
  unsigned digit = 0;
  std::int64_t scale = 100;
  int digits = 0;
  for (; digits < 9 && in.number(1, digit); ++digits) {
    ms += digit * scale;
    scale /= 10;
  }
  return digits > 0;
}

bool read_offset(scanner& in, std::int64_t& ms) noexcept {
  char sign = 0;
  if (in.any_of("Zz", sign)) return true;
  if (!in.any_of("+-", sign)) return in.done();  // no offset: UTC
  unsigned hours = 0;
  unsigned minutes = 0;
  if (!in.number(2, hours)) return false;
  if (!in.done()) {
    in.literal(':');
    if (!in.number(2, minutes)) return false;
  }
  if (hours > 23 || minutes > 59) return false;
  const std::int64_t offset = (hours * 60 + minutes) * 60'000LL;
  ms -= sign == '+' ? offset : -offset;
  return true;
}

void write_digits(char* at, unsigned value, int digits) noexcept {
  while (digits-- > 0) {
    at[digits] = static_cast<char>('0' + value % 10);
    value /= 10;
  }
}

}  // namespace

bool parse_time(std::string_view text, std::int64_t& ms) noexcept {
  scanner in(text);
  unsigned year = 0;
  unsigned month = 0;
  unsigned day = 0;
  if (!in.number(4, year) || !in.literal('-') || !in.number(2, month) || !in.literal('-') || !in.number(2, day))
    return false;
  if (year == 0 || month == 0 || month > 12 || day == 0 || day > days_in(year, month)) return false;
  ms = days_from_civil(year, month, day) * ms_a_day;
  if (in.done()) return true;
  char separator = 0;
  unsigned hour = 0;
  unsigned minute = 0;
  unsigned second = 0;
  if (!in.any_of("Tt ", separator) || !in.number(2, hour) || !in.literal(':') || !in.number(2, minute)) return false;
  const bool has_seconds = in.literal(':');
  if (has_seconds && !in.number(2, second)) return false;
  if (hour > 23 || minute > 59 || second > 60) return false;  // 60: a leap second counts as the next minute's first
  ms += ((hour * 60 + minute) * 60LL + second) * 1000;
  // An offset may lead out of the years that can be written: what is told of it, or kept as text, would not be read
  // again.
  return (!has_seconds || read_fraction(in, ms)) && read_offset(in, ms) && in.done() && is_writable_time(ms);
}

std::string format_time(std::int64_t ms) {
  std::int64_t days = ms / ms_a_day;
  std::int64_t in_day = ms % ms_a_day;
  if (in_day < 0) {
    in_day += ms_a_day;
    --days;
  }
  days += 719'468;
  const std::int64_t era = (days >= 0 ? days : days - 146'096) / 146'097;
  const std::int64_t day_of_era = days - era * 146'097;
  const std::int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
  const std::int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const std::int64_t shifted_month = (5 * day_of_year + 2) / 153;
  const auto day = static_cast<unsigned>(day_of_year - (153 * shifted_month + 2) / 5 + 1);
  const auto month = static_cast<unsigned>(shifted_month < 10 ? shifted_month + 3 : shifted_month - 9);
  const std::int64_t year = year_of_era + era * 400 + (month <= 2 ? 1 : 0);
  const auto seconds = static_cast<unsigned>(in_day / 1000);
  // printf would take most of the time of writing a profile's map.
  std::string text = year >= 0 && year <= 9999 ? "0000" : std::to_string(year);
  if (text.size() == 4) write_digits(text.data(), static_cast<unsigned>(year), 4);
  const auto dash = text.size();
  text += "-00-00T00:00:00.000Z";
  char* const rest = text.data() + dash;
  write_digits(rest + 1, month, 2);
  write_digits(rest + 4, day, 2);
  write_digits(rest + 7, seconds / 3600, 2);
  write_digits(rest + 10, seconds / 60 % 60, 2);
  write_digits(rest + 13, seconds % 60, 2);
  write_digits(rest + 16, static_cast<unsigned>(in_day % 1000), 3);
  return text;
}

}  // namespace kith::profile
