// What a catalog is inside: compiled definitions, the aggregates they read, and who reads what.
//
// Invariants: a definition's `needs` have lower indexes. Aggregates of one event name stand together, sorted by key.
// Thread safety: immutable once made.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "profile/cel/ast.hpp"
#include "profile/cel/environment.hpp"
#include "profile/cel/program.hpp"
#include "profile/privacy_rules.hpp"
#include "profile/segments/aggregate.hpp"
#include "profile/segments/catalog.hpp"

namespace kith::profile::segments {

/// Variables of expressions, by the index that the environment gives them.
enum class variable_index : std::uint32_t { traits, ids, consent, context };
const cel::environment& expression_names();

/// What a slot of an expression reads.
struct slot {
  enum class source : std::uint8_t { counter, aggregate, segment, computed, has_computed };
  source from = source::counter;
  function ends = function::count;
  std::uint32_t index = 0;     ///< counter: of names; aggregate: of aggregates; else: of definitions
  std::uint32_t name = 0;      ///< of names, for counter and aggregate
  std::int64_t window_ms = 0;  ///< 0: none
};

struct compiled_definition {
  std::uint64_t key = 0;  ///< segment_key(name)
  cel::ast tree;          ///< with slots
  std::optional<cel::program> run;
  std::vector<slot> slots;
  std::vector<std::uint32_t> needs;       ///< definitions that it reads, sorted
  std::vector<std::uint32_t> dependents;  ///< definitions that read it, sorted
  bool is_timed = false;                  ///< reads a window itself
  bool is_gated = false;                  ///< has a purpose
};

/// An event name that definitions read.
struct named_event {
  std::string name;
  std::uint64_t hash = 0;
  std::uint32_t first_aggregate = 0;
  std::uint32_t end_aggregate = 0;
  std::vector<std::uint32_t> readers;  ///< definitions, sorted
};

/// A condition of where(), run once an event however many aggregates share it.
struct predicate {
  std::string text;  ///< canonical
  cel::program run;
};

struct text_hash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>{}(text); }
};
template <class T>
using by_text = std::unordered_map<std::string, T, text_hash, std::equal_to<>>;

struct catalog::body {
  std::vector<definition> definitions;  ///< in the order of evaluation
  std::vector<compiled_definition> compiled;
  std::vector<aggregate> aggregates;
  std::vector<predicate> predicates;
  std::vector<named_event> names;
  std::unordered_map<std::uint64_t, std::uint32_t> names_by_hash;

  std::array<by_text<std::uint32_t>, 2> by_name;  ///< of a definition_kind
  std::vector<std::uint32_t> computed_by_name;    ///< sorted by name
  std::vector<std::uint64_t> computed_keys;       ///< sorted
  std::vector<std::uint32_t> computed_places;     ///< of each of the keys, in computed_by_name
  std::vector<std::uint64_t> segment_keys;        ///< sorted
  by_text<std::vector<std::uint32_t>> trait_readers;
  std::vector<std::uint32_t> all_trait_readers;
  std::vector<std::uint32_t> id_readers;
  std::vector<std::uint32_t> consent_readers;
  std::shared_ptr<const privacy_rules> rules;  ///< never null
  std::uint64_t fingerprint = 0;

  const named_event* named(std::uint64_t name_hash) const noexcept {
    const auto found = names_by_hash.find(name_hash);
    return found == names_by_hash.end() ? nullptr : &names[found->second];
  }
};

std::uint64_t hash_of_name(std::string_view event_name) noexcept;

}  // namespace kith::profile::segments
