// kith audit verify: whether an audit log is as it was written.
#include <cstdio>
#include <nlohmann/json.hpp>

#include "admin/audit_check.hpp"
#include "admin/json.hpp"
#include "cli/command.hpp"
#include "cli/exit_codes.hpp"
#include "cli/progress.hpp"

namespace kith::cli {

namespace {

using nlohmann::json;

struct audit_flags {
  std::string directory;
  std::string after;
  std::vector<std::string> heads;
  bool json = false;
};

/// The log of a data directory, or a directory that holds the files themselves, as an archive does.
std::string log_directory(const std::string& given) {
  const auto inside = given + "/audit";
  const auto found = persistence::real_files().exists(inside);
  return found && *found ? inside : given;
}

json place_json(const admin::audit_place& place) {
  return place.sequence == 0 ? json(nullptr) : json(admin::text_of(place));
}

void print(const admin::audit_report& found, const std::string& directory, bool as_json) {
  if (as_json) {
    auto findings = json::array();
    for (const auto& each : found.findings) findings.push_back({{"where", each.where}, {"what", each.what}});
    std::puts(admin::dump({{"sound", found.sound()},
                           {"files", found.files},
                           {"records", found.records},
                           {"first", place_json(found.first)},
                           {"head", place_json(found.last)},
                           {"unfinishedBytes", found.unfinished_bytes},
                           {"findings", std::move(findings)},
                           {"moreFindings", found.more_findings}})
                  .c_str());
    return;
  }
  std::printf("audit log: %s: %llu record%s in %llu file%s\n", directory.c_str(),
              static_cast<unsigned long long>(found.records), found.records == 1 ? "" : "s",
              static_cast<unsigned long long>(found.files), found.files == 1 ? "" : "s");
  if (found.last.sequence != 0) std::printf("head: %s\n", admin::text_of(found.last).c_str());
  if (found.unfinished_bytes > 0) {
    std::printf("%llu bytes of a record that was never acknowledged are at its end; the next start cuts them\n",
                static_cast<unsigned long long>(found.unfinished_bytes));
  }
  for (const auto& each : found.findings) std::printf("DAMAGED %s: %s\n", each.where.c_str(), each.what.c_str());
  if (found.more_findings > 0) {
    std::printf("and %llu more\n", static_cast<unsigned long long>(found.more_findings));
  }
  std::puts(found.sound() ? "sound" : "damaged");
}

int verify(const audit_flags& flags) {
  admin::audit_check_options options;
  const auto place = [](const std::string& text) -> result<admin::audit_place> {
    if (auto parsed = admin::parse_audit_place(text)) return *parsed;
    return fail(errc::invalid_argument, "\"" + text + "\" is no SEQUENCE:HASH, as GET /v1/audit:head tells it");
  };
  for (const auto& each : flags.heads) {
    auto parsed = place(each);
    if (!parsed) {
      report("audit", parsed.error());
      return exit_usage;
    }
    options.known.push_back(std::move(*parsed));
  }
  if (!flags.after.empty()) {
    auto parsed = place(flags.after);
    if (!parsed) {
      report("audit", parsed.error());
      return exit_usage;
    }
    options.after = std::move(*parsed);
  }
  const auto directory = log_directory(flags.directory);
  const auto found = admin::check_audit_log(persistence::real_files(), directory, options);
  if (!found) {
    const int code = report("audit", found.error());
    return found.error().code == errc::not_found ? exit_no_input : code;
  }
  print(*found, directory, flags.json);
  return found->sound() ? exit_ok : exit_data;
}

}  // namespace

command_body add_audit(CLI::App& app) {
  auto flags = std::make_shared<audit_flags>();
  app.require_subcommand(1);
  auto* sub = app.add_subcommand("verify", "find changed, missing and reordered records, and an end that is cut off");
  sub->add_option("DIR", flags->directory, "the data directory, or one that holds audit-*.log files; a server may run")
      ->required();
  sub->add_option("--head", flags->heads,
                  "SEQUENCE:HASH of a record, noted elsewhere before: it must be there still; may be repeated");
  sub->add_option("--after", flags->after,
                  "SEQUENCE:HASH of the last record that was archived: the log begins behind it");
  sub->add_flag("--json", flags->json, "print a JSON object");
  sub->footer(
      "Who did what is on the console's page Audit log, and at GET /v1/audit (docs/security.md).\n"
      "Exit codes: 0 sound, 64 wrong usage, 65 damaged, 66 no audit log there.");
  return [flags] { return verify(*flags); };
}

}  // namespace kith::cli
