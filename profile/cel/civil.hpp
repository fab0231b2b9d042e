// Timestamps and durations: their texts, their parts, their arithmetic. No clock and no locale.
//
// A duration is a count of nanoseconds in an int64 (about 292 years either way); what exceeds it is refused.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "profile/cel/value.hpp"

namespace kith::profile::cel {

/// Within 0001-01-01T00:00:00Z and 9999-12-31T23:59:59.999999999Z?
bool in_range(const instant& at) noexcept;

enum class text_fault : std::uint8_t { none, malformed, out_of_range };

/// RFC 3339, e.g. "2009-02-13T23:31:30.5+01:00". Digits past the nanosecond are dropped.
text_fault parse_timestamp(std::string_view text, instant& at) noexcept;
/// In UTC with as many digits of the second as are not zero: "2009-02-13T22:31:30.5Z". REQUIRES: in_range(at).
std::string_view format_timestamp(const instant& at, char (&out)[32]) noexcept;

/// Numbers with units h, m, s, ms, us, ns one after another and one sign: "-1h30m", "1.5s". "0" needs no unit.
text_fault parse_duration(std::string_view text, std::int64_t& nanos) noexcept;
/// In seconds: "5400s", "-1.5s".
std::string_view format_duration(std::int64_t nanos, char (&out)[32]) noexcept;

/// Nothing if the result is out of range.
std::optional<instant> add(const instant& at, std::int64_t nanos) noexcept;
std::optional<instant> subtract(const instant& at, std::int64_t nanos) noexcept;
std::optional<std::int64_t> subtract(const instant& left, const instant& right) noexcept;

/// A date and time of day, all parts as CEL counts them.
struct civil_time {
  std::int64_t year = 1970;
  int month = 0;         ///< 0 to 11
  int day_of_month = 0;  ///< 0 to 30
  int day_of_year = 0;   ///< 0 to 365
  int day_of_week = 0;   ///< 0 is Sunday
  int hours = 0;
  int minutes = 0;
  int seconds = 0;
};
civil_time civil(std::int64_t seconds_since_1970) noexcept;
std::int64_t days_since_1970(std::int64_t year, int month, int day) noexcept;  ///< month and day from 1

/// "UTC", "+02:00", "-09:30", "02:00": seconds east of Greenwich; nothing if it is none of these.
std::optional<int> fixed_offset(std::string_view zone) noexcept;

/// Named time zones ("Europe/Berlin"), which come from files and so from outside.
/// Thread safety: `offset_at` may be called from any thread.
class zone_source {
 public:
  virtual ~zone_source() = default;
  /// Seconds east of Greenwich in the zone at that moment; nothing if there is no such zone.
  virtual std::optional<int> offset_at(std::string_view zone, std::int64_t seconds_since_1970) const noexcept = 0;
};

}  // namespace kith::profile::cel
