// kith privacy requests: what people asked for, until when it is due, and what was done.
#include "cli/privacy_requests.hpp"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "admin/api_kind.hpp"
#include "admin/privacy_request_json.hpp"
#include "cli/edits.hpp"
#include "cli/text_table.hpp"

namespace kith::cli {

namespace {

using nlohmann::json;

constexpr const char* base = "/v1/privacy/requests";

struct request_flags : verb_flags {
  std::string id;
  std::string kind;
  std::string regulation;  ///< empty: gdpr, but for an opt_out, which only the CCPA knows
  std::vector<std::string> subject;
  std::vector<std::string> corrections;
  std::string traits_file;
  std::vector<std::string> purposes;
  std::string note;
  std::string received;
  std::string reason;
  std::string out;
  std::size_t number = 1;
  bool all = false;
  bool overdue = false;
  bool run = false;
};

std::string text_of(const json& value) { return value.is_string() ? value.get<std::string>() : std::string("-"); }

std::string name_of(const json& subject) {
  if (!subject.contains("id")) return "(erased)";
  const auto kind = subject.at("kind").get<std::string>();
  return (kind == "external" ? subject.at("type").get<std::string>() : kind) + ":" +
         subject.at("id").get<std::string>();
}

std::string subject_of(const json& request) {
  std::string text;
  for (const auto& each : request.at("subject")) text += (text.empty() ? "" : " ") + name_of(each);
  return text;
}

std::string names_of(const json& list) {
  std::string text;
  for (const auto& each : list) text += (text.empty() ? "" : ", ") + each.get<std::string>();
  return text;
}

std::string law_of(const request_flags& flags) {
  if (!flags.regulation.empty()) return flags.regulation;
  return flags.kind == "opt_out" ? "ccpa" : "gdpr";
}

/// The corrected traits; null: none are given.
result<json> corrected(const request_flags& flags) {
  json traits;
  if (!flags.traits_file.empty()) {
    const auto text = read_text(flags.traits_file);
    if (!text) return tl::make_unexpected(text.error());
    traits = json::parse(*text, nullptr, false);
    if (!traits.is_object()) {
      return fail(errc::invalid_argument, flags.traits_file + ": must hold one JSON object, as {\"email\": \"…\"}");
    }
  }
  for (const auto& each : flags.corrections) {
    if (traits.is_null()) traits = json::object();
    if (auto done = put_in(traits, each); !done) return tl::make_unexpected(done.error());
  }
  return traits;
}

std::string due_of(const json& request) {
  const auto due = request.at("dueAt").get<std::string>();
  if (request.at("overdue").get<bool>()) return due + " OVERDUE";
  return request.at("dueSoon").get<bool>() ? due + " soon" : due;
}

/// All of one, for people.
std::string shown(const json& of) {
  std::string text = printable(of.at("id").get<std::string>()) + "\n";
  const auto line = [&](const char* name, const std::string& what) {
    text.append(name).append(printable(what)).append("\n");
  };
  line("  kind       ", of.at("kind").get<std::string>() + ", " + of.at("regulation").get<std::string>());
  line("  status     ", of.at("status").get<std::string>());
  line("  subject    ", subject_of(of));
  line("  received   ", of.at("receivedAt").get<std::string>());
  line("  due        ", due_of(of));
  if (!of.at("confirmBy").is_null()) {
    line("  confirm by ", of.at("confirmBy").get<std::string>() + ", confirmed " + text_of(of.at("confirmedAt")));
  }
  if (!of.at("traits").is_null()) line("  traits     ", admin::dump(of.at("traits")));
  if (!of.at("purposes").empty()) line("  purposes   ", names_of(of.at("purposes")));
  if (!of.at("note").is_null()) line("  note       ", text_of(of.at("note")));
  if (!of.at("error").is_null()) line("  error      ", text_of(of.at("error")));
  const auto& result = of.at("result");
  std::size_t number = 0;
  for (const auto& each : result.at("exports")) {
    line("  document   ",
         std::to_string(++number) + ", " + std::to_string(each.at("bytes").get<std::uint64_t>()) + " bytes, " +
             (each.at("gone").get<bool>() ? "deleted" : "until " + each.at("until").get<std::string>()));
  }
  for (const auto& each : result.at("applied")) {
    line("  applied    ", each.at("at").get<std::string>() + ", profile " + text_of(each.at("profile")));
  }
  for (const auto& each : result.at("receipts")) line("  receipt    ", text_of(each));
  if (const auto none = result.at("notFound").get<std::uint64_t>(); none > 0) {
    line("  not found  ", std::to_string(none) + " of its identifiers: nothing was kept of them");
  }
  for (const auto& each : of.at("history")) {
    line("  ", each.at("at").get<std::string>() + "  " + each.at("action").get<std::string>() + " by " +
                   each.at("by").get<std::string>() +
                   (each.at("detail").is_null() ? "" : ": " + each.at("detail").get<std::string>()));
  }
  return text;
}

int list(const request_flags& flags) {
  return with_admin("privacy", flags.server, [&](admin_client& admin) {
    auto items = json::array();
    std::string cursor;
    do {
      const auto page = admin.ask("GET", std::string(base) + "?limit=1000" + (flags.all ? "" : "&status=open") +
                                             (flags.overdue ? "&due=overdue" : "") + cursor);
      if (!page) return report("privacy", page.error());
      for (const auto& each : page->at("items")) items.push_back(each);
      const auto& next = page->at("next");
      cursor = next.is_null() ? std::string() : "&cursor=" + net::percent_encoded(next.get<std::string>());
    } while (!cursor.empty());
    std::vector<std::vector<std::string>> rows = {{"ID", "KIND", "LAW", "STATUS", "DUE", "SUBJECT"}};
    for (const auto& each : items) {
      rows.push_back(
          {each.at("id"), each.at("kind"), each.at("regulation"), each.at("status"), due_of(each), subject_of(each)});
      for (auto& cell : rows.back()) cell = printable(cell);
    }
    return flags.print(items, items.empty() ? "no requests\n" : table_text(rows));
  });
}

int show(const request_flags& flags) {
  return with_admin("privacy", flags.server, [&](admin_client& admin) {
    const auto found = admin.ask("GET", base + ("/" + net::percent_encoded(flags.id)));
    if (!found) return report("privacy", found.error());
    return flags.print(*found, shown(*found));
  });
}

int add(const request_flags& flags) {
  const auto traits = corrected(flags);
  if (!traits) return report("privacy", traits.error());
  return with_admin("privacy", flags.server, [&](admin_client& admin) {
    json wanted = {{"kind", flags.kind}, {"regulation", law_of(flags)}, {"run", flags.run}};
    for (const auto& each : flags.subject) {
      const auto id = parse_identifier(each);
      json one = {{"kind", id.kind == profile::id_kind::external ? "external" : admin::kind_of(id)}, {"id", id.value}};
      if (id.kind == profile::id_kind::external) one["type"] = id.type;
      wanted["subject"].push_back(std::move(one));
    }
    if (!traits->is_null()) wanted["traits"] = *traits;
    if (!flags.purposes.empty()) wanted["purposes"] = flags.purposes;
    if (!flags.note.empty()) wanted["note"] = flags.note;
    if (!flags.received.empty()) wanted["receivedAt"] = flags.received;
    const auto made = admin.ask("POST", base, wanted);
    if (!made) return report("privacy", made.error());
    return flags.print(*made, shown(*made));
  });
}

template <const char* const& action>
int step(const request_flags& flags) {
  return with_admin("privacy", flags.server, [&](admin_client& admin) {
    const auto done = admin.ask("POST", base + ("/" + net::percent_encoded(flags.id)) + "/steps",
                                {{"action", action}, {"reason", flags.reason}});
    if (!done) return report("privacy", done.error());
    return flags.print(*done, shown(*done));
  });
}

constexpr const char* confirm = "confirm";
constexpr const char* verify = "verify";
constexpr const char* extend = "extend";
constexpr const char* run = "run";
constexpr const char* refuse = "refuse";

int download(const request_flags& flags) {
  return with_admin("privacy", flags.server, [&](admin_client& admin) {
    return save_document(
        admin, base + ("/" + net::percent_encoded(flags.id)) + "/exports/" + std::to_string(flags.number), flags.out);
  });
}

void takes_id(CLI::App& app, request_flags& flags) { app.add_option("ID", flags.id, "of the request")->required(); }
void takes_detail(CLI::App& app, request_flags& flags) {
  takes_id(app, flags);
  app.add_option("--reason", flags.reason, "how, or why; stands in its history");
}
void needs_reason(CLI::App& app, request_flags& flags) {
  takes_id(app, flags);
  app.add_option("--reason", flags.reason, "why; the person has to be told")->required();
}

constexpr verb<request_flags> verbs[] = {
    {"list", "those that are open, the newest first", list,
     [](CLI::App& app, request_flags& flags) {
       app.add_flag("--all", flags.all, "also those that are done or refused");
       app.add_flag("--overdue", flags.overdue, "only those past a deadline");
     }},
    {"show", "one, with what was done when", show, takes_id},
    {"new", "enter one, with its deadline by law", add,
     [](CLI::App& app, request_flags& flags) {
       app.add_option("KIND", flags.kind, admin::request_kind_list)->required();
       app.add_option("ID", flags.subject, "of the person, as for `kith get`; up to 10")->required();
       app.add_option("--regulation", flags.regulation, "gdpr or ccpa (default: gdpr; for opt_out: ccpa)");
       app.add_option("--set", flags.corrections,
                      "of a rectification: TRAIT=VALUE, as for `kith dead-letters replay`; null takes it out. Several "
                      "may be given")
           ->allow_extra_args(false);
       app.add_option("--traits", flags.traits_file,
                      "of a rectification: a file with the traits as JSON, - is standard input");
       app.add_option(
              "--purpose", flags.purposes,
              "of an opt_out or objection: of consent; several may be given (default: those that the law means)")
           ->allow_extra_args(false);
       app.add_option("--received", flags.received, "when it came, an RFC 3339 time (default: now)");
       app.add_option("--note", flags.note, "a ticket, say; no personal data");
       app.add_flag("--run", flags.run, "carry it out at once");
     }},
    {"confirm", "its receipt was confirmed to the person", step<confirm>, takes_detail},
    {"verify", "the person is who they say", step<verify>, takes_detail},
    {"extend", "give it the longer deadline that the law allows, once", step<extend>, needs_reason},
    {"run", "carry it out", step<run>, takes_detail},
    {"refuse", "close it without carrying it out", step<refuse>, needs_reason},
    {"download", "the document that was made for it", download,
     [](CLI::App& app, request_flags& flags) {
       takes_id(app, flags);
       app.add_option("--out", flags.out, "to this file (default: print it)");
       app.add_option("--number", flags.number, "which, where there are several (default: 1)")
           ->check(CLI::Range(1, 10));
     }},
};

}  // namespace

int save_document(admin_client& admin, const std::string& url, const std::string& file) {
  const auto unfinished = file + ".partial";
  std::ofstream out;
  if (!file.empty()) {
    out.open(unfinished, std::ios::binary | std::ios::trunc);
    std::error_code ignored;
    std::filesystem::permissions(unfinished, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write,
                                 ignored);
    if (!out) return report("privacy", {errc::unavailable, unfinished + ": cannot be written"});
  }
  const auto got = admin.download(url, [&](std::string_view piece) -> result<void> {
    if (file.empty()) {
      if (std::fwrite(piece.data(), 1, piece.size(), stdout) == piece.size()) return {};
    } else if (out.write(piece.data(), static_cast<std::streamsize>(piece.size()))) {
      return {};
    }
    return fail(errc::unavailable, (file.empty() ? "standard output" : unfinished) + ": cannot be written");
  });
  out.close();
  std::error_code failed;
  if (got && !file.empty()) {
    std::filesystem::rename(unfinished, file, failed);
    if (!failed && out) return exit_ok;
    return report("privacy", {errc::unavailable, file + ": cannot be written: " + failed.message()});
  }
  if (!got) {
    if (!file.empty()) std::filesystem::remove(unfinished, failed);
    return report("privacy", got.error());
  }
  return exit_ok;
}

command_body add_privacy_requests(CLI::App& app, const std::shared_ptr<verb_flags>& shared) {
  app.require_subcommand(1);
  return add_verbs<request_flags>(app, verbs, shared);
}

}  // namespace kith::cli
