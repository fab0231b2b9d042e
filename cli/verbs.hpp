// Commands whose first word is a verb, `kith segments list`, and which go to the admin HTTPS port.
//
// Thread safety: none.
#pragma once

#include <utility>
#include <cstdio>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "admin/json.hpp"
#include "cli/admin_client.hpp"
#include "cli/command.hpp"
#include "cli/exit_codes.hpp"

namespace kith::cli {

/// What the flags of all verbs have; a command's own derive from it.
struct verb_flags {
  admin_flags server;
  bool json = false;

  int print(const nlohmann::json& value, const std::string& text) const {
    std::fputs(json ? (admin::dump(value) + "\n").c_str() : text.c_str(), stdout);
    return exit_ok;
  }
};

template <class Flags>
struct verb {
  const char* name;
  const char* about;
  int (*run)(const Flags&);
  void (*describe)(CLI::App&, Flags&);
};

/// The flags of all verbs of a command, which may stand in front of a verb too.
inline std::shared_ptr<verb_flags> add_shared_flags(CLI::App& app) {
  auto shared = std::make_shared<verb_flags>();
  shared->server.add_to(app);
  app.add_flag("--json", shared->json, "print JSON");
  app.require_subcommand(1);
  return shared;
}

/// Each verb has flags of its own, beside the shared ones.
template <class Flags>
command_body add_verbs(CLI::App& app, std::span<const verb<Flags>> verbs, const std::shared_ptr<verb_flags>& shared) {
  std::vector<std::pair<CLI::App*, std::function<int()>>> bodies;
  for (const auto& each : verbs) {
    auto* sub = app.add_subcommand(each.name, each.about)->fallthrough();
    auto flags = std::make_shared<Flags>();
    each.describe(*sub, *flags);
    bodies.emplace_back(sub, [run = each.run, flags, shared] {
      static_cast<verb_flags&>(*flags) = *shared;
      return run(*flags);
    });
  }
  return [bodies = std::move(bodies)] {
    for (const auto& [sub, body] : bodies) {
      if (sub->parsed()) return body();
    }
    return static_cast<int>(exit_usage);
  };
}

template <class Flags>
command_body add_verbs(CLI::App& app, std::span<const verb<Flags>> verbs) {
  return add_verbs<Flags>(app, verbs, add_shared_flags(app));
}

}  // namespace kith::cli
