// RocksDB's own words, of warnings and worse. Not into its file LOG: where RocksDB was built with assertions (Debian's
// is), the second line that a full disk has no room for ends the process.
//
// Thread safety: all of it, if the function's is.
#pragma once

#include <utility>
#include <array>
#include <cstdarg>
#include <cstdio>
#include <functional>
#include <rocksdb/env.h>
#include <string>
#include <string_view>

namespace kith::persistence {

using log_function = std::function<void(std::string_view level, std::string_view message)>;

class rocks_log : public rocksdb::Logger {
 public:
  /// `of`: what it is about, in front of each line; `log` may be empty.
  rocks_log(std::string of, log_function log) : Logger(rocksdb::WARN_LEVEL), of_(std::move(of)), log_(std::move(log)) {}
  using rocksdb::Logger::Logv;
  void Logv(const char* format, std::va_list arguments) override {
    if (!log_) return;
    std::array<char, 1024> line{};
    std::vsnprintf(line.data(), line.size(), format, arguments);
    std::string text = line.data();
    while (!text.empty() && text.back() == '\n') text.pop_back();
    log_("info", of_ + ": RocksDB: " + text);
  }

 private:
  const std::string of_;
  const log_function log_;
};

}  // namespace kith::persistence
