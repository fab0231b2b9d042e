// Remembers up to which journal segment everything is in flushed snapshots, so that recovery need not replay it. Kept
// as a small text file `checkpoint`, replaced atomically. Losing it costs time only: replay is idempotent.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "persistence/file.hpp"

namespace kith::actors {

using checkpoint_marks = std::map<unsigned, std::uint64_t>;  ///< by shard: the last segment that is not needed

/// Empty if there is none or it is damaged.
checkpoint_marks read_checkpoint(persistence::file_system& files, const std::string& directory);
result<void> write_checkpoint(persistence::file_system& files, const std::string& directory,
                              const checkpoint_marks& marks);

}  // namespace kith::actors
