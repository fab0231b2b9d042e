#include "persistence/file.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <dirent.h>
#include <fcntl.h>
#include <filesystem>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <system_error>
#include <unistd.h>

#include "persistence/directory_lock.hpp"

namespace kith::persistence {

namespace {

tl::unexpected<error> failed(std::string_view call, const std::string& path, int code) {
  const auto kind = code == ENOENT                     ? errc::not_found
                    : code == ENOSPC || code == EDQUOT ? errc::resource_exhausted
                                                       : errc::unavailable;
  return fail(kind, path + ": " + std::string(call) + ": " + std::generic_category().message(code));
}

std::string parent_of(const std::string& path) {
  const auto parent = std::filesystem::path(path).parent_path().string();
  return parent.empty() ? "." : parent;
}

class held_lock final : public directory_lock {
 public:
  explicit held_lock(int descriptor) : descriptor_(descriptor) {}
  ~held_lock() override { ::close(descriptor_); }
  held_lock(const held_lock&) = delete;
  held_lock& operator=(const held_lock&) = delete;

 private:
  int descriptor_;
};

class real_file final : public file {
 public:
  real_file(int descriptor, std::string path) : descriptor_(descriptor), path_(std::move(path)) {}
  ~real_file() override { ::close(descriptor_); }
  real_file(const real_file&) = delete;
  real_file& operator=(const real_file&) = delete;

  result<void> append(std::span<const std::string_view> pieces) override {
    constexpr std::size_t most = 512;
    std::array<iovec, most> vectors;
    std::size_t skip = 0;  // bytes of pieces.front() that are written
    while (!pieces.empty()) {
      const auto count = std::min(pieces.size(), most);
      for (std::size_t i = 0; i < count; ++i) {
        const auto piece = i == 0 ? pieces[i].substr(skip) : pieces[i];
        vectors[i] = {const_cast<char*>(piece.data()), piece.size()};
      }
      const auto written = ::writev(descriptor_, vectors.data(), static_cast<int>(count));
      if (written < 0) {
        if (errno == EINTR) continue;
        return failed("write", path_, errno);
      }
      auto left = static_cast<std::size_t>(written) + skip;
      while (!pieces.empty() && left >= pieces.front().size()) {
        left -= pieces.front().size();
        pieces = pieces.subspan(1);
      }
      skip = left;
    }
    return {};
  }

  result<void> sync() override {
    if (::fdatasync(descriptor_) != 0) return failed("fdatasync", path_, errno);
    return {};
  }

  result<void> read_at(std::uint64_t offset, std::size_t size, std::string& out) const override {
    out.resize(size);
    std::size_t read = 0;
    while (read < size) {
      const auto got = ::pread(descriptor_, out.data() + read, size - read, static_cast<off_t>(offset + read));
      if (got < 0) {
        if (errno == EINTR) continue;
        return failed("read", path_, errno);
      }
      if (got == 0) break;
      read += static_cast<std::size_t>(got);
    }
    out.resize(read);
    return {};
  }

  result<std::uint64_t> size() const override {
    struct stat status {};
    if (::fstat(descriptor_, &status) != 0) return failed("fstat", path_, errno);
    return static_cast<std::uint64_t>(status.st_size);
  }

  result<void> truncate(std::uint64_t size) override {
    if (::ftruncate(descriptor_, static_cast<off_t>(size)) != 0) return failed("ftruncate", path_, errno);
    return {};
  }

 private:
  const int descriptor_;
  const std::string path_;
};

class real_file_system final : public file_system {
 public:
  result<std::unique_ptr<file>> open(const std::string& path, open_mode mode) override {
    int flags = O_CLOEXEC;
    switch (mode) {
      case open_mode::read: flags |= O_RDONLY; break;
      case open_mode::append: flags |= O_RDWR | O_APPEND; break;
      case open_mode::create: flags |= O_RDWR | O_APPEND | O_CREAT | O_EXCL; break;
    }
    const bool secret = path.ends_with(".key") || path.ends_with(".key.next");
    const int descriptor = ::open(path.c_str(), flags, secret ? 0600 : 0644);
    if (descriptor < 0) return failed("open", path, errno);
    return std::make_unique<real_file>(descriptor, path);
  }

