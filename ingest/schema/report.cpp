#include "ingest/schema/report.hpp"

#include <algorithm>

#include "profile/event.hpp"

namespace kith::ingest::schema {

namespace {

using nlohmann::json;

/// Walks all schemas that may hold of a value, whether or not they do.
class path_collector {
 public:
  explicit path_collector(const json& root, declared_paths& into) : root_(root), into_(into) {}

  void add(const json& schema, const std::string& pointer) {
    if (!schema.is_object() || !open_.insert({&schema, pointer}).second) return;
    if (const auto to = schema.find("$ref"); to != schema.end()) {
      const auto& target = root_.at(json::json_pointer(to->get<std::string>().substr(1)));
      // A schema that holds itself again describes what is in there without end.
      if (!within_.insert(&target).second) {
        into_.free.insert(pointer);
        return;
      }
      add(target, pointer);
      within_.erase(&target);
    }
    auto& types = into_.types[pointer];
    if (const auto type = schema.find("type"); type != schema.end()) add_types(*type, types);
    for (const auto* key : {"allOf", "anyOf", "oneOf"}) {
      if (const auto all = schema.find(key); all != schema.end()) {
        for (const auto& each : *all) add(each, pointer);
      }
    }
    for (const auto* key : {"if", "then", "else"}) {
      if (const auto one = schema.find(key); one != schema.end()) add(*one, pointer);
    }
    if (const auto needed = schema.find("dependencies"); needed != schema.end()) {
      for (const auto& each : *needed) add(each, pointer);
    }
    add_members(schema, pointer);
    add_items(schema, pointer);
  }

 private:
  static void add_types(const json& said, std::set<value_type>& types) {
    for (const auto& each : said.is_array() ? said : json::array({said})) {
      for (std::size_t i = 0; i < value_types; ++i) {
        const auto type = static_cast<value_type>(i);
        if (each == name_of(type)) types.insert(type);
        if (each == "number" && type == value_type::integer) types.insert(type);
      }
    }
  }

  void add_members(const json& schema, const std::string& pointer) {
    const auto properties = schema.find("properties");
    if (properties != schema.end()) {
      for (const auto& [key, each] : properties->items()) {
        auto at = pointer;
        append_pointer(at, key);
        into_.types[at];
        add(each, at);
      }
    }
    const auto rest = schema.find("additionalProperties");
    if (schema.contains("patternProperties") || (rest != schema.end() && rest->is_object())) into_.free.insert(pointer);
  }

  void add_items(const json& schema, const std::string& pointer) {
    const auto items = schema.find("items");
    if (items == schema.end()) return;
    const auto at = pointer + "/" + std::string(hidden_key);
    into_.types[at];
    if (items->is_array()) {
      for (const auto& each : *items) add(each, at);
    } else {
      add(*items, at);
    }
    if (const auto rest = schema.find("additionalItems"); rest != schema.end()) add(*rest, at);
  }

  const json& root_;
  declared_paths& into_;
  std::set<std::pair<const json*, std::string>> open_;
  std::set<const json*> within_;
};

/// Goes through what was seen.
class comparison {
 public:
  comparison(const declared_paths& declared, json& report) : declared_(declared), report_(report) {}

  void add(const observed_value& seen, const std::string& pointer) {
    if (seen.count == 0) return;
    seen_.insert(pointer);
    if (declared_.free.contains(pointer)) return;
    const auto known = declared_.types.find(pointer);
    if (known == declared_.types.end()) {
      report_["undeclaredProperties"].push_back(pointer);
      return;
    }
    compare_types(seen, pointer, known->second);
    // What is only said to be an object, or an array, is not described any further.
    const bool described = declared_.describes(pointer);
    for (const auto& [key, each] : seen.members) {
      auto at = pointer;
      append_pointer(at, key);
      if (described) add(each, at);
    }
    if (seen.items && described) add(*seen.items, pointer + "/" + std::string(hidden_key));
  }

  void finish() {
    for (const auto& [pointer, types] : declared_.types) {
      if (!pointer.empty() && !seen_.contains(pointer)) report_["neverSeen"].push_back(pointer);
    }
  }

 private:
  void compare_types(const observed_value& seen, const std::string& pointer, const std::set<value_type>& types) {
    auto observed = json::object();
    bool conflict = false;
    for (std::size_t i = 0; i < value_types; ++i) {
      const auto type = static_cast<value_type>(i);
      if (seen.types[i] == 0) continue;
      observed[std::string(name_of(type))] = seen.types[i];
      conflict = conflict || (!types.empty() && !types.contains(type));
    }
    if (!conflict) return;
    auto declared = json::array();
    for (const auto type : types) declared.push_back(name_of(type));
    report_["typeConflicts"].push_back(
        {{"pointer", pointer}, {"declared", std::move(declared)}, {"observed", std::move(observed)}});
  }

  const declared_paths& declared_;
  json& report_;
  std::set<std::string> seen_;
};

}  // namespace

bool declared_paths::describes(const std::string& pointer) const {
  const auto behind = types.upper_bound(pointer + "/");
  return behind != types.end() && behind->first.starts_with(pointer + "/");
}

declared_paths paths_of(const schema& of) {
  declared_paths paths;
  const auto& document = of.translated().document;
  path_collector(document, paths).add(document, {});
  return paths;
}

json report_of(const std::string& event, const event_schemas* declared,
               const std::map<std::string, observed_event, std::less<>>& seen) {
  observed_event all;
  auto sources = json::array();
  for (const auto& [source, each] : seen) {
    all.add(each);
    sources.push_back({{"source", source},
                       {"count", each.count},
                       {"first", profile::format_time(each.first_ms)},
                       {"last", profile::format_time(each.last_ms)}});
  }
  auto outcomes = json::object();
  for (std::size_t i = 0; i < mode_count; ++i) outcomes[std::string(name_of(static_cast<mode>(i)))] = all.outcomes[i];
  json made = {{"event", event},
               {"declared", declared != nullptr},
               {"version", declared == nullptr ? json(nullptr) : json(declared->newest().what->version())},
               {"count", all.count},
               {"invalid", all.invalid},
               {"outcomes", std::move(outcomes)},
               {"incomplete", all.incomplete},
               {"sources", std::move(sources)},
               {"undeclaredProperties", json::array()},
               {"neverSeen", json::array()},
               {"typeConflicts", json::array()},
               {"violations", json::array()}};
  for (const auto& [kind, times] : all.violations) {
    made["violations"].push_back({{"pointer", kind.first}, {"rule", kind.second}, {"count", times}});
  }
  if (declared == nullptr) return made;
  const auto paths = paths_of(*declared->newest().what);
  comparison compared(paths, made);
  compared.add(all.properties, {});
  compared.finish();
  return made;
}

std::vector<std::string> reported_events(const schema_set& declared, const observations& seen) {
  std::set<std::string> names;
  for (const auto& [event, sources] : seen.events) names.insert(event);
  for (auto& event : declared.events()) names.insert(std::move(event));
  return {names.begin(), names.end()};
}

}  // namespace kith::ingest::schema
