#include "persistence/check.hpp"

#include <cstdio>
#include <nlohmann/json.hpp>

#include "actors/clock.hpp"
#include "admin/audit_check.hpp"
#include "admin/definition_file.hpp"
#include "admin/privacy_request_json.hpp"
#include "admin/tokens.hpp"
#include "cli/check.hpp"
#include "cli/command.hpp"
#include "cli/encryption_keys.hpp"
#include "cli/exit_codes.hpp"
#include "cli/progress.hpp"
#include "ingest/schema/files.hpp"
#include "persistence/erasure_book.hpp"
#include "persistence/key_ring.hpp"
#include "persistence/whole_file.hpp"
#include "profile/segments/catalog.hpp"

namespace kith::cli {

namespace {

struct check_flags {
  std::string directory;
  std::string key_file;
  bool json = false;
};

using finding_list = std::vector<persistence::check_report::finding>;

/// segments.json, and the number beside it that says for which definitions the memberships hold.
void check_definitions(const std::string& directory, finding_list& to) {
  auto& files = persistence::real_files();
  const auto path = directory + "/segments.json";
  const auto text = persistence::read_file(files, path);
  if (text) {
    if (const auto read = admin::read_definitions(*text, path); !read) {
      to.push_back({path, read.error().message, "bring it back from a backup, or define the segments anew"});
    } else {
      std::vector<profile::segments::definition> all;
      for (const auto& [key, kept] : *read) all.push_back(kept.what);
      if (const auto made = profile::segments::catalog::make(std::move(all)); !made) {
        for (const auto& each : made.error()) {
          to.push_back({path, each.name + ": " + each.message, "bring it back from a backup, or mend the expression"});
        }
      }
    }
  } else if (text.error().code != errc::not_found) {
    to.push_back({path, text.error().message, "bring it back from a backup"});
  }
  const auto current = persistence::read_file(files, directory + "/definitions");
  if (current && (current->empty() || current->find_first_not_of("0123456789") != std::string::npos)) {
    to.push_back({directory + "/definitions", "is damaged",
                  "delete it: the next start brings every profile up to date with the definitions"});
  }
}

/// schemas.json.
void check_schemas(const std::string& directory, finding_list& to) {
  const auto path = directory + "/schemas.json";
  const auto text = persistence::read_file(persistence::real_files(), path);
  if (!text && text.error().code == errc::not_found) return;
  const auto read = text ? ingest::schema::read_schemas(*text, path)
                         : result<std::vector<ingest::schema::known_schema>>(tl::make_unexpected(text.error()));
  if (!read) to.push_back({path, read.error().message, "bring it back from a backup, or register the schemas anew"});
}

/// What only a server with an audit log makes, and is there; null: nothing.
const char* kept_beside_audit(persistence::file_system& files, const std::string& directory) {
  for (const auto* name : {"tokens.json", "privacy/receipt.key"}) {
    if (const auto there = files.exists(directory + "/" + name); there && *there) return name;
  }
  return nullptr;
}

/// audit/ and tokens.json.
void check_admin(const std::string& directory, finding_list& to) {
  auto& files = persistence::real_files();
  const auto audit = directory + "/audit";
  if (const auto there = files.exists(audit); there && *there) {
    const auto found = admin::check_audit_log(files, audit, {});
    if (!found && found.error().code != errc::not_found) {
      to.push_back({audit, found.error().message, "bring it back from a backup"});
    }
    for (const auto& each : found ? found->findings : std::vector<admin::audit_report::finding>()) {
      to.push_back(
          {each.where, each.what, "find out who had access to it; docs/security.md says what the chain proves"});
    }
  } else if (const auto* kept = kept_beside_audit(files, directory); there && kept != nullptr) {
    to.push_back({audit, std::string("is gone, although ") + kept + " is there, and no server makes that without it",
                  "find out who had access to the directory, and bring it back from a backup"});
  }
  if (const auto tokens = admin::token_store::open(files, directory, nullptr, actors::wall_clock_ms); !tokens) {
    to.push_back({directory + "/tokens.json", tokens.error().message, "bring it back from a backup"});
  }
}

/// privacy/: the book of who was erased, and people's requests.
void check_privacy(const std::string& directory, finding_list& to) {
  auto& files = persistence::real_files();
  const auto privacy = directory + "/privacy";
  if (const auto there = files.exists(privacy); !there || !*there) return;
  if (const auto book = persistence::erasure_book::open(files, privacy); !book) {
    to.push_back({privacy + "/book", book.error().message, "bring it back from a backup"});
  }
  const auto requests = privacy + "/requests";
  const auto names = files.list(requests);
  if (!names) {
    if (names.error().code != errc::not_found) to.push_back({requests, names.error().message, "find out why"});
    return;
  }
  for (const auto& name : *names) {
    if (!name.ends_with(".json")) continue;
    const auto path = std::string(requests).append("/").append(name);
    const auto text = persistence::read_file(files, path);
    const auto read = text ? admin::read_request(*text) : tl::make_unexpected(text.error());
    if (!read) {
      to.push_back({path, read.error().message, "bring it back from a backup, or move it away and enter it anew"});
    }
  }
}

}  // namespace

result<persistence::check_report> check_all(const std::string& directory,
                                            const persistence::encryption_settings& keys) {
  step_progress bar;
  const auto show = [&](auto step, auto done, auto total) { bar.update(step, done, total); };
  auto found = persistence::check_directory(persistence::real_files(), directory, show, keys);
  if (found) {
    check_definitions(directory, found->findings);
    check_schemas(directory, found->findings);
    check_admin(directory, found->findings);
    check_privacy(directory, found->findings);
  }
  return found;
}

std::string unopened_text(const persistence::check_report& found) {
  if (found.unopened.empty()) return {};
  return std::to_string(found.encrypted) +
         (found.encrypted == 1 ? " encrypted record is whole, and was" : " encrypted records are whole, and were") +
         " not looked into: " + found.unopened + "; kith check --key-file does\n";
}

namespace {

/// A key that was named is of use: where another one wraps the ring, `sound` would say less than was asked for.
result<void> judge_key(const check_flags& flags, const persistence::encryption_settings& keys) {
  if (flags.key_file.empty()) return {};
  const auto ring = persistence::key_ring::look(persistence::real_files(), flags.directory + "/keys", keys);
  if (ring || ring.error().code != errc::invalid_argument) return {};  // of the rest check_all() tells
  return fail(errc::invalid_argument,
              "--key-file " + flags.key_file + " does not open the journal's keys: " + ring.error().message);
}

int check(const check_flags& flags) {
  persistence::encryption_settings keys;
  if (auto loaded = load_keys({flags.key_file, {}, {}, {}}, keys); !loaded) return report("check", loaded.error());
  if (auto good = judge_key(flags, keys); !good) {
    report("check", good.error());
    return exit_config;
  }
  const auto found = check_all(flags.directory, keys);
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
                             {"encryptedRecords", found->encrypted},
                             {"unreadableEvents", found->unreadable},
                             {"unopened", found->unopened},
                             {"journalBytes", found->journal_bytes},
                             {"tornBytes", found->torn_bytes},
                             {"snapshots", found->snapshots},
                             {"deadLetters", found->dead_letters},
                             {"findings", findings}}
                  .dump()
                  .c_str());
  } else {
    std::printf("journal: %llu segments, %llu records, %llu bytes\nstore: %llu snapshots\ndead letters: %llu\n",
                static_cast<unsigned long long>(found->segments), static_cast<unsigned long long>(found->records),
                static_cast<unsigned long long>(found->journal_bytes),
                static_cast<unsigned long long>(found->snapshots),
                static_cast<unsigned long long>(found->dead_letters));
    if (found->torn_bytes > 0) {
      std::printf(
          "%llu bytes of a write that was never acknowledged are at the journal's end; the next start cuts them\n",
          static_cast<unsigned long long>(found->torn_bytes));
    }
    std::fputs(unopened_text(*found).c_str(), stdout);
    if (found->unreadable > 0) {
      std::printf("%llu events of erased persons are unreadable, as they should be\n",
                  static_cast<unsigned long long>(found->unreadable));
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
  app.add_option("--key-file", flags->key_file, "what encryption.key_file names, to look into encrypted records");
  app.add_flag("--json", flags->json, "print a JSON object");
  app.footer(
      "Exit codes: 0 sound, 65 damaged, 66 no data directory, 69 a server runs on it, 78 --key-file names another "
      "key.");
  return [flags] { return check(*flags); };
}

}  // namespace kith::cli
