#include <cstdio>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "cli/command.hpp"
#include "cli/exit_codes.hpp"
#include "net/client.hpp"

namespace kith::cli {

namespace {

struct get_flags {
  client_flags client;
  std::string id;
  std::vector<std::string> fields;
  bool json = false;
};

int get(const get_flags& flags) {
  const auto options = flags.client.options();
  if (!options) return report("get", options.error());
  auto client = net::client::connect(*options);
  if (!client) return report("get", client.error());
  const auto found = (*client)->get(parse_identifier(flags.id), flags.fields);
  if (!found) return report("get", found.error());
  const auto profile = nlohmann::json::from_msgpack(*found);
  const bool pretty = !flags.json && ::isatty(STDOUT_FILENO) != 0;
  std::puts(profile.dump(pretty ? 2 : -1).c_str());
  return exit_ok;
}

}  // namespace

command_body add_get(CLI::App& app) {
  auto flags = std::make_shared<get_flags>();
  flags->client.add_to(app);
  app.add_option("ID", flags->id, "a userId, or user:ID, anonymous:ID, profile:HEX, TYPE:ID for an external id")
      ->required();
  app.add_option("--fields", flags->fields, "only these keys, separated by commas")->delimiter(',');
  app.add_flag("--json", flags->json, "one line, also on a terminal");
  app.footer("Exit codes: 0 found, 1 no such profile, 69 server not reached, 77 no permission.");
  return [flags] { return get(*flags); };
}

}  // namespace kith::cli
