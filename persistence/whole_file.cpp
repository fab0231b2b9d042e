#include "persistence/whole_file.hpp"

#include <algorithm>
#include <array>

#include "persistence/overwriting.hpp"

namespace kith::persistence {

namespace {

constexpr std::size_t most_bytes = 64 * 1024 * 1024;

constexpr std::string_view unfinished = ".next";

/// It may hold keys, or names of people.
result<void> discard(file_system& files, const std::string& path) {
  overwrite(path);
  return files.remove(path);
}

result<void> write_new(file_system& files, const std::string& path, std::string_view text) {
  auto file = files.open(path, open_mode::create);
  if (!file) return tl::make_unexpected(file.error());
  const std::array<std::string_view, 1> pieces{text};
  if (auto written = (*file)->append(pieces); !written) return written;
  return (*file)->sync();
}

}  // namespace

result<void> replace_file(file_system& files, const std::string& directory, const std::string& name,
                          std::string_view text) {
  const auto path = directory + "/" + name;
  const auto next = path + std::string(unfinished);
  if (auto left_over = files.exists(next); left_over && *left_over) {
    if (auto removed = discard(files, next); !removed) return removed;
  }
  auto replaced = write_new(files, next, text);
  if (replaced) replaced = files.rename(next, path);
  if (!replaced) {
    discard(files, next);  // if it cannot be, the next start does
    return replaced;
  }
  return files.sync_directory(directory);
}

result<std::vector<std::string>> remove_unfinished(file_system& files, const std::string& directory) {
  const auto names = files.list(directory);
  if (!names && names.error().code == errc::not_found) return std::vector<std::string>();
  if (!names) return tl::make_unexpected(names.error());
  std::vector<std::string> removed;
  for (const auto& name : *names) {
    if (!name.ends_with(unfinished)) continue;
    auto path = directory;
    path.append("/").append(name);
    if (auto discarded = discard(files, path); !discarded) return tl::make_unexpected(discarded.error());
    removed.push_back(std::move(path));
  }
  if (removed.empty()) return removed;
  if (auto synced = files.sync_directory(directory); !synced) return tl::make_unexpected(synced.error());
  return removed;
}

result<std::string> read_file(file_system& files, const std::string& path) {
  auto file = files.open(path, open_mode::read);
  if (!file) return tl::make_unexpected(file.error());
  // No more than there is: room for the most that may be would cost far more than a usual file does.
  const auto size = (*file)->size();
  if (!size) return tl::make_unexpected(size.error());
  std::string text;
  const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(*size, most_bytes));
  if (auto read = (*file)->read_at(0, wanted, text); !read) return tl::make_unexpected(read.error());
  return text;
}

}  // namespace kith::persistence
