// How definitions are written down in DATA/segments.json.
#pragma once

#include <utility>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "profile/result.hpp"
#include "profile/segments/definition.hpp"

namespace kith::admin {

using profile::segments::definition_kind;

/// "segment" or "computed".
std::string_view name_of(definition_kind kind) noexcept;

/// Why a definition is not evaluated.
struct disablement {
  std::string reason;
  std::string error;  ///< what its expression came to
  std::int64_t since_ms = 0;

  friend bool operator==(const disablement&, const disablement&) = default;
};

struct kept_definition {
  profile::segments::definition what;
  bool from_config = false;
  std::optional<disablement> disabled{};

  friend bool operator==(const kept_definition&, const kept_definition&) = default;
};

/// By kind and name.
using definition_table = std::map<std::pair<definition_kind, std::string>, kept_definition>;

nlohmann::json to_json(const disablement& of);
std::string write_definitions(const definition_table& of);
/// Errors: invalid_argument, naming `path` and what is wrong.
result<definition_table> read_definitions(std::string_view text, const std::string& path);

}  // namespace kith::admin
