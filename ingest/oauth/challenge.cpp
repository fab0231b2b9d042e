#include "ingest/oauth/challenge.hpp"

namespace kith::ingest::oauth {

namespace {

/// What RFC 6750 allows in error_description, and a quoted string anywhere: other bytes become "?".
std::string plain(std::string_view text) {
  std::string made;
  made.reserve(text.size());
  for (const char c : text) {
    const bool allowed = c >= ' ' && c <= '~' && c != '"' && c != '\\';
    made += allowed ? c : (c == '"' ? '\'' : '?');
  }
  return made;
}

std::string_view error_of(errc code) noexcept {
  switch (code) {
    case errc::unauthenticated: return "invalid_token";
    case errc::forbidden: return "insufficient_scope";
    default: return "invalid_request";
  }
}

}  // namespace

std::string challenge(const error* why, std::string_view scope, std::string_view metadata_url) {
  std::string made = "Bearer";
  const auto add = [&](std::string_view name, std::string_view value) {
    made += made.back() == '"' ? ", " : " ";
    made += name;
    made += "=\"" + plain(value) + '"';
  };
  add("realm", "kith");
  if (why != nullptr) {
    add("error", error_of(why->code));
    add("error_description", why->message);
  }
  if (!scope.empty()) add("scope", scope);
  if (!metadata_url.empty()) add("resource_metadata", metadata_url);
  return made;
}

}  // namespace kith::ingest::oauth
