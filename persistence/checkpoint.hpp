// Remembers up to which journal segment everything is in flushed snapshots, so that recovery need not replay it, and up
// to which one segments may be gone, so that a missing one is told from a deleted one. Kept as a small text file
// `checkpoint`, replaced atomically, before the segments are deleted. Without it replay takes longer, no more: it is
// idempotent.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "persistence/file.hpp"

namespace kith::persistence {

struct checkpoint_mark {
  std::uint64_t saved = 0;    ///< the last segment that the snapshots have all of
  std::uint64_t removed = 0;  ///< the last one that the history has too; these are deleted
};
using checkpoint_marks = std::map<unsigned, checkpoint_mark>;  ///< by shard

/// Errors: not_found (none was written yet); internal (damaged); unavailable (of a later version, or not readable).
result<checkpoint_marks> read_checkpoint(file_system& files, const std::string& directory);
result<void> write_checkpoint(file_system& files, const std::string& directory, const checkpoint_marks& marks);

}  // namespace kith::persistence
