// Errors of the HTTP edges as problem documents (RFC 9457).
#pragma once

#include <cstdint>
#include <string>

#include "net/http_message.hpp"
#include "profile/result.hpp"

namespace kith::ingest {

/// The HTTP status of an error: 401, 403, 404, 413, 429, 503, 500, else 400.
unsigned status_of(errc code) noexcept;

/// When a sender whose events could not be kept, for that reason, is to try again.
std::uint64_t retry_after_ms_of(const error& why) noexcept;

/// `{"type": "about:blank", "title", "status", "code", "detail"}`; `retry_after_ms`: 0: no Retry-After.
net::http_response problem(unsigned status, const error& why, std::uint64_t retry_after_ms = 0);
net::http_response problem(const error& why, std::uint64_t retry_after_ms = 0);

}  // namespace kith::ingest
