#include "actors/checkpoint_file.hpp"

#include <sstream>

#include "persistence/journal.hpp"
#include "persistence/whole_file.hpp"

namespace kith::actors {

namespace {

constexpr std::string_view title = "kith checkpoint 1";

}  // namespace

checkpoint_marks read_checkpoint(persistence::file_system& files, const std::string& directory) {
  const auto read = persistence::read_file(files, directory + "/checkpoint");
  if (!read) return {};
  const auto& text = *read;
  const auto body_end = text.rfind("crc ");
  if (body_end == std::string::npos || !text.starts_with(title)) return {};
  const auto body = text.substr(0, body_end);
  if (text.substr(body_end) != "crc " + std::to_string(persistence::crc32c(body)) + "\n") return {};
  checkpoint_marks marks;
  std::istringstream lines(body.substr(title.size()));
  unsigned shard = 0;
  std::uint64_t segment = 0;
  while (lines >> shard >> segment) marks[shard] = segment;
  return marks;
}

result<void> write_checkpoint(persistence::file_system& files, const std::string& directory,
                              const checkpoint_marks& marks) {
  std::string text(title);
  text += '\n';
  for (const auto& [shard, segment] : marks) text += std::to_string(shard) + ' ' + std::to_string(segment) + '\n';
  text += "crc " + std::to_string(persistence::crc32c(text)) + "\n";
  return persistence::replace_file(files, directory, "checkpoint", text);
}

}  // namespace kith::actors
