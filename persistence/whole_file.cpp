#include "persistence/whole_file.hpp"

#include <algorithm>
#include <array>

namespace kith::persistence {

namespace {

constexpr std::size_t most_bytes = 64 * 1024 * 1024;

}  // namespace

result<void> replace_file(file_system& files, const std::string& directory, const std::string& name,
                          std::string_view text) {
  const auto path = directory + "/" + name;
  const auto next = path + ".next";
  if (auto left_over = files.exists(next); left_over && *left_over) {
    if (auto removed = files.remove(next); !removed) return removed;
  }
  auto file = files.open(next, open_mode::create);
  if (!file) return tl::make_unexpected(file.error());
  const std::array<std::string_view, 1> pieces{text};
  if (auto written = (*file)->append(pieces); !written) return written;
  if (auto synced = (*file)->sync(); !synced) return synced;
  if (auto renamed = files.rename(next, path); !renamed) return renamed;
  return files.sync_directory(directory);
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
