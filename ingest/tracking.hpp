// Segment's HTTP tracking API: POST /v1/{track,identify,page,screen,group,alias,batch}, /v1/import,
// and GET /v1/pixel/….
//
// A write key is a credential's token: as user name of Basic, as Bearer, or as `writeKey` in the body, for
// navigator.sendBeacon, which can set no header.
//
// Thread safety: handle() on the exchange's shard; each shard has its own parser.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "ingest/access.hpp"
#include "ingest/body.hpp"
#include "ingest/exchange.hpp"
#include "ingest/intake.hpp"
#include "ingest/json_events.hpp"
#include "ingest/probe.hpp"

namespace kith::ingest {

struct tracking_limits {
  std::size_t batch_bytes = 500 * 1024;  ///< without Content-Encoding
  std::size_t batch_events = 2500;
};

class tracking_api {
 public:
  tracking_api(intake& into, access& doors, tracking_limits bounds, probe& counts, unsigned shards);

  /// Is there such an endpoint? `name`: what stands behind /v1/.
  static bool has(std::string_view name) noexcept;
  void handle(std::string_view name, const exchange_ptr& with);

  /// GET /v1/pixel/{track,identify,page,screen,group,alias}: the event stands in the query, and an image is answered,
  /// whatever becomes of it.
  static bool has_pixel(std::string_view type) noexcept;
  void handle_pixel(std::string_view type, const exchange_ptr& with);

 private:
  struct tools {
    body_decoder decoder;
    json_events parser;
  };

  void parse(std::string_view name, const exchange_ptr& with, const identity_ptr& who);
  struct kind {
    bool is_batch = false;
    bool historical = false;
  };
  void take(const exchange_ptr& with, kind of, net::identity& who, converted_events events);
  probe::of_edge& counts() { return counts_.of(edge::tracking); }

  intake& into_;
  access& doors_;
  tracking_limits bounds_;
  probe& counts_;
  std::vector<tools> tools_;  ///< by shard
};

}  // namespace kith::ingest
