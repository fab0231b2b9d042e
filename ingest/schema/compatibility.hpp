// Whether a new version of a schema fits an old one: which documents that one takes the other takes too.
//
// The answer is conservative: what cannot be shown is told as an incompatibility. What is never told is that versions
// fit which do not (tests/ingest/compatibility_test.cpp holds it as a law).
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ingest/schema/schema.hpp"

namespace kith::ingest::schema {

/// Of a new version with the newest before it.
enum class compatibility : unsigned char {
  none,      ///< not asked for
  backward,  ///< what is valid under the old one is valid under the new one: those who read by the new read old events
  forward,   ///< what is valid under the new one is valid under the old one: those who read by the old read new events
  full,      ///< both
};

/// "none", "backward", "forward" or "full".
std::string_view name_of(compatibility kind) noexcept;
std::optional<compatibility> parse_compatibility(std::string_view name) noexcept;

struct incompatibility {
  compatibility of = compatibility::backward;  ///< backward or forward
  std::string pointer;                         ///< into the value that is described, "*" for any item
  std::string reason;

  friend bool operator==(const incompatibility&, const incompatibility&) = default;
};

namespace bounds {
inline constexpr std::size_t comparisons = 20'000;  ///< of subschemas, for one answer
inline constexpr std::size_t incompatibilities = 100;
}  // namespace bounds

/// Empty: `newer` fits `older` as `wanted` asks.
std::vector<incompatibility> find_incompatibilities(const schema& older, const schema& newer, compatibility wanted);

}  // namespace kith::ingest::schema
