#include "profile/privacy_rules.hpp"

#include <algorithm>
#include <array>

#include "profile/bytes.hpp"
#include "profile/hash.hpp"
#include "profile/traits.hpp"

namespace kith::profile {

namespace {

constexpr std::array<std::string_view, 7> basis_names = {
    "", "consent", "contract", "legal_obligation", "vital_interests", "public_task", "legitimate_interests"};

std::string listed(const std::vector<std::string_view>& names) {
  std::string all;
  for (const auto name : names) all.append(all.empty() ? "" : ", ").append(name);
  return all;
}

}  // namespace

std::string_view name_of(legal_basis basis) noexcept { return basis_names[static_cast<std::size_t>(basis)]; }

bool basis_named(std::string_view name, legal_basis& basis) noexcept {
  const auto found = std::find(basis_names.begin() + 1, basis_names.end(), name);
  if (found == basis_names.end()) return false;
  basis = static_cast<legal_basis>(found - basis_names.begin());
  return true;
}

std::string basis_list() { return listed({basis_names.begin() + 1, basis_names.end()}); }

privacy_rules::privacy_rules(std::vector<purpose> purposes, std::vector<trait_retention> traits)
    : purposes_(std::move(purposes)), traits_(std::move(traits)) {
  const auto by_name = [](const purpose& left, const purpose& right) { return left.name < right.name; };
  std::sort(purposes_.begin(), purposes_.end(), by_name);
  const auto by_trait = [](const trait_retention& left, const trait_retention& right) {
    return left.trait < right.trait;
  };
  std::sort(traits_.begin(), traits_.end(), by_trait);
  if (purposes_.empty() && traits_.empty()) return;
  std::string text = "kith privacy rules 1";
  for (const auto& each : purposes_) {
    put_text<std::uint32_t>(text, each.name);
    put(text, each.granted_by_default);
    put(text, each.basis);
    put(text, each.gpc);
  }
  for (auto& each : traits_) {
    each.path = traits::path_of(each.trait);
    put_text<std::uint32_t>(text, each.trait);
    put(text, each.keep_ms);
  }
  fingerprint_ = std::max<std::uint64_t>(hash_of(text).low, 1);
}

const purpose* privacy_rules::find(std::string_view name) const noexcept {
  const auto found = std::lower_bound(purposes_.begin(), purposes_.end(), name,
                                      [](const purpose& each, std::string_view than) { return each.name < than; });
  return found == purposes_.end() || found->name != name ? nullptr : &*found;
}

std::string privacy_rules::purpose_list() const {
  std::vector<std::string_view> names;
  for (const auto& each : purposes_) names.push_back(each.name);
  return listed(names);
}

std::int64_t privacy_rules::keep_ms(std::string_view path) const noexcept {
  for (const auto& each : traits_) {
    if (path.starts_with(each.path)) return each.keep_ms;
  }
  return 0;
}

}  // namespace kith::profile
