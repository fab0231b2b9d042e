#include "cli/edits.hpp"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <iostream>

namespace kith::cli {

namespace {

using nlohmann::json;

constexpr std::size_t most_bytes = 4 * 1024 * 1024;

/// One step down; null: there is no such element.
json* below(json& at, const std::string& key) {
  if (at.is_null()) at = json::object();
  if (at.is_object()) return &at[key];
  std::size_t index = 0;
  const auto* const end = key.data() + key.size();
  const auto [behind, failed] = std::from_chars(key.data(), end, index);
  const bool is_there = at.is_array() && failed == std::errc() && behind == end && index < at.size();
  return is_there ? &at[index] : nullptr;
}

}  // namespace

result<void> put_in(json& object, std::string_view assignment) {
  const auto equals = assignment.find('=');
  const auto path = assignment.substr(0, equals);
  const auto refuse = [&](const std::string& why) {
    return fail(errc::invalid_argument, "--set " + std::string(assignment) + ": " + why);
  };
  if (equals == std::string_view::npos) return refuse("must be PATH=VALUE, as properties.total=12.5");
  auto* at = &object;
  for (std::size_t begin = 0; begin <= path.size();) {
    const auto end = std::min(path.find('.', begin), path.size());
    const auto key = std::string(path.substr(begin, end - begin));
    if (key.empty()) return refuse("the path has an empty key");
    at = below(*at, key);
    if (at == nullptr) return refuse("there is nothing that could have \"" + key + "\"");
    begin = end + 1;
  }
  const auto text = assignment.substr(equals + 1);
  auto value = json::parse(text, nullptr, false);
  *at = value.is_discarded() ? json(std::string(text)) : std::move(value);
  return {};
}

result<std::string> read_text(const std::string& file) {
  std::ifstream opened;
  if (file != "-") opened.open(file, std::ios::binary);
  auto& in = file == "-" ? std::cin : static_cast<std::istream&>(opened);
  std::string text(most_bytes + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(in.gcount()));
  if (!in.eof() || in.bad()) {
    if (text.size() > most_bytes) return fail(errc::too_large, file + ": is larger than 4 MiB");
    return fail(errc::invalid_argument, file + ": cannot be read");
  }
  return text;
}

}  // namespace kith::cli
