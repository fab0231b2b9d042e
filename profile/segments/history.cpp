#include "profile/segments/history.hpp"

#include <algorithm>

#include "profile/segments/aggregates.hpp"

namespace kith::profile::segments {

std::vector<std::uint64_t> missing_aggregates(const profile& of, const catalog& with) {
  return aggregates::missing(of.inside(), with.inside());
}

std::vector<std::string_view> event_names(const catalog& with, std::span<const std::uint64_t> keys) {
  const auto& inside = with.inside();
  std::vector<std::string_view> names;
  for (const auto& name : inside.names) {
    const auto begin = inside.aggregates.begin() + name.first_aggregate;
    const auto end = inside.aggregates.begin() + name.end_aggregate;
    const bool asked = std::any_of(
        begin, end, [&](const aggregate& each) { return std::find(keys.begin(), keys.end(), each.key) != keys.end(); });
    if (asked) names.emplace_back(name.name);
  }
  return names;
}

}  // namespace kith::profile::segments
