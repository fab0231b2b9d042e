// How schemas are written down: those of a directory, a file each, and those made by the API, in DATA/schemas.json.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "ingest/schema/registry.hpp"
#include "persistence/file.hpp"

namespace kith::ingest::schema {

namespace bounds {
inline constexpr std::size_t events = 1000;
inline constexpr std::size_t versions = 100;  ///< of one event
inline constexpr std::size_t event_name_bytes = 255;
inline constexpr std::size_t stored_bytes = 32 * 1024 * 1024;  ///< of DATA/schemas.json
}  // namespace bounds

/// All files of the directory whose names end in ".json". The event is `x-kith-event`, else the file's name up to
/// ".json" or ".vN.json"; the version is `x-kith-version`, else N, else 1. Errors: invalid_argument with the file's
/// path, what is wrong and what is allowed; those of reading.
result<std::vector<known_schema>> read_directory(persistence::file_system& files, const std::string& directory);

/// Only those that are not from_directory.
std::string write_schemas(const std::vector<known_schema>& of);
/// Errors: invalid_argument, naming `path` and what is wrong.
result<std::vector<known_schema>> read_schemas(std::string_view text, const std::string& path);

/// 1 to 255 bytes of UTF-8.
result<void> check_event_name(std::string_view name);

}  // namespace kith::ingest::schema