  result<void> rename(const std::string& from, const std::string& to) override {
    if (::rename(from.c_str(), to.c_str()) != 0) return failed("rename", from, errno);
    return {};
  }

  result<void> remove(const std::string& path) override {
    if (::remove(path.c_str()) != 0) return failed("remove", path, errno);
    return {};
  }

  result<void> make_directory(const std::string& path) override {
    if (::mkdir(path.c_str(), 0755) == 0) return sync_directory(parent_of(path));
    if (errno == ENOENT && parent_of(path) != path) {
      if (auto made = make_directory(parent_of(path)); !made) return made;
      return make_directory(path);
    }
    if (errno != EEXIST) return failed("mkdir", path, errno);
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0) return failed("stat", path, errno);
    if (!S_ISDIR(status.st_mode)) return failed("mkdir", path, ENOTDIR);
    return {};
  }

  result<void> sync_directory(const std::string& path) override {
    const int descriptor = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0) return failed("open", path, errno);
    const int outcome = ::fsync(descriptor);
    const int code = errno;
    ::close(descriptor);
    if (outcome != 0) return failed("fsync", path, code);
    return {};
  }

  result<std::vector<std::string>> list(const std::string& directory) override {
    std::error_code code;
    std::vector<std::string> names;
    for (std::filesystem::directory_iterator at(directory, code), end; !code && at != end; at.increment(code)) {
      names.push_back(at->path().filename().string());
    }
    if (code) return failed("readdir", directory, code.value());
    std::sort(names.begin(), names.end());
    return names;
  }

  result<bool> exists(const std::string& path) override {
    struct stat status {};
    if (::stat(path.c_str(), &status) == 0) return true;
    if (errno == ENOENT || errno == ENOTDIR) return false;
    return failed("stat", path, errno);
  }

  result<std::uint64_t> free_bytes(const std::string& path) override {
    struct statvfs status {};
    if (::statvfs(path.c_str(), &status) != 0) return failed("statvfs", path, errno);
    return static_cast<std::uint64_t>(status.f_bavail) * status.f_frsize;
  }
};

}  // namespace

result<std::unique_ptr<directory_lock>> lock_for_reading(const std::string& data) {
  const auto path = data + "/store/LOCK";
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0 && (errno == ENOENT || errno == ENOTDIR)) return nullptr;
  if (descriptor < 0) return failed("open", path, errno);
  auto made = std::make_unique<held_lock>(descriptor);
  struct flock range {};
  range.l_type = F_RDLCK;
  range.l_whence = SEEK_SET;
  if (::fcntl(descriptor, F_SETLK, &range) == 0) return made;
  if (errno != EAGAIN && errno != EACCES) return failed("lock", path, errno);
  const bool known = ::fcntl(descriptor, F_GETLK, &range) == 0 && range.l_type != F_UNLCK;
  return fail(errc::unavailable, data + ": a server" +
                                     (known ? " (process " + std::to_string(range.l_pid) + ")" : std::string()) +
                                     " runs on it; stop it first, or ask the server itself: its admin API shows "
                                     "profiles, statistics and health (docs/api.md)");
}

void overwrite(const std::string& path) noexcept {
  const int descriptor = ::open(path.c_str(), O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
  if (descriptor < 0) return;
  struct stat status {};
  const std::array<char, 4096> zeros{};
  if (::fstat(descriptor, &status) == 0) {
    for (off_t at = 0; at < status.st_size;) {
      const auto wanted = std::min<off_t>(status.st_size - at, static_cast<off_t>(zeros.size()));
      const auto written = ::pwrite(descriptor, zeros.data(), static_cast<std::size_t>(wanted), at);
      if (written <= 0) break;
      at += written;
    }
    ::fdatasync(descriptor);
  }
  ::close(descriptor);
}

file_system& real_files() {
  static real_file_system files;
  return files;
}

}  // namespace kith::persistence
