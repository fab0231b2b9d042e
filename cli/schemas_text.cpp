#include "cli/schemas_text.hpp"

#include "admin/json.hpp"
#include "cli/text_table.hpp"

namespace kith::cli {

namespace {

using nlohmann::json;

/// A member as text; "-" where it is absent, null or empty.
std::string text_in(const json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || found->is_null()) return "-";
  if (!found->is_string()) return admin::dump(*found);
  const auto text = found->get<std::string>();
  return text.empty() ? "-" : text;
}

std::string place_of(const json& of) {
  const auto pointer = of.at("pointer").get<std::string>();
  return pointer.empty() ? "the value" : pointer;
}

std::string lines_of(const json& list, const char* before) {
  std::string text;
  for (const auto& each : list) text += std::string("  ") + before + " " + each.get<std::string>() + "\n";
  return text;
}

std::string types_text(const json& conflict) {
  std::string declared;
  for (const auto& each : conflict.at("declared")) {
    declared += (declared.empty() ? "" : " or ") + each.get<std::string>();
  }
  std::string observed;
  for (const auto& [type, count] : conflict.at("observed").items()) {
    observed += (observed.empty() ? "" : ", ") + type + " " + count.dump() + " times";
  }
  return "declared " + declared + ", seen " + observed;
}

}  // namespace

std::string schemas_text(const json& items) {
  std::vector<std::vector<std::string>> rows = {{"EVENT", "VERSION", "SOURCE", "OWNER", "DESCRIPTION"}};
  for (const auto& each : items) {
    rows.push_back({text_in(each, "event"), text_in(each, "version"), text_in(each, "source"), text_in(each, "owner"),
                    text_in(each, "description")});
  }
  return table_text(rows);
}

std::string schema_text(const json& item) {
  std::vector<std::vector<std::string>> rows;
  for (const auto* key : {"event", "version", "versions", "description", "owner", "source", "created"}) {
    rows.push_back({key, text_in(item, key)});
  }
  return table_text(rows) + item.at("schema").dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

std::string incompatibilities_text(const json& of) {
  std::string text;
  if (!of.is_object()) return text;
  for (const auto& each : of.value("incompatibilities", json::array())) {
    text += "  not " + text_in(each, "of") + " compatible: " + place_of(each) + ": " + text_in(each, "reason") + "\n";
  }
  return text;
}

std::string check_text(const json& answer) {
  std::string text;
  if (answer.contains("compatible")) {
    text += "version " + text_in(answer, "version") +
            (answer["compatible"].get<bool>() ? " fits\n" : " does not fit the one before\n");
    text += incompatibilities_text(answer);
  }
  if (answer.contains("valid")) {
    text += answer["valid"].get<bool>() ? "valid" : "not valid";
    if (answer.contains("outcome")) text += ": " + text_in(answer, "outcome");
    if (answer.contains("declared") && !answer["declared"].get<bool>()) text += " (the event has no schema)";
    text += "\n";
    for (const auto& each : answer.at("violations")) {
      text += "  " + place_of(each) + ": " + text_in(each, "rule") + ": expected " + text_in(each, "expected") +
              ", found " + text_in(each, "found") + "\n";
    }
  }
  return text;
}

std::string report_text(const json& items) {
  std::string text;
  for (const auto& each : items) {
    const bool declared = each.at("declared").get<bool>();
    text += text_in(each, "event") + ": " + text_in(each, "count") + " events, " + text_in(each, "invalid") +
            " not valid" + (declared ? " (version " + text_in(each, "version") + ")" : ", no schema") + "\n";
    text += lines_of(each.at("undeclaredProperties"), "not declared:");
    text += lines_of(each.at("neverSeen"), "never seen:");
    for (const auto& conflict : each.at("typeConflicts")) {
      text += "  type: " + place_of(conflict) + ": " + types_text(conflict) + "\n";
    }
    for (const auto& one : each.at("violations")) {
      text += "  violated: " + place_of(one) + ": " + text_in(one, "rule") + ", " + text_in(one, "count") + " times\n";
    }
  }
  return text;
}

}  // namespace kith::cli
