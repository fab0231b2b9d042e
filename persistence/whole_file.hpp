// Small files that are replaced as a whole, or not at all.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "persistence/file.hpp"

namespace kith::persistence {

/// Durable when it returns; after a crash the file holds the old text or the new one.
result<void> replace_file(file_system& files, const std::string& directory, const std::string& name,
                          std::string_view text);

/// Up to 64 MiB. Errors: not_found, unavailable.
result<std::string> read_file(file_system& files, const std::string& path);

}  // namespace kith::persistence
