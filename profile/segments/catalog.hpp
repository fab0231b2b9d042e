// All definitions together, compiled: what each reads, in which order they are evaluated, and which of them an event or
// the passing of time can affect.
//
// Invariants: immutable once made; shared by all shards. definitions() stand in the order of evaluation: what a
// definition depends on (in_segment, computed) comes before it.
// Thread safety: all of it, from any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "profile/segments/definition.hpp"

namespace kith::profile {
class privacy_rules;
}

namespace kith::profile::segments {

class catalog {
 public:
  catalog();  ///< of nothing

  /// Every problem of every definition at once: syntax, types, unknown or circular references, unknown purposes,
  /// hostile size. `rules`: null: there are none, and whether purposes are configured is not known.
  static tl::expected<std::shared_ptr<const catalog>, std::vector<problem>> make(
      std::vector<definition> definitions, std::shared_ptr<const privacy_rules> rules = nullptr);

  std::span<const definition> definitions() const noexcept;
  /// Index into definitions().
  std::optional<std::uint32_t> find(definition_kind kind, std::string_view name) const noexcept;
  bool empty() const noexcept { return definitions().empty(); }
  /// Does a profile stand otherwise as time passes or with events, by a definition or by a trait that is forgotten?
  bool needs_standing() const noexcept;
  const privacy_rules& rules() const noexcept { return *shared_rules(); }
  const std::shared_ptr<const privacy_rules>& shared_rules() const noexcept;  ///< never null
  /// One definition with those that it depends on, and no others.
  std::shared_ptr<const catalog> needed_by(std::uint32_t definition) const;
  /// Of all that decides outcomes, so that a profile knows whether it was evaluated with these definitions; 0: no
  /// standing is needed.
  std::uint64_t fingerprint() const noexcept;

  struct body;
  const body& inside() const noexcept { return *body_; }

 private:
  std::shared_ptr<const body> body_;
};

}  // namespace kith::profile::segments
