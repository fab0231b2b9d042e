#include "ingest/exchange.hpp"

#include "ingest/pixel.hpp"
#include "ingest/problem.hpp"

namespace kith::ingest {

void exchange::answer(net::http_response response) {
  if (is_image) response = pixel_answer();
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
