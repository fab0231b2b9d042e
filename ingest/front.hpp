// The ingest HTTPS server (port 7441): finds the edge that a request is for.
//
// Thread safety: all public members, from threads that are no shard's.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "ingest/crawlers.hpp"
#include "ingest/destination.hpp"
#include "ingest/oauth/authorizer.hpp"
#include "ingest/probe.hpp"
#include "ingest/source.hpp"
#include "ingest/tracking.hpp"
#include "net/credentials.hpp"
#include "net/event_judge.hpp"
#include "net/http_limits.hpp"
#include "net/http_server.hpp"
#include "net/tls_context.hpp"
#include "persistence/dead_letters.hpp"
#include "profile/limits.hpp"
#include "profile/result.hpp"

namespace kith::ingest {

struct front_options {
  std::string address = "127.0.0.1";
  unsigned short port = 7441;  ///< 0: any that is free
  net::http_limits http;
  tracking_limits tracking;
  schema::gate* schemas = nullptr;   ///< judges all events; null: none
  limits::event event{};             ///< the destination's
  actors::tracer* traces = nullptr;  ///< null: nothing is traced. Outlives the front
};

class front {
 public:
  /// REQUIRES: the destination and the letters outlive it, and no loop runs when it goes. Errors: as of
  /// listener::start.
  static result<std::unique_ptr<front>> start(destination& to, persistence::dead_letters& letters,
                                              std::shared_ptr<net::reloadable_tls> tls,
                                              std::shared_ptr<net::credential_store> credentials,
                                              const front_options& options);
  ~front();
  front(const front&) = delete;
  front& operator=(const front&) = delete;

  /// [sources] and [oauth] as they hold from now on; `issuers`: null: no OAuth.
  void configure(const std::vector<source_settings>& sources, std::shared_ptr<oauth::authorizer> issuers);
  /// The crawlers whose events are held back from now on; until then those of crawler_list::built_in().
  void know(std::shared_ptr<const crawler_list> crawlers);
  /// For what programs publish over the protocol.
  net::event_judge& judge() noexcept;
  /// Tries a letter again at the edge that it came in by; blocks. See persistence::replayer.
  result<persistence::replay_outcome> replay(const persistence::dead_letter& letter) const;

  unsigned short port() const noexcept;
  const probe& stats() const noexcept;
  const net::http_counts& connections() const noexcept;
  /// Accepts no more, answers what is in flight, closes; while the shards are there. What is called after it is
  /// replay() at most.
  void stop(std::chrono::steady_clock::duration deadline);

 private:
  struct impl;
  explicit front(std::unique_ptr<impl> made);
  std::unique_ptr<impl> impl_;
};

}  // namespace kith::ingest
