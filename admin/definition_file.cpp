#include "admin/definition_file.hpp"

#include "admin/json.hpp"

namespace kith::admin {

namespace {

using nlohmann::json;

constexpr int format = 1;
constexpr const char* of_config = "config";

std::int64_t time_in(const json& entry, const char* key) {
  std::int64_t ms = 0;
  const auto text = entry.at(key).get<std::string>();
  if (!profile::parse_time(text, ms)) throw std::invalid_argument(std::string(key) + ": \"" + text + "\" is no time");
  return ms;
}

/// Throws what the JSON library does, and std::invalid_argument.
kept_definition read_one(const json& entry) {
  kept_definition made;
  auto& what = made.what;
  const auto kind = entry.at("kind").get<std::string>();
  what.kind = kind == name_of(definition_kind::segment) ? definition_kind::segment : definition_kind::computed;
  if (kind != name_of(what.kind)) throw std::invalid_argument("kind: \"" + kind + "\" is none");
  what.name = entry.at("name").get<std::string>();
  what.expression = entry.at("expression").get<std::string>();
  what.description = entry.at("description").get<std::string>();
  what.owner = entry.at("owner").get<std::string>();
  what.purpose = entry.value("purpose", "");
  what.version = entry.at("version").get<std::uint32_t>();
  what.created_ms = time_in(entry, "created");
  what.updated_ms = time_in(entry, "updated");
  made.from_config = entry.at("source").get<std::string>() == of_config;
  if (const auto disabled = entry.find("disabled"); disabled != entry.end()) {
    made.disabled = disablement{disabled->at("reason").get<std::string>(), disabled->at("error").get<std::string>(),
                                time_in(*disabled, "since")};
  }
  return made;
}

}  // namespace

std::string_view name_of(definition_kind kind) noexcept {
  return kind == definition_kind::segment ? "segment" : "computed";
}

json to_json(const disablement& of) {
  return {{"reason", of.reason}, {"error", of.error}, {"since", profile::format_time(of.since_ms)}};
}

std::string write_definitions(const definition_table& of) {
  auto list = json::array();
  for (const auto& [key, kept] : of) {
    const auto& what = kept.what;
    list.push_back({{"kind", name_of(what.kind)},
                    {"name", what.name},
                    {"expression", what.expression},
                    {"description", what.description},
                    {"owner", what.owner},
                    {"version", what.version},
                    {"created", profile::format_time(what.created_ms)},
                    {"updated", profile::format_time(what.updated_ms)},
                    {"source", kept.from_config ? of_config : "api"}});
    if (!what.purpose.empty()) list.back()["purpose"] = what.purpose;
    if (kept.disabled) list.back()["disabled"] = to_json(*kept.disabled);
  }
  const json all = {{"format", format}, {"definitions", std::move(list)}};
  return all.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

result<definition_table> read_definitions(std::string_view text, const std::string& path) {
  definition_table made;
  try {
    const auto all = json::parse(text);
    if (all.at("format").get<int>() != format) throw std::invalid_argument("format: made by a later version of Kith");
    for (const auto& entry : all.at("definitions")) {
      auto one = read_one(entry);
      made.insert_or_assign({one.what.kind, one.what.name}, std::move(one));
    }
    return made;
  } catch (const std::exception& damage) {
    return fail(errc::invalid_argument, path + ": is damaged: " + damage.what());
  }
}

}  // namespace kith::admin
