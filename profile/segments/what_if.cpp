#include "profile/segments/what_if.hpp"

#include <algorithm>

#include "profile/segments/bounds.hpp"

namespace kith::profile::segments {

const std::vector<std::uint32_t>& what_if::closure_of(std::uint32_t definition) {
  if (closed_ == definition) return closure_;
  closed_ = definition;
  holds_.resize(with_.definitions.size());
  values_.resize(with_.definitions.size());
  closure_.clear();
  std::vector<std::uint32_t> waiting{definition};
  std::vector<char> seen(definition + 1);  // what is needed has lower indexes
  seen[definition] = 1;
  while (!waiting.empty()) {
    const auto next = waiting.back();
    waiting.pop_back();
    closure_.push_back(next);
    for (const auto each : with_.compiled[next].needs) {
      if (seen[each] == 0) waiting.push_back(each);
      seen[each] = 1;
    }
  }
  std::sort(closure_.begin(), closure_.end());
  return closure_;
}

bool what_if::holds_at(std::uint32_t segment, std::int64_t now_ms) {
  for (const auto each : closure_of(segment)) {
    const auto found = run_.judge(each, now_ms);
    holds_[each] = found.holds ? 1 : 0;
    values_[each] = found.value;
    erred_ = found.is_error;  // the segment is the last one
  }
  return holds_[segment] != 0;
}

std::optional<std::int64_t> what_if::changes_after(std::uint32_t segment, std::int64_t now_ms) {
  const auto& closure = closure_of(segment);
  const bool is_timed =
      std::any_of(closure.begin(), closure.end(), [&](auto each) { return with_.compiled[each].is_timed; });
  if (!is_timed) return std::nullopt;
  const bool before = holds_at(segment, now_ms);
  auto at = now_ms;
  for (std::size_t step = 0; step < bounds::search_steps; ++step) {
    auto next = INT64_MAX;
    for (const auto each : closure) next = std::min(next, run_.next_expiry(each, at));
    if (next == INT64_MAX) return std::nullopt;
    at = next;
    if (holds_at(segment, at) != before) return at;
  }
  return std::nullopt;
}

}  // namespace kith::profile::segments
