// What the operator says of personal data: the purposes that it is processed for, and how long traits are kept.
//
// Thread safety: nothing of it changes once it is made; any thread may read.
#pragma once

#include <utility>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace kith::profile {

/// Why processing is lawful: GDPR, Article 6 (1).
enum class legal_basis : std::uint8_t {
  unsaid,
  consent,
  contract,
  legal_obligation,
  vital_interests,
  public_task,
  legitimate_interests
};
/// "legitimate_interests"; empty: unsaid.
std::string_view name_of(legal_basis basis) noexcept;
/// False if there is none of that name.
bool basis_named(std::string_view name, legal_basis& basis) noexcept;
/// All names, for people: with commas between.
std::string basis_list();

/// [consent.purposes.NAME]
struct purpose {
  std::string name;
  std::string description;
  bool granted_by_default = false;  ///< for those who have not said anything
  legal_basis basis = legal_basis::unsaid;
  bool gpc = false;  ///< Global Privacy Control denies it
};

/// [retention.traits] NAME = "30d"
struct trait_retention {
  std::string trait;
  std::int64_t keep_ms = 0;  ///< behind the time of the event that set it; over 0
  std::string path{};        ///< of the trait, as traits.hpp encodes it; set by privacy_rules
};

class privacy_rules {
 public:
  privacy_rules() = default;
  /// REQUIRES: no name is there twice.
  privacy_rules(std::vector<purpose> purposes, std::vector<trait_retention> traits);

  const std::vector<purpose>& purposes() const noexcept { return purposes_; }  ///< by name
  const purpose* find(std::string_view name) const noexcept;
  std::string purpose_list() const;  ///< names, for people

  const std::vector<trait_retention>& traits() const noexcept { return traits_; }  ///< by name
  bool forgets_traits() const noexcept { return !traits_.empty(); }
  /// Of what lies at a path of traits.hpp; 0: for ever.
  std::int64_t keep_ms(std::string_view path) const noexcept;

  /// Of all that decides outcomes; 0: there are no rules.
  std::uint64_t fingerprint() const noexcept { return fingerprint_; }

 private:
  std::vector<purpose> purposes_;
  std::vector<trait_retention> traits_;
  std::uint64_t fingerprint_ = 0;
};

}  // namespace kith::profile
