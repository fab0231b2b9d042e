// Whose user agent is a crawler's. Crawlers name themselves, as those of search engines, monitors, previews and
// archives do; who pretends to be a browser is not found.
//
// Thread safety: all of it; a list does not change.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "profile/result.hpp"

namespace re2 {
class RE2;
}

namespace kith::ingest {

/// ingest/crawlers/patterns.txt; built in by CMake.
std::string_view built_in_crawlers();

class crawler_list {
 public:
  static constexpr std::size_t most_bytes = std::size_t{4} << 20;  ///< of a text
  static constexpr std::size_t most_patterns = 20'000;
  static constexpr std::size_t most_pattern_bytes = 512;

  ~crawler_list();
  crawler_list(const crawler_list&) = delete;
  crawler_list& operator=(const crawler_list&) = delete;

  /// `text`: JSON as crawler-user-agents has it, `[{"pattern": "Googlebot\\/", …}, …]`, or a pattern a line, where one
  /// that begins with # is a comment. Patterns are RE2's, and found anywhere. Errors: invalid_argument, naming the
  /// pattern; too_large.
  static result<std::shared_ptr<const crawler_list>> make(std::string_view text);
  /// The list of the release, and beside it some words that crawlers have in their names.
  static const std::shared_ptr<const crawler_list>& built_in();

  bool knows(std::string_view user_agent) const;

 private:
  explicit crawler_list(const std::string& any_of_them);

  std::unique_ptr<const re2::RE2> names_;
};

}  // namespace kith::ingest
