#include <cstdio>
#include <unistd.h>

#include "admin/json.hpp"
#include "cli/command.hpp"
#include "cli/exit_codes.hpp"
#include "net/client.hpp"

namespace kith::cli {

namespace {

struct get_flags {
  client_flags client;
  std::string id;
  bool anonymous = false;
  bool profile = false;
  std::string external_type;
  std::vector<std::string> fields;
  std::string view;
  bool json = false;
};

profile::identifier identifier_of(const get_flags& flags) {
  if (flags.anonymous) return {profile::id_kind::anonymous, {}, flags.id};
  if (flags.profile) return {profile::id_kind::profile, {}, flags.id};
  if (!flags.external_type.empty()) return {profile::id_kind::external, flags.external_type, flags.id};
  return parse_identifier(flags.id);
}

int get(const get_flags& flags) {
  const auto options = flags.client.options();
  if (!options) return report_unreached("get", options.error());
  auto client = net::client::connect(*options);
  if (!client) return report_unreached("get", client.error(), *options);
  const auto found = (*client)->get(identifier_of(flags), flags.fields, flags.view);
  if (!found) return report("get", found.error());
  const bool pretty = !flags.json && ::isatty(STDOUT_FILENO) != 0;
  const auto map = admin::to_json(*found);
  std::puts(pretty ? map.dump(2, ' ', false, nlohmann::json::error_handler_t::replace).c_str()
                   : admin::dump(map).c_str());
  return exit_ok;
}

}  // namespace

command_body add_get(CLI::App& app) {
  auto flags = std::make_shared<get_flags>();
  flags->client.add_to(app);
  app.add_option("ID", flags->id, "a userId, or user:ID, anonymous:ID, profile:HEX, TYPE:ID for an external id")
      ->required();
  auto* anonymous = app.add_flag("--anonymous", flags->anonymous, "ID is an anonymousId, as it stands");
  auto* profile = app.add_flag("--profile", flags->profile, "ID is a profile's own id");
  auto* external = app.add_option("--external", flags->external_type, "ID is an external id of this type");
  anonymous->excludes(profile)->excludes(external);
  profile->excludes(external);
  auto* fields = app.add_option("--fields", flags->fields, "only these keys, separated by commas")->delimiter(',');
  app.add_option("--view", flags->view, "only what this view shows, one of the server's configuration")
      ->excludes(fields);
  app.add_flag("--json", flags->json, "one line, also on a terminal");
  app.footer("Exit codes: 0 found, 1 no such profile, 69 server not reached, 77 no permission.");
  return [flags] { return get(*flags); };
}

}  // namespace kith::cli
