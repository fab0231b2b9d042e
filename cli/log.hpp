// The server's log on stderr: text on a terminal, JSON lines otherwise.
#pragma once

#include <cstdio>
#include <ctime>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <unistd.h>

#include "actors/clock.hpp"
#include "profile/event.hpp"

namespace kith::cli {

/// Thread safety: from any thread.
inline void log(std::string_view level, std::string_view message) {
  static std::mutex mutex;
  static const bool terminal = ::isatty(STDERR_FILENO) != 0;
  const auto time = profile::format_time(actors::wall_clock_ms());
  const std::string line = terminal ? time.substr(11, 12) + " " + std::string(level) + " " + std::string(message)
                                    : nlohmann::json{{"time", time}, {"level", level}, {"message", message}}.dump(
                                          -1, ' ', false, nlohmann::json::error_handler_t::replace);
  const std::lock_guard lock(mutex);
  std::fprintf(stderr, "%s\n", line.c_str());
}

}  // namespace kith::cli
