// kith dead-letters: what was refused, by the admin API.
#include <algorithm>
#include <cstdio>

#include "cli/command.hpp"
#include "cli/dead_letters_text.hpp"
#include "cli/edits.hpp"
#include "cli/exit_codes.hpp"
#include "cli/verbs.hpp"
#include "profile/event.hpp"

namespace kith::cli {

namespace {

using nlohmann::json;

constexpr std::string_view command = "dead-letters";
constexpr std::size_t listed_at_once = 100;
constexpr std::size_t ids_at_once = 50;  ///< that few the server tries in one request, however long it takes
constexpr const char* path = "/v1/dead-letters";

struct letters_flags : verb_flags {
  bool all = false;
  bool oldest_first = false;
  std::size_t limit = 20;
  std::vector<std::string> ids;
  std::string edited_file;
  std::vector<std::string> changes;
  /// By the API's names.
  std::map<std::string, std::string> filter;

  std::string query() const {
    std::string made;
    for (const auto& [name, value] : filter) {
      if (!value.empty()) made += "&" + name + "=" + net::percent_encoded(value);
    }
    return made;
  }
  nlohmann::json filter_json() const {
    auto made = nlohmann::json::object();
    for (const auto& [name, value] : filter) {
      if (!value.empty()) made[name] = value;
    }
    return made;
  }
};

/// Hands over each letter, up to `most`.
template <class Each>
result<void> for_each_letter(admin_client& admin, const letters_flags& flags, std::size_t most, Each each) {
  std::string cursor;
  std::size_t found = 0;
  do {
    const auto page = admin.ask("GET", std::string(path) + "?order=" + (flags.oldest_first ? "asc" : "desc") +
                                           "&limit=" + std::to_string(std::min(most - found, listed_at_once)) +
                                           flags.query() + (cursor.empty() ? "" : "&cursor=" + cursor));
    if (!page) return tl::make_unexpected(page.error());
    for (const auto& letter : page->at("items")) {
      each(letter);
      ++found;
    }
    const auto& next = page->at("next");
    cursor = next.is_null() ? std::string() : next.get<std::string>();
  } while (!cursor.empty() && found < most);
  return {};
}

int list(const letters_flags& flags) {
  return with_admin(command, flags.server, [&](admin_client& admin) {
    auto items = json::array();
    const auto read = for_each_letter(admin, flags, flags.limit, [&](const json& letter) { items.push_back(letter); });
    return read ? flags.print(items, letters_text(items)) : report(command, read.error());
  });
}

int show(const letters_flags& flags) {
  return with_admin(command, flags.server, [&](admin_client& admin) {
    const auto letter = admin.ask("GET", std::string(path) + "/" + net::percent_encoded(flags.ids.front()));
    return letter ? flags.print(*letter, letter_text(*letter)) : report(command, letter.error());
  });
}

int counts(const letters_flags& flags) {
  return with_admin(command, flags.server, [&](admin_client& admin) {
    const auto told = admin.ask("GET", std::string(path) + ":counts");
    return told ? flags.print(*told, letter_counts_text(*told)) : report(command, told.error());
  });
}

int export_all(const letters_flags& flags) {
  auto oldest = flags;
  oldest.oldest_first = true;
  return with_admin(command, flags.server, [&](admin_client& admin) {
    const auto read = for_each_letter(
        admin, oldest, SIZE_MAX, [](const json& letter) { std::fputs((admin::dump(letter) + '\n').c_str(), stdout); });
    if (!read) return report(command, read.error());
    if (std::fflush(stdout) == EOF) return report(command, {errc::unavailable, "standard output cannot be written"});
    return static_cast<int>(exit_ok);
  });
}

/// Adds up what several requests have done.
void add(json& sum, const json& told) {
  for (const auto* name : {"replayed", "applied", "duplicate", "rejected", "failed", "dropped", "missing"}) {
    sum[name] = sum.value(name, std::uint64_t{0}) + told.at(name).get<std::uint64_t>();
  }
  for (const auto& each : told.at("failures")) sum["failures"].push_back(each);
  sum["stopped"] = told.at("stopped");
}

result<json> decide_ids(admin_client& admin, const std::string& action, std::vector<std::string> ids) {
  json sum = {{"failures", json::array()}};
  while (!ids.empty()) {
    const auto some = std::min(ids.size(), ids_at_once);
    const std::vector<std::string> now(ids.end() - static_cast<std::ptrdiff_t>(some), ids.end());
    const auto told = admin.ask("POST", path, {{"action", action}, {"ids", now}});
    if (!told) return tl::make_unexpected(told.error());
    add(sum, *told);
    if (!told->at("stopped").is_null()) break;
    ids.resize(ids.size() - some);
  }
  return sum;
}

result<json> decide_matching(admin_client& admin, const std::string& action, const json& filter) {
  json sum = {{"failures", json::array()}};
  json cursor;
  do {
    const auto told = admin.ask("POST", path, {{"action", action}, {"filter", filter}, {"cursor", cursor}});
    if (!told) return tl::make_unexpected(told.error());
    add(sum, *told);
    if (!told->at("stopped").is_null()) break;
    cursor = told->at("next");
  } while (!cursor.is_null());
  return sum;
}

/// What came, as JSON that can be changed.
result<json> editable(const json& letter) {
  if (letter.at("truncated") == true) {
    return fail(errc::invalid_argument, "the letter was cut when it was kept, and cannot be replayed");
  }
  auto value = letter.contains("decoded")         ? letter.at("decoded")
               : letter.at("encoding") == "utf-8" ? json::parse(letter.at("bytes").get<std::string>(), nullptr, false)
                                                  : json(json::value_t::discarded);
  if (value.is_object() || value.is_array()) return value;
  return fail(errc::invalid_argument, "the letter holds no JSON; give the mended bytes with --edit FILE");
}

/// What is tried in place of the letter's bytes, as the API takes it.
result<json> mended(admin_client& admin, const letters_flags& flags) {
  if (!flags.edited_file.empty()) {
    const auto text = read_text(flags.edited_file);
    if (!text) return tl::make_unexpected(text.error());
    return json(*text);
  }
  const auto letter = admin.ask("GET", std::string(path) + "/" + net::percent_encoded(flags.ids.front()));
  if (!letter) return tl::make_unexpected(letter.error());
  auto value = editable(*letter);
  if (!value) return value;
  for (const auto& each : flags.changes) {
    if (auto done = put_in(*value, each); !done) return tl::make_unexpected(done.error());
  }
  return json(admin::dump(*value));
}

result<json> replay_mended(admin_client& admin, const letters_flags& flags) {
  auto as = mended(admin, flags);
  if (!as) return as;
  json sum = {{"failures", json::array()}};
  const auto told = admin.ask("POST", path, {{"action", "replay"}, {"ids", flags.ids}, {"as", *as}});
  if (!told) return tl::make_unexpected(told.error());
  add(sum, *told);
  return sum;
}

int decide(const letters_flags& flags, const std::string& action) {
  const bool mends = !flags.edited_file.empty() || !flags.changes.empty();
  if (mends && flags.ids.size() != 1) {
    report(command, {errc::invalid_argument, action + ": --edit and --set go with the id of one letter"});
    return exit_usage;
  }
  const auto filter = flags.filter_json();
  const int ways = (flags.ids.empty() ? 0 : 1) + (filter.empty() ? 0 : 1) + (flags.all ? 1 : 0);
  if (ways != 1) {
    report(command, {errc::invalid_argument, action + ": say which letters: ids, or a filter like --code, or --all"});
    return exit_usage;
  }
  return with_admin(command, flags.server, [&](admin_client& admin) {
    const auto sum = mends               ? replay_mended(admin, flags)
                     : flags.ids.empty() ? decide_matching(admin, action, filter)
                                         : decide_ids(admin, action, flags.ids);
    if (!sum) return report(command, sum.error());
    flags.print(*sum, decided_text(*sum, action == "replay"));
    if (!sum->at("stopped").is_null()) {
      return report(command, {errc::unavailable, "stopped: " + sum->at("stopped").get<std::string>()});
    }
    if (sum->at("rejected") != 0 || sum->at("failed") != 0) return static_cast<int>(exit_data);
    return static_cast<int>(sum->at("missing") != 0 ? exit_not_found : exit_ok);
  });
}

int replay(const letters_flags& flags) { return decide(flags, "replay"); }
int drop(const letters_flags& flags) { return decide(flags, "drop"); }

void take_filter(CLI::App& app, letters_flags& flags) {
  const CLI::Validator is_time(
      [](const std::string& text) {
        std::int64_t ms = 0;
        return profile::parse_time(text, ms) ? std::string() : "must be a time like 2026-01-31T12:00:00Z";
      },
      "TIME");
  app.add_option("--source", flags.filter["source"], "only those of this source");
  app.add_option("--edge", flags.filter["edge"], "only those that came in there: protocol, tracking, webhook, …");
  app.add_option("--code", flags.filter["code"], "only those with this reason");
  app.add_option("--event", flags.filter["event"], "only events of this name");
  app.add_option("--search", flags.filter["q"], "only those with this text in message, ids or bytes");
  app.add_option("--from", flags.filter["from"], "only those that came then or later")->check(is_time);
  app.add_option("--until", flags.filter["until"], "only those that came before")->check(is_time);
}

void take_choice(CLI::App& app, letters_flags& flags) {
  app.add_option("ID", flags.ids, "of letters; instead of a filter");
  take_filter(app, flags);
  app.add_flag("--all", flags.all, "every letter; instead of ids or a filter");
}

void take_mending(CLI::App& app, letters_flags& flags) {
  take_choice(app, flags);
  auto* edit =
      app.add_option("--edit", flags.edited_file,
                     "try this file in place of the letter's bytes, - is standard input: an event as JSON, else "
                     "the body as a sender would send it; of one letter");
  app.add_option(
         "--set", flags.changes,
         "change the letter first: PATH=VALUE, as properties.total=12.5, a dot within a key as \\.; several may be "
         "given; of one letter")
      ->allow_extra_args(false)
      ->excludes(edit);
}

constexpr verb<letters_flags> verbs[] = {
    {"list", "the newest letters", list,
     [](CLI::App& app, letters_flags& flags) {
       take_filter(app, flags);
       app.add_option("--limit", flags.limit, "at most so many")->check(CLI::PositiveNumber)->capture_default_str();
       app.add_flag("--oldest", flags.oldest_first, "the oldest first");
     }},
    {"show", "one letter, with its bytes", show,
     [](CLI::App& app, letters_flags& flags) {
       app.add_option("ID", flags.ids, "of the letter")->required()->expected(1);
     }},
    {"counts", "how many there are, by source and reason", counts, [](CLI::App&, letters_flags&) {}},
    {"export", "all of them as JSON lines, the oldest first", export_all, take_filter},
    {"replay", "try letters again, after what was wrong is mended", replay, take_mending},
    {"drop", "delete letters", drop, take_choice},
};

}  // namespace

command_body add_dead_letters(CLI::App& app) {
  app.footer(
      "All go to the admin HTTPS port; replay and drop need the role operator or admin. See docs/dead-letters.md. Exit "
      "codes: 0 done,\n"
      "1 no such letter, 65 letters were refused again or cannot be replayed, 69 server not reached or not ready, 77 "
      "no\n"
      "permission.");
  return add_verbs<letters_flags>(app, verbs);
}

}  // namespace kith::cli
