// What `kith schemas` prints for people.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace kith::cli {

/// Of `/v1/schemas`' items.
std::string schemas_text(const nlohmann::json& items);
/// One version, with its document.
std::string schema_text(const nlohmann::json& item);
/// Of `/v1/schemas:check`'s answer.
std::string check_text(const nlohmann::json& answer);
/// Of `/v1/schemas:report`'s items.
std::string report_text(const nlohmann::json& items);
/// A line each of a problem document's `incompatibilities`; empty: it has none.
std::string incompatibilities_text(const nlohmann::json& of);

}  // namespace kith::cli
