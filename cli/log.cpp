#include "cli/log.hpp"

#include <atomic>
#include <cstdio>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
#include <unistd.h>

#include "actors/clock.hpp"
#include "profile/event.hpp"

namespace kith::cli {

namespace {

std::atomic<log_level> least_level{log_level::info};
std::atomic<log_format> chosen_format{log_format::automatic};

bool as_text() {
  static const bool terminal = ::isatty(STDERR_FILENO) != 0;
  const auto format = chosen_format.load();
  return format == log_format::text || (format == log_format::automatic && terminal);
}

}  // namespace

std::optional<log_level> parse_log_level(std::string_view name) {
  if (name == "debug") return log_level::debug;
  if (name == "info") return log_level::info;
  if (name == "warning") return log_level::warning;
  if (name == "error") return log_level::error;
  return std::nullopt;
}

std::optional<log_format> parse_log_format(std::string_view name) {
  if (name == "auto") return log_format::automatic;
  if (name == "text") return log_format::text;
  if (name == "json") return log_format::json;
  return std::nullopt;
}

void configure_log(log_level least, log_format format) {
  least_level = least;
  chosen_format = format;
}

void log(std::string_view level, std::string_view message) {
  if (parse_log_level(level).value_or(log_level::error) < least_level.load()) return;
  static std::mutex mutex;
  const auto time = profile::format_time(actors::wall_clock_ms());
  const std::string line = as_text() ? time.substr(11, 12) + " " + std::string(level) + " " + std::string(message)
                                     : nlohmann::json{{"time", time}, {"level", level}, {"message", message}}.dump(
                                           -1, ' ', false, nlohmann::json::error_handler_t::replace);
  const std::lock_guard lock(mutex);
  std::fprintf(stderr, "%s\n", line.c_str());
}

}  // namespace kith::cli
