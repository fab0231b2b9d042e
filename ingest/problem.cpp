#include "ingest/problem.hpp"

#include <nlohmann/json.hpp>

#include "net/http_status.hpp"

namespace kith::ingest {

unsigned status_of(errc code) noexcept {
  switch (code) {
    case errc::unauthenticated: return 401;
    case errc::forbidden: return 403;
    case errc::not_found: return 404;
    case errc::too_large: return 413;
    case errc::resource_exhausted: return 429;
    case errc::unavailable: return 503;
    case errc::internal: return 500;
    case errc::invalid_argument:
    case errc::suppressed:
    case errc::too_late: return 400;
  }
  return 500;
}

std::uint64_t retry_after_ms_of(const error& why) noexcept {
  // A full disk or spool does not empty at once.
  return why.code == errc::resource_exhausted ? 10'000 : 1000;
}

net::http_response problem(unsigned status, const error& why, std::uint64_t retry_after_ms) {
  const nlohmann::ordered_json document = {
      {"type", "about:blank"},     {"title", net::reason_of(status)}, {"status", status},
      {"code", name_of(why.code)}, {"detail", why.message},
  };
  net::http_response made;
  made.status = status;
  made.content_type = "application/problem+json";
  made.body = document.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
  if (retry_after_ms > 0) made.fields.emplace_back("Retry-After", std::to_string((retry_after_ms + 999) / 1000));
  return made;
}

net::http_response problem(const error& why, std::uint64_t retry_after_ms) {
  return problem(status_of(why.code), why, retry_after_ms);
}

}  // namespace kith::ingest
