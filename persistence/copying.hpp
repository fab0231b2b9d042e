// Durable copies of files and directories.
//
// Thread safety: all of it; what is copied may be appended to meanwhile, and is copied up to some moment in between.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "persistence/file.hpp"

namespace kith::persistence {

/// `to` must not exist. Errors: of the file system.
result<void> copy_file(file_system& files, const std::string& from, const std::string& to);

/// With all that is in it, but for entries of `from` itself that `wanted` refuses. `to` is made if it is not there.
result<void> copy_directory(
    file_system& files, const std::string& from, const std::string& to,
    const std::function<bool(std::string_view name)>& wanted = [](std::string_view) { return true; });

}  // namespace kith::persistence
