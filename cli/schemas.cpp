// kith schemas: what events are declared to hold, by the admin API.
#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iterator>

#include "cli/command.hpp"
#include "cli/exit_codes.hpp"
#include "cli/schemas_text.hpp"
#include "cli/verbs.hpp"
#include "ingest/schema/document.hpp"

namespace kith::cli {

namespace {

using nlohmann::json;

constexpr std::string_view command = "schemas";
constexpr std::size_t a_page = 1000;

struct schemas_flags : verb_flags {
  std::string event;
  std::string file;
  std::string sample;
  std::string source;
  std::string compatibility;
  unsigned version = 0;

  std::string one() const { return "/v1/schemas/" + net::percent_encoded(event); }
};

/// "-": standard input. Errors: not_found; invalid_argument, too_large as of read_document().
result<json> read_json(const std::string& file) {
  std::string text;
  if (file == "-") {
    for (int c = std::getchar(); c != EOF; c = std::getchar()) text += static_cast<char>(c);
  } else {
    std::ifstream in(file);
    if (!in) return fail(errc::not_found, file + ": cannot be read");
    text.assign(std::istreambuf_iterator<char>(in), {});
  }
  auto document = ingest::schema::read_document(text);
  if (!document)
    return fail(document.error().code, (file == "-" ? "standard input" : file) + ": " + document.error().message);
  return document;
}

int unreadable(const error& why) {
  report(command, why);
  return why.code == errc::not_found ? exit_no_input : exit_data;
}

/// Incompatibilities are shown, each on its line.
int refused(const error& why, const json& problem) {
  const auto code = report(command, why);
  std::fputs(incompatibilities_text(problem).c_str(), stderr);
  return code;
}

int list(const schemas_flags& flags) {
  return with_admin(command, flags.server, [&](admin_client& admin) {
    const auto items = read_list(admin, "/v1/schemas");
    return items ? flags.print(*items, schemas_text(*items)) : report(command, items.error());
  });
}

int show(const schemas_flags& flags) {
  return with_admin(command, flags.server, [&](admin_client& admin) {
    const auto version = flags.version == 0 ? "" : "?version=" + std::to_string(flags.version);
    const auto found = admin.ask("GET", flags.one() + version);
    return found ? flags.print(*found, schema_text(*found)) : report(command, found.error());
  });
}

int put(const schemas_flags& flags) {
  const auto document = read_json(flags.file);
  if (!document) return unreadable(document.error());
  return with_admin(command, flags.server, [&](admin_client& admin) {
    json problem;
    const auto query = flags.compatibility.empty() ? "" : "?compatibility=" + flags.compatibility;
    const auto made = admin.ask("PUT", flags.one() + query, *document, &problem);
    return made ? flags.print(*made, schema_text(*made)) : refused(made.error(), problem);
  });
}

int remove(const schemas_flags& flags) {
  return with_admin(command, flags.server, [&](admin_client& admin) {
    const auto gone = admin.ask("DELETE", flags.one());
    if (!gone) return report(command, gone.error());
    return flags.print({{"deleted", flags.event}}, "deleted " + flags.event + "\n");
  });
}

/// Exit code 65 if it does not fit.
int print_check(const schemas_flags& flags, const json& question) {
  return with_admin(command, flags.server, [&](admin_client& admin) {
    json problem;
    const auto answer = admin.ask("POST", "/v1/schemas:check", question, &problem);
    if (!answer) return refused(answer.error(), problem);
    flags.print(*answer, check_text(*answer));
    const bool good = answer->value("valid", true) && answer->value("compatible", true);
    return static_cast<int>(good ? exit_ok : exit_data);
  });
}

int check(const schemas_flags& flags) {
  if (flags.file.empty() && flags.sample.empty()) {
    return report(command, {errc::invalid_argument, "needs a FILE with a schema, or --sample, or both"});
  }
  json question = {{"name", flags.event}};
  if (!flags.file.empty()) {
    auto document = read_json(flags.file);
    if (!document) return unreadable(document.error());
    question["schema"] = std::move(*document);
  }
  if (!flags.sample.empty()) {
    auto sample = read_json(flags.sample);
    if (!sample) return unreadable(sample.error());
    question["sample"] = std::move(*sample);
  }
  if (!flags.compatibility.empty()) question["compatibility"] = flags.compatibility;
  return print_check(flags, question);
}

int check_event(const schemas_flags& flags) {
  auto event = read_json(flags.file);
  if (!event) return unreadable(event.error());
  return print_check(flags, {{"event", std::move(*event)}, {"source", flags.source}});
}

int report_all(const schemas_flags& flags) {
  return with_admin(command, flags.server, [&](admin_client& admin) {
    const auto items = read_list(admin, "/v1/schemas:report");
    return items ? flags.print(*items, report_text(*items)) : report(command, items.error());
  });
}

int propose(const schemas_flags& flags) {
  return with_admin(command, flags.server, [&](admin_client& admin) {
    const auto made = admin.ask("GET", flags.one() + "/proposal");
    if (!made) return report(command, made.error());
    return flags.print(*made, made->dump(2, ' ', false, json::error_handler_t::replace) + "\n");
  });
}

void take_event(CLI::App& app, schemas_flags& flags) {
  app.add_option("EVENT", flags.event, "the event's name, or identify, page, screen, group")->required();
}
void take_compatibility(CLI::App& app, schemas_flags& flags) {
  app.add_option("--compatibility", flags.compatibility, "with the newest version, instead of the configured one")
      ->check(CLI::IsMember({"none", "backward", "forward", "full"}));
}

constexpr verb<schemas_flags> verbs[] = {
    {"list", "all events that have a schema", list, [](CLI::App&, schemas_flags&) {}},
    {"show", "the schema of an event", show,
     [](CLI::App& app, schemas_flags& flags) {
       take_event(app, flags);
       app.add_option("--version", flags.version, "default: the newest")->check(CLI::PositiveNumber);
     }},
    {"put", "register a new version", put,
     [](CLI::App& app, schemas_flags& flags) {
       take_event(app, flags);
       app.add_option("FILE", flags.file, "a JSON Schema; -: standard input")->required();
       take_compatibility(app, flags);
     }},
    {"delete", "delete all versions that were made by the API", remove, take_event},
    {"check", "judge a schema as the next version, or a sample by a schema; saves nothing", check,
     [](CLI::App& app, schemas_flags& flags) {
       take_event(app, flags);
       app.add_option("FILE", flags.file, "a JSON Schema; -: standard input; without one the registered one counts");
       app.add_option("--sample", flags.sample, "a JSON file with the properties (or traits) of such an event");
       take_compatibility(app, flags);
     }},
    {"check-event", "what would become of an event", check_event,
     [](CLI::App& app, schemas_flags& flags) {
       app.add_option("FILE", flags.file, "the event as JSON; -: standard input")->required();
       app.add_option("--source", flags.source, "whose modes count");
     }},
    {"report", "what was observed against what is declared", report_all, [](CLI::App&, schemas_flags&) {}},
    {"propose", "a schema from what was observed", propose, take_event},
};

}  // namespace

command_body add_schemas(CLI::App& app) {
  app.footer(
      "All go to the admin HTTPS port and need its rights. Exit codes: 1 no such schema, 65 a wrong schema, one that "
      "does\n"
      "not fit, or an event that is not valid, 66 a file that cannot be read, 69 server not reached, 77 no "
      "permission.");
  return add_verbs<schemas_flags>(app, verbs);
}

}  // namespace kith::cli
