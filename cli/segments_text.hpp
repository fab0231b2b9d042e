// What `kith segments` prints for people.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace kith::cli {

/// Of `/v1/segments`' items.
std::string definitions_text(const nlohmann::json& items);
std::string definition_text(const nlohmann::json& item);
/// Of a page of members.
std::string backfill_text(const nlohmann::json& backfill);  ///< one line, without its end
std::string preview_text(const nlohmann::json& found);
extern const char* const not_complete;  ///< a line
/// Of one item; of the heads of the columns, if there is none.
std::string member_line(const nlohmann::json* member);
std::string members_text(const nlohmann::json& page);
/// Of the protocol's `segments` and `explain`.
std::string memberships_text(const nlohmann::json& memberships);
std::string explanation_text(const nlohmann::json& explanation);
/// Name, place and message; then the expression's line with a caret under the place, if the expression is not empty.
std::string problem_text(const nlohmann::json& problem, const std::string& expression);

}  // namespace kith::cli
