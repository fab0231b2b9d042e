#include "net/http_date.hpp"

#include <array>
#include <ctime>

namespace kith::net {

const std::string& http_date(std::int64_t ms) {
  thread_local std::int64_t second = -1;
  thread_local std::string text;
  if (ms / 1000 == second) return text;
  second = ms / 1000;
  constexpr std::array days = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr std::array months = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto t = static_cast<std::time_t>(second);
  std::tm parts{};
  gmtime_r(&t, &parts);
  std::array<char, 64> out{};
  // strftime's names would be those of the locale.
  const auto size = std::snprintf(out.data(), out.size(), "%s, %02d %s %04d %02d:%02d:%02d GMT",
                                  days[static_cast<std::size_t>(parts.tm_wday)], parts.tm_mday,
                                  months[static_cast<std::size_t>(parts.tm_mon)], parts.tm_year + 1900, parts.tm_hour,
                                  parts.tm_min, parts.tm_sec);
  text.assign(out.data(), static_cast<std::size_t>(size));
  return text;
}

}  // namespace kith::net
