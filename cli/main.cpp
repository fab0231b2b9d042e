// kith: a live customer profile store. One executable, a command each for serving and using it.
#include <cstdio>
#include <exception>
#include <nlohmann/json.hpp>
#include <vector>

#include "cli/command.hpp"
#include "cli/exit_codes.hpp"

namespace {

using namespace kith::cli;

command_body add_version(CLI::App& app) {
  auto json = std::make_shared<bool>(false);
  app.add_flag("--json", *json, "print a JSON object");
  return [json] {
    if (*json) {
      std::puts(nlohmann::json{{"name", "kith"}, {"version", KITH_VERSION}}.dump().c_str());
    } else {
      std::puts("kith " KITH_VERSION);
    }
    return static_cast<int>(exit_ok);
  };
}

std::vector<CLI::App*> parts_of(CLI::App& command) {
  return command.get_subcommands([](const CLI::App*) { return true; });
}

/// Null: it has no such part.
CLI::App* part_named(CLI::App& command, const std::string& name) {
  for (auto* each : parts_of(command)) {
    if (each->get_name() == name) return each;
  }
  return nullptr;
}

/// `behind`: the words in front of its name.
void explain(CLI::App& command, const std::string& behind) {
  const auto parts = parts_of(command);
  std::fputs(command.help(behind, parts.empty() ? CLI::AppFormatMode::Normal : CLI::AppFormatMode::All).c_str(),
             stdout);
  // One level is explained with the command; what lies deeper is named there only.
  for (auto* each : parts) {
    if (parts_of(*each).empty()) continue;
    std::fputs(each->help(behind + " " + command.get_name(), CLI::AppFormatMode::All).c_str(), stdout);
  }
}

command_body add_help(CLI::App& app) {
  auto about = std::make_shared<std::vector<std::string>>();
  app.add_option("COMMAND", *about, "the command, and which part of it, as in `kith help privacy requests`");
  return [about, root = app.get_parent()] {
    if (about->empty()) {
      // Not root->help(): with a command on the command line that is the command's.
      const auto all = root->get_formatter()->make_help(root, root->get_name(), CLI::AppFormatMode::Normal);
      std::fputs(all.c_str(), stdout);
      return static_cast<int>(exit_ok);
    }
    auto* found = root;
    std::string behind;
    for (const auto& word : *about) {
      behind += (behind.empty() ? "" : " ") + found->get_name();
      auto* const next = part_named(*found, word);
      if (next == nullptr) {
        std::fprintf(stderr, "kith help: %s has no command \"%s\"; `%s --help` lists them\n", behind.c_str(),
                     word.c_str(), behind.c_str());
        return static_cast<int>(exit_usage);
      }
      found = next;
    }
    explain(*found, behind);
    return static_cast<int>(exit_ok);
  };
}

/// A part takes the options of its command, too, which its own explanation does not name. `whose`: the words of the
/// nearest command around that has options.
void tell_of_options(CLI::App& command, const std::string& name, const std::string& whose) {
  const bool has_own = command.get_options().size() > 1;  // beside --help
  const auto named = has_own ? name : whose;
  for (auto* each : parts_of(command)) {
    if (!named.empty()) each->footer("Takes the options of `kith help " + named + "`, too.\n\n" + each->get_footer());
    tell_of_options(*each, name + " " + each->get_name(), named);
  }
}

/// What was named ends where one of several commands has to follow: they are listed, behind the word that is none of
/// them. False: something else is wrong.
bool list_what_follows(CLI::App& root) {
  auto* last = &root;
  std::string behind;
  while (!last->get_subcommands().empty()) {
    behind += (behind.empty() ? "" : " ") + last->get_name();
    last = last->get_subcommands().back();
  }
  if (parts_of(*last).empty()) return false;
  const auto rest = root.remaining(true);  // some let their parents look at it first
  if (!rest.empty() && rest.front().rfind('-', 0) == 0) return false;
  const auto name = (behind.empty() ? "" : behind + " ") + last->get_name();
  if (!rest.empty()) std::fprintf(stderr, "%s: there is no command \"%s\"\n\n", name.c_str(), rest.front().c_str());
  std::fputs(last->help(behind).c_str(), stderr);
  return true;
}

struct command {
  const char* name;
  const char* about;
  add_command add;
};

constexpr command commands[] = {
    {"serve", "run the server", add_serve},
    {"forward", "take events far from the server, keep them on disk and send them on", add_forward},
    {"publish", "publish events from JSON lines", add_publish},
    {"get", "read a profile", add_get},
    {"watch", "follow changes of a profile or of all", add_watch},
    {"top", "show what a server does, live", add_top},
    {"segments", "list, define, check and explain segments and computed traits", add_segments},
    {"dead-letters", "list, search, export, replay and drop what was refused", add_dead_letters},
    {"schemas", "list, register, check and propose schemas of events, and report what was observed", add_schemas},
    {"identity", "show which identifiers make a profile, and why", add_identity},
    {"unmerge", "take identifiers out of a profile they were wrongly joined to", add_unmerge},
    {"ingest", "show what payloads of a source become", add_ingest},
    {"bench", "generate load and measure", add_bench},
    {"backup", "copy the data directory of a running server", add_backup},
    {"restore", "make a data directory from a backup, offline", add_restore},
    {"check", "verify a data directory, offline", add_check},
    {"audit", "verify the audit log of a data directory, offline", add_audit},
    {"privacy", "export and erase people, answer their requests, and check receipts", add_privacy},
    {"export", "print all profiles of a data directory as JSON lines, offline", add_export},
    {"completion", "print a completion script for bash, zsh or fish", add_completion},
    {"version", "print the version", add_version},
    {"help", "explain a command", add_help},
};

int run(int argc, char** argv) {
  CLI::App app{"Kith: a live customer profile store"};
  app.name("kith");
  app.set_version_flag("--version", "kith " KITH_VERSION);
  app.require_subcommand(0, 1);
  app.footer("`kith help COMMAND` explains a command.");
  std::vector<std::pair<CLI::App*, command_body>> bodies;
  for (const auto& each : commands) {
    auto* sub = app.add_subcommand(each.name, each.about);
    bodies.emplace_back(sub, each.add(*sub));
    tell_of_options(*sub, each.name, {});
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const auto wrong = static_cast<CLI::ExitCodes>(error.get_exit_code());
    const bool no_command = wrong == CLI::ExitCodes::RequiredError || wrong == CLI::ExitCodes::ExtrasError;
    if (no_command && list_what_follows(app)) return exit_usage;
    return app.exit(error) == 0 ? exit_ok : exit_usage;
  }
  for (const auto& [sub, body] : bodies) {
    if (sub->parsed()) return body();
  }
  std::fputs(app.help().c_str(), stderr);
  return exit_usage;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "kith: %s\n", error.what());
    return exit_internal;
  }
}
