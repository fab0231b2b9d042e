#include "cli/config_tracing.hpp"

#include <algorithm>
#include <fstream>

namespace kith::cli {

namespace {

/// "Name: value", one a line. What is in the file is secret: errors tell its lines by number.
result<std::vector<std::string>> header_lines_of(const std::string& path) {
  std::ifstream in(path);
  if (path.empty() || !in) return fail(errc::invalid_argument, "must name a file that can be read, not " + path);
  std::vector<std::string> lines;
  std::size_t number = 0;
  for (std::string line; std::getline(in, line);) {
    ++number;
    if (line.ends_with('\r')) line.pop_back();
    if (line.empty() || line.front() == '#') continue;
    const auto colon = line.find(':');
    constexpr std::string_view token = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
    const bool named = colon != std::string::npos && colon > 0 && line.find_first_not_of(token) == colon;
    const bool clean = std::all_of(line.begin(), line.end(), [](char c) { return c >= ' ' && c != '\x7f'; });
    if (!named || !clean) {
      return fail(errc::invalid_argument, path + ":" + std::to_string(number) + ": is no header like \"Name: value\"");
    }
    lines.push_back(line);
  }
  return lines;
}

}  // namespace

void describe_tracing(table_reader& reader, net::tracing_settings& into) {
  const auto time = [&reader](const char* name, std::chrono::milliseconds& field) {
    reader.milliseconds(name, [&field](std::int64_t ms) { field = std::chrono::milliseconds(ms); });
  };
  reader
      .key("endpoint",
           [&](const toml::node& node, const std::string& where) {
             into.endpoint = node.value_or(std::string());
             if (into.endpoint.empty()) reader.refuse(node, where, "must be a URL like \"http://127.0.0.1:4318\"");
           })
      .key("headers_file",
           [&](const toml::node& node, const std::string& where) {
             const auto path = node.value_or(std::string());
             auto lines = header_lines_of(path);
             if (!lines) reader.refuse(node, where, lines.error().message);
             into.headers = std::move(*lines);
           })
      .key("sample",
           [&](const toml::node& node, const std::string& where) {
             const auto ratio = node.value<double>();
             if (!node.is_number() || !ratio || !(*ratio >= 0 && *ratio <= 1)) {
               reader.refuse(node, where, "must be a number from 0 (none) to 1 (all)");
             }
             into.sample = *ratio;
           })
      .text("ca", into.ca)
      .text("service", into.service)
      .number("queue", into.queue, 512, 1'000'000);
  time("interval", into.interval);
  time("timeout", into.timeout);
}

}  // namespace kith::cli
