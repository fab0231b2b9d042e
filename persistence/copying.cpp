#include "persistence/copying.hpp"

#include <array>

namespace kith::persistence {

namespace {

constexpr std::size_t piece_bytes = 1024 * 1024;

}  // namespace

result<void> copy_file(file_system& files, const std::string& from, const std::string& to) {
  const auto source = files.open(from, open_mode::read);
  if (!source) return tl::make_unexpected(source.error());
  const auto target = files.open(to, open_mode::create);
  if (!target) return tl::make_unexpected(target.error());
  std::string piece;
  for (std::uint64_t at = 0;; at += piece.size()) {
    if (auto read = (*source)->read_at(at, piece_bytes, piece); !read) return read;
    if (piece.empty()) break;
    const std::array<std::string_view, 1> pieces{piece};
    if (auto written = (*target)->append(pieces); !written) return written;
  }
  return (*target)->sync();
}

result<void> copy_directory(file_system& files, const std::string& from, const std::string& to,
                            const std::function<bool(std::string_view name)>& wanted) {
  const auto names = files.list(from);
  if (!names) return tl::make_unexpected(names.error());
  if (auto made = files.make_directory(to); !made) return made;
  for (const auto& name : *names) {
    if (!wanted(name)) continue;
    const auto source = from + "/" + name;
    const bool is_directory = files.list(source).has_value();
    auto copied =
        is_directory ? copy_directory(files, source, to + "/" + name) : copy_file(files, source, to + "/" + name);
    if (!copied && copied.error().code != errc::not_found) return copied;  // it went meanwhile
  }
  return files.sync_directory(to);
}

}  // namespace kith::persistence
