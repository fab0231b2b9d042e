// The configuration of docs/configuration.md is read, and says what it says.
#include <algorithm>
#include <fstream>

#include "cli/config.hpp"
#include "tests/catch.hpp"

using namespace kith;

TEST_CASE("every key of the documentation is understood") {
  std::ifstream in(KITH_SOURCE "/docs/configuration.md");
  std::string line;
  std::string toml;
  bool inside = false;
  while (std::getline(in, line)) {
    if (line.rfind("```", 0) == 0) {
      inside = line == "```toml";
    } else if (inside) {
      // The example's token file is not there, nor that of a secret.
      if (line.rfind("token_file", 0) == 0) line = "token = \"t\"";
      if (line.rfind("client_secret_file", 0) == 0) line = "client_secret_env = \"HOME\"";
      toml += line + "\n";
    }
  }
  REQUIRE_FALSE(toml.empty());
  const auto parsed = cli::parse_config(toml, "configuration.md");
  if (!parsed) FAIL(parsed.error().message);
  const auto& made = *parsed;
  REQUIRE(made.credentials.size() == 2);
  // What the documentation calls the defaults are the defaults.
  const cli::config defaults;
  REQUIRE(made.runtime.memory_bytes == defaults.runtime.memory_bytes);
  REQUIRE(made.runtime.idle == defaults.runtime.idle);
  REQUIRE(made.runtime.in_flight_bytes == defaults.runtime.in_flight_bytes);
  REQUIRE(made.runtime.journal.segment_bytes == defaults.runtime.journal.segment_bytes);
  REQUIRE(made.runtime.checkpoint_bytes == defaults.runtime.checkpoint_bytes);
  REQUIRE(made.runtime.checkpoint_interval == defaults.runtime.checkpoint_interval);
  REQUIRE(made.runtime.recent_days == defaults.runtime.recent_days);
  REQUIRE(made.runtime.store.history_retention_ms == defaults.runtime.store.history_retention_ms);
  REQUIRE(made.runtime.event.bytes == defaults.runtime.event.bytes);
  REQUIRE(made.connection.frame_bytes == defaults.connection.frame_bytes);
  REQUIRE(made.connection.batch_events == defaults.connection.batch_events);
  REQUIRE(made.connection.connections == defaults.connection.connections);
  REQUIRE(made.connection.frame_timeout == defaults.connection.frame_timeout);
  REQUIRE(made.access.session.lifetime == defaults.access.session.lifetime);
  REQUIRE(made.access.session.idle == defaults.access.session.idle);
  REQUIRE(made.access.requests_per_second == defaults.access.requests_per_second);
  REQUIRE(made.access.failures_per_second == defaults.access.failures_per_second);
  REQUIRE(made.runtime.purge_after == defaults.runtime.purge_after);
  REQUIRE(made.runtime.purge_within == defaults.runtime.purge_within);
  REQUIRE(made.requests == defaults.requests);
  REQUIRE(made.requests.keep_ms == defaults.requests.keep_ms);
  REQUIRE(made.requests.export_keep_ms == defaults.requests.export_keep_ms);
  REQUIRE(made.requests.export_bytes == defaults.requests.export_bytes);
  REQUIRE(made.requests.soon_ms == defaults.requests.soon_ms);
  REQUIRE(made.audit.file_bytes == defaults.audit.file_bytes);
  REQUIRE(made.audit.reads == defaults.audit.reads);
  for (const auto& each : made.personal.traits) {
    REQUIRE(std::count(defaults.personal.traits.begin(), defaults.personal.traits.end(), each) == 1);
  }
}
