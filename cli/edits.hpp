// What a command line or a file says of a JSON value that is to be changed.
//
// Thread safety: all of it; values.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "profile/result.hpp"

namespace kith::cli {

/// Puts `PATH=VALUE` into a JSON object. PATH is keys with dots between them, whole numbers for elements of an array
/// that are there; objects on the way are made. Within a key a dot, an = or a backslash has a backslash before it.
/// VALUE is JSON where it is some (12.5, true, null, {"a": 1}, "7"), else text. Errors: invalid_argument, with what is
/// wrong in it.
result<void> put_in(nlohmann::json& object, std::string_view assignment);

/// All of a file; "-" is standard input. Errors: invalid_argument (it cannot be read), too_large (over 4 MiB).
result<std::string> read_text(const std::string& file);

}  // namespace kith::cli
