// The expressions of mappings: what they may name, what they may give, and how they run.
#pragma once

#include <string>
#include <string_view>

#include "ingest/webhook/mapping.hpp"
#include "profile/cel/environment.hpp"
#include "profile/cel/program.hpp"

namespace kith::ingest::webhook {

/// Index of each variable in the environment.
enum class variable_index : std::uint8_t { body, headers, query, source, delivery, digest, item, index };
inline constexpr std::size_t variables = 8;

/// The variables, and, beside the language's functions, `upperAscii()` and `lowerAscii()` of CEL's strings
/// extension, and `sum(list)`, a double.
profile::cel::environment names_of_mapping(bool with_item);

/// Errors: see check_expression().
result<profile::cel::program> compile_expression(place at, std::string_view text, bool with_item);

/// Is the error one of a field that is not there or null? Then what was to be made of it is absent.
bool is_missing(const profile::cel::value& failed) noexcept;

/// `userId = "body.customer.id"`, for messages; a long expression is cut.
std::string shown(std::string_view field, std::string_view expression);

}  // namespace kith::ingest::webhook
