#include "ingest/schema/translation.hpp"

#include <algorithm>
#include <functional>
#include <map>
#include <re2/re2.h>
#include <set>
#include <vector>

#include "ingest/schema/format.hpp"
#include "ingest/schema/value.hpp"

namespace kith::ingest::schema {

namespace {

using nlohmann::json;

/// Thrown while a document is judged; translate() catches it.
struct refused {
  error why;
};

[[noreturn]] void refuse(const std::string& pointer, const std::string& why, errc code = errc::invalid_argument) {
  throw refused{{code, "schema: " + (pointer.empty() ? "the document" : pointer) + ": " + why}};
}

std::string within(const std::string& pointer, std::string_view key) {
  auto made = pointer;
  append_pointer(made, key);
  return made;
}

constexpr unsigned in_draft7 = 1;
constexpr unsigned in_2019 = 2;
constexpr unsigned in_2020 = 4;
constexpr unsigned everywhere = in_draft7 | in_2019 | in_2020;

unsigned bit_of(dialect of) { return 1U << static_cast<unsigned>(of); }

std::string_view name_of(dialect of) {
  switch (of) {
    case dialect::draft7: return "draft 7";
    case dialect::draft2019: return "2019-09";
    case dialect::draft2020: return "2020-12";
  }
  return "2020-12";
}

/// Of a URI's fragment (RFC 6901, section 6).
std::string percent_decoded(const std::string& text) {
  const auto digit = [](char c) {
    const auto at = std::string_view("0123456789abcdef0123456789ABCDEF").find(c);
    return at == std::string_view::npos ? -1 : static_cast<int>(at % 16);
  };
  std::string made;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool escape = text[i] == '%' && i + 2 < text.size() && digit(text[i + 1]) >= 0 && digit(text[i + 2]) >= 0;
    made += escape ? static_cast<char>(digit(text[i + 1]) * 16 + digit(text[i + 2])) : text[i];
    if (escape) i += 2;
  }
  return made;
}

/// What holds of the same value as its parent holds of, so that a reference there must not lead back.
enum class place : unsigned char { same_value, inner_value };

class translator {
 public:
  explicit translator(const json& root) : root_(root) {}

  translation run();

 private:
  struct rule {
    std::string_view keyword;
    unsigned dialects;
    void (translator::*take)(const std::string& pointer, const json& value, json& into);
  };
  static const std::vector<rule>& rules();
  static const rule* rule_of(std::string_view keyword);

  json schema(const std::string& pointer, const json& from, place where);
  void keyword(const std::string& pointer, const std::string& name, const json& value, json& into);
  void check_alone(const std::string& pointer, const json& from) const;
  void read_dialect();
  void collect_anchors(const std::string& pointer, const json& from, bool keys_are_names = false);
  json reference(const std::string& pointer, const json& value);
  void refuse_loops() const;

  // Of keywords. `into` is the schema that is made.
  void skip(const std::string&, const json&, json&) {}
  void text(const std::string& pointer, const json& value, json& into);
  void identifier(const std::string& pointer, const json& value, json& into);
  void anchor(const std::string& pointer, const json& value, json& into);
  void type(const std::string& pointer, const json& value, json& into);
  void enumeration(const std::string& pointer, const json& value, json& into);
  void constant(const std::string& pointer, const json& value, json& into);
  void number(const std::string& pointer, const json& value, json& into);
  void divisor(const std::string& pointer, const json& value, json& into);
  void count(const std::string& pointer, const json& value, json& into);
  void flag(const std::string& pointer, const json& value, json& into);
  void pattern(const std::string& pointer, const json& value, json& into);
  void format(const std::string& pointer, const json& value, json& into);
  void names(const std::string& pointer, const json& value, json& into);
  void same(const std::string& pointer, const json& value, json& into);
  void inner(const std::string& pointer, const json& value, json& into);
  void closed(const std::string& pointer, const json& value, json& into);
  void alternatives(const std::string& pointer, const json& value, json& into);
  void properties(const std::string& pointer, const json& value, json& into);
  void pattern_properties(const std::string& pointer, const json& value, json& into);
  void definitions(const std::string& pointer, const json& value, json& into);
  void items(const std::string& pointer, const json& value, json& into);
  void prefix_items(const std::string& pointer, const json& value, json& into);
  void dependencies(const std::string& pointer, const json& value, json& into);
  void dependent_required(const std::string& pointer, const json& value, json& into);
  void dependent_schemas(const std::string& pointer, const json& value, json& into);

