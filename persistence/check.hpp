// Verifies a data directory without changing it; holds its lock meanwhile.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "persistence/file.hpp"
#include "persistence/key_ring.hpp"
#include "persistence/progress_report.hpp"

namespace kith::persistence {

struct check_report {
  struct finding {
    std::string where;
    std::string what;
    std::string mend;  ///< what follows, and what to do
  };
  std::uint64_t segments = 0;
  std::uint64_t records = 0;
  std::uint64_t encrypted = 0;   ///< of the records
  std::uint64_t unreadable = 0;  ///< events in them whose keys were destroyed with their persons': no damage
  std::string unopened;  ///< why encrypted records could not be looked into; empty: they were, or there are none
  std::uint64_t journal_bytes = 0;
  std::uint64_t torn_bytes = 0;  ///< never acknowledged: no damage
  std::uint64_t snapshots = 0;
  std::uint64_t dead_letters = 0;
  std::vector<finding> findings;

  bool sound() const noexcept { return findings.empty(); }
};

/// Errors: not_found (no data directory), unavailable (cannot be read, or a server has it).
/// `keys`: what wraps the journal's keys, if that is not in the directory.
result<check_report> check_directory(file_system& files, const std::string& directory, const progress_report& progress,
                                     const encryption_settings& keys = {});

}  // namespace kith::persistence
