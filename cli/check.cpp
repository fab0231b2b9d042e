#include "persistence/check.hpp"

#include <cstdio>
#include <nlohmann/json.hpp>

#include "cli/command.hpp"
#include "cli/exit_codes.hpp"

namespace kith::cli {

namespace {

struct check_flags {
  std::string directory;
  bool json = false;
};

int check(const check_flags& flags) {
  const auto found = persistence::check_directory(persistence::real_files(), flags.directory);
  if (!found) {
    const int code = report("check", found.error());
    return found.error().code == errc::not_found ? exit_no_input : code;
  }
  if (flags.json) {
    auto findings = nlohmann::json::array();
    for (const auto& each : found->findings)
      findings.push_back({{"where", each.where}, {"what", each.what}, {"mend", each.mend}});
    std::puts(nlohmann::json{{"sound", found->sound()},
                             {"segments", found->segments},
                             {"records", found->records},
                             {"journalBytes", found->journal_bytes},
                             {"tornBytes", found->torn_bytes},
                             {"snapshots", found->snapshots},
                             {"findings", findings}}
                  .dump()
                  .c_str());
  } else {
    std::printf("journal: %llu segments, %llu records, %llu bytes\nstore: %llu snapshots\n",
                static_cast<unsigned long long>(found->segments), static_cast<unsigned long long>(found->records),
                static_cast<unsigned long long>(found->journal_bytes),
                static_cast<unsigned long long>(found->snapshots));
    if (found->torn_bytes > 0) {
      std::printf(
          "%llu bytes of a write that was never acknowledged are at the journal's end; the next start cuts them\n",
          static_cast<unsigned long long>(found->torn_bytes));
    }
    for (const auto& each : found->findings) {
      std::printf("DAMAGED %s: %s\n  %s\n", each.where.c_str(), each.what.c_str(), each.mend.c_str());
    }
    std::puts(found->sound() ? "sound" : "damaged");
  }
  return found->sound() ? exit_ok : exit_data;
}

}  // namespace

command_body add_check(CLI::App& app) {
  auto flags = std::make_shared<check_flags>();
  app.add_option("DIR", flags->directory, "the data directory; no server may run on it")->required();
  app.add_flag("--json", flags->json, "print a JSON object");
  app.footer("Exit codes: 0 sound, 65 damaged, 66 no data directory.");
  return [flags] { return check(*flags); };
}

}  // namespace kith::cli
