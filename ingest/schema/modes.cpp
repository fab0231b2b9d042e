#include "ingest/schema/modes.hpp"

#include <array>

namespace kith::ingest::schema {

namespace {

constexpr std::array<std::string_view, mode_count> mode_names = {"allow", "quarantine", "reject"};

}  // namespace

std::string_view name_of(mode one) noexcept { return mode_names[static_cast<std::size_t>(one)]; }

std::optional<mode> parse_mode(std::string_view name) noexcept {
  for (std::size_t i = 0; i < mode_names.size(); ++i) {
    if (mode_names[i] == name) return static_cast<mode>(i);
  }
  return std::nullopt;
}

mode settings::of_invalid(std::string_view source, std::string_view event) const noexcept {
  if (const auto of = sources.find(source); of != sources.end()) {
    if (const auto said = of->second.events.find(event); said != of->second.events.end()) return said->second;
    if (of->second.invalid) return *of->second.invalid;
  }
  const auto said = events.find(event);
  return said == events.end() ? invalid : said->second;
}

mode settings::of_unknown(std::string_view source) const noexcept {
  const auto of = sources.find(source);
  return of == sources.end() ? unknown : of->second.unknown.value_or(unknown);
}

}  // namespace kith::ingest::schema
