// What a client reads to find out which authorization server to ask for a token (RFC 9728).
#pragma once

#include <string>
#include <string_view>

#include "ingest/oauth/settings.hpp"
#include "profile/result.hpp"

namespace kith::ingest::oauth {

inline constexpr std::string_view metadata_path = "/.well-known/oauth-protected-resource";

/// The document, in JSON. REQUIRES: settings.resource is there.
std::string resource_metadata(const settings& of);

/// Where it lies: metadata_path, put between the host and the path of `resource` (RFC 9728, section 3.1); empty for an
/// empty resource. The server answers any path that begins with metadata_path and goes on as the resource's does.
std::string metadata_url(std::string_view resource);

/// Errors: invalid_argument: it is no https URL (or http to this machine), or has a query or a fragment.
result<void> check_identifier(std::string_view url);

/// An identifier's URL with `well_known` between host and path.
std::string well_known_url(std::string_view identifier, std::string_view well_known);

}  // namespace kith::ingest::oauth
