#include <utility>
#include <array>
#include <charconv>

#include "profile/segments/bounds.hpp"
#include "profile/segments/chain.hpp"

namespace kith::profile::segments {

namespace {

using unit = std::pair<std::string_view, std::int64_t>;
constexpr std::array<unit, 6> units = {
    {{"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}, {"w", 7 * 86'400'000LL}}};

/// Words for units, with the unit's letters.
constexpr std::array<std::pair<std::string_view, std::string_view>, 13> words = {{{"millisecond", "ms"},
                                                                                  {"milli", "ms"},
                                                                                  {"second", "s"},
                                                                                  {"sec", "s"},
                                                                                  {"minute", "m"},
                                                                                  {"min", "m"},
                                                                                  {"hour", "h"},
                                                                                  {"hr", "h"},
                                                                                  {"day", "d"},
                                                                                  {"week", "w"},
                                                                                  {"wk", "w"},
                                                                                  {"D", "d"},
                                                                                  {"H", "h"}}};

/// Splits "7d" into 7 and "d"; -1 if it does not begin with a number.
std::int64_t number_of(std::string_view text, std::string_view& rest) noexcept {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || number < 0) return -1;
  rest = text.substr(static_cast<std::size_t>(end - text.data()));
  return number;
}

}  // namespace

std::int64_t parse_window(std::string_view text) noexcept {
  std::string_view rest;
  const auto number = number_of(text, rest);
  for (const auto& [letters, ms] : units) {
    if (rest != letters || number <= 0) continue;
    if (number > bounds::greatest_window_ms / ms) return bounds::greatest_window_ms + 1;
    return number * ms;
  }
  return 0;
}

std::string mend_window(std::string_view text) {
  std::string_view rest;
  const auto number = number_of(text, rest);
  if (number <= 0) return {};
  while (!rest.empty() && rest.front() == ' ') rest.remove_prefix(1);
  while (!rest.empty() && rest.back() == ' ') rest.remove_suffix(1);
  for (const auto& each : units) {
    if (rest == each.first) return std::to_string(number) + std::string(rest);
  }
  for (const auto& [word, letters] : words) {
    if (rest == word || rest == std::string(word) + "s") return std::to_string(number) + std::string(letters);
  }
  constexpr std::array<std::pair<std::string_view, int>, 3> longer = {{{"month", 30}, {"quarter", 91}, {"year", 365}}};
  for (const auto& [word, days] : longer) {
    if ((rest == word || rest == std::string(word) + "s") && number <= 1000) return std::to_string(number * days) + "d";
  }
  return {};
}

}  // namespace kith::profile::segments
