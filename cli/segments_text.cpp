#include "cli/segments_text.hpp"

#include "admin/http.hpp"
#include "admin/json.hpp"
#include "cli/text_table.hpp"

namespace kith::cli {

namespace {

using nlohmann::json;

constexpr std::size_t shown_expression = 60;

/// A member as text; "-" where it is absent or null.
std::string text_in(const json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || found->is_null()) return "-";
  if (!found->is_string()) return admin::dump(*found);
  const auto text = found->get<std::string>();
  return text.empty() ? "-" : text;
}

/// On one line, and not too long.
std::string in_short(std::string text) {
  for (char& each : text) {
    if (each == '\n' || each == '\t') each = ' ';
  }
  if (width_of(text) <= shown_expression) return text;
  std::size_t end = shown_expression - 1;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return text.substr(0, end) + "…";
}

std::string part_text(const json& part) {
  const auto depth = part.value("depth", 0U);
  std::string text = std::string(2 + 2 * depth, ' ') + text_in(part, "expression") + "  =  " + text_in(part, "value");
  if (part.contains("count")) text += "  (" + text_in(part, "count") + (part["count"] == 1 ? " event)" : " events)");
  text += '\n';
  for (const auto& event : part.value("events", json::array())) {
    text += std::string(6 + 2 * depth, ' ') + text_in(event, "time") + "  " + text_in(event, "id") + '\n';
  }
  return text;
}

/// What holds for the purpose of a definition: the person's word, or what stands for it.
std::string consent_text(const json& explanation) {
  const auto& consent = explanation.at("consent");
  std::string text = "purpose " + text_in(explanation, "purpose") + ": " + text_in(consent, "status");
  if (const auto source = text_in(consent, "source"); source != "-") text += " by " + source;
  if (consent.contains("at")) text += " at " + text_in(consent, "at");
  if (consent.contains("messageId")) text += ", event " + text_in(consent, "messageId");
  return text + (consent.at("granted").get<bool>() ? "" : "; nobody is a member without it") + "\n\n";
}

bool is_disabled(const json& item) { return item.contains("disabled") && !item["disabled"].is_null(); }
std::string disabled_text(const json& item) {
  const auto& disabled = item.at("disabled");
  return text_in(disabled, "reason") + ": " + text_in(disabled, "error");
}

bool is_complete(const json& backfill) { return backfill.at("complete").get<bool>(); }

/// Of seconds, in two units at most.
std::string span_text(std::uint64_t seconds) {
  constexpr std::pair<std::uint64_t, const char*> units[] = {{86'400, " d"}, {3600, " h"}, {60, " min"}, {1, " s"}};
  std::string text;
  for (const auto& [length, name] : units) {
    if (seconds < length && (length > 1 || !text.empty())) {
      if (!text.empty()) break;
      continue;
    }
    const bool is_second = !text.empty();
    text += (is_second ? " " : "") + std::to_string(seconds / length) + name;
    seconds %= length;
    if (is_second) break;
  }
  return text;
}

}  // namespace

std::string backfill_text(const json& backfill) {
  const auto far = text_in(backfill, "done") + " of " + text_in(backfill, "of") + " profiles";
  if (is_complete(backfill)) return "all profiles are up to date";
  if (backfill.at("cancelled").get<bool>())
    return "cancelled at " + far + "; `kith segments backfill --resume` goes on";
  if (!backfill.at("running").get<bool>()) return "failed at " + far + "; the server's log says why";
  if (backfill.at("of") == 0) return "begins";  // they are not counted yet
  auto text = far + ", " + text_in(backfill, "perSecond") + "/s";
  if (!backfill.at("limit").is_null()) text += " of " + text_in(backfill, "limit") + "/s allowed";
  const auto& left = backfill.at("secondsLeft");
  return left.is_null() ? text : text + ", " + span_text(static_cast<std::uint64_t>(left.get<double>())) + " left";
}

std::string definitions_text(const json& items) {
  if (items.empty()) return "no segments, no computed traits\n";
  std::vector<std::vector<std::string>> rows = {
      {"NAME", "KIND", "VERSION", "MEMBERS", "SOURCE", "OWNER", "EXPRESSION"}};
  for (const auto& item : items) {
    rows.push_back({text_in(item, "name"), text_in(item, "kind"), text_in(item, "version"), text_in(item, "members"),
                    text_in(item, "source"), text_in(item, "owner"), in_short(text_in(item, "expression"))});
  }
  auto text = table_text(rows);
  for (const auto& item : items) {
    if (is_disabled(item)) text += "disabled: " + text_in(item, "name") + ": " + disabled_text(item) + '\n';
  }
  const auto& backfill = items.front().at("backfill");
  if (!is_complete(backfill)) text += "profiles are brought up to date: " + backfill_text(backfill) + '\n';
  return text;
}

std::string definition_text(const json& item) {
  std::string text =
      text_in(item, "kind") + " " + text_in(item, "name") + ", version " + text_in(item, "version") + "\n\n";
  const auto expression = text_in(item, "expression");
  for (const auto line : admin::split(expression, '\n')) text.append("  ").append(line).append("\n");
  text += '\n';
  std::vector<std::vector<std::string>> rows;
  for (const auto* key : {"description", "owner", "source", "created", "updated"}) {
    rows.push_back({std::string("  ") + key, text_in(item, key)});
  }
  if (item.contains("purpose") && item.at("purpose").is_string())
    rows.push_back({"  purpose", text_in(item, "purpose")});
  if (is_disabled(item)) {
    rows.push_back({"  disabled", text_in(item.at("disabled"), "since")});
    rows.push_back({"  reason", disabled_text(item)});
  }
  if (item.contains("members")) rows.push_back({"  members", text_in(item, "members")});
  const auto& backfill = item.at("backfill");
  if (!is_complete(backfill)) rows.push_back({"  up to date", backfill_text(backfill)});
  return text + table_text(rows);
}

std::string preview_text(const json& found) {
  const auto members = found.at("members").get<std::uint64_t>();
  const auto profiles = found.at("profiles").get<std::uint64_t>();
  std::string text = std::to_string(members) + " of " + std::to_string(profiles) +
                     (profiles == 1 ? " profile" : " profiles") + " would be members";
  if (profiles > 0) {
    const auto tenths = (members * 1000 + profiles / 2) / profiles;
    text += " (" + std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " %)";
  }
  text += '\n';
  if (!found.at("complete").get<bool>()) text += "the time was up before all profiles were looked at\n";
  if (const auto errors = found.at("errors").get<std::uint64_t>(); errors > 0) {
    text += "for " + std::to_string(errors) +
            " it comes to an error, which counts as false: " + text_in(found, "error") + '\n';
  }
  if (found.at("sample").empty()) return text;
  std::vector<std::vector<std::string>> rows = {{"PROFILE", "USERS", "ANONYMOUS", "EXTERNAL"}};
  for (const auto& each : found.at("sample")) {
    rows.push_back({text_in(each, "profile"), in_short(text_in(each, "userIds")),
                    in_short(text_in(each, "anonymousIds")), in_short(text_in(each, "externalIds"))});
  }
  return text + '\n' + table_text(rows);
}

const char* const not_complete = "not complete: not all profiles are up to date, see `kith segments backfill`\n";

namespace {

/// What people know a member by: KIND:ID, of an external one TYPE:ID.
std::string name_of_member(const json& member) {
  const auto found = member.find("identifier");
  if (found == member.end() || !found->is_object()) return "-";
  const auto kind = text_in(*found, "kind");
  return printable((kind == "external" ? text_in(*found, "type") : kind) + ":" + text_in(*found, "id"));
}

}  // namespace

std::string member_line(const json* member) {
  constexpr std::size_t id_digits = 32;
  constexpr std::size_t time_digits = 24;
  const auto padded = [](std::string text, std::size_t to) {
    text.append(to - std::min(text.size(), to) + 2, ' ');
    return text;
  };
  if (member == nullptr) return padded("PROFILE", id_digits) + padded("SINCE", time_digits) + "IDENTIFIER\n";
  return padded(text_in(*member, "profile"), id_digits) + padded(text_in(*member, "since"), time_digits) +
         name_of_member(*member) + '\n';
}

std::string members_text(const json& page) {
  std::vector<std::vector<std::string>> rows = {{"PROFILE", "SINCE", "IDENTIFIER"}};
  for (const auto& each : page.at("items")) {
    rows.push_back({text_in(each, "profile"), text_in(each, "since"), name_of_member(each)});
  }
  auto text = table_text(rows);
  if (!page.at("next").is_null()) text += "and more: give a greater --limit\n";
  if (!page.at("complete").get<bool>()) text += not_complete;
  return text;
}

std::string memberships_text(const json& memberships) {
  if (memberships.empty()) return "in no segment\n";
  std::vector<std::vector<std::string>> rows = {{"SEGMENT", "SINCE", "UNTIL"}};
  for (const auto& each : memberships) {
    rows.push_back({text_in(each, "segment"), text_in(each, "since"), text_in(each, "until")});
  }
  return table_text(rows);
}

std::string explanation_text(const json& explanation) {
  std::string text = text_in(explanation, "segment") + ": ";
  text += explanation.at("member").get<bool>() ? "a member since " + text_in(explanation, "since") : "not a member";
  text += "\n\n";
  if (explanation.contains("consent")) text += consent_text(explanation);
  for (const auto& part : explanation.at("parts")) text += part_text(part);
  if (explanation.contains("changesAt")) {
    text += "\nwithout another event this changes at " + text_in(explanation, "changesAt") + '\n';
  }
  return text;
}

std::string problem_text(const json& problem, const std::string& expression) {
  const auto line = problem.at("line").get<std::size_t>();
  const auto column = problem.at("column").get<std::size_t>();
  auto text = problem.at("name").get<std::string>() + ": " + std::to_string(line) + ":" + std::to_string(column) +
              ": " + problem.at("message").get<std::string>() + '\n';
  if (expression.empty()) return text;
  const auto lines = admin::split(expression, '\n');
  if (line > lines.size()) return text;
  return text + "  " + std::string(lines[line - 1]) + "\n  " + std::string(column - 1, ' ') + "^\n";
}

}  // namespace kith::cli
