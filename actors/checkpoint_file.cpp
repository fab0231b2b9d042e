#include "actors/checkpoint_file.hpp"

#include <array>
#include <sstream>

#include "persistence/journal.hpp"

namespace kith::actors {

namespace {

constexpr std::string_view title = "kith checkpoint 1";
constexpr std::size_t most_bytes = 1024 * 1024;

}  // namespace

checkpoint_marks read_checkpoint(persistence::file_system& files, const std::string& directory) {
  auto file = files.open(directory + "/checkpoint", persistence::open_mode::read);
  std::string text;
  if (!file || !(*file)->read_at(0, most_bytes, text)) return {};
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
  const auto path = directory + "/checkpoint";
  const auto next = path + ".next";
  if (auto left_over = files.exists(next); left_over && *left_over) {
    if (auto removed = files.remove(next); !removed) return removed;
  }
  auto file = files.open(next, persistence::open_mode::create);
  if (!file) return tl::make_unexpected(file.error());
  const std::array<std::string_view, 1> pieces{text};
  if (auto written = (*file)->append(pieces); !written) return written;
  if (auto synced = (*file)->sync(); !synced) return synced;
  if (auto renamed = files.rename(next, path); !renamed) return renamed;
  return files.sync_directory(directory);
}

}  // namespace kith::actors
