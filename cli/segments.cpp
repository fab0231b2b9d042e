// kith segments: definitions by the admin API, profiles by the protocol, expressions offline.
#include <algorithm>
#include <cstdio>

#include "cli/command.hpp"
#include "cli/config.hpp"
#include "cli/exit_codes.hpp"
#include "cli/segments_text.hpp"
#include "cli/verbs.hpp"
#include "net/client.hpp"
#include "profile/segments/catalog.hpp"

namespace kith::cli {

namespace {

using nlohmann::json;
using profile::segments::definition_kind;

constexpr std::string_view command = "segments";
constexpr std::size_t most_a_page = 1000;

struct segments_flags : verb_flags {
  bool computed = false;
  bool all = false;
  bool cancel = false;
  bool resume = false;
  std::string name;  ///< of a definition
  std::string id;    ///< of a profile
  std::string expression;
  std::string description;
  std::string owner;
  std::string purpose;
  std::string config_file;
  std::size_t limit = 100;
  std::size_t sample = 10;

  std::string path() const { return computed ? "/v1/computed" : "/v1/segments"; }
  std::string one() const { return path() + "/" + net::percent_encoded(name); }
};

using flags_ptr = std::shared_ptr<segments_flags>;

int list(const segments_flags& flags) {
  return with_admin(command, flags.server, [&](admin_client& admin) {
    auto all = json::array();
    for (const auto* path : {"/v1/segments", "/v1/computed"}) {
      const auto items = read_list(admin, path, SIZE_MAX);
      if (!items) return report(command, items.error());
      all.insert(all.end(), items->begin(), items->end());
    }
    return flags.print(all, definitions_text(all));
  });
}

int show(const segments_flags& flags) {
  return with_admin(command, flags.server, [&](admin_client& admin) {
    const auto found = admin.ask("GET", flags.one());
    if (!found) return report(command, found.error());
    return flags.print(*found, definition_text(*found));
  });
}

/// Problems of expressions are shown with their place.
int refused(const segments_flags& flags, const error& why, const json& problem) {
  const auto problems = problem.is_object() ? problem.value("problems", json::array()) : json::array();
  for (const auto& each : problems) {
    const bool ours = each.at("name") == flags.name && (each.at("kind") == "computed") == flags.computed;
    std::fputs(problem_text(each, ours ? flags.expression : std::string()).c_str(), stderr);
  }
  return problems.empty() ? report(command, why) : exit_code_of(why.code);
}

int define(const segments_flags& flags) {
  return with_admin(command, flags.server, [&](admin_client& admin) {
    json problem;
    const auto made = admin.ask("PUT", flags.one(),
                                {{"expression", flags.expression},
                                 {"description", flags.description},
                                 {"owner", flags.owner},
                                 {"purpose", flags.purpose}},
                                &problem);
    return made ? flags.print(*made, definition_text(*made)) : refused(flags, made.error(), problem);
  });
}

int preview(const segments_flags& flags) {
  return with_admin(command, flags.server, [&](admin_client& admin) {
    json problem;
    const json purpose = flags.purpose.empty() ? json(nullptr) : json(flags.purpose);
    const json wanted = {{"expression", flags.expression}, {"purpose", purpose}, {"sample", flags.sample}};
    const auto found = admin.ask("POST", "/v1/segments:preview", wanted, &problem);
    return found ? flags.print(*found, preview_text(*found)) : refused(flags, found.error(), problem);
  });
}

int remove(const segments_flags& flags) {
  return with_admin(command, flags.server, [&](admin_client& admin) {
    const auto gone = admin.ask("DELETE", flags.one());
    if (!gone) return report(command, gone.error());
    return flags.print({{"deleted", flags.name}}, "deleted " + flags.name + "\n");
  });
}

int enable(const segments_flags& flags) {
  return with_admin(command, flags.server, [&](admin_client& admin) {
    const auto now = admin.ask("POST", flags.one() + "/enable");
    return now ? flags.print(*now, definition_text(*now)) : report(command, now.error());
  });
}

/// A line each, as they come.
int all_members(const segments_flags& flags, admin_client& admin) {
  bool complete = true;
  json next = "";
  if (!flags.json) std::fputs(member_line(nullptr).c_str(), stdout);
  while (!next.is_null()) {
    const auto cursor = next.get<std::string>();
    const auto page = admin.ask("GET", flags.one() + "/members?limit=" + std::to_string(most_a_page) +
                                           (cursor.empty() ? "" : "&cursor=" + net::percent_encoded(cursor)));
    if (!page) return report(command, page.error());
    for (const auto& each : page->at("items")) {
      const auto text = flags.json ? admin::dump(each) + '\n' : member_line(&each);
      std::fputs(text.c_str(), stdout);
    }
    complete = complete && page->at("complete").get<bool>();
    next = page->at("next");
  }
  if (std::fflush(stdout) == EOF) return report(command, {errc::unavailable, "standard output cannot be written"});
  if (!complete) std::fputs(not_complete, stderr);
  return exit_ok;
}

int members(const segments_flags& flags) {
  return with_admin(command, flags.server, [&](admin_client& admin) {
    if (flags.all) return all_members(flags, admin);
    json last;
    auto items = read_list(admin, flags.one() + "/members", flags.limit, &last);
    if (!items) return report(command, items.error());
    last["items"] = std::move(*items);
    return flags.print(last, members_text(last));
  });
}

int backfill(const segments_flags& flags) {
  return with_admin(command, flags.server, [&](admin_client& admin) {
    const auto* const order = flags.cancel ? ":cancel" : flags.resume ? ":resume" : "";
    const auto now = admin.ask(*order == 0 ? "GET" : "POST", std::string("/v1/backfill") + order);
    return now ? flags.print(*now, backfill_text(*now) + "\n") : report(command, now.error());
  });
}

/// Offline, beside the definitions of a configuration if one is named.
int check(const segments_flags& flags) {
  std::vector<profile::segments::definition> all;
  std::shared_ptr<const profile::privacy_rules> rules;
  profile::segments::definition wanted;
  wanted.kind = flags.computed ? definition_kind::computed : definition_kind::segment;
  wanted.name = flags.name;
  wanted.expression = flags.expression;
  if (!flags.config_file.empty()) {
    const auto settings = load_config(flags.config_file);
    if (!settings) {
      report(command, settings.error());
      return exit_config;
    }
    rules = settings->privacy;
    for (const auto& each : settings->definitions) {
      if (each.what.kind != wanted.kind || each.what.name != wanted.name) all.push_back(each.what);
    }
  }
  all.push_back(wanted);
  const auto made = profile::segments::catalog::make(std::move(all), std::move(rules));
  if (made) return flags.print({{"valid", true}}, "good\n");
  auto problems = json::array();
  for (const auto& each : made.error()) {
    problems.push_back({{"kind", admin::name_of(each.kind)},
                        {"name", each.name},
                        {"line", each.line},
                        {"column", each.column},
                        {"message", each.message}});
    const bool ours = each.kind == wanted.kind && each.name == wanted.name;
    if (!flags.json) {
      std::fputs(problem_text(problems.back(), ours ? wanted.expression : std::string()).c_str(), stderr);
    }
  }
  if (flags.json) flags.print({{"valid", false}, {"problems", problems}}, {});
  return exit_data;
}

/// Runs with a connection to the protocol port, and prints what `ask` gives.
template <class Ask, class Text>
int with_protocol(const segments_flags& flags, Ask ask, Text text) {
  const auto options = flags.server.client.options();
  if (!options) return report_unreached(command, options.error());
  auto client = net::client::connect(*options);
  if (!client) return report_unreached(command, client.error(), *options);
  const result<std::string> got = ask(**client);
  if (!got) return report(command, got.error());
  const auto value = admin::to_json(*got);
  return flags.print(value, text(value));
}

int of(const segments_flags& flags) {
  return with_protocol(
      flags, [&](net::client& client) { return client.segments(parse_identifier(flags.id)); }, memberships_text);
}

int explain(const segments_flags& flags) {
  return with_protocol(
      flags, [&](net::client& client) { return client.explain(parse_identifier(flags.id), flags.name); },
      explanation_text);
}

void take_name(CLI::App& app, segments_flags& flags) {
  app.add_option("NAME", flags.name, "of the segment or computed trait")->required();
}
void take_computed(CLI::App& app, segments_flags& flags) {
  app.add_flag("--computed", flags.computed, "a computed trait, not a segment");
}
void take_id(CLI::App& app, segments_flags& flags) {
  app.add_option("ID", flags.id, "whose, as for `kith get`")->required();
}

constexpr verb<segments_flags> verbs[] = {
    {"list", "all definitions", list, [](CLI::App&, segments_flags&) {}},
    {"show", "one definition", show,
     [](CLI::App& app, segments_flags& flags) {
       take_name(app, flags);
       take_computed(app, flags);
     }},
    {"define", "create a definition, or replace it", define,
     [](CLI::App& app, segments_flags& flags) {
       take_name(app, flags);
       take_computed(app, flags);
       app.add_option("--expression", flags.expression, "in CEL, see docs/segments.md")->required();
       app.add_option("--description", flags.description, "what it is for");
       app.add_option("--owner", flags.owner, "whom to ask");
       app.add_option("--purpose", flags.purpose, "of consent, without which nobody is in it");
     }},
    {"delete", "delete a definition", remove,
     [](CLI::App& app, segments_flags& flags) {
       take_name(app, flags);
       take_computed(app, flags);
     }},
    {"enable", "evaluate a definition again that was disabled for its errors", enable,
     [](CLI::App& app, segments_flags& flags) {
       take_name(app, flags);
       take_computed(app, flags);
     }},
    {"check", "judge an expression, without a server", check,
     [](CLI::App& app, segments_flags& flags) {
       flags.name = "expression";
       app.add_option("EXPRESSION", flags.expression, "in CEL, see docs/segments.md")->required();
       take_computed(app, flags);
       app.add_option("--config", flags.config_file, "TOML file whose segments and computed traits it may use");
     }},
    {"preview", "who would be in a segment with that expression", preview,
     [](CLI::App& app, segments_flags& flags) {
       flags.name = "preview";
       app.add_option("EXPRESSION", flags.expression, "in CEL, see docs/segments.md")->required();
       app.add_option("--purpose", flags.purpose, "of consent: count nobody without it");
       app.add_option("--sample", flags.sample, "name so many members")
           ->check(CLI::Range(0, 100))
           ->capture_default_str();
     }},
    {"members", "the profiles in a segment", members,
     [](CLI::App& app, segments_flags& flags) {
       take_name(app, flags);
       auto* limit = app.add_option("--limit", flags.limit, "at most so many");
       limit->check(CLI::PositiveNumber)->capture_default_str();
       app.add_flag("--all", flags.all, "all of them, a line each; with --json an object a line")->excludes(limit);
     }},
    {"backfill", "how far profiles are brought up to date", backfill,
     [](CLI::App& app, segments_flags& flags) {
       auto* cancel = app.add_flag("--cancel", flags.cancel, "go no further for now");
       app.add_flag("--resume", flags.resume, "go on")->excludes(cancel);
     }},
    {"of", "the segments that a profile is in", of, take_id},
    {"explain", "why a profile is in a segment, or is not", explain,
     [](CLI::App& app, segments_flags& flags) {
       take_id(app, flags);
       take_name(app, flags);
     }},
};

}  // namespace

command_body add_segments(CLI::App& app) {
  app.footer(
      "list, show, define, delete, enable, preview, members and backfill go to the admin HTTPS port and need its "
      "rights;\n"
      "of and explain go to the protocol port; check needs no server. Exit codes: 1 no such profile or definition, 65 "
      "a\n"
      "wrong expression or a change that is refused, 69 server not reached or busy, 77 no permission.");
  return add_verbs<segments_flags>(app, verbs);
}

}  // namespace kith::cli
