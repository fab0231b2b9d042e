// A JSON Schema as it is registered, checked keyword by keyword and written as what the library evaluates.
//
// The library (valijson) knows draft 7, and ignores what it does not know. So everything that a document says is
// judged here: a keyword that would be ignored is refused, and those of 2019-09 and 2020-12 that draft 7 has under
// another name are written in its words. docs/schemas.md lists them.
#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>

#include "profile/result.hpp"

namespace kith::ingest::schema {

namespace bounds {
inline constexpr std::size_t subschemas = 1000;  ///< those that are referred to count again
inline constexpr std::size_t patterns = 100;
inline constexpr std::size_t pattern_bytes = 512;
inline constexpr std::size_t pattern_memory = 256 * 1024;  ///< RE2's, of each
inline constexpr std::size_t enum_values = 1000;
}  // namespace bounds

enum class dialect : unsigned char { draft7, draft2019, draft2020 };

struct translation {
  /// Draft 7: `definitions` hold what is referred to, `$ref` stands alone and is "#/definitions/…", false stands only
  /// for additionalItems and additionalProperties, and numbers without a fraction are integers.
  nlohmann::json document;
  dialect written_in = dialect::draft2020;
};

/// Errors: invalid_argument with the JSON pointer of what is wrong, and what is allowed; too_large.
result<translation> translate(const nlohmann::json& document);

}  // namespace kith::ingest::schema
