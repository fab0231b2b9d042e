// Small files that are replaced as a whole, or not at all.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "persistence/file.hpp"

namespace kith::persistence {

/// Durable when it returns; after a crash the file holds the old text or the new one, and one that was not finished may
/// lie beside it. Errors: of the file system.
result<void> replace_file(file_system& files, const std::string& directory, const std::string& name,
                          std::string_view text);

/// Overwrites and removes what replace_file() has left unfinished in the directory, which need not exist; the paths.
/// REQUIRES: nobody replaces a file there meanwhile. Errors: of the file system.
result<std::vector<std::string>> remove_unfinished(file_system& files, const std::string& directory);

/// Up to 64 MiB. Errors: not_found, unavailable.
result<std::string> read_file(file_system& files, const std::string& path);

}  // namespace kith::persistence
