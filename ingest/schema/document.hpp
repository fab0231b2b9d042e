// JSON that comes in from outside, read within bounds.
#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <string_view>

#include "profile/result.hpp"

namespace kith::ingest::schema {

namespace bounds {
inline constexpr std::size_t document_bytes = 64 * 1024;
inline constexpr std::size_t document_nesting = 64;
}  // namespace bounds

/// How deep the arrays and objects of JSON text nest, without parsing it.
std::size_t nesting_of(std::string_view json) noexcept;

/// JSON text as a document within the bounds on bytes and nesting. Errors: invalid_argument, too_large.
result<nlohmann::json> read_document(std::string_view text);

}  // namespace kith::ingest::schema
