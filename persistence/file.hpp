// The one way to the disk. Tests swap it for a twin that fails, tears, shortens and forgets.
//
// Thread safety: a file_system may be used from many threads; a file by one thread at a time, but for read_at.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "profile/result.hpp"

namespace kith::persistence {

class file {
 public:
  virtual ~file() = default;

  /// Appends all the pieces (writev; continues after short writes). After an error the file's end is unknown.
  virtual result<void> append(std::span<const std::string_view> pieces) = 0;
  /// fdatasync. A failure is final for this file: never call it again on the same pages.
  virtual result<void> sync() = 0;
  /// Reads up to `size` bytes at `offset` into `out` (resized); fewer at the end of the file.
  virtual result<void> read_at(std::uint64_t offset, std::size_t size, std::string& out) const = 0;
  virtual result<std::uint64_t> size() const = 0;
  virtual result<void> truncate(std::uint64_t size) = 0;
};

enum class open_mode : unsigned char {
  read,    ///< must exist
  append,  ///< must exist; writes go to its end
  create,  ///< must not exist
};

class file_system {
 public:
  virtual ~file_system() = default;

  /// Errors: not_found; unavailable with the path, the call and strerror's words for anything else (ENOSPC and EDQUOT:
  /// resource_exhausted).
  virtual result<std::unique_ptr<file>> open(const std::string& path, open_mode mode) = 0;
  virtual result<void> rename(const std::string& from, const std::string& to) = 0;
  virtual result<void> remove(const std::string& path) = 0;
  virtual result<void> make_directory(const std::string& path) = 0;  ///< with its parents, durably; fine if it exists
  virtual result<void> sync_directory(const std::string& path) = 0;
  virtual result<std::vector<std::string>> list(const std::string& directory) = 0;  ///< names, sorted
  virtual result<bool> exists(const std::string& path) = 0;
  virtual result<std::uint64_t> free_bytes(const std::string& path) = 0;
};

/// The operating system's.
file_system& real_files();

}  // namespace kith::persistence
