// The configurations of docs/forwarder.md are read, and say what it says.
#include <filesystem>
#include <fstream>
#include <map>
#include <unistd.h>

#include "cli/config.hpp"
#include "cli/config_forward.hpp"
#include "tests/catch.hpp"

using namespace kith;
using namespace kith::tests;
using namespace std::chrono_literals;

namespace {

/// By what stands behind the three ticks.
std::map<std::string, std::string> blocks_of(const std::string& path) {
  std::ifstream file(path);
  REQUIRE(file);
  std::map<std::string, std::string> made;
  std::string* within = nullptr;
  for (std::string line; std::getline(file, line);) {
    if (within != nullptr && line == "```") {
      within = nullptr;
    } else if (within != nullptr) {
      *within += line + "\n";
    } else if (line.starts_with("```")) {
      within = &made[line.substr(3)];
    }
  }
  REQUIRE(within == nullptr);
  return made;
}

void refuses(const std::string& toml, const std::string& why) {
  const auto parsed = cli::parse_forward_config(toml, "f.toml");
  INFO(toml);
  REQUIRE_FALSE(parsed);
  CHECK_THAT(parsed.error().message, Contains(why));
}

}  // namespace

TEST_CASE("the configurations of docs/forwarder.md are good") {
  const auto blocks = blocks_of(KITH_SOURCE "/docs/forwarder.md");
  const auto key = std::filesystem::temp_directory_path() / ("kith-web-key-" + std::to_string(::getpid()));
  std::ofstream(key) << "hush\n" << std::flush;
  auto text = blocks.at("toml forwarder");
  const std::string file = "\"web.key\"";
  REQUIRE(text.find(file) != std::string::npos);
  text.replace(text.find(file), file.size(), "\"" + key.string() + "\"");
  const auto parsed = cli::parse_forward_config(text, "forwarder.md");
  std::filesystem::remove(key);
  if (!parsed) FAIL(parsed.error().message);

  // What is said to be a default is one.
  const cli::forward_config usual;
  CHECK(parsed->edges.data == usual.edges.data);
  CHECK(parsed->stop_patience == usual.stop_patience);
  CHECK(parsed->spool.bytes == usual.spool.bytes);
  CHECK(parsed->spool.keep_free == usual.spool.keep_free);
  CHECK(parsed->store.in_flight_bytes == usual.store.in_flight_bytes);
  CHECK(parsed->store.in_flight_batches == usual.store.in_flight_batches);
  CHECK(parsed->store.retry_first == usual.store.retry_first);
  CHECK(parsed->store.retry_most == usual.store.retry_most);
  CHECK(parsed->edges.runtime.event.bytes == usual.edges.runtime.event.bytes);
  CHECK(parsed->edges.runtime.event.nesting == usual.edges.runtime.event.nesting);
  const net::client_options client;
  REQUIRE(parsed->store.servers.size() == 2);
  CHECK(parsed->store.servers[0].request_timeout == client.request_timeout);
  CHECK(parsed->store.servers[0].connect_timeout == client.connect_timeout);
  CHECK(parsed->store.servers[1].host == "kith-2.example");
  CHECK(parsed->store.servers[1].port == 7440);
  CHECK(parsed->store.servers[1].server_name == "kith.example");
  CHECK(parsed->store.servers[1].cert_file == "edge-client.pem");
  CHECK(parsed->edges.ingest_address().address == "0.0.0.0");
  CHECK(parsed->edges.admin_address().port == 7442);
  REQUIRE(parsed->edges.credentials.size() == 1);
  CHECK(parsed->edges.credentials[0].token == "hush");
  CHECK_FALSE(parsed->edges.credentials[0].can_read);
  REQUIRE(parsed->edges.sources.size() == 1);
  CHECK(parsed->edges.sources[0].webhook.has_value());

  const auto server = cli::parse_config(blocks.at("toml server"), "forwarder.md");
  if (!server) FAIL(server.error().message);
  REQUIRE(server->credentials.size() == 1);
  CHECK(server->credentials[0].can_forward);
  CHECK(server->credentials[0].can_publish);
  CHECK_FALSE(server->credentials[0].can_read);
}

TEST_CASE("a forwarder's configuration that is wrong is told with its place") {
  refuses("[store]\nserver = [\"a:1\"]\n",
          "f.toml:2:1: store.server: is not a key; did you mean servers? Allowed: servers,");
  refuses("[store]\nservers = []\n", "f.toml:2:11: store.servers: must name at least one server");
  refuses("[store]\nservers = [\"kith.example\"]\n", "\"kith.example\": must be a host with a port");
  refuses("[store]\ntoken_env = \"KITH_NO_SUCH_VARIABLE\"\n", "must name a variable of the environment that is set");
  refuses("[spool]\nbytes = \"10\"\n", "f.toml:2:9: spool.bytes: must be a number of bytes");
  refuses("[spool]\nbytes = \"1MiB\"\nsegment = \"512KiB\"\n",
          "spool.segment: must be at most a quarter of spool.bytes");
  refuses("[segments.loyal]\nexpression = \"true\"\n", "segments: is not a key");
  refuses("threads = 0\n", "threads: must be a whole number from 1 to 256");
  refuses("[sources.shop]\nscheme = \"none\"\n", "f.toml:2:");
  refuses("data =\n", "is not TOML");
}
