#include "cli/config_reader.hpp"

#include <fstream>

namespace kith::cli {

namespace {

/// Edits between two words, for "did you mean".
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    auto diagonal = std::exchange(row[0], i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const auto substituted = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, substituted});
    }
  }
  return row.back();
}

}  // namespace

std::string shown_variable(const std::string& name) {
  constexpr std::string_view usual = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
  return name.empty() || name.find_first_not_of(usual) != std::string::npos ? "(no usual name, not shown)" : name;
}

std::string size_text(std::int64_t bytes) {
  for (const auto& [unit, factor] : {std::pair{"GiB", std::int64_t{1} << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}}) {
    if (bytes != 0 && bytes % factor == 0) return std::to_string(bytes / factor) + " " + unit;
  }
  return std::to_string(bytes) + " bytes";
}

void table_reader::refuse_key(const toml::source_region& at, const std::string& name) const {
  std::string allowed;
  const std::string* nearest = nullptr;
  for (const auto& [known, set] : setters_) {
    allowed += (allowed.empty() ? "" : ", ") + known;
    if (nearest == nullptr || distance(name, known) < distance(name, *nearest)) nearest = &known;
  }
  std::string message = (path_.empty() ? name : path_ + "." + name) + ": is not a key";
  if (nearest != nullptr && distance(name, *nearest) <= 3) message += "; did you mean " + *nearest + "?";
  refuse(at, message + " Allowed: " + allowed);
}

std::int64_t table_reader::quantity(const toml::node& node, const std::string& where,
                                    const std::vector<std::pair<std::string, std::int64_t>>& units,
                                    const std::string& why) const {
  if (const auto* whole = node.as_integer(); whole != nullptr && whole->get() >= 0) return whole->get();
  const auto* text = node.as_string();
  if (text == nullptr) refuse(node, where, why);
  const auto digits = text->get().find_first_not_of("0123456789");
  if (digits == 0 || digits > 15) refuse(node, where, why);
  auto unit = text->get().substr(std::min(digits, text->get().size()));
  unit.erase(0, unit.find_first_not_of(' '));
  const auto value = std::stoll(text->get().substr(0, digits));
  for (const auto& [name, factor] : units) {
    if (unit == name && value <= std::numeric_limits<std::int64_t>::max() / factor) return value * factor;
  }
  refuse(node, where, why);
}

void read_texts(const table_reader& reader, const toml::node& node, const std::string& where,
                std::vector<std::string>& into) {
  const auto* list = node.as_array();
  if (list == nullptr) reader.refuse(node, where, "must be an array of strings");
  into.clear();
  for (const auto& each : *list) {
    const auto* text = each.as_string();
    if (text == nullptr) reader.refuse(each, where, "must hold strings only");
    into.push_back(text->get());
  }
}

void check_name(const table_reader& reader, const toml::table& table, const std::string& name) {
  constexpr std::string_view allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
  if (name.empty() || name.size() > 64 || name.find_first_not_of(allowed) != std::string::npos) {
    reader.refuse(table, reader.path(), "the name must be 1 to 64 letters, digits, '_' and '-'");
  }
}

std::string first_line_of(const std::string& path) {
  std::ifstream in(path);
  std::string line;
  if (!std::getline(in, line) || line.empty()) {
    throw bad_config{"names " + path + ", which cannot be read or has no first line: that is where the secret stands"};
  }
  return line;
}

std::string first_line_named(const table_reader& reader, const toml::node& node, const std::string& where) {
  const auto* path = node.as_string();
  if (path == nullptr) reader.refuse(node, where, "must be a file's path");
  try {
    return first_line_of(path->get());
  } catch (const bad_config& why) {
    reader.refuse(node, where, why.message);
  }
}

}  // namespace kith::cli
