#include "ingest/crawlers.hpp"

#include <algorithm>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <re2/re2.h>
#include <vector>

namespace kith::ingest {

namespace {

constexpr std::int64_t automaton_bytes = std::int64_t{64} << 20;  ///< at most; what user agents need of it is made
constexpr std::size_t longest_agent = 1024;                       ///< browsers' have 100 to 300 bytes

/// "Googlebot/2.1", "facebookexternalhit/1.1", "UptimeRobot/2.0": for those that no list has yet.
constexpr std::string_view usual_words =
    "(?i:[a-z]{3}bot[-_/"
    ";)]|robot|\\bbot\\b|crawl|spider|slurp|archiver|externalhit|externalagent|mediapartners|adsbot|lighthouse|"
    "pingdom|uptime|monitor[/ ]|preview|validator|scan(?:ner)?[/ ]|feedfetcher|python-requests|\\bcurl/|\\bwget/)";

re2::RE2::Options options_of(std::int64_t bytes) {
  re2::RE2::Options made(re2::RE2::Quiet);
  made.set_never_capture(true);
  made.set_max_mem(bytes);
  return made;
}

tl::unexpected<error> refused(const std::string& why) { return fail(errc::invalid_argument, why); }

result<std::vector<std::string>> patterns_of_json(std::string_view text) {
  const auto list = nlohmann::json::parse(text, nullptr, false);
  if (!list.is_array()) return refused("is no JSON array, as crawler-user-agents.json is one");
  std::vector<std::string> made;
  for (const auto& each : list) {
    if (!each.is_object() || !each.contains("pattern") || !each["pattern"].is_string()) {
      return refused("entry " + std::to_string(made.size()) + " has no \"pattern\" that is a string");
    }
    made.push_back(each["pattern"].get<std::string>());
  }
  return made;
}

std::vector<std::string> patterns_of_lines(std::string_view text) {
  std::vector<std::string> made;
  while (!text.empty()) {
    auto line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (!line.empty() && line.front() != '#') made.emplace_back(line);
  }
  return made;
}

/// Sorted, those that begin alike share what they begin with in the automaton.
std::string any_of(std::vector<std::string> patterns) {
  std::sort(patterns.begin(), patterns.end());
  std::string made;
  for (const auto& each : patterns) made += (made.empty() ? "" : "|") + each;
  return made;
}

result<void> check(const std::vector<std::string>& patterns) {
  if (patterns.empty()) return refused("holds no pattern; crawlers = \"allow\" lets all crawlers through");
  if (patterns.size() > crawler_list::most_patterns)
    return fail(errc::too_large, "holds over " + std::to_string(crawler_list::most_patterns) + " patterns");
  for (const auto& each : patterns) {
    if (each.size() > crawler_list::most_pattern_bytes)
      return fail(errc::too_large, "the pattern \"" + each.substr(0, 60) + "…\" is over " +
                                       std::to_string(crawler_list::most_pattern_bytes) + " bytes long");
    const re2::RE2 one(each, options_of(1 << 20));
    if (!one.ok()) return refused("the pattern \"" + each + "\": " + one.error());
    if (re2::RE2::PartialMatch("", one)) return refused("the pattern \"" + each + "\" fits every user agent");
  }
  return {};
}

}  // namespace

crawler_list::crawler_list(const std::string& any_of_them)
    : names_(std::make_unique<const re2::RE2>(any_of_them, options_of(automaton_bytes))) {}

crawler_list::~crawler_list() = default;

result<std::shared_ptr<const crawler_list>> crawler_list::make(std::string_view text) {
  if (text.size() > most_bytes) return fail(errc::too_large, "is over " + std::to_string(most_bytes) + " bytes long");
  const auto first = text.find_first_not_of(" \t\r\n");
  const bool is_json = first != std::string_view::npos && text[first] == '[';
  auto patterns = is_json ? patterns_of_json(text) : patterns_of_lines(text);
  if (!patterns) return tl::make_unexpected(std::move(patterns.error()));
  if (auto good = check(*patterns); !good) return tl::make_unexpected(std::move(good.error()));
  std::shared_ptr<const crawler_list> made(new crawler_list(any_of(std::move(*patterns))));
  if (!made->names_->ok()) return fail(errc::too_large, "the patterns together: " + made->names_->error());
  return made;
}

const std::shared_ptr<const crawler_list>& crawler_list::built_in() {
  static const std::shared_ptr<const crawler_list> all = [] {
    std::shared_ptr<const crawler_list> made(
        new crawler_list(std::string(usual_words) + "|" + any_of(patterns_of_lines(built_in_crawlers()))));
    if (!made->names_->ok()) std::abort();
    return made;
  }();
  return all;
}

bool crawler_list::knows(std::string_view user_agent) const {
  user_agent = user_agent.substr(0, longest_agent);
  return re2::RE2::PartialMatch({user_agent.data(), user_agent.size()}, *names_);
}

}  // namespace kith::ingest
