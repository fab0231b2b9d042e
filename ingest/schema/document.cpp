#include "ingest/schema/document.hpp"

#include <algorithm>
#include <string>

namespace kith::ingest::schema {

std::size_t nesting_of(std::string_view text) noexcept {
  std::size_t now = 0;
  std::size_t most = 0;
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted) {
      if (c == '\\') {
        ++i;
      } else if (c == '"') {
        quoted = false;
      }
    } else if (c == '"') {
      quoted = true;
    } else if (c == '{' || c == '[') {
      most = std::max(most, ++now);
    } else if ((c == '}' || c == ']') && now > 0) {
      --now;
    }
  }
  return most;
}

result<nlohmann::json> read_document(std::string_view text) {
  if (text.size() > bounds::document_bytes) {
    return fail(errc::too_large, "schema: the document has " + std::to_string(text.size()) + " bytes; at most " +
                                     std::to_string(bounds::document_bytes));
  }
  // Before it is parsed, since parsing nests too.
  if (nesting_of(text) > bounds::document_nesting) {
    return fail(errc::too_large,
                "schema: the document nests over " + std::to_string(bounds::document_nesting) + " levels");
  }
  try {
    return nlohmann::json::parse(text);
  } catch (const nlohmann::json::exception& damage) {
    return fail(errc::invalid_argument, std::string("schema: the document is not JSON: ") + damage.what());
  }
}

}  // namespace kith::ingest::schema
