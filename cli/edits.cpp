#include "cli/edits.hpp"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <iostream>
#include <vector>

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

/// Takes the key in front, with the mark behind it, from what is left of a path: '.', '=' or, at the end, nothing.
/// Errors: a backslash with nothing to escape.
result<std::string> take_key(std::string_view& left, char& mark) {
  constexpr std::string_view marks = ".=\\";
  std::string key;
  mark = '\0';
  for (std::size_t at = 0; at < left.size(); ++at) {
    if (left[at] == '.' || left[at] == '=') {
      mark = left[at];
      left.remove_prefix(at + 1);
      return key;
    }
    if (left[at] == '\\' && (++at == left.size() || marks.find(left[at]) == marks.npos)) {
      return fail(errc::invalid_argument, "a backslash in the path stands before a dot, an = or a backslash");
    }
    key += left[at];
  }
  left = {};
  return key;
}

}  // namespace

result<void> put_in(json& object, std::string_view assignment) {
  const auto refuse = [&](const std::string& why) {
    return fail(errc::invalid_argument, "--set " + std::string(assignment) + ": " + why);
  };
  auto left = assignment;
  auto* at = &object;
  std::vector<std::string> keys;
  for (char mark = '.'; mark != '=';) {
    auto key = take_key(left, mark);
    if (!key) return refuse(key.error().message);
    if (mark == '\0') return refuse("must be PATH=VALUE, as properties.total=12.5");
    if (key->empty()) return refuse("the path has an empty key");
    keys.push_back(std::move(*key));
  }
  for (const auto& key : keys) {
    at = below(*at, key);
    if (at == nullptr) return refuse("there is nothing that could have \"" + key + "\"");
  }
  auto value = json::parse(left, nullptr, false);
  *at = value.is_discarded() ? json(std::string(left)) : std::move(value);
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
