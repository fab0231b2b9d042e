// JSON text as MessagePack.
#pragma once

#include <string>
#include <string_view>

#include "profile/result.hpp"

namespace kith::profile {

/// Any JSON value, nested up to limits::max_nesting levels. Texts are UTF-8; a key that is there twice counts with its
/// last value; integers over 64 bits become doubles. Errors: invalid_argument, beginning with `what` ("event"), with
/// the byte at which it is no JSON.
result<std::string> msgpack_from_json(std::string_view json, std::string_view what);

}  // namespace kith::profile
