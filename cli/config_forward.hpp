// A forwarder's configuration: TOML; all but where the store is has a default.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "cli/config.hpp"
#include "ingest/forward/sender.hpp"
#include "persistence/spool.hpp"

namespace kith::cli {

struct forward_config {
  /// Of its tables those that the edges have, tls, the addresses of ingest and admin, and `runtime.event`.
  config edges;
  unsigned threads = 0;  ///< of the edges; 0: one a core
  persistence::spool_options spool;
  ingest::forward::store_link store;
  std::chrono::milliseconds stop_patience{10'000};  ///< so long a stop waits for the store to take the rest

  forward_config() { edges.data = "forward"; }
};

/// Errors: invalid_argument with file:line:column, what is wrong and what is allowed.
result<forward_config> parse_forward_config(std::string_view toml, const std::string& file_name);
/// Errors: as above; not_found.
result<forward_config> load_forward_config(const std::string& file_name);

/// What it comes to, for people; without what is secret.
std::string text_of(const forward_config& of);

}  // namespace kith::cli