  json list_of_names(const std::string& pointer, const json& value) const;
  void add_dependency(const std::string& pointer, const std::string& of, json what, json& into) const;
  static void check_key(const std::string& pointer, const std::string& key);
  void check_pattern(const std::string& pointer, const std::string& text);
  static std::string last_of(const std::string& pointer) { return pointer.substr(pointer.rfind('/') + 1); }

  const json& root_;
  translation made_;
  std::map<std::string, std::string> anchors_;   ///< name, pointer
  std::map<std::string, std::size_t> known_;     ///< pointers that are referred to, the number of their definition
  std::vector<std::string> waiting_;             ///< of known_, in the order of their numbers
  std::vector<std::set<std::size_t>> leads_to_;  ///< of each definition: those that hold of the same value
  std::size_t current_ = 0;                      ///< whose definition is being made; 0: the root's
  bool same_value_ = true;
  std::size_t subschemas_ = 0;
  std::size_t patterns_ = 0;
};

const std::vector<translator::rule>& translator::rules() {
  using t = translator;
  static const std::vector<rule> all = {
      {"$schema", everywhere, &t::skip},  // read by read_dialect()
      {"$id", everywhere, &t::identifier},
      {"$anchor", in_2019 | in_2020, &t::anchor},
      {"$comment", everywhere, &t::text},
      {"title", everywhere, &t::text},
      {"description", everywhere, &t::text},
      {"default", everywhere, &t::skip},
      {"examples", everywhere, &t::skip},
      {"deprecated", in_2019 | in_2020, &t::skip},
      {"readOnly", everywhere, &t::skip},
      {"writeOnly", everywhere, &t::skip},
      {"$defs", in_2019 | in_2020, &t::definitions},
      {"definitions", everywhere, &t::definitions},
      {"type", everywhere, &t::type},
      {"enum", everywhere, &t::enumeration},
      {"const", everywhere, &t::constant},
      {"multipleOf", everywhere, &t::divisor},
      {"maximum", everywhere, &t::number},
      {"exclusiveMaximum", everywhere, &t::number},
      {"minimum", everywhere, &t::number},
      {"exclusiveMinimum", everywhere, &t::number},
      {"maxLength", everywhere, &t::count},
      {"minLength", everywhere, &t::count},
      {"pattern", everywhere, &t::pattern},
      {"format", everywhere, &t::format},
      {"maxItems", everywhere, &t::count},
      {"minItems", everywhere, &t::count},
      {"uniqueItems", everywhere, &t::flag},
      {"items", everywhere, &t::items},
      {"prefixItems", in_2020, &t::prefix_items},
      {"additionalItems", in_draft7 | in_2019, &t::closed},
      {"contains", everywhere, &t::inner},
      {"maxProperties", everywhere, &t::count},
      {"minProperties", everywhere, &t::count},
      {"required", everywhere, &t::names},
      {"properties", everywhere, &t::properties},
      {"patternProperties", everywhere, &t::pattern_properties},
      {"additionalProperties", everywhere, &t::closed},
      {"propertyNames", everywhere, &t::inner},
      {"dependencies", in_draft7, &t::dependencies},
      {"dependentRequired", in_2019 | in_2020, &t::dependent_required},
      {"dependentSchemas", in_2019 | in_2020, &t::dependent_schemas},
      {"allOf", everywhere, &t::alternatives},
      {"anyOf", everywhere, &t::alternatives},
      {"oneOf", everywhere, &t::alternatives},
      {"not", everywhere, &t::same},
      {"if", everywhere, &t::same},
      {"then", everywhere, &t::same},
      {"else", everywhere, &t::same},
  };
  return all;
}

const translator::rule* translator::rule_of(std::string_view keyword) {
  const auto found =
      std::find_if(rules().begin(), rules().end(), [&](const rule& each) { return each.keyword == keyword; });
  return found == rules().end() ? nullptr : &*found;
}

translation translator::run() {
  if (!root_.is_object()) refuse({}, "must be a JSON object");
  read_dialect();
  collect_anchors({}, root_);
  leads_to_.emplace_back();
  auto document = schema({}, root_, place::same_value);
  auto all = json::object();
  for (std::size_t i = 0; i < waiting_.size(); ++i) {
    const auto pointer = waiting_[i];
    current_ = i + 1;
    all["d" + std::to_string(i)] = schema(pointer, root_.at(json::json_pointer(pointer)), place::same_value);
  }
  refuse_loops();
  if (!all.empty()) {
    // A reference stands alone, so that of the root goes down a level.
    if (document.contains("$ref")) document = {{"allOf", json::array({std::move(document)})}};
    document["definitions"] = std::move(all);
  }
  made_.document = std::move(document);
  return std::move(made_);
}

void translator::read_dialect() {
  const auto said = root_.find("$schema");
  if (said == root_.end()) return;
  auto uri = said->is_string() ? said->get<std::string>() : std::string();
  if (uri.ends_with('#')) uri.pop_back();
  if (uri == "https://json-schema.org/draft/2020-12/schema") {
    made_.written_in = dialect::draft2020;
  } else if (uri == "https://json-schema.org/draft/2019-09/schema") {
    made_.written_in = dialect::draft2019;
  } else if (uri == "http://json-schema.org/draft-07/schema") {
    made_.written_in = dialect::draft7;
  } else {
    refuse("/$schema",
           "is not known; it may be \"https://json-schema.org/draft/2020-12/schema\" (which is meant without one), "
           "\"https://json-schema.org/draft/2019-09/schema\" or \"http://json-schema.org/draft-07/schema#\"");
  }
}

/// Where the anchors are; whether they may be there is judged with their keyword.
void translator::collect_anchors(const std::string& pointer, const json& from, bool keys_are_names) {
  static const std::set<std::string> of_names = {"properties", "patternProperties", "$defs", "definitions",
                                                 "dependentSchemas"};
  static const std::set<std::string> no_schemas = {"enum", "const", "default", "examples"};
  if (from.is_array()) {
    for (std::size_t i = 0; i < from.size(); ++i) collect_anchors(within(pointer, std::to_string(i)), from[i]);
  }
  if (!from.is_object()) return;
  for (const auto& [key, value] : from.items()) {
    if (!keys_are_names && key == "$anchor" && value.is_string()) {
      if (!anchors_.emplace(value.get<std::string>(), pointer).second) {
        refuse(within(pointer, key), "is the name of another subschema too");
      }
    } else if (keys_are_names || !no_schemas.contains(key)) {
      collect_anchors(within(pointer, key), value, !keys_are_names && of_names.contains(key));
    }
  }
}

json translator::schema(const std::string& pointer, const json& from, place where) {
  if (++subschemas_ > bounds::subschemas) {
    refuse(pointer, "is one subschema too many: at most " + std::to_string(bounds::subschemas), errc::too_large);
  }
  if (from.is_boolean()) return from.get<bool>() ? json::object() : json{{"not", json::object()}};
  if (!from.is_object()) refuse(pointer, "must be a schema: an object, true or false");
  const bool before = same_value_;
  same_value_ = before && where == place::same_value;
  check_alone(pointer, from);
  auto made = json::object();
  for (const auto& [key, value] : from.items()) {
    if (key != "$ref") keyword(within(pointer, key), key, value, made);
  }
  if (made.contains("prefixItems")) {
    // 2020-12's `items` is of the rest.
    auto first = std::move(made["prefixItems"]);
    made["additionalItems"] = made.contains("items") ? std::move(made["items"]) : json(true);
    if (from.contains("items") && from["items"] == false) made["additionalItems"] = false;
    made["items"] = std::move(first);
    made.erase("prefixItems");
  }
  if (const auto to = from.find("$ref"); to != from.end()) {
    auto alone = reference(within(pointer, "$ref"), *to);
    made = made.empty() ? std::move(alone) : json{{"allOf", json::array({std::move(alone), std::move(made)})}};
  }
  same_value_ = before;
  return made;
}

/// What has no effect without another keyword, or beside one.
void translator::check_alone(const std::string& pointer, const json& from) const {
  for (const auto* each : {"then", "else"}) {
    if (from.contains(each) && !from.contains("if")) refuse(within(pointer, each), "has no effect without `if`");
  }
  if (from.contains("additionalItems") && !(from.contains("items") && from["items"].is_array())) {
    refuse(within(pointer, "additionalItems"), "has no effect unless `items` is an array");
  }
  if (!from.contains("$ref") || made_.written_in != dialect::draft7) return;
  for (const auto& [key, value] : from.items()) {
    if (key == "$ref" || key == "title" || key == "description" || key == "$comment" || key == "definitions" ||
        key == "$schema" || key == "$id" || key.starts_with("x-")) {
      continue;
    }
    refuse(within(pointer, key), "draft 7 ignores what is beside `$ref`; put both into an `allOf`");
  }
}

void translator::keyword(const std::string& pointer, const std::string& name, const json& value, json& into) {
  if (name.starts_with("x-")) return;
  const auto* known = rule_of(name);
  if (known != nullptr && (known->dialects & bit_of(made_.written_in)) != 0) {
    return (this->*known->take)(pointer, value, into);
  }
  const bool elsewhere = known != nullptr;
  refuse(pointer, "the keyword " + name +
                      (elsewhere ? " does nothing in " + std::string(name_of(made_.written_in)) +
                                       ", which this schema is written in (see $schema)"
                                 : std::string(" is not supported, so it would not be checked")) +
                      "; docs/schemas.md lists the supported keywords, and one of your own begins with x-");
}

json translator::reference(const std::string& pointer, const json& value) {
  if (!value.is_string()) refuse(pointer, "must be a string");
  const auto to = value.get<std::string>();
  if (to.empty() || to.front() != '#') {
    refuse(pointer, "must stay within the document, like \"#/$defs/money\": others are not fetched");
  }
  auto target = percent_decoded(to.substr(1));
  if (!target.empty() && target.front() != '/') {
    const auto found = anchors_.find(target);
    if (found == anchors_.end()) refuse(pointer, "there is no such $anchor in the document");
    target = found->second;
  }
  bool there = false;
  try {
    there = root_.contains(json::json_pointer(target));
  } catch (const json::exception&) {
    refuse(pointer, "is no JSON pointer");
  }
  if (!there) refuse(pointer, "there is nothing in the document where it points");
  const auto [known, added] = known_.emplace(target, waiting_.size());
  if (added) {
    waiting_.push_back(target);
    leads_to_.emplace_back();
  }
  if (same_value_) leads_to_[current_].insert(known->second + 1);
  return {{"$ref", "#/definitions/d" + std::to_string(known->second)}};
}

/// A value would be checked for ever by a reference that leads back to itself without going into the value.
void translator::refuse_loops() const {
  enum class seen : unsigned char { no, open, done };
  std::vector<seen> state(leads_to_.size(), seen::no);
  const std::function<void(std::size_t)> visit = [&](std::size_t at) {
    state[at] = seen::open;
    for (const auto next : leads_to_[at]) {
      if (state[next] == seen::open) {
        refuse(waiting_[next - 1], "is referred to by itself, without going into an item or a property");
      }
      if (state[next] == seen::no) visit(next);
    }
    state[at] = seen::done;
  };
  for (std::size_t i = 0; i < leads_to_.size(); ++i) {
    if (state[i] == seen::no) visit(i);
  }
}

void translator::text(const std::string& pointer, const json& value, json&) {
  if (!value.is_string()) refuse(pointer, "must be a string");
}

void translator::identifier(const std::string& pointer, const json& value, json&) {
  if (pointer != "/$id") refuse(pointer, "is supported at the top of the document only");
  if (!value.is_string()) refuse(pointer, "must be a string");
}

void translator::anchor(const std::string& pointer, const json& value, json&) {
  if (!value.is_string() || value.get<std::string>().empty()) refuse(pointer, "must be a name");
}

void translator::type(const std::string& pointer, const json& value, json& into) {
  const auto all = value.is_array() ? value : json::array({value});
  if (all.empty()) refuse(pointer, "must name a type");
  for (const auto& each : all) {
    static const std::set<std::string> known = {"null", "boolean", "integer", "number", "string", "array", "object"};
    if (!each.is_string() || !known.contains(each.get<std::string>())) {
      refuse(pointer, "must be null, boolean, integer, number, string, array or object, or an array of these");
    }
    if (std::count(all.begin(), all.end(), each) > 1) refuse(pointer, "names a type twice");
  }
  into["type"] = value;
}

void translator::enumeration(const std::string& pointer, const json& value, json& into) {
  if (!value.is_array() || value.empty() || value.size() > bounds::enum_values) {
    refuse(pointer, "must be an array of 1 to " + std::to_string(bounds::enum_values) + " values");
  }
  into["enum"] = normal(value);
}

void translator::constant(const std::string&, const json& value, json& into) { into["const"] = normal(value); }

void translator::number(const std::string& pointer, const json& value, json& into) {
  if (!value.is_number()) refuse(pointer, "must be a number");
  into[last_of(pointer)] = normal(value);
}

void translator::divisor(const std::string& pointer, const json& value, json& into) {
  if (!value.is_number() || value.get<double>() <= 0) refuse(pointer, "must be a number over 0");
  into["multipleOf"] = normal(value);
}

void translator::count(const std::string& pointer, const json& value, json& into) {
  const auto whole = normal(value);
  if (!whole.is_number_integer() || whole.get<std::int64_t>() < 0) refuse(pointer, "must be a whole number from 0 on");
  into[last_of(pointer)] = whole.get<std::uint64_t>();
}

void translator::flag(const std::string& pointer, const json& value, json& into) {
  if (!value.is_boolean()) refuse(pointer, "must be true or false");
  into[last_of(pointer)] = value;
}

void translator::check_pattern(const std::string& pointer, const std::string& text) {
  if (text.size() > bounds::pattern_bytes) {
    refuse(pointer, "has " + std::to_string(text.size()) + " bytes; at most " + std::to_string(bounds::pattern_bytes),
           errc::too_large);
  }
  if (++patterns_ > bounds::patterns) {
    refuse(pointer, "is one pattern too many: at most " + std::to_string(bounds::patterns), errc::too_large);
  }
  check_key(pointer, text);
  re2::RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(static_cast<std::int64_t>(bounds::pattern_memory));
  const re2::RE2 compiled(text, options);
  if (!compiled.ok()) {
    refuse(pointer,
           "is no regular expression of RE2 (which has no look-around and no back-references): " + compiled.error());
  }
}

void translator::pattern(const std::string& pointer, const json& value, json& into) {
  if (!value.is_string()) refuse(pointer, "must be a string");
  check_pattern(pointer, value.get<std::string>());
  into["pattern"] = value;
}

void translator::format(const std::string& pointer, const json& value, json& into) {
  if (!value.is_string() ||
      std::find(known_formats.begin(), known_formats.end(), value.get<std::string>()) == known_formats.end()) {
    std::string all;
    for (const auto each : known_formats) all += (all.empty() ? "" : ", ") + std::string(each);
    refuse(pointer, "is not a format that is checked; these are: " + all);
  }
  into["format"] = value;
}

/// The library takes names as C strings.
void translator::check_key(const std::string& pointer, const std::string& key) {
  if (key.find('\0') != std::string::npos) refuse(pointer, "must not hold the character U+0000");
}

json translator::list_of_names(const std::string& pointer, const json& value) const {
  if (!value.is_array()) refuse(pointer, "must be an array of names");
  std::set<std::string> seen;
  for (const auto& each : value) {
    if (!each.is_string()) refuse(pointer, "must be an array of names");
    check_key(pointer, each.get<std::string>());
    if (!seen.insert(each.get<std::string>()).second) refuse(pointer, "holds a name twice");
  }
  return value;
}

void translator::names(const std::string& pointer, const json& value, json& into) {
  into[last_of(pointer)] = list_of_names(pointer, value);
}

void translator::same(const std::string& pointer, const json& value, json& into) {
  into[last_of(pointer)] = schema(pointer, value, place::same_value);
}

void translator::inner(const std::string& pointer, const json& value, json& into) {
  into[last_of(pointer)] = schema(pointer, value, place::inner_value);
}

void translator::closed(const std::string& pointer, const json& value, json& into) {
  if (value.is_boolean()) {
    into[last_of(pointer)] = value;
  } else {
    inner(pointer, value, into);
  }
}

void translator::alternatives(const std::string& pointer, const json& value, json& into) {
  if (!value.is_array() || value.empty()) refuse(pointer, "must be an array of one schema or more");
  auto all = json::array();
  for (std::size_t i = 0; i < value.size(); ++i) {
    all.push_back(schema(within(pointer, std::to_string(i)), value[i], place::same_value));
  }
  into[last_of(pointer)] = std::move(all);
}

void translator::properties(const std::string& pointer, const json& value, json& into) {
  if (!value.is_object()) refuse(pointer, "must be an object of schemas");
  auto all = json::object();
  for (const auto& [key, each] : value.items()) {
    check_key(pointer, key);
    all[key] = schema(within(pointer, key), each, place::inner_value);
  }
  into[last_of(pointer)] = std::move(all);
}

void translator::pattern_properties(const std::string& pointer, const json& value, json& into) {
  if (value.is_object()) {
    for (const auto& [key, each] : value.items()) check_pattern(within(pointer, key), key);
  }
  properties(pointer, value, into);
}

/// They are made where they are referred to; here they are only judged.
void translator::definitions(const std::string& pointer, const json& value, json&) {
  json unused;
  properties(pointer, value, unused);
}

void translator::items(const std::string& pointer, const json& value, json& into) {
  if (!value.is_array()) return inner(pointer, value, into);
  if (made_.written_in == dialect::draft2020) refuse(pointer, "must be a schema; an array of them is `prefixItems`");
  prefix_items(pointer, value, into);
}

void translator::prefix_items(const std::string& pointer, const json& value, json& into) {
  if (!value.is_array() || value.empty()) refuse(pointer, "must be an array of one schema or more");
  auto all = json::array();
  for (std::size_t i = 0; i < value.size(); ++i) {
    all.push_back(schema(within(pointer, std::to_string(i)), value[i], place::inner_value));
  }
  into[last_of(pointer)] = std::move(all);
}

/// One property may have dependencies of both kinds; draft 7 has one for each.
void translator::add_dependency(const std::string& pointer, const std::string& of, json what, json& into) const {
  check_key(pointer, of);
  auto& all = into["dependencies"];
  if (!all.contains(of)) {
    all[of] = std::move(what);
    return;
  }
  const auto as_schema = [](json one) { return one.is_array() ? json{{"required", std::move(one)}} : std::move(one); };
  all[of] = {{"allOf", json::array({as_schema(std::move(all[of])), as_schema(std::move(what))})}};
}

void translator::dependencies(const std::string& pointer, const json& value, json& into) {
  if (!value.is_object()) refuse(pointer, "must be an object");
  into["dependencies"] = json::object();
  for (const auto& [key, each] : value.items()) {
    const auto at = within(pointer, key);
    add_dependency(at, key, each.is_array() ? list_of_names(at, each) : schema(at, each, place::same_value), into);
  }
}

void translator::dependent_required(const std::string& pointer, const json& value, json& into) {
  if (!value.is_object()) refuse(pointer, "must be an object");
  for (const auto& [key, each] : value.items()) {
    add_dependency(pointer, key, list_of_names(within(pointer, key), each), into);
  }
}

void translator::dependent_schemas(const std::string& pointer, const json& value, json& into) {
  if (!value.is_object()) refuse(pointer, "must be an object of schemas");
  for (const auto& [key, each] : value.items()) {
    add_dependency(pointer, key, schema(within(pointer, key), each, place::same_value), into);
  }
}

}  // namespace

result<translation> translate(const json& document) {
  try {
    return translator(document).run();
  } catch (refused& found) {
    return tl::make_unexpected(std::move(found.why));
  }
}

}  // namespace kith::ingest::schema
