// Verifies a data directory without changing it; no server may run on it meanwhile.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "persistence/file.hpp"

namespace kith::persistence {

struct check_report {
  struct finding {
    std::string where;
    std::string what;
    std::string mend;  ///< what follows, and what to do
  };
  std::uint64_t segments = 0;
  std::uint64_t records = 0;
  std::uint64_t journal_bytes = 0;
  std::uint64_t torn_bytes = 0;  ///< never acknowledged: no damage
  std::uint64_t snapshots = 0;
  std::vector<finding> findings;

  bool sound() const noexcept { return findings.empty(); }
};

/// Errors: not_found (no data directory), unavailable (cannot be read, or is in use).
result<check_report> check_directory(file_system& files, const std::string& directory);

}  // namespace kith::persistence
