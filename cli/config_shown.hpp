// The configuration for who debugs a server: as it holds, without what is secret.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "cli/config.hpp"

namespace kith::cli {

/// {effective: what the most asked for comes to, with flags and defaults; file: its path, or null; settings: what
/// stands in the file}. Of texts only those are shown of which it is known that they hold no secret, the rest as
/// "(hidden)"; so a new key that holds none is to be named there. Errors: as of load_config.
result<nlohmann::json> shown_config(const config& of, const std::string& file);

}  // namespace kith::cli
