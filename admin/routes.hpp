// What each admin URL answers. No sockets here: a request comes in as values and a response goes out.
//
// Thread safety: handle() from any thread that is no shard's; it may block.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "actors/service.hpp"
#include "net/credentials.hpp"
#include "net/probe.hpp"

namespace kith::admin {

struct request {
  std::string method;                  ///< "GET", …
  std::string target;                  ///< path and query as they were sent
  std::shared_ptr<net::identity> who;  ///< null: not known
  std::string why_unknown = "send `Authorization: Bearer TOKEN` or a client certificate that is known";
};

struct response {
  unsigned status = 200;
  std::string content_type = "application/json";
  std::string body;
  std::map<std::string, std::string> headers;
};

/// An RFC 9457 problem document.
response problem(unsigned status, std::string_view code, std::string detail);

/// The parts of a target, percent-decoded. Nothing if the encoding is broken.
struct parsed_target {
  std::vector<std::string> path;
  std::map<std::string, std::string> query;
};
std::optional<parsed_target> parse_target(std::string_view target);

class routes {
 public:
  routes(actors::service& service, const net::probe* protocol) : service_(service), protocol_(protocol) {}

  response handle(const request& asked);

  /// Method and path of every route; `{}` stands for a parameter.
  static std::vector<std::pair<std::string, std::string>> listed();

 private:
  response healthz(const parsed_target& target);
  response readyz(const parsed_target& target);
  response metrics(const parsed_target& target);
  response openapi(const parsed_target& target);
  response profile(const parsed_target& target);
  response events(const parsed_target& target);
  response stats(const parsed_target& target);
  response latency(const parsed_target& target);
  response snapshot(const parsed_target& target);

  struct route;
  static const std::vector<route>& table();

  actors::service& service_;
  const net::probe* protocol_;
};

/// The OpenAPI 3.1 document.
std::string_view openapi_document();

}  // namespace kith::admin
