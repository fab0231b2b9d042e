#include "ingest/schema/registry.hpp"

#include <algorithm>

namespace kith::ingest::schema {

const known_schema* event_schemas::find(std::uint32_t version) const noexcept {
  const auto found = std::find_if(versions.begin(), versions.end(),
                                  [&](const known_schema& each) { return each.what->version() == version; });
  return found == versions.end() ? nullptr : &*found;
}

schema_set::schema_set(settings modes, std::vector<known_schema> all) : modes_(std::move(modes)) {
  for (auto& each : all) by_event_[each.what->event()].versions.push_back(std::move(each));
  for (auto& [event, schemas] : by_event_) {
    std::sort(schemas.versions.begin(), schemas.versions.end(),
              [](const known_schema& a, const known_schema& b) { return a.what->version() < b.what->version(); });
  }
  const auto may_hold_back = [](mode of_unknown) { return of_unknown != mode::allow; };
  judges_ = !by_event_.empty() || may_hold_back(modes_.unknown) ||
            std::any_of(modes_.sources.begin(), modes_.sources.end(),
                        [&](const auto& each) { return may_hold_back(each.second.unknown.value_or(mode::allow)); });
}

const event_schemas* schema_set::find(std::string_view event) const noexcept {
  const auto found = by_event_.find(event);
  return found == by_event_.end() ? nullptr : &found->second;
}

std::vector<std::string> schema_set::events() const {
  std::vector<std::string> names;
  for (const auto& [event, schemas] : by_event_) names.push_back(event);
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<known_schema> schema_set::all() const {
  std::vector<known_schema> all;
  for (const auto& event : events()) {
    const auto& versions = find(event)->versions;
    all.insert(all.end(), versions.begin(), versions.end());
  }
  return all;
}

std::shared_ptr<const schema_set> registry::current() const {
  const std::lock_guard lock(mutex_);
  return current_;
}

void registry::replace(std::shared_ptr<const schema_set> with) {
  const std::lock_guard lock(mutex_);
  current_ = std::move(with);
  generation_.fetch_add(1, std::memory_order_release);
}

}  // namespace kith::ingest::schema
