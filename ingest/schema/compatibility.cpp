#include "ingest/schema/compatibility.hpp"

#include <utility>
#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <limits>
#include <re2/re2.h>
#include <set>

#include "ingest/schema/evaluation.hpp"
#include "ingest/schema/value.hpp"

namespace kith::ingest::schema {

namespace {

using nlohmann::json;

constexpr std::array<std::string_view, 4> kind_names = {"none", "backward", "forward", "full"};
const json anything = json::object();
const json nothing = {{"not", json::object()}};

/// Types as bits of value_type; `number` and `integer` are both set where numbers may be.
using type_set = unsigned;
constexpr type_set bit(value_type type) { return 1U << static_cast<unsigned>(type); }
constexpr type_set numbers = bit(value_type::integer) | bit(value_type::number);
constexpr type_set every_type = (1U << value_types) - 1;

type_set type_named(const std::string& name) {
  if (name == "number") return numbers;
  for (std::size_t i = 0; i < value_types; ++i) {
    if (name_of(static_cast<value_type>(i)) == name) return 1U << i;
  }
  return 0;
}

std::string text_of(type_set types) {
  if (types == every_type) return "any type";
  std::string text;
  for (std::size_t i = 0; i < value_types; ++i) {
    const auto type = static_cast<value_type>(i);
    if ((types & bit(type)) == 0 || (type == value_type::integer && (types & numbers) == numbers)) continue;
    text += (text.empty() ? "" : ", ") + std::string(name_of(type));
  }
  return text.empty() ? "nothing" : text;
}

bool has_reference(const json& schema) {
  if (schema.is_object() && schema.contains("$ref")) return true;
  return schema.is_structured() && std::any_of(schema.begin(), schema.end(), has_reference);
}

bool is_nothing(const json& schema) {
  return schema == false || (schema.is_object() && schema.contains("not") && schema.at("not") == anything);
}

const json* find(const json& schema, const char* key) {
  const auto found = schema.find(key);
  return found == schema.end() ? nullptr : &*found;
}

bool matches(const std::string& pattern, const std::string& text) {
  re2::RE2::Options options;
  options.set_log_errors(false);
  return re2::RE2::PartialMatch(text, re2::RE2(pattern, options));
}

/// Shows, or fails to, that what `left` takes `right` takes too.
class containment {
 public:
  containment(const json& left, const json& right, compatibility told_as)
      : left_root_(left), right_root_(right), told_as_(told_as) {}

  std::vector<incompatibility> run() {
    holds(left_root_, right_root_, "");
    return std::move(found_);
  }

 private:
  using conjuncts = std::vector<const json*>;  ///< all of which hold of the same value

  bool holds(const json& left, const json& right, const std::string& pointer);
  bool keyword_holds(const std::string& key, const json& value, const json& right, const conjuncts& left,
                     type_set types, const std::string& pointer);
  bool one_by_one(const json& right, const conjuncts& left, const std::string& pointer);
  bool values_hold(const json& values, const json& right, const std::string& pointer);

  // Each shows one keyword of the right by one schema of the left.
  using proof = std::function<bool(const json& left)>;
  bool by_any(const conjuncts& left, const proof& shown);
  bool properties(const json& left, const json& right, const std::string& pointer);
  bool property(const json& left, const std::string& name, const json& right, const std::string& pointer);
  bool additional(const json& left, const json& right, const std::string& pointer);
  bool pattern_properties(const json& left, const json& right, const std::string& pointer);
  bool property_names(const json& left, const json& right, const std::string& pointer);
  bool items(const json& left, const json& right, const std::string& pointer);
  bool dependencies(const json& left, const json& right, const std::string& pointer);
  bool bound(const json& left, const std::string& key, const json& limit, bool lower, const std::string& pointer);
  bool range(const json& left, const std::string& key, double limit, const std::string& pointer);
  bool multiple(const json& left, const json& divisor, const std::string& pointer);

  const json& resolved(const json& schema, const json& root) const {
    const auto* at = &schema;
    // No loops: translate() refuses them.
    while (at->is_object() && at->contains("$ref")) {
      at = &root.at(json::json_pointer(at->at("$ref").get<std::string>().substr(1)));
    }
    return *at;
  }
  void add_conjuncts(const json& schema, conjuncts& into) const {
    const auto& at = resolved(schema, left_root_);
    into.push_back(&at);
    if (const auto* all = find(at, "allOf")) {
      for (const auto& each : *all) add_conjuncts(each, into);
    }
  }
  type_set types_of(const conjuncts& left) const;
  type_set types_of_one(const json& schema) const;

