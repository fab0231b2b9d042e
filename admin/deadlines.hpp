// Until when a privacy request is to be answered, by law. Calendar arithmetic in UTC; holidays are not known, so that a
// deadline here may be earlier than the law's, never later.
#pragma once

#include <chrono>
#include <cstdint>

namespace kith::admin {

enum class regulation : std::uint8_t { gdpr, ccpa };
enum class request_kind : std::uint8_t { access, portability, erasure, rectification, opt_out, objection };

/// Does the law know this right by this name? Opting out of sale and sharing is the CCPA's, objecting the GDPR's.
inline bool is_right_by(regulation by, request_kind kind) noexcept {
  if (kind == request_kind::opt_out) return by == regulation::ccpa;
  return kind != request_kind::objection || by == regulation::gdpr;
}

/// How long requests and what they led to are kept.
struct request_settings {
  std::int64_t keep_ms = 730LL * 24 * 3600 * 1000;        ///< closed ones
  std::int64_t export_keep_ms = 14LL * 24 * 3600 * 1000;  ///< documents
  std::size_t export_bytes = 4ULL * 1024 * 1024 * 1024;   ///< of all documents
  std::int64_t soon_ms = 7LL * 24 * 3600 * 1000;          ///< due so soon is due soon

  friend bool operator==(const request_settings&, const request_settings&) = default;
};

/// The same day of the month so many months later, at the same time of the day; the month's last day, if it has no such
/// day (Regulation 1182/71, Art. 3). `ms`: milliseconds since 1970.
inline std::int64_t months_later(std::int64_t ms, int months) {
  using namespace std::chrono;
  const sys_time<milliseconds> at{milliseconds(ms)};
  const auto day = floor<days>(at);
  auto date = year_month_day(day) + std::chrono::months(months);
  if (!date.ok()) date = date.year() / date.month() / last;
  return (sys_days(date) + (at - day)).time_since_epoch().count();
}

inline std::int64_t days_later(std::int64_t ms, int days) { return ms + std::int64_t{days} * 24 * 3600 * 1000; }

/// Monday to Friday.
inline std::int64_t business_days_later(std::int64_t ms, int days) {
  using namespace std::chrono;
  while (days > 0) {
    ms = days_later(ms, 1);
    const weekday of(floor<std::chrono::days>(sys_time<milliseconds>{milliseconds(ms)}));
    if (of != Saturday && of != Sunday) --days;
  }
  return ms;
}

/// The law gives no more time to opting out of sale and sharing.
inline bool may_be_extended(request_kind kind) noexcept { return kind != request_kind::opt_out; }

/// GDPR Art. 12(3): one month, extendable by two further ones. CCPA, Cal. Civ. Code 1798.130(a)(2): 45 days, extendable
/// by 45 more; opting out, Cal. Code Regs. tit. 11, § 7026(f): 15 business days.
inline std::int64_t due_of(regulation by, request_kind kind, std::int64_t received_ms, bool extended) {
  if (kind == request_kind::opt_out) return business_days_later(received_ms, 15);
  if (by == regulation::gdpr) return months_later(received_ms, extended ? 3 : 1);
  return days_later(received_ms, extended ? 90 : 45);
}

/// Cal. Code Regs. tit. 11, § 7021(a): receipt of a request to know, delete or correct is confirmed within ten business
/// days. 0: nothing of the kind is asked.
inline std::int64_t confirm_by_of(regulation by, request_kind kind, std::int64_t received_ms) {
  return by == regulation::ccpa && kind != request_kind::opt_out ? business_days_later(received_ms, 10) : 0;
}

}  // namespace kith::admin
