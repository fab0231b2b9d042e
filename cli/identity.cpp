// kith identity, kith unmerge: which identifiers make a profile, and taking them apart.
#include <cstdio>

#include "admin/api_kind.hpp"
#include "admin/json.hpp"
#include "cli/admin_client.hpp"
#include "cli/command.hpp"
#include "cli/exit_codes.hpp"

namespace kith::cli {

namespace {

using nlohmann::json;

struct identity_flags {
  admin_flags server;
  std::string id;
  std::vector<std::string> out;
  bool json = false;
};

std::string url_of(const profile::identifier& id) {
  return "/v1/profiles/" + net::percent_encoded(admin::kind_of(id)) + "/" + net::percent_encoded(id.value);
}

std::string shown(const json& id) {
  const auto kind = id.value("kind", "");
  return (kind == "external" ? id.value("type", "") : kind) + ":" + id.value("id", "");
}

std::string text_of(const json& identity) {
  std::string text = "profile " + identity.value("profile", "") + "\n";
  for (const auto& each : identity.at("identifiers")) {
    const auto events = each.at("version").get<std::uint64_t>();
    text += "  " + shown(each) + "  (" + std::to_string(events) + (events == 1 ? " event)\n" : " events)\n");
  }
  if (identity.at("identifiers").empty()) text += "  nothing was ever linked to it\n";
  if (!identity.at("links").empty()) text += "linked by\n";
  for (const auto& each : identity.at("links")) {
    const auto& message = each.at("messageId");
    text += "  " + each.at("at").get<std::string>() + "  " + shown(each.at("between")[0]) + " = " +
            shown(each.at("between")[1]) + "  " +
            (message.is_null() ? "kept together by an unmerge" : "event " + message.get<std::string>()) +
            (each.at("counts") == true ? "" : "  (unmerged)") + "\n";
  }
  return text;
}

int show(const identity_flags& flags) {
  return with_admin("identity", flags.server, [&](admin_client& admin) {
    const auto found = admin.ask("GET", url_of(parse_identifier(flags.id)) + "/identity");
    if (!found) return report("identity", found.error());
    std::fputs(flags.json ? (admin::dump(*found) + "\n").c_str() : text_of(*found).c_str(), stdout);
    return static_cast<int>(exit_ok);
  });
}

int unmerge(const identity_flags& flags) {
  auto list = json::array();
  for (const auto& each : flags.out) {
    const auto id = parse_identifier(each);
    json named = {{"kind", admin::kind_of(id)}, {"id", id.value}};
    if (id.kind == profile::id_kind::external) named = {{"kind", "external"}, {"type", id.type}, {"id", id.value}};
    list.push_back(std::move(named));
  }
  return with_admin("unmerge", flags.server, [&](admin_client& admin) {
    const auto done =
        admin.ask("POST", url_of(parse_identifier(flags.id)) + "/unmerge", {{"identifiers", std::move(list)}});
    if (!done) return report("unmerge", done.error());
    if (flags.json) {
      std::puts(admin::dump(*done).c_str());
    } else {
      for (const auto& each : done->at("profiles")) std::fputs(text_of(each).c_str(), stdout);
    }
    return static_cast<int>(exit_ok);
  });
}

}  // namespace

command_body add_identity(CLI::App& app) {
  auto flags = std::make_shared<identity_flags>();
  flags->server.add_to(app);
  app.add_option("ID", flags->id, "whose, as for `kith get`")->required();
  app.add_flag("--json", flags->json, "print JSON");
  app.footer("Goes to the admin HTTPS port. Exit codes: 1 no such profile, 69 server not reached, 77 no permission.");
  return [flags] { return show(*flags); };
}

command_body add_unmerge(CLI::App& app) {
  auto flags = std::make_shared<identity_flags>();
  flags->server.add_to(app);
  app.add_option("ID", flags->id, "the profile, by any of its identifiers, as for `kith get`")->required();
  app.add_option("OUT", flags->out, "the identifiers that are to leave it, as user:ID, anonymous:ID or TYPE:ID")
      ->required();
  app.add_flag("--json", flags->json, "print JSON");
  app.footer(
      "The identifiers that leave become one profile, with the events that were addressed to them; the others stay\n"
      "one. Events that name both sides later do not join them again; an alias does. Goes to the admin HTTPS port.\n"
      "Exit codes: 1 no such profile, 65 not its identifiers, 69 server not reached, 77 no permission.");
  return [flags] { return unmerge(*flags); };
}

}  // namespace kith::cli
