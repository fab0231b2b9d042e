#include "profile/segments/order.hpp"

#include <algorithm>
#include <functional>
#include <queue>

namespace kith::profile::segments {

namespace {

/// Follows from each that is left what it waits for, until the way meets itself.
std::vector<std::vector<std::uint32_t>> circles_of(const std::vector<std::vector<std::uint32_t>>& needs,
                                                   const std::vector<std::uint32_t>& waiting_for) {
  std::vector<std::vector<std::uint32_t>> circles;
  std::vector<std::uint32_t> way_of(needs.size());  // 0: not visited
  for (std::uint32_t start = 0; start < needs.size(); ++start) {
    if (waiting_for[start] == 0 || way_of[start] != 0) continue;
    std::vector<std::uint32_t> way;
    auto at = start;
    while (way_of[at] == 0) {
      way_of[at] = start + 1;
      way.push_back(at);
      at = *std::find_if(needs[at].begin(), needs[at].end(), [&](auto each) { return waiting_for[each] > 0; });
    }
    if (way_of[at] == start + 1) circles.emplace_back(std::find(way.begin(), way.end(), at), way.end());
  }
  return circles;
}

}  // namespace

evaluation_order order_of(const std::vector<std::vector<std::uint32_t>>& needs) {
  std::vector<std::vector<std::uint32_t>> dependents(needs.size());
  std::vector<std::uint32_t> waiting_for(needs.size());
  std::priority_queue<std::uint32_t, std::vector<std::uint32_t>, std::greater<>> ready;
  for (std::uint32_t i = 0; i < needs.size(); ++i) {
    for (const auto each : needs[i]) dependents[each].push_back(i);
    waiting_for[i] = static_cast<std::uint32_t>(needs[i].size());
    if (needs[i].empty()) ready.push(i);
  }
  evaluation_order made;
  while (!ready.empty()) {
    const auto next = ready.top();
    ready.pop();
    made.order.push_back(next);
    for (const auto each : dependents[next]) {
      if (--waiting_for[each] == 0) ready.push(each);
    }
  }
  if (made.order.size() < needs.size()) made.circles = circles_of(needs, waiting_for);
  return made;
}

}  // namespace kith::profile::segments
