// Columns for people: as wide as their widest entry, two blanks apart.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

namespace kith::cli {

/// Characters of UTF-8.
inline std::size_t width_of(const std::string& text) {
  return static_cast<std::size_t>(std::count_if(
      text.begin(), text.end(), [](char each) { return (static_cast<unsigned char>(each) & 0xC0) != 0x80; }));
}

/// What a terminal would obey is not printed: control characters, also U+0080 to U+009F, are question marks.
inline std::string printable(const std::string& text) {
  std::string made;
  made.reserve(text.size());
  for (std::size_t at = 0; at < text.size(); ++at) {
    const auto byte = static_cast<unsigned char>(text[at]);
    const auto next = at + 1 < text.size() ? static_cast<unsigned char>(text[at + 1]) : 0U;
    const bool is_c1 = byte == 0xC2 && next >= 0x80 && next <= 0x9F;
    made += is_c1 || byte < 0x20 || byte == 0x7F ? '?' : text[at];
    if (is_c1) ++at;
  }
  return made;
}

/// The first row is the heading. Nothing is filled up behind the last column. REQUIRES: rows of one length.
inline std::string table_text(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths(rows.empty() ? 0 : rows.front().size());
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width_of(row[i]));
  }
  std::string text;
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      text += row[i];
      if (i + 1 < row.size()) text.append(widths[i] - width_of(row[i]) + 2, ' ');
    }
    text += '\n';
  }
  return text;
}

}  // namespace kith::cli