  bool fail(const std::string& pointer, std::string reason) {
    if (silent_ == 0 && found_.size() < bounds::incompatibilities) {
      incompatibility one{told_as_, pointer, std::move(reason)};
      if (std::find(found_.begin(), found_.end(), one) == found_.end()) found_.push_back(std::move(one));
    }
    return false;
  }
  template <class Try>
  bool silently(Try attempt) {
    ++silent_;
    const bool shown = attempt();
    --silent_;
    return shown;
  }
  bool same(const json& left, const json& right) const {
    return left == right && !has_reference(left) && !has_reference(right);
  }

  const json& left_root_;
  const json& right_root_;
  const compatibility told_as_;
  std::vector<incompatibility> found_;
  std::set<std::pair<const json*, const json*>> assumed_;  ///< being shown further out: recursive schemas
  std::size_t silent_ = 0;
  std::size_t steps_ = 0;
};

type_set containment::types_of_one(const json& schema) const {
  const auto* said = find(schema, "type");
  if (said == nullptr) return every_type;
  type_set types = 0;
  for (const auto& each : said->is_array() ? *said : json::array({*said})) types |= type_named(each.get<std::string>());
  return types;
}

type_set containment::types_of(const conjuncts& left) const {
  type_set types = every_type;
  for (const auto* each : left) types &= types_of_one(*each);
  return types;
}

bool containment::holds(const json& left_side, const json& right_side, const std::string& pointer) {
  const auto& left = resolved(left_side, left_root_);
  const auto& right = resolved(right_side, right_root_);
  if (right == true || right == anything || is_nothing(left) || same(left, right)) return true;
  if (++steps_ > bounds::comparisons) return fail(pointer, "the schemas are too complex to be compared");
  if (right == false) return fail(pointer, "is not allowed there any more");
  const std::pair pair{&left, &right};
  if (assumed_.contains(pair)) return true;
  assumed_.insert(pair);
  conjuncts all;
  if (left.is_object()) {
    add_conjuncts(left, all);
  } else {
    all.push_back(&anything);
  }
  const auto direct = [&] {
    for (const auto* each : all) {
      if (const auto* values = find(*each, "enum")) return values_hold(*values, right, pointer);
      if (const auto* value = find(*each, "const")) return values_hold(json::array({*value}), right, pointer);
    }
    const auto types = types_of(all);
    bool good = true;
    for (const auto& [key, value] : right.items()) {
      good = keyword_holds(key, value, right, all, types, pointer) && good;
    }
    return good;
  };
  bool good = silently(direct);
  if (!good) good = silently([&] { return one_by_one(right, all, pointer); });
  if (!good && silent_ == 0) direct();  // once more, to tell why
  assumed_.erase(pair);
  return good;
}

/// If the left is one of several, each of these may be shown for itself.
bool containment::one_by_one(const json& right, const conjuncts& left, const std::string& pointer) {
  for (const auto* each : left) {
    for (const auto* key : {"anyOf", "oneOf"}) {
      const auto* several = find(*each, key);
      if (several == nullptr) continue;
      if (std::all_of(several->begin(), several->end(), [&](const json& one) { return holds(one, right, pointer); })) {
        return true;
      }
    }
  }
  return false;
}

/// All values are tried. (That other keywords of the left may refuse some of them is not looked at.)
bool containment::values_hold(const json& values, const json& right, const std::string& pointer) {
  json document = right.is_object() ? right : json{{"allOf", json::array({right})}};
  if (const auto* definitions = find(right_root_, "definitions")) document["definitions"] = *definitions;
  const auto accepting = compiled::make({std::move(document), dialect::draft7});
  if (!accepting) return fail(pointer, accepting.error().message);
  const auto refused = std::count_if(
      values.begin(), values.end(), [&](const json& each) { return !(*accepting)->check(encoded(each), {}, nullptr); });
  if (refused == 0) return true;
  return fail(pointer, std::to_string(refused) + " of the " + std::to_string(values.size()) +
                           " values that are listed are not allowed");
}

bool containment::by_any(const conjuncts& left, const proof& shown) {
  if (left.size() == 1) return shown(*left.front());
  for (const auto* each : left) {
    if (silently([&] { return shown(*each); })) return true;
  }
  return silent_ == 0 && shown(*left.front());  // once more, to tell why
}

bool containment::keyword_holds(const std::string& key, const json& value, const json& right, const conjuncts& left,
                                type_set types, const std::string& pointer) {
  const auto concerns = [&](value_type type) { return (types & bit(type)) != 0; };
  const auto equal = [&](const std::string& what) {
    return by_any(left, [&](const json& each) {
      const auto* there = find(each, key.c_str());
      return (there != nullptr && same(*there, value)) || fail(pointer, what);
    });
  };
  if (key == "definitions") return true;
  if (key == "type") {
    const auto allowed = types_of_one(right);
    return (types & ~allowed) == 0 ||
           fail(pointer, "may be " + text_of(types) + ", where only " + text_of(allowed) + " is allowed");
  }
  if (key == "enum" || key == "const") return fail(pointer, "is not limited to the values that are allowed");
  if (key == "allOf") {
    // Each of them has to hold, and is shown by all that is known of the left.
    return std::all_of(value.begin(), value.end(),
                       [&](const json& each) { return holds(*left.front(), each, pointer); });
  }
  if (key == "anyOf") {
    return std::any_of(
               value.begin(), value.end(),
               [&](const json& each) { return silently([&] { return holds(*left.front(), each, pointer); }); }) ||
           equal("does not fit one of the alternatives of anyOf as a whole");
  }
  if (key == "oneOf" || key == "not") return equal("`" + key + "` is not the same, and cannot be compared");
  if (key == "if" || key == "then" || key == "else") {
    return by_any(left, [&](const json& each) {
      for (const auto* part : {"if", "then", "else"}) {
        const auto* ours = find(each, part);
        const auto* theirs = find(right, part);
        if ((ours == nullptr) != (theirs == nullptr) || (ours != nullptr && !same(*ours, *theirs))) {
          return fail(pointer, "`if` is not the same, and cannot be compared");
        }
      }
      return true;
    });
  }
  const auto shown = [&](auto method) {
    return by_any(left, [&](const json& each) { return (this->*method)(each, right, pointer); });
  };
  const auto limited = [&](value_type type, bool lower) {
    return !concerns(type) || by_any(left, [&](const json& each) { return bound(each, key, value, lower, pointer); });
  };
  if (key == "minLength" || key == "maxLength") return limited(value_type::string, key == "minLength");
  if (key == "minItems" || key == "maxItems") return limited(value_type::array, key == "minItems");
  if (key == "minProperties" || key == "maxProperties") return limited(value_type::object, key == "minProperties");
  if (key == "pattern" || key == "format") {
    return !concerns(value_type::string) || equal("is not held to the same `" + key + "`");
  }
  if (key == "minimum" || key == "maximum" || key == "exclusiveMinimum" || key == "exclusiveMaximum") {
    return (types & numbers) == 0 ||
           by_any(left, [&](const json& each) { return range(each, key, value.get<double>(), pointer); });
  }
  if (key == "multipleOf") {
    // A whole number is a multiple of 1, where only these are left.
    if ((types & numbers) == 0 || ((types & numbers) == bit(value_type::integer) && value == 1)) return true;
    return by_any(left, [&](const json& each) { return multiple(each, value, pointer); });
  }
  if (key == "items") return !concerns(value_type::array) || shown(&containment::items);
  if (key == "additionalItems") return true;  // with items
  if (key == "contains") {
    return !concerns(value_type::array) || by_any(left, [&](const json& each) {
      const auto* there = find(each, "contains");
      if (there == nullptr) return fail(pointer, "need not contain what has to be contained");
      return holds(*there, value, pointer + "/*");
    });
  }
  if (key == "uniqueItems") {
    return !concerns(value_type::array) || value == false || by_any(left, [&](const json& each) {
      const auto* unique = find(each, "uniqueItems");
      const auto* most = find(each, "maxItems");
      return (unique != nullptr && *unique == true) || (most != nullptr && most->get<double>() <= 1) ||
             fail(pointer, "may hold items twice");
    });
  }
  if (!concerns(value_type::object)) return true;
  if (key == "required") {
    bool good = true;
    for (const auto& name : value) {
      const bool there = std::any_of(left.begin(), left.end(), [&](const json* each) {
        const auto* names = find(*each, "required");
        return names != nullptr && std::find(names->begin(), names->end(), name) != names->end();
      });
      auto at = pointer;
      append_pointer(at, name.get<std::string>());
      if (!there) good = fail(at, "is required, and may be absent");
    }
    return good;
  }
  if (key == "properties") return shown(&containment::properties);
  if (key == "patternProperties") return shown(&containment::pattern_properties);
  if (key == "additionalProperties") return shown(&containment::additional);
  if (key == "propertyNames") return shown(&containment::property_names);
  if (key == "dependencies") return shown(&containment::dependencies);
  return fail(pointer, "`" + key + "` cannot be compared");
}

const json& member_or(const json& schema, const char* key, const json& without) {
  const auto* found = find(schema, key);
  return found == nullptr ? without : *found;
}

/// What the left says of a property with that name. Where several parts hold of it, one of them is enough for a proof.
bool containment::property(const json& left, const std::string& name, const json& right, const std::string& pointer) {
  const auto& declared = member_or(left, "properties", anything);
  if (const auto found = declared.find(name); found != declared.end()) return holds(*found, right, pointer);
  for (const auto& [pattern, each] : member_or(left, "patternProperties", anything).items()) {
    if (matches(pattern, name)) return holds(each, right, pointer);
  }
  const auto& rest = member_or(left, "additionalProperties", anything);
  if (rest == false) return true;
  if (rest != true && rest != anything) return holds(rest, right, pointer);
  return silently([&] { return holds(anything, right, pointer); }) ||
         fail(pointer,
              "may be anything where it is not declared, and is limited where it is (additionalProperties: false "
              "where it is not would keep it out)");
}

bool containment::properties(const json& left, const json& right, const std::string& pointer) {
  bool good = true;
  for (const auto& [name, each] : right.at("properties").items()) {
    auto at = pointer;
    append_pointer(at, name);
    good = property(left, name, each, at) && good;
  }
  return good;
}

/// Of all properties that the right does not declare.
bool containment::additional(const json& left, const json& right, const std::string& pointer) {
  const auto& rest = right.at("additionalProperties");
  const auto& declared = member_or(right, "properties", anything);
  const auto& patterns = member_or(right, "patternProperties", anything);
  bool good = true;
  for (const auto& [name, each] : member_or(left, "properties", anything).items()) {
    if (declared.contains(name)) continue;
    bool matched = false;
    for (const auto& [pattern, unused] : patterns.items()) matched = matched || matches(pattern, name);
    auto at = pointer;
    append_pointer(at, name);
    if (!matched) good = holds(each, rest, at) && good;
  }
  for (const auto& [pattern, each] : member_or(left, "patternProperties", anything).items()) {
    if (!patterns.contains(pattern)) good = holds(each, rest, pointer + "/*") && good;
  }
  const auto& others = member_or(left, "additionalProperties", anything);
  if (others == false) return good;
  if (rest == false) return fail(pointer, "may have properties that are not declared, which are not allowed");
  return holds(others, rest, pointer + "/*") && good;
}

bool containment::pattern_properties(const json& left, const json& right, const std::string& pointer) {
  const auto& ours = member_or(left, "patternProperties", anything);
  bool good = true;
  for (const auto& [pattern, each] : right.at("patternProperties").items()) {
    if (const auto found = ours.find(pattern); found != ours.end()) {
      good = holds(*found, each, pointer + "/*") && good;
      continue;
    }
    for (const auto& [name, schema] : member_or(left, "properties", anything).items()) {
      auto at = pointer;
      append_pointer(at, name);
      if (matches(pattern, name)) good = holds(schema, each, at) && good;
    }
    for (const auto& [unused, schema] : ours.items()) good = holds(schema, each, pointer + "/*") && good;
    const auto& rest = member_or(left, "additionalProperties", anything);
    if (rest != false) good = holds(rest == true ? anything : rest, each, pointer + "/*") && good;
  }
  return good;
}

bool containment::property_names(const json& left, const json& right, const std::string& pointer) {
  const auto& wanted = right.at("propertyNames");
  if (const auto* ours = find(left, "propertyNames"); ours != nullptr) {
    if (silently([&] { return holds(*ours, wanted, pointer); })) return true;
  }
  const bool closed = member_or(left, "additionalProperties", anything) == false &&
                      member_or(left, "patternProperties", anything).empty();
  if (!closed) return fail(pointer, "may have properties whose names are not allowed");
  auto names = json::array();
  for (const auto& [name, unused] : member_or(left, "properties", anything).items()) names.push_back(name);
  return values_hold(names, resolved(wanted, right_root_), pointer);
}

bool containment::items(const json& left, const json& right, const std::string& pointer) {
  static const json none = json::array();
  const auto split = [](const json& schema) {
    const auto& said = member_or(schema, "items", anything);
    if (!said.is_array()) return std::pair<const json*, const json*>(&none, &said);
    return std::pair<const json*, const json*>(&said, &member_or(schema, "additionalItems", anything));
  };
  const auto [first, rest] = split(left);
  const auto [wanted, wanted_rest] = split(right);
  const auto* most = find(left, "maxItems");
  const auto possible = most == nullptr ? std::numeric_limits<double>::infinity() : most->get<double>();
  bool good = true;
  const auto count = std::max(first->size(), wanted->size());
  for (std::size_t i = 0; i < count && static_cast<double>(i) < possible; ++i) {
    const auto& ours = i < first->size() ? (*first)[i] : *rest;
    const auto& theirs = i < wanted->size() ? (*wanted)[i] : *wanted_rest;
    if (ours == false) break;  // nor any behind it
    good = holds(ours == true ? anything : ours, theirs, pointer + "/" + std::to_string(i)) && good;
  }
  if (*rest == false || possible <= static_cast<double>(count)) return good;
  return holds(*rest == true ? anything : *rest, *wanted_rest, pointer + "/*") && good;
}

bool containment::dependencies(const json& left, const json& right, const std::string& pointer) {
  const auto& ours = member_or(left, "dependencies", anything);
  const auto& required = member_or(left, "required", anything);
  const auto is_there = [&](const json& names, const json& name) {
    return names.is_array() && std::find(names.begin(), names.end(), name) != names.end();
  };
  bool good = true;
  for (const auto& each_of : right.at("dependencies").items()) {
    const auto& name = each_of.key();
    const auto& needed = each_of.value();
    const auto known = ours.find(name);
    if (known != ours.end() && same(*known, needed)) continue;
    auto at = pointer;
    append_pointer(at, name);
    if (!needed.is_array()) {
      const bool shown =
          silently([&] { return holds(left, needed, pointer); }) ||
          (known != ours.end() && known->is_object() && silently([&] { return holds(*known, needed, pointer); }));
      if (!shown) good = fail(at, "what has to hold where it is there need not hold");
      continue;
    }
    for (const auto& each : needed) {
      const bool shown = is_there(required, each) || (known != ours.end() && is_there(*known, each));
      if (!shown) good = fail(at, "may be there without " + each.get<std::string>());
    }
  }
  return good;
}

bool containment::bound(const json& left, const std::string& key, const json& limit, bool lower,
                        const std::string& pointer) {
  const auto wanted = limit.get<std::uint64_t>();
  const auto* said = find(left, key.c_str());
  auto ours = said == nullptr ? (lower ? 0 : UINT64_MAX) : said->get<std::uint64_t>();
  if (key == "minProperties") {
    if (const auto* names = find(left, "required")) ours = std::max<std::uint64_t>(ours, names->size());
  }
  if (lower ? ours >= wanted : ours <= wanted) return true;
  return fail(pointer, "`" + key + "` " + std::to_string(wanted) + " is not held to");
}

bool containment::range(const json& left, const std::string& key, double limit, const std::string& pointer) {
  const bool lower = key.ends_with("inimum");
  const bool open = key.starts_with("exclusive");
  const auto* closed_at = find(left, lower ? "minimum" : "maximum");
  const auto* open_at = find(left, lower ? "exclusiveMinimum" : "exclusiveMaximum");
  const auto inside = [&](double at) { return lower ? at > limit : at < limit; };
  if (closed_at != nullptr) {
    const auto at = closed_at->get<double>();
    if (inside(at) || (!open && at == limit)) return true;
  }
  if (open_at != nullptr) {
    const auto at = open_at->get<double>();
    if (inside(at) || at == limit) return true;
  }
  return fail(pointer, "`" + key + "` " + json(normal(json(limit))).dump() + " is not held to");
}

bool containment::multiple(const json& left, const json& divisor, const std::string& pointer) {
  const auto* ours = find(left, "multipleOf");
  if (ours != nullptr) {
    if (*ours == divisor) return true;
    const bool whole = ours->is_number_integer() && divisor.is_number_integer();
    if (whole && ours->get<std::int64_t>() % divisor.get<std::int64_t>() == 0) return true;
  }
  return fail(pointer, "need not be a multiple of " + divisor.dump());
}

}  // namespace

std::string_view name_of(compatibility kind) noexcept { return kind_names[static_cast<std::size_t>(kind)]; }

std::optional<compatibility> parse_compatibility(std::string_view name) noexcept {
  for (std::size_t i = 0; i < kind_names.size(); ++i) {
    if (kind_names[i] == name) return static_cast<compatibility>(i);
  }
  return std::nullopt;
}

std::vector<incompatibility> find_incompatibilities(const schema& older, const schema& newer, compatibility wanted) {
  std::vector<incompatibility> all;
  if (wanted == compatibility::backward || wanted == compatibility::full) {
    all = containment(older.translated().document, newer.translated().document, compatibility::backward).run();
  }
  if (wanted == compatibility::forward || wanted == compatibility::full) {
    auto more = containment(newer.translated().document, older.translated().document, compatibility::forward).run();
    all.insert(all.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
  }
  return all;
}

}  // namespace kith::ingest::schema
