// Whether an audit log is as it was written: what `kith audit verify` says.
//
// Thread safety: none; a server may write to the log meanwhile.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "admin/audit_log.hpp"
#include "persistence/file.hpp"

namespace kith::admin {

struct audit_check_options {
  std::optional<audit_place> after;  ///< the log begins behind this record, whose files were archived
  std::vector<audit_place> known;    ///< records that were noted elsewhere: they must be there, with this hash
};

struct audit_report {
  struct finding {
    std::string where;  ///< file:line, or a file
    std::string what;
  };
  std::uint64_t files = 0;
  std::uint64_t records = 0;
  std::uint64_t unfinished_bytes = 0;  ///< of a record at the end that was never acknowledged
  audit_place first;
  audit_place last;
  std::vector<finding> findings;  ///< at most `most_findings`
  std::uint64_t more_findings = 0;

  static constexpr std::size_t most_findings = 100;
  bool sound() const noexcept { return findings.empty(); }
};

/// Errors: not_found (no log there), those of reading.
result<audit_report> check_audit_log(persistence::file_system& files, const std::string& directory,
                                     const audit_check_options& options);

}  // namespace kith::admin
