// The server's log on stderr: text on a terminal, JSON lines otherwise, unless the configuration says which.
#pragma once

#include <optional>
#include <string_view>

namespace kith::cli {

enum class log_level : unsigned char { debug, info, warning, error };
enum class log_format : unsigned char { automatic, text, json };

/// "debug", "info", "warning", "error".
std::optional<log_level> parse_log_level(std::string_view name);
/// "auto", "text", "json".
std::optional<log_format> parse_log_format(std::string_view name);

/// What is logged from now on: this level and above. Thread safety: from any thread.
void configure_log(log_level least, log_format format);

/// `level`: a name as above. Thread safety: from any thread.
void log(std::string_view level, std::string_view message);

}  // namespace kith::cli
