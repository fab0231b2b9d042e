// What of a request goes into the audit log, and how (docs/security.md, "Audit log").
//
// Thread safety: all of it.
#pragma once

#include <atomic>
#include <string>
#include <string_view>
#include <vector>

#include "admin/audit_log.hpp"
#include "admin/http.hpp"
#include "net/token_bucket.hpp"

namespace kith::admin {

/// A request as its route sees it.
struct audited_request {
  const call& asked;
  std::string_view route;                 ///< "/v1/segments/{}"
  std::vector<std::string_view> pattern;  ///< its parts
};

class auditor {
 public:
  static constexpr double refused_per_second = 5;  ///< records of refused requests; the others are counted

  /// `log`: null: nothing is recorded. It outlives the auditor.
  explicit auditor(audit_log* log) : log_(log), of_refused_(refused_per_second) {}

  bool records() const noexcept { return log_ != nullptr; }
  /// Can what must be recorded be done now? Errors: unavailable, resource_exhausted.
  result<void> ready() const;
  /// Errors: as of audit_log::append().
  result<void> record(const audited_request& what, const response& answer, fsynced when);
  /// A request that was answered with 401 or 403; best effort, and bounded.
  void record_refused(const audited_request& what, const response& answer);

  /// Refused requests that were counted only.
  std::uint64_t unrecorded() const noexcept { return unrecorded_.load(); }

 private:
  audit_log* const log_;
  net::token_bucket of_refused_;
  std::atomic<std::uint64_t> unrecorded_{0};
  std::atomic<std::uint64_t> since_last_{0};  ///< unrecorded ones since the last that was
};

/// What stands for a profile in the log: the hash of an identifier, as its address is.
std::string audit_name_of(const std::string& kind, const std::string& id);

}  // namespace kith::admin
