// kith backup, by the admin API, and kith restore, offline.
#include <cstdio>
#include <nlohmann/json.hpp>
#include <thread>

#include "cli/admin_client.hpp"
#include "cli/exit_codes.hpp"
#include "cli/progress.hpp"
#include "cli/verbs.hpp"
#include "persistence/check.hpp"
#include "persistence/copying.hpp"

namespace kith::cli {

namespace {

using nlohmann::json;

constexpr const char* path = "/v1/backups";

struct backup_flags : verb_flags {
  bool list = false;
};

std::string text_of(const json& state) {
  std::string text;
  for (const auto& each : state.at("items")) {
    char line[128];
    std::snprintf(line, sizeof line, "%s  %12llu bytes\n", each.at("name").get<std::string>().c_str(),
                  static_cast<unsigned long long>(each.at("bytes").get<std::uint64_t>()));
    text += line;
  }
  if (!state.at("running").is_null()) text += state.at("running").get<std::string>() + "  is being written\n";
  return text.empty() ? "there are no backups\n" : text;
}

/// Until the one that was begun is there, or has failed.
result<json> wait_for(admin_client& admin, const std::string& name) {
  for (;;) {
    auto state = admin.ask("GET", path);
    if (!state) return state;
    if (const auto& failed = state->at("failed"); !failed.is_null() && failed.at("name") == name) {
      return fail(errc::unavailable, "backup " + name + ": " + failed.at("error").get<std::string>());
    }
    for (const auto& each : state->at("items")) {
      if (each.at("name") == name) {
        return json{{"name", name},
                    {"path", state->at("directory").get<std::string>() + "/" + name},
                    {"bytes", each.at("bytes")}};
      }
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
  }
}

int run_backup(const backup_flags& flags) {
  return with_admin("backup", flags.server, [&](admin_client& admin) {
    if (flags.list) {
      const auto state = admin.ask("GET", path);
      return state ? flags.print(*state, text_of(*state)) : report("backup", state.error());
    }
    const auto begun = admin.ask("POST", path, json::object());
    if (!begun) return report("backup", begun.error());
    const auto made = wait_for(admin, begun->at("name").get<std::string>());
    return made ? flags.print(*made, made->at("path").get<std::string>() + "\n") : report("backup", made.error());
  });
}

result<void> restore(const std::string& backup, const std::string& data) {
  auto& files = persistence::real_files();
  const auto whole = files.exists(backup + "/backup.json");
  if (!whole) return tl::make_unexpected(whole.error());
  if (!*whole) {
    return fail(errc::not_found, backup + ": is no backup, or an unfinished one: it has no backup.json");
  }
  if (const auto there = files.list(data); there && !there->empty()) {
    return fail(errc::invalid_argument, data + ": is not empty; name a directory that is not there yet");
  }
  const auto wanted = [](std::string_view name) { return name != "backup.json"; };
  if (auto copied = persistence::copy_directory(files, backup, data, wanted); !copied) return copied;
  step_progress bar;
  const auto show = [&](auto step, auto done, auto total) { bar.update(step, done, total); };
  const auto checked = persistence::check_directory(files, data, show);
  if (!checked) return tl::make_unexpected(checked.error());
  if (checked->sound()) return {};
  return fail(errc::internal, data + ": is damaged, as the backup is; `kith check " + data + "` tells what");
}

}  // namespace

command_body add_backup(CLI::App& app) {
  auto flags = std::make_shared<backup_flags>();
  flags->server.add_to(app);
  app.add_flag("--json", flags->json, "print JSON");
  app.add_flag("--list", flags->list, "only list those that are there");
  app.footer("The server writes it into backup.directory of its configuration, and goes on serving.");
  return [flags] { return run_backup(*flags); };
}

command_body add_restore(CLI::App& app) {
  auto from = std::make_shared<std::string>();
  auto to = std::make_shared<std::string>();
  app.add_option("BACKUP", *from, "a directory that `kith backup` made")->required();
  app.add_option("DATA", *to, "the data directory to make; it must be empty or not there")->required();
  return [from, to] {
    if (auto done = restore(*from, *to); !done) return report("restore", done.error());
    std::printf("restored and checked; start it with: kith serve --data %s\n", to->c_str());
    return static_cast<int>(exit_ok);
  };
}

}  // namespace kith::cli
