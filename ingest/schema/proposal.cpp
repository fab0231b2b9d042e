#include "ingest/schema/proposal.hpp"

#include <algorithm>

namespace kith::ingest::schema {

namespace {

using nlohmann::json;

constexpr std::uint64_t least_strings = 3;     ///< before a format is guessed
constexpr std::uint64_t least_of_words = 100;  ///< before an enum is guessed
constexpr std::size_t least_words = 2;

json types_of(const observed_value& seen) {
  auto types = json::array();
  for (std::size_t i = 0; i < value_types; ++i) {
    const auto type = static_cast<value_type>(i);
    if (seen.types[i] == 0 || type == value_type::other) continue;
    if (type == value_type::integer && seen.of(value_type::number) > 0) continue;  // a number is both
    types.push_back(name_of(type));
  }
  return types.size() == 1 ? types.front() : types;
}

/// All words, if these are all that was seen.
json enum_of(const observed_value& seen) {
  auto values = json::array();
  std::uint64_t counted = 0;
  for (const auto& each : seen.words) {
    if (each.text.empty()) return json();
    values.push_back(each.text);
    counted += each.count;
  }
  const bool enough = counted == seen.count && counted >= least_of_words && values.size() >= least_words;
  if (seen.too_many_words || !enough) return json();
  std::sort(values.begin(), values.end());
  return values;
}

json schema_of(const observed_value& seen) {
  auto made = json::object();
  // What is no JSON has no type to be named by.
  if (seen.count > 0 && seen.of(value_type::other) == 0) made["type"] = types_of(seen);
  const auto strings = seen.of(value_type::string);
  for (std::size_t i = 0; i < shapes && strings >= least_strings; ++i) {
    if (seen.shaped[i] != strings) continue;
    made["format"] = name_of(static_cast<shape>(i));
    break;
  }
  if (auto values = enum_of(seen); !values.is_null()) made["enum"] = std::move(values);
  if (seen.items && seen.items->count > 0) made["items"] = schema_of(*seen.items);
  const auto objects = seen.of(value_type::object);
  if (objects == 0) return made;
  auto required = json::array();
  for (const auto& [key, each] : seen.members) {
    if (key == hidden_key) continue;
    made["properties"][key] = schema_of(each);
    if (each.count == objects) required.push_back(key);
  }
  if (!required.empty()) made["required"] = std::move(required);
  return made;
}

}  // namespace

json propose(const std::string& event, const std::map<std::string, observed_event, std::less<>>& seen) {
  observed_event all;
  for (const auto& [source, each] : seen) all.add(each);
  auto made = schema_of(all.properties);
  made["$schema"] = "https://json-schema.org/draft/2020-12/schema";
  made["title"] = event;
  made["$comment"] = "Proposed by Kith from " + std::to_string(all.walked) + " of " + std::to_string(all.count) +
                     " events" + (all.incomplete ? ", not all of whose properties are listed" : "");
  made["x-kith-event"] = event;
  return made;
}

}  // namespace kith::ingest::schema
