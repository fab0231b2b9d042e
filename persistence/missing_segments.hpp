// Journal segments that are not there though something still needs them: what they held was acknowledged.
#pragma once

#include <utility>
#include <string>
#include <vector>

#include "persistence/checkpoint.hpp"
#include "persistence/journal.hpp"

namespace kith::persistence {

/// A range of segments of one shard.
struct missing_segments {
  unsigned shard = 0;
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  bool saved = false;  ///< the snapshots have what was in there, only the history lacks it

  /// Their files, and what is lost with them.
  std::string what() const;
};

/// Everything a start looks at to know which segments there must be.
struct journal_extent {
  std::vector<segment_file> present;
  checkpoint_marks marks;                                  ///< empty without a checkpoint: the journal begins with 1
  std::vector<std::pair<unsigned, journal_position>> fed;  ///< of the history: these positions are in segments
};
std::vector<missing_segments> find_missing(const journal_extent& journal);

/// Gives up what the missing segments held: puts empty ones in their place. Errors: of the file system;
/// resource_exhausted, if these are more than anybody can have lost.
result<void> fill_missing(file_system& files, const std::string& directory, const journal_extent& journal);

}  // namespace kith::persistence
