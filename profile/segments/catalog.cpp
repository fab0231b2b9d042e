#include "profile/segments/catalog.hpp"

#include "profile/hash.hpp"
#include "profile/segments/maker.hpp"

namespace kith::profile::segments {

const cel::environment& expression_names() {
  static const auto names = [] {
    cel::environment made;
    made.with("traits", "map(string, dyn)").with("ids", "map(string, dyn)").with("consent", "map(string, dyn)");
    // The last is for what the checker proposes: its uses are slots.
    made.with("context", "map(string, dyn)").with("computed", "map(string, dyn)");
    made.with_function("in_segment(string) -> bool").with_function("events(string) -> events");
    return made;
  }();
  return names;
}

std::uint64_t hash_of_name(std::string_view event_name) noexcept { return hash_of(event_name).low; }

catalog::catalog() {
  auto nothing = std::make_shared<body>();
  nothing->rules = std::make_shared<const privacy_rules>();
  body_ = std::move(nothing);
}

tl::expected<std::shared_ptr<const catalog>, std::vector<problem>> catalog::make(
    std::vector<definition> definitions, std::shared_ptr<const privacy_rules> rules) {
  maker work(std::move(definitions), std::move(rules));
  auto body = work.make();
  if (body == nullptr) return tl::make_unexpected(std::move(work.problems()));
  auto made = std::make_shared<catalog>();
  made->body_ = std::move(body);
  return made;
}

std::span<const definition> catalog::definitions() const noexcept { return body_->definitions; }

std::optional<std::uint32_t> catalog::find(definition_kind kind, std::string_view name) const noexcept {
  const auto& names = body_->by_name[static_cast<std::size_t>(kind)];
  const auto found = names.find(name);
  if (found == names.end()) return std::nullopt;
  return found->second;
}

std::shared_ptr<const catalog> catalog::needed_by(std::uint32_t definition) const {
  std::vector<char> is_needed(definition + 1);  // what is needed has lower indexes
  is_needed[definition] = 1;
  std::vector<segments::definition> needed;
  for (auto i = definition + 1; i-- > 0;) {
    if (is_needed[i] == 0) continue;
    needed.push_back(body_->definitions[i]);
    for (const auto each : body_->compiled[i].needs) is_needed[each] = 1;
  }
  return make(std::move(needed), body_->rules).value();  // they compile together with more
}

bool catalog::needs_standing() const noexcept { return !empty() || rules().forgets_traits(); }

const std::shared_ptr<const privacy_rules>& catalog::shared_rules() const noexcept { return body_->rules; }

std::uint64_t catalog::fingerprint() const noexcept { return body_->fingerprint; }

}  // namespace kith::profile::segments
