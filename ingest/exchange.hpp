// One request at an ingest edge, and the way to answer it. Answers go to pages of any origin (CORS, the Fetch
// standard), since trackers run on pages that are not ours.
//
// Invariants: answered once; the request's views hold until then.
// Thread safety: none; on the thread of shard `home`.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "actors/service.hpp"
#include "actors/tracing.hpp"
#include "ingest/probe.hpp"
#include "net/http_server.hpp"
#include "profile/result.hpp"

namespace kith::ingest {

struct exchange {
  actors::shard_id home;
  net::http_request request;
  net::http_reply reply;
  std::string body{};                               ///< that `request` shows in place of the one that was sent
  bool is_image = false;                            ///< whatever becomes of it, the answer is pixel_answer()
  std::function<actors::open_span()> begin_span{};  ///< empty: nothing is traced
  actors::open_span span{};                         ///< since let_in()

  /// The sender is known: only then a span is recorded, or whoever reaches the port could have it done.
  void let_in();
  void answer(net::http_response response);
  /// With a problem document.
  void refuse(const error& why, std::uint64_t retry_after_ms = 0);
  void refuse(unsigned status, const error& why, std::uint64_t retry_after_ms = 0);
};
using exchange_ptr = std::shared_ptr<exchange>;

/// What is told to a browser that asks before it sends (a preflight request).
net::http_response preflight_answer(const net::http_request& request);

}  // namespace kith::ingest
