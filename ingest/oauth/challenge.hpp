// How a refusal is told to a client: WWW-Authenticate (RFC 6750, section 3; RFC 9728, section 5.1).
#pragma once

#include <string>
#include <string_view>

#include "profile/result.hpp"

namespace kith::ingest::oauth {

/// The value of WWW-Authenticate. `why`: null: there was no token, which is no error. Its code says which one of
/// RFC 6750 it is: unauthenticated: invalid_token (status 401), forbidden: insufficient_scope (403), others:
/// invalid_request (400). `scope`: what would be enough, space between; empty: not said. `metadata_url`: of
/// resource_metadata; empty: not said.
std::string challenge(const error* why, std::string_view scope, std::string_view metadata_url);

}  // namespace kith::ingest::oauth
