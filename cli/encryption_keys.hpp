// Where the keys come from that wrap the journal's: a file, or what a command prints.
#pragma once

#include <string>
#include <vector>

#include "persistence/key_ring.hpp"

namespace kith::cli {

struct encryption_keys {
  std::string file;                  ///< empty: none
  std::vector<std::string> command;  ///< a program and its arguments; empty: none
  std::string old_file;              ///< what wrapped them before
  std::vector<std::string> old_command;
};

/// Reads the files, and runs the commands, each for ten seconds at most. Errors: invalid_argument (both a file and a
/// command; not readable; no key; the command failed), which say which.
result<void> load_keys(const encryption_keys& from, persistence::encryption_settings& into);

}  // namespace kith::cli
