#include "profile/cel/diagnostic.hpp"

#include <algorithm>
#include <vector>

namespace kith::profile::cel {

namespace {

std::size_t code_points(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0U) != 0x80; }));
}

std::size_t begin_of_line(std::string_view source, std::size_t offset) {
  const auto newline = source.substr(0, offset).rfind('\n');
  return newline == std::string_view::npos ? 0 : newline + 1;
}

constexpr std::size_t longest_shown = 200;  // bytes of a line before and behind the place

}  // namespace

std::string diagnostic::text() const {
  auto out = std::to_string(line) + ":" + std::to_string(column) + ": " + message;
  if (!mend.empty()) out += "; " + mend;
  return out;
}

std::string diagnostic::text_with_caret(std::string_view source) const {
  const auto at = std::min(where.begin, source.size());
  auto begin = begin_of_line(source, at);
  if (at - begin > longest_shown) begin = at - longest_shown;
  auto end = std::min(source.find('\n', at), source.size());
  end = std::min(end, at + longest_shown);
  const auto marked =
      std::max<std::size_t>(code_points(source.substr(at, std::min(where.end, end) - std::min(at, end))), 1);
  std::string out = text() + "\n  ";
  for (const char c : source.substr(begin, end - begin)) out += c == '\t' || c == '\r' ? ' ' : c;
  out += "\n  " + std::string(code_points(source.substr(begin, at - begin)), ' ') + "^";
  return out + std::string(marked - 1, '~');
}

diagnostic diagnose(std::string_view source, range where, std::string message, std::string mend) {
  where.begin = std::min(where.begin, source.size());
  where.end = std::clamp(where.end, where.begin, source.size());
  diagnostic made{where, 1, 1, std::move(message), std::move(mend)};
  const auto before = source.substr(0, where.begin);
  made.line = 1 + static_cast<std::size_t>(std::count(before.begin(), before.end(), '\n'));
  made.column = 1 + code_points(before.substr(begin_of_line(source, where.begin)));
  return made;
}

std::size_t edit_distance(std::string_view left, std::string_view right) {
  std::vector<std::size_t> row(right.size() + 1);
  for (std::size_t i = 0; i < row.size(); ++i) row[i] = i;
  for (std::size_t i = 0; i < left.size(); ++i) {
    auto diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < right.size(); ++j) {
      const auto above = row[j + 1];
      row[j + 1] = std::min({above + 1, row[j] + 1, diagonal + (left[i] == right[j] ? 0 : 1)});
      diagonal = above;
    }
  }
  return row.back();
}

}  // namespace kith::profile::cel
