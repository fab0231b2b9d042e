#include "admin/process_metrics.hpp"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <limits>
#include <optional>
#include <sstream>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <unistd.h>

namespace kith::admin {

namespace {

/// Fields of /proc/self/stat by their numbers in proc(5), from the third on: the second may hold spaces.
class stat_line {
 public:
  stat_line() {
    std::ifstream file("/proc/self/stat");
    std::string line;
    std::getline(file, line);
    const auto name_ends = line.rfind(')');
    if (name_ends == std::string::npos) return;
    std::istringstream rest(line.substr(name_ends + 1));
    for (std::string field; rest >> field;) fields_.push_back(field);
  }
  std::optional<double> number(std::size_t field) const {
    constexpr std::size_t first = 3;
    if (field - first >= fields_.size()) return std::nullopt;
    const auto& text = fields_[field - first];
    double value = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
    return read.ec == std::errc() ? std::optional(value) : std::nullopt;
  }

 private:
  std::vector<std::string> fields_;
};

constexpr std::size_t user_ticks = 14;
constexpr std::size_t system_ticks = 15;
constexpr std::size_t started_ticks = 22;
constexpr std::size_t resident_pages = 24;

/// Seconds since 1970 at which the machine started.
std::optional<double> boot_time() {
  std::ifstream file("/proc/stat");
  for (std::string key; file >> key;) {
    double value = 0;
    if (key == "btime" && file >> value) return value;
    file.ignore(std::numeric_limits<std::streamsize>::max(), '\n');
  }
  return std::nullopt;
}

std::optional<double> open_files() {
  std::error_code ec;
  const std::filesystem::directory_iterator each("/proc/self/fd", ec);
  if (ec) return std::nullopt;
  return static_cast<double>(std::distance(begin(each), end(each)) - 1);  // one is the listing itself
}

std::optional<double> most_files() {
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) != 0) return std::nullopt;
  return static_cast<double>(files.rlim_cur);
}

}  // namespace

std::vector<process_gauge> process_gauges(const std::string& directory) {
  std::vector<process_gauge> made;
  const auto add = [&](const char* metric, const char* help, bool grows, std::optional<double> value) {
    if (value) made.push_back({metric, help, grows, *value});
  };
  const stat_line stat;
  const auto ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
  const auto page = static_cast<double>(sysconf(_SC_PAGESIZE));
  const auto user = stat.number(user_ticks);
  const auto system = stat.number(system_ticks);
  if (user && system) {
    add("process_cpu_seconds_total", "Processor time used.", true, (*user + *system) / ticks);
  }
  if (const auto pages = stat.number(resident_pages)) {
    add("process_resident_memory_bytes", "Memory that is resident.", false, *pages * page);
  }
  const auto booted = boot_time();
  const auto started = stat.number(started_ticks);
  if (booted && started) {
    add("process_start_time_seconds", "When the process started, since 1970.", false, *booted + *started / ticks);
  }
  add("process_open_fds", "File descriptors that are open.", false, open_files());
  add("process_max_fds", "File descriptors that may be open.", false, most_files());
  struct statvfs disk {};
  if (!directory.empty() && statvfs(directory.c_str(), &disk) == 0) {
    const auto block = static_cast<double>(disk.f_frsize);
    add("kith_disk_free_bytes", "What is free of the disk of the data directory.", false,
        static_cast<double>(disk.f_bavail) * block);
    add("kith_disk_size_bytes", "Size of the disk of the data directory.", false,
        static_cast<double>(disk.f_blocks) * block);
  }
  return made;
}

}  // namespace kith::admin
