// Whether versions of a schema fit each other: what is found, and that what is not found is not there.
#include "ingest/schema/compatibility.hpp"

#include <rapidcheck.h>

#include "tests/catch.hpp"
#include "tests/ingest/support/schemas.hpp"

using namespace kith;
using namespace kith::test;
using kith::tests::Contains;
using nlohmann::json;
using schema::compatibility;

namespace {

/// "pointer: reason" of each.
std::string found(const char* older, const char* newer, compatibility wanted = compatibility::backward) {
  std::string text;
  for (const auto& each : find_incompatibilities(*made(older), *made(newer), wanted)) {
    text += (text.empty() ? "" : "\n") + std::string(name_of(each.of)) + " " + each.pointer + ": " + each.reason;
  }
  return text;
}

}  // namespace

TEST_CASE("versions that fit") {
  const auto fits = [](const char* older, const char* newer) {
    INFO(older << "\n" << newer);
    CHECK(found(older, newer) == "");
  };
  fits("{}", "{}");
  fits(R"({"type": "integer"})", R"({"type": "number"})");
  fits(R"({"type": "integer"})", R"({"type": ["number", "null"]})");
  fits(R"({"required": ["a", "b"]})", R"({"required": ["a"]})");
  fits(R"({"enum": ["a", "b"]})", R"({"enum": ["a", "b", "c"]})");
  fits(R"({"enum": ["a", "b"]})", R"({"type": "string", "maxLength": 3, "pattern": "^[ab]"})");
  fits(R"({"const": 5})", R"({"minimum": 5, "multipleOf": 5})");
  fits(R"({"minimum": 5})", R"({"exclusiveMinimum": 4})");
  fits(R"({"exclusiveMaximum": 5})", R"({"maximum": 5})");
  fits(R"({"minLength": 3, "maxLength": 5})", R"({"minLength": 2, "maxLength": 6})");
  fits(R"({"type": "integer", "multipleOf": 10})", R"({"multipleOf": 5})");
  fits(R"({"type": "object", "properties": {"a": {"type": "integer"}}, "additionalProperties": false})",
       R"({"type": "object", "properties": {"a": {"type": "integer"}, "b": {}}, "additionalProperties": false})");
  fits(R"({"properties": {"a": {"enum": [1]}}})", R"({"properties": {"a": {"type": "integer"}}})");
  fits(R"({"items": {"type": "integer"}})", R"({"items": {"type": "number"}})");
  fits(R"({"prefixItems": [{"type": "integer"}], "items": false})", R"({"items": {"type": "integer"}})");
  fits(R"({"required": ["a", "b"]})", R"({"minProperties": 2, "dependentRequired": {"c": ["a"]}})");
  fits(R"({"type": "string"})", R"({"anyOf": [{"type": "string"}, {"type": "null"}]})");
  fits(R"({"anyOf": [{"type": "string"}, {"type": "null"}]})", R"({"type": ["string", "null"]})");
  fits(R"({"allOf": [{"type": "string"}, {"maxLength": 3}]})", R"({"type": "string", "maxLength": 4})");
  fits(R"({"$defs": {"m": {"type": "integer"}}, "items": {"$ref": "#/$defs/m"}})", R"({"items": {"type": "number"}})");
  fits(R"({"properties": {"next": {"$ref": "#"}, "v": {"type": "integer"}}})",
       R"({"properties": {"next": {"$ref": "#"}, "v": {"type": "number"}}})");
  fits(R"({"type": "string", "format": "email"})", R"({"type": "string"})");
  fits(R"({"not": {"type": "string"}})", R"({"not": {"type": "string"}})");
  fits(R"({"if": {"type": "string"}, "then": {"minLength": 1}})",
       R"({"if": {"type": "string"}, "then": {"minLength": 1}})");
  fits(R"({"patternProperties": {"^a": {"type": "integer"}}})", R"({"patternProperties": {"^a": {"type": "number"}}})");
  fits(R"({"properties": {"ab": {}}, "additionalProperties": false})", R"({"propertyNames": {"maxLength": 2}})");
  fits(R"({"contains": {"const": 1}})", R"({"contains": {"type": "integer"}})");
  fits(
      R"({"$schema": "http://json-schema.org/draft-07/schema#", "definitions": {"a": {"type": "integer"}}, "$ref": "#/definitions/a"})",
      R"({"type": "integer"})");
}

TEST_CASE("incompatibilities are told with place and reason") {
  const auto tells = [](const char* older, const char* newer, const char* said) {
    INFO(older << "\n" << newer);
    CHECK(found(older, newer) == said);
  };
  tells("{}", R"({"required": ["a"]})", "backward /a: is required, and may be absent");
  tells(R"({"type": "number"})", R"({"type": "integer"})", "backward : may be number, where only integer is allowed");
  tells(R"({"properties": {"a": {"type": ["string", "null"]}}})", R"({"properties": {"a": {"type": "string"}}})",
        "backward /a: may be null, string, where only string is allowed");
  tells(R"({"properties": {"a": {}}, "additionalProperties": false})",
        R"({"properties": {"b": {}}, "additionalProperties": false})", "backward /a: is not allowed there any more");
  tells(R"({"enum": ["a", "b"]})", R"({"enum": ["a"]})",
        "backward : 1 of the 2 values that are listed are not allowed");
  tells(R"({"type": "string"})", R"({"enum": ["a"]})", "backward : is not limited to the values that are allowed");
  tells(R"({"items": {"maxLength": 4}})", R"({"items": {"maxLength": 3}})",
        "backward /*: `maxLength` 3 is not held to");
  tells(R"({"minimum": 0})", R"({"minimum": 1})", "backward : `minimum` 1 is not held to");
  tells(R"({"minimum": 1})", R"({"exclusiveMinimum": 1})", "backward : `exclusiveMinimum` 1 is not held to");
  tells(R"({"type": "string"})", R"({"format": "email"})", "backward : is not held to the same `format`");
  tells(R"({"type": "string"})", R"({"pattern": "a"})", "backward : is not held to the same `pattern`");
  tells(R"({"anyOf": [{"type": "string"}, {"type": "null"}]})", R"({"type": "string"})",
        "backward : may be any type, where only string is allowed");
  tells("{}", R"({"additionalProperties": false})",
        "backward : may have properties that are not declared, which are not allowed");
  tells(R"({"type": "array"})", R"({"uniqueItems": true})", "backward : may hold items twice");
  CHECK_THAT(found("{}", R"({"properties": {"a": {"type": "string"}}})"),
             Contains("backward /a: may be anything where it is not declared, and is limited where it is"));
  CHECK_THAT(found("{}", R"({"oneOf": [{"type": "string"}, {"type": "null"}]})"), Contains("`oneOf` is not the same"));
}

TEST_CASE("a property that only a pattern, or a count, speaks of") {
  CHECK(found(R"({"patternProperties": {"^a": {"type": "number"}}, "additionalProperties": false})",
              R"({"properties": {"ab": {"type": "integer"}}})") ==
        "backward /ab: may be number, where only integer is allowed");
  CHECK(found(R"({"patternProperties": {"^a": {"type": "integer"}}, "additionalProperties": false})",
              R"({"properties": {"ab": {"type": "number"}}})") == "");
  CHECK(found(R"({"properties": {"a": {"type": "number"}}, "additionalProperties": false})",
              R"({"patternProperties": {"^a": {"type": "integer"}}})") ==
        "backward /a: may be number, where only integer is allowed");
  CHECK(found(R"({"properties": {"a": {}, "b": {}}, "required": ["a"]})", R"({"minProperties": 2})") ==
        "backward : `minProperties` 2 is not held to");
  CHECK(found(R"({"required": ["a"]})", R"({"dependentRequired": {"b": ["a", "c"]}})") ==
        "backward /b: may be there without c");
  CHECK(found(R"({"prefixItems": [{"type": "integer"}, {"type": "string"}]})", R"({"items": {"type": "integer"}})") !=
        "");
  CHECK(found(R"({"contains": {"type": "integer"}})", R"({"contains": {"const": 1}})") != "");
  CHECK(found("{}", R"({"propertyNames": {"maxLength": 3}})") ==
        "backward : may have properties whose names are not allowed");
}

TEST_CASE("forward and full are the other way, and both") {
  const auto* older = R"({"properties": {"a": {"type": "integer"}}})";
  const auto* newer = R"({"properties": {"a": {"type": "number"}}})";
  CHECK(found(older, newer, compatibility::backward) == "");
  CHECK(found(older, newer, compatibility::forward) == "forward /a: may be number, where only integer is allowed");
  CHECK(found(older, newer, compatibility::full) == "forward /a: may be number, where only integer is allowed");
  CHECK(found(older, newer, compatibility::none) == "");
  CHECK(schema::parse_compatibility("full") == compatibility::full);
  CHECK_FALSE(schema::parse_compatibility("Full"));
}

TEST_CASE("a comparison that would take for ever is given up on, as an incompatibility") {
  const auto wide = [](const char* last) {
    auto document = json{{"$ref", "#/$defs/d0"}};
    for (int i = 0; i < 16; ++i) {
      const auto next = json{{"$ref", "#/$defs/d" + std::to_string(i + 1)}};
      document["$defs"]["d" + std::to_string(i)] = {
          {"properties", {{"a", {{"anyOf", json::array({next, {{"type", "array"}, {"items", next}}})}}}}}};
    }
    document["$defs"]["d16"] = {{"type", last}};
    return document;
  };
  const auto all = find_incompatibilities(*made(wide("string")), *made(wide("integer")), compatibility::backward);
  CHECK_FALSE(all.empty());
}

namespace {

template <class T>
T one_of(std::initializer_list<T> all) {
  return *rc::gen::elementOf(std::vector<T>(all));
}

json any_value(int depth) {
  switch (*rc::gen::inRange(0, depth > 0 ? 9 : 7)) {
    case 0: return nullptr;
    case 1: return *rc::gen::arbitrary<bool>();
    case 2:
    case 3: return *rc::gen::inRange(-2, 6);
    case 4: return one_of({0.5, 2.5, -1.5});
    case 5:
    case 6: return one_of<const char*>({"", "a", "b", "ab", "abc", "a@b.de", "2026-01-01"});
    case 7: {
      auto list = json::array();
      for (int i = *rc::gen::inRange(0, 4); i > 0; --i) list.push_back(any_value(depth - 1));
      return list;
    }
    default: {
      auto map = json::object();
      for (int i = *rc::gen::inRange(0, 4); i > 0; --i) {
        map[one_of<const char*>({"a", "b", "c", "ab"})] = any_value(depth - 1);
      }
      return map;
    }
  }
}

json any_schema(int depth);

void add_keyword(json& to, int depth) {
  const auto names = [] {
    auto list = json::array();
    for (const auto* each : {"a", "b", "c"}) {
      if (*rc::gen::inRange(0, 3) == 0) list.push_back(each);
    }
    return list;
  };
  const auto schemas = [&] {
    auto list = json::array();
    for (int i = *rc::gen::inRange(1, 3); i > 0; --i) list.push_back(any_schema(depth - 1));
    return list;
  };
  const auto number = [] { return *rc::gen::inRange(-1, 4); };
  const auto count = [] { return *rc::gen::inRange(0, 4); };
  switch (*rc::gen::inRange(0, depth > 0 ? 29 : 16)) {
    case 0:
    case 1:
      to["type"] = one_of<const char*>({"string", "integer", "number", "object", "array", "null", "boolean"});
      break;
    case 2: to["type"] = json::array({"string", one_of<const char*>({"null", "number", "object"})}); break;
    case 3: to["enum"] = json::array({any_value(1), any_value(1), any_value(0)}); break;
    case 4: to["const"] = any_value(1); break;
    case 5: to["minimum"] = number(); break;
    case 6: to["maximum"] = number(); break;
    case 7: to["exclusiveMinimum"] = number(); break;
    case 8: to["exclusiveMaximum"] = number(); break;
    case 9: to["multipleOf"] = one_of({1, 2, 4}); break;
    case 10: to["minLength"] = count(); break;
    case 11: to["maxLength"] = count(); break;
    case 12: to["pattern"] = one_of<const char*>({"^a", "b$"}); break;
    case 13: to["format"] = one_of<const char*>({"email", "date"}); break;
    case 14: to["required"] = names(); break;
    case 15: to[one_of<const char*>({"minItems", "maxItems", "minProperties", "maxProperties"})] = count(); break;
    case 16:
    case 17:
    case 18:
      for (const auto* each : {"a", "b", "c", "ab"}) {
        if (*rc::gen::inRange(0, 2) == 0) to["properties"][each] = any_schema(depth - 1);
      }
      break;
    case 19: to["additionalProperties"] = false; break;
    case 20: to["additionalProperties"] = any_schema(depth - 1); break;
    case 21: to["patternProperties"][one_of<const char*>({"^a", "b"})] = any_schema(depth - 1); break;
    case 22: to["propertyNames"] = any_schema(0); break;
    case 23: to["items"] = any_schema(depth - 1); break;
    case 24: to["prefixItems"] = schemas(); break;
    case 25: to["contains"] = any_schema(depth - 1); break;
    case 26: to[one_of<const char*>({"anyOf", "allOf", "oneOf"})] = schemas(); break;
    case 27: to["not"] = any_schema(depth - 1); break;
    default:
      to["dependentRequired"]["a"] = names();
      if (*rc::gen::inRange(0, 2) == 0) to["dependentSchemas"]["b"] = any_schema(depth - 1);
  }
}

json any_schema(int depth) {
  if (*rc::gen::inRange(0, 12) == 0) return *rc::gen::arbitrary<bool>();
  auto made = json::object();
  for (int i = *rc::gen::inRange(0, 4); i > 0; --i) add_keyword(made, depth);
  return made;
}

/// Another version: one thing somewhere is otherwise.
json changed(json schema, int depth) {
  if (!schema.is_object()) return any_schema(depth);
  const auto where = *rc::gen::inRange(0, 3);
  if (where == 0 && schema.contains("properties") && schema["properties"].is_object()) {
    for (auto& each : schema["properties"]) {
      if (*rc::gen::inRange(0, 2) == 0) each = changed(each, depth - 1);
    }
    return schema;
  }
  if (where == 1 && !schema.empty()) {
    auto gone = schema.begin();
    std::advance(gone, *rc::gen::inRange<std::size_t>(0, schema.size()));
    schema.erase(gone);
    return schema;
  }
  add_keyword(schema, depth);
  return schema;
}

}  // namespace

TEST_CASE("law: versions that are found to fit take the same documents") {
  constexpr int pairs_each = 200;  // a check makes 100 runs
  std::size_t fitting = 0;
  std::size_t witnesses = 0;
  const auto try_pair = [&] {
    auto older = any_schema(2);
    if (!older.is_object()) older = json::object();
    auto newer = changed(older, 2);
    if (!newer.is_object()) newer = json::object();
    if (*rc::gen::inRange(0, 2) == 0) std::swap(older, newer);
    const auto before = made(older);
    const auto after = made(newer);
    const bool backward = find_incompatibilities(*before, *after, compatibility::backward).empty();
    const bool forward = find_incompatibilities(*before, *after, compatibility::forward).empty();
    RC_ASSERT((backward && forward) == find_incompatibilities(*before, *after, compatibility::full).empty());
    if (!backward && !forward) return;
    ++fitting;
    for (int i = 0; i < 20; ++i) {
      const auto value = any_value(3);
      const auto bytes = schema::encoded(value);
      const bool is_old = before->is_valid(bytes);
      const bool is_new = after->is_valid(bytes);
      if (is_old || is_new) ++witnesses;
      if ((backward && is_old && !is_new) || (forward && is_new && !is_old)) {
        RC_FAIL(older.dump() + "\n" + newer.dump() + "\n" + value.dump());
      }
    }
  };
  CHECK(rc::check("what is valid under the one is valid under the other", [&] {
    for (int i = 0; i < pairs_each; ++i) try_pair();
  }));
  // Otherwise nothing was shown.
  CHECK(fitting > 500);
  CHECK(witnesses > 5000);
}
