// How definitions are written down in DATA/segments.json.
#pragma once

#include <utility>
#include <map>
#include <string>
#include <string_view>

#include "profile/result.hpp"
#include "profile/segments/definition.hpp"

namespace kith::admin {

using profile::segments::definition_kind;

/// "segment" or "computed".
std::string_view name_of(definition_kind kind) noexcept;

struct kept_definition {
  profile::segments::definition what;
  bool from_config = false;

  friend bool operator==(const kept_definition&, const kept_definition&) = default;
};

/// By kind and name.
using definition_table = std::map<std::pair<definition_kind, std::string>, kept_definition>;

std::string write_definitions(const definition_table& of);
/// Errors: invalid_argument, naming `path` and what is wrong.
result<definition_table> read_definitions(std::string_view text, const std::string& path);

}  // namespace kith::admin
