#include "ingest/exchange.hpp"

#include <utility>

#include "ingest/pixel.hpp"
#include "ingest/problem.hpp"

namespace kith::ingest {

void exchange::let_in() {
  if (const auto begin = std::exchange(begin_span, nullptr)) span = begin();
}

void exchange::answer(net::http_response response) {
  if (is_image) response = pixel_answer();
  if (span.on()) {
    span.note("http.response.status_code", std::int64_t{response.status});
    if (response.status >= 500) {
      span.note("error.type", std::to_string(response.status));
      span.fail("answered with " + std::to_string(response.status));
    }
    span.end();
  }
  if (!request.field("origin").empty()) {
    response.fields.emplace_back("Access-Control-Allow-Origin", "*");
    response.fields.emplace_back("Access-Control-Expose-Headers", "Retry-After");
  }
  reply(response);
}

void exchange::refuse(const error& why, std::uint64_t retry_after_ms) { answer(problem(why, retry_after_ms)); }

void exchange::refuse(unsigned status, const error& why, std::uint64_t retry_after_ms) {
  answer(problem(status, why, retry_after_ms));
}

net::http_response preflight_answer(const net::http_request& request) {
  net::http_response made;
  made.status = 204;
  made.fields.emplace_back("Access-Control-Allow-Methods", "GET, POST, OPTIONS");
  const auto asked = request.field("access-control-request-headers");
  made.fields.emplace_back("Access-Control-Allow-Headers",
                           asked.empty() ? "Authorization, Content-Type, Content-Encoding" : std::string(asked));
  made.fields.emplace_back("Access-Control-Max-Age", "86400");
  if (request.field("access-control-request-private-network") == "true") {
    made.fields.emplace_back("Access-Control-Allow-Private-Network", "true");
  }
  return made;
}

}  // namespace kith::ingest
