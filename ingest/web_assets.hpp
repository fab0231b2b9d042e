// What pages load before they send: the tracker, and the settings that Segment's analytics.js asks for.
//
// Thread safety: all of it.
#pragma once

#include <string>
#include <string_view>

#include "net/http_message.hpp"

namespace kith::ingest {

/// ingest/web/kith.js without comments and indentation; built in by CMake.
std::string_view kith_script();

class web_assets {
 public:
  web_assets();

  /// The tracker, cached for an hour; 304 if the browser has it.
  net::http_response script(const net::http_request& request) const;
  /// What analytics.js (`@segment/analytics-next`) fetches from /v1/projects/{writeKey}/settings: it is to send to the
  /// host that it fetched this from, and to nobody else.
  static net::http_response settings(std::string_view write_key, const net::http_request& request);

 private:
  std::string compressed_;  ///< gzip
  std::string tag_;         ///< ETag
};

}  // namespace kith::ingest
