// The examples of docs/webhooks.md do what it says: configurations are read, payloads become the events behind them.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "cli/config.hpp"
#include "ingest/webhook/receive.hpp"
#include "tests/catch.hpp"

using namespace kith;
using namespace kith::tests;
using nlohmann::json;
namespace webhook = ingest::webhook;

namespace {

struct block {
  std::string kind;  ///< what stands behind the three ticks
  std::string text;
};

std::vector<block> blocks_of(const std::string& path) {
  std::ifstream file(path);
  REQUIRE(file);
  std::vector<block> made;
  bool within = false;
  for (std::string line; std::getline(file, line);) {
    if (within && line == "```") {
      within = false;
    } else if (within) {
      made.back().text += line + "\n";
    } else if (line.starts_with("```")) {
      made.push_back({line.substr(3), {}});
      within = true;
    }
  }
  REQUIRE_FALSE(within);
  return made;
}

/// "json payload NAME", then perhaps one header.
struct payload {
  std::string source;
  std::string header;
  std::string value;
};

payload payload_of(const std::string& kind) {
  std::istringstream words(kind);
  std::string skipped;
  payload made;
  words >> skipped >> skipped >> made.source >> made.header >> made.value;
  if (!made.header.empty()) made.header.pop_back();  // its colon
  return made;
}

json mapped(const webhook::settings& by, const payload& what, const std::string& text) {
  std::vector<net::http_field> fields;
  if (!what.header.empty()) fields.push_back({what.header, what.value});
  const auto outcome = webhook::map_request(by, {"POST", "/", fields, text}, "d-1", 1'800'000'000'000);
  REQUIRE(outcome);
  CHECK_FALSE(outcome->needs_letter());
  return json::from_msgpack(outcome->events.events);
}

json lines_of(const std::string& text) {
  std::istringstream in(text);
  json all = json::array();
  for (std::string line; std::getline(in, line);) all.push_back(json::parse(line));
  return all;
}

}  // namespace

TEST_CASE("the examples of docs/webhooks.md do what it says") {
  const auto directory = std::filesystem::temp_directory_path() / ("kith-doc-" + std::to_string(::getpid()));
  std::filesystem::create_directory(directory);
  const auto secret = (directory / "erp.secret").string();
  std::ofstream(secret) << "hush\n";
  std::map<std::string, webhook::settings> sources;
  json events;
  std::size_t payloads = 0;
  for (auto& [kind, text] : blocks_of(KITH_SOURCE "/docs/webhooks.md")) {
    INFO(kind + "\n" + text);
    if (kind == "toml" && text.find("[sources.") != std::string::npos) {
      const std::string file = "\"erp.secret\"";
      if (const auto at = text.find(file); at != std::string::npos) text.replace(at, file.size(), "\"" + secret + "\"");
      const auto parsed = cli::parse_config(text, "webhooks.md");
      if (!parsed) FAIL(parsed.error().message);
      for (const auto& each : parsed->sources) sources.insert_or_assign(each.name, each.webhook.value());
    } else if (kind.starts_with("json payload")) {
      const auto what = payload_of(kind);
      events = mapped(sources.at(what.source), what, text);
    } else if (kind == "json events") {
      CHECK(events.dump(2) == lines_of(text).dump(2));
      ++payloads;
    }
  }
  std::filesystem::remove_all(directory);
  CHECK(sources.size() == 3);
  CHECK(payloads == 2);
}
