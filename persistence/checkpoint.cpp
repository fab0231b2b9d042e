#include "persistence/checkpoint.hpp"

#include <sstream>

#include "persistence/journal.hpp"
#include "persistence/whole_file.hpp"

namespace kith::persistence {

namespace {

constexpr std::string_view file_name = "checkpoint";
constexpr std::string_view title = "kith checkpoint ";
constexpr unsigned version = 2;  // version 1 had no `removed`

}  // namespace

result<checkpoint_marks> read_checkpoint(file_system& files, const std::string& directory) {
  const auto path = directory + "/" + std::string(file_name);
  const auto text = read_file(files, path);
  if (!text) return tl::make_unexpected(text.error());
  const auto damaged = [&] { return fail(errc::internal, path + ": is damaged"); };
  const auto body_end = text->rfind("crc ");
  if (body_end == std::string::npos || !text->starts_with(title)) return damaged();
  const auto body = text->substr(0, body_end);
  if (text->substr(body_end) != "crc " + std::to_string(crc32c(body)) + "\n") return damaged();
  std::istringstream words(body.substr(title.size()));
  unsigned written_by = 0;
  if (!(words >> written_by)) return damaged();
  if (written_by == 0 || written_by > version) {
    return fail(errc::unavailable, path + ": format version " + std::to_string(written_by) +
                                       "; this program knows version " + std::to_string(version) +
                                       ", use the program that wrote it");
  }
  checkpoint_marks marks;
  unsigned shard = 0;
  checkpoint_mark mark;
  while (words >> shard >> mark.saved) {
    mark.removed = mark.saved;
    if (written_by > 1 && !(words >> mark.removed)) return damaged();
    marks[shard] = mark;
  }
  return marks;
}

result<void> write_checkpoint(file_system& files, const std::string& directory, const checkpoint_marks& marks) {
  std::ostringstream text;
  text << title << version << '\n';
  for (const auto& [shard, mark] : marks) text << shard << ' ' << mark.saved << ' ' << mark.removed << '\n';
  const auto body = text.str();
  return replace_file(files, directory, std::string(file_name), body + "crc " + std::to_string(crc32c(body)) + "\n");
}

}  // namespace kith::persistence
