#include "admin/member_history.hpp"

#include <algorithm>

#include "profile/segments/catalog.hpp"
#include "profile/segments/standing.hpp"

namespace kith::admin {

bool member_history::is_due(std::int64_t now_ms) const {
  const std::lock_guard lock(mutex_);
  const bool watched = noticed_ms_ != 0 && now_ms - noticed_ms_ < interest.count();
  const auto age_ms = now_ms - tried_ms_;
  return tried_ms_ == 0 || age_ms < 0 || age_ms >= (watched ? often : seldom).count();
}

void member_history::noticed(std::int64_t now_ms) {
  const std::lock_guard lock(mutex_);
  noticed_ms_ = now_ms;
}

void member_history::look(std::int64_t now_ms) {
  if (service_.state().now != actors::phase::ready || !is_due(now_ms)) return;
  sample made{now_ms, {}};
  const auto definitions = service_.definitions();
  const auto counts = definitions == nullptr || definitions->empty() ? fail(errc::not_found, "there are no segments")
                                                                     : service_.member_counts();
  for (std::size_t i = 0; counts && i < definitions->definitions().size() && made.members.size() < segments; ++i) {
    const auto& each = definitions->definitions()[i];
    if (each.kind != profile::segments::definition_kind::segment) continue;
    const auto key = profile::segments::segment_key(each.name);
    const auto found = counts->find(key);
    made.members.emplace_back(key, found == counts->end() ? 0 : found->second);
  }
  std::sort(made.members.begin(), made.members.end());
  const std::lock_guard lock(mutex_);
  tried_ms_ = now_ms;
  if (!counts) return;
  // A clock that went back must not keep what it shows as the future.
  while (!samples_.empty() && samples_.back().at_ms >= now_ms) samples_.pop_back();
  samples_.push_back(std::move(made));
  while (samples_.size() > most_samples || samples_.front().at_ms <= now_ms - kept.count()) samples_.pop_front();
}

std::vector<member_history::point> member_history::of(std::string_view segment, std::int64_t since_ms) const {
  const auto key = profile::segments::segment_key(segment);
  std::vector<point> made;
  const std::lock_guard lock(mutex_);
  for (const auto& each : samples_) {
    if (each.at_ms < since_ms) continue;
    const auto found = std::lower_bound(each.members.begin(), each.members.end(), std::pair(key, std::uint64_t{0}));
    if (found != each.members.end() && found->first == key) made.push_back({each.at_ms, found->second});
  }
  return made;
}

}  // namespace kith::admin
