// What becomes of events that do not fit their schema, or have none.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "ingest/schema/compatibility.hpp"

namespace kith::ingest::schema {

enum class mode : unsigned char {
  allow,       ///< it is applied, and counted
  quarantine,  ///< it is kept as a dead letter, and may be replayed
  reject,      ///< it is refused
};
inline constexpr std::size_t mode_count = 3;

/// "allow", "quarantine" or "reject".
std::string_view name_of(mode one) noexcept;
std::optional<mode> parse_mode(std::string_view name) noexcept;

using event_modes = std::map<std::string, mode, std::less<>>;  ///< by event name

/// What a source has otherwise: [sources.NAME.schemas].
struct source_modes {
  std::optional<mode> invalid;
  std::optional<mode> unknown;
  event_modes events;

  friend bool operator==(const source_modes&, const source_modes&) = default;
};

/// The table [schemas], and those of the sources.
struct settings {
  std::string directory;  ///< of schemas in files; empty: there are none
  mode invalid = mode::allow;
  mode unknown = mode::allow;  ///< of track events without a schema
  compatibility required = compatibility::backward;
  event_modes events;
  std::map<std::string, source_modes, std::less<>> sources;

  /// Of an event that does not fit its schema. The first that is said: the source's for the event, the source's, that
  /// for the event, the usual one.
  mode of_invalid(std::string_view source, std::string_view event) const noexcept;
  mode of_unknown(std::string_view source) const noexcept;
};

}  // namespace kith::ingest::schema
