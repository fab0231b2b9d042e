// Schemas: which keywords are checked, how, and what is said of values that do not fit.
#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validator.hpp>

#include "ingest/schema/format.hpp"
#include "tests/catch.hpp"
#include "tests/ingest/support/schemas.hpp"

using namespace kith;
using namespace kith::test;
using kith::tests::Contains;
using nlohmann::json;
using list = std::vector<std::string>;

namespace {

struct example {
  const char* schema;
  std::vector<const char*> good;
  std::vector<const char*> bad;
};

/// Each keyword that is supported: a value that fits and one that does not, so that none is ignored.
const std::vector<example> examples = {
    {R"({"type": "string"})", {R"("")"}, {"1", "null", "[]", "{}", "true", "1.5"}},
    {R"({"type": "integer"})", {"1", "-7", "1.0", "1e3"}, {"1.5", R"("1")"}},
    {R"({"type": "number"})", {"1", "1.5"}, {R"("1")", "true"}},
    {R"({"type": "boolean"})", {"true", "false"}, {"0"}},
    {R"({"type": "null"})", {"null"}, {"0", R"("")"}},
    {R"({"type": "array"})", {"[]"}, {"{}"}},
    {R"({"type": "object"})", {"{}"}, {"[]"}},
    {R"({"type": ["string", "null"]})", {R"("a")", "null"}, {"1"}},
    {R"({"enum": ["a", 1, null, [1], {"b": 2}]})",
     {R"("a")", "1", "1.0", "null", "[1]", R"({"b": 2.0})"},
     {"2", "[2]", "{}"}},
    {R"({"const": 1})", {"1", "1.0"}, {"2", R"("1")", "true"}},
    {R"({"const": {"a": [1, "b"]}})", {R"({"a": [1, "b"]})"}, {R"({"a": [1]})", "{}"}},
    {R"({"multipleOf": 3})", {"9", "-3", "0", R"("a")", "6.0"}, {"10", "1.5"}},
    {R"({"multipleOf": 0.1})", {"0.3", "12.7", "5"}, {"0.35", "0.01"}},
    {R"({"maximum": 3})", {"3", "-1", R"("9")"}, {"4", "3.01"}},
    {R"({"exclusiveMaximum": 3})", {"2.99"}, {"3", "4"}},
    {R"({"minimum": 0})", {"0", "18446744073709551615"}, {"-1", "-0.5"}},
    {R"({"exclusiveMinimum": 0})", {"0.1"}, {"0"}},
    {R"({"maxLength": 2})", {R"("ab")", R"("äö")", "123"}, {R"("abc")"}},
    {R"({"minLength": 2})", {R"("ab")", R"("😀😀")"}, {R"("a")", R"("😀")"}},
    {R"({"pattern": "^a+$"})", {R"("aaa")", "1"}, {R"("b")", R"("ab")"}},
    {R"({"format": "date-time"})",
     {R"("2026-01-05T08:00:00Z")", "1"},
     {R"("2026-01-05")", R"("2026-02-30T00:00:00Z")"}},
    {R"({"format": "email"})", {R"("ada@example.com")"}, {R"("ada")"}},
    {R"({"maxItems": 1})", {"[1]", "{}"}, {"[1, 2]"}},
    {R"({"minItems": 1})", {"[1]"}, {"[]"}},
    {R"({"uniqueItems": true})", {"[1, 2]", "[]", R"([1, "1"])"}, {"[1, 1]", "[1, 1.0]", R"([{"a": 1}, {"a": 1}])"}},
    {R"({"uniqueItems": false})", {"[1, 1]"}, {}},
    {R"({"items": {"type": "integer"}})", {"[1, 2]", "[]", "7"}, {R"([1, "a"])"}},
    {R"({"items": false})", {"[]"}, {"[1]"}},
    {R"({"prefixItems": [{"type": "integer"}, {"type": "string"}]})",
     {"[1]", R"([1, "a", true])"},
     {R"(["a"])", "[1, 2]"}},
    {R"({"prefixItems": [{"type": "integer"}], "items": false})", {"[1]", "[]"}, {"[1, 2]"}},
    {R"({"prefixItems": [true], "items": {"type": "string"}})", {R"([1, "a"])"}, {"[1, 2]"}},
    {R"({"contains": {"const": 1}})", {"[0, 1]", "7"}, {"[0]", "[]"}},
    {R"({"maxProperties": 1})", {R"({"a": 1})"}, {R"({"a": 1, "b": 2})"}},
    {R"({"minProperties": 1})", {R"({"a": 1})"}, {"{}"}},
    {R"({"required": ["a"]})", {R"({"a": null})", "[]"}, {"{}"}},
    {R"({"properties": {"a": {"type": "integer"}}})", {R"({"a": 1})", R"({"b": "x"})", "{}"}, {R"({"a": "x"})"}},
    {R"({"properties": {"a": false}})", {"{}"}, {R"({"a": 1})"}},
    {R"({"patternProperties": {"^n_": {"type": "integer"}}})", {R"({"n_a": 1, "b": "x"})"}, {R"({"n_a": "x"})"}},
    {R"({"properties": {"a": {}}, "additionalProperties": false})", {R"({"a": 1})"}, {R"({"b": 1})"}},
    {R"({"patternProperties": {"^x": {}}, "additionalProperties": {"type": "string"}})",
     {R"({"x1": 1, "b": "s"})"},
     {R"({"b": 1})"}},
    {R"({"propertyNames": {"pattern": "^[a-z]+$"}})", {R"({"abc": 1})"}, {R"({"ABC": 1})"}},
    {R"({"dependentRequired": {"a": ["b"]}})", {R"({"a": 1, "b": 2})", "{}"}, {R"({"a": 1})"}},
    {R"({"dependentSchemas": {"a": {"required": ["b"]}}})", {R"({"a": 1, "b": 2})"}, {R"({"a": 1})"}},
    {R"({"dependentRequired": {"a": ["b"]}, "dependentSchemas": {"a": {"required": ["c"]}}})",
     {R"({"a": 1, "b": 2, "c": 3})"},
     {R"({"a": 1, "b": 2})", R"({"a": 1, "c": 2})"}},
    {R"({"allOf": [{"minimum": 1}, {"maximum": 2}]})", {"1"}, {"0", "3"}},
    {R"({"anyOf": [{"type": "string"}, {"minimum": 2}]})", {R"("a")", "2"}, {"1"}},
    {R"({"oneOf": [{"minimum": 1}, {"maximum": 2}]})", {"0", "3"}, {"1", "2"}},
    {R"({"not": {"type": "string"}})", {"1"}, {R"("a")"}},
    {R"({"if": {"type": "string"}, "then": {"minLength": 2}, "else": {"minimum": 5}})",
     {R"("ab")", "5"},
     {R"("a")", "4"}},
    {R"({"$defs": {"money": {"type": "number", "minimum": 0}}, "properties": {"a": {"$ref": "#/$defs/money"}}})",
     {R"({"a": 1})"},
     {R"({"a": -1})", R"({"a": "x"})"}},
    {R"({"$defs": {"m": {"$anchor": "money", "minimum": 0}}, "items": {"$ref": "#money"}})", {"[1]"}, {"[-1]"}},
    {R"({"$defs": {"a b": {"minimum": 0}}, "$ref": "#/$defs/a%20b", "maximum": 3})", {"1"}, {"-1", "4"}},
    {R"({"properties": {"child": {"$ref": "#"}, "n": {"type": "integer"}}, "additionalProperties": false})",
     {R"({"child": {"child": {"n": 1}}})"},
     {R"({"child": {"child": {"n": "x"}}})", R"({"child": {"x": 1}})"}},
    {R"({"$schema": "http://json-schema.org/draft-07/schema#", "items": [{"type": "integer"}], "additionalItems": false})",
     {"[1]"},
     {R"(["a"])", "[1, 2]"}},
    {R"({"$schema": "http://json-schema.org/draft-07/schema#", "dependencies": {"a": ["b"], "c": {"required": ["d"]}}})",
     {R"({"a": 1, "b": 1})", R"({"c": 1, "d": 1})"},
     {R"({"a": 1})", R"({"c": 1})"}},
    {R"({"$schema": "http://json-schema.org/draft-07/schema", "definitions": {"m": {"minimum": 0}}, "$ref": "#/definitions/m"})",
     {"1"},
     {"-1"}},
    {R"({"$schema": "https://json-schema.org/draft/2019-09/schema", "items": [{"type": "integer"}], "additionalItems": {"type": "string"}})",
     {R"([1, "a"])"},
     {"[1, 2]"}},
};

}  // namespace

TEST_CASE("each supported keyword is checked") {
  for (const auto& each : examples) {
    INFO(each.schema);
    const auto schema = made(each.schema);
    for (const auto* value : each.good) {
      INFO(value);
      CHECK(violations_of(*schema, json::parse(value)) == list{});
      CHECK(schema->is_valid(schema::encoded(json::parse(value))));
    }
    for (const auto* value : each.bad) {
      INFO(value);
      CHECK_FALSE(violations_of(*schema, json::parse(value)).empty());
      CHECK_FALSE(schema->is_valid(schema::encoded(json::parse(value))));
    }
  }
}

TEST_CASE("a schema means the same to the library's own validator, where that one knows better than to err") {
  // Known of valijson 1.0: 1.0 is no integer to it, an integer divisor cuts fractions off, a double one errs, formats
  // of what is no string are looked at, and the pattern and the propertyNames of ours are RE2's.
  std::size_t compared = 0;
  for (const auto& each : examples) {
    const auto text = std::string(each.schema);
    if (text.find("multipleOf") != text.npos || text.find("format") != text.npos) continue;
    INFO(text);
    const auto ours = made(each.schema);
    const auto document = ours->translated().document;
    valijson::Schema theirs;
    valijson::SchemaParser(valijson::SchemaParser::kDraft7)
        .populateSchema(valijson::adapters::NlohmannJsonAdapter(document), theirs);
    auto values = each.good;
    values.insert(values.end(), each.bad.begin(), each.bad.end());
    for (const auto* value : values) {
      INFO(value);
      const auto parsed = schema::normal(json::parse(value));
      valijson::Validator validator;
      const valijson::adapters::NlohmannJsonAdapter adapter(parsed);
      CHECK(validator.validate(theirs, adapter, nullptr) == ours->is_valid(schema::encoded(parsed)));
      ++compared;
    }
  }
  CHECK(compared > 120);
}

TEST_CASE("what would not be checked is refused, with its name and place") {
  const auto refused = [](const char* document, const char* said) {
    INFO(document);
    CHECK_THAT(refusal_of(document), Contains(said));
  };
  refused(R"({"properties": {"a": {"minContains": 2}}})",
          "/properties/a/minContains: the keyword minContains is not supported, so it would not be checked");
  refused(R"({"unevaluatedProperties": false})", "/unevaluatedProperties: the keyword");
  refused(R"({"unevaluatedItems": false})", "/unevaluatedItems");
  refused(R"({"$dynamicRef": "#a"})", "/$dynamicRef");
  refused(R"({"contentEncoding": "base64"})", "/contentEncoding");
  refused(R"({"requird": ["a"]})", "/requird: the keyword requird is not supported");
  refused(R"({"id": "x"})", "/id");
  refused(R"({"items": [{"contentMediaType": "x"}]})", "/items: must be a schema; an array of them is `prefixItems`");
  refused(R"({"dependencies": {}})", "does nothing in 2020-12");
  refused(R"({"$schema": "http://json-schema.org/draft-07/schema#", "prefixItems": []})", "does nothing in draft 7");
  refused(R"({"$schema": "http://json-schema.org/draft-04/schema#"})", "/$schema: is not known");
  refused(
      R"({"$schema": "http://json-schema.org/draft-07/schema#", "$ref": "#/definitions/a", "minimum": 0, "definitions": {"a": {}}})",
      "/minimum: draft 7 ignores what is beside `$ref`");
  refused(R"({"additionalItems": false, "$schema": "http://json-schema.org/draft-07/schema#"})",
          "has no effect unless `items` is an array");
  refused(R"({"then": {}})", "/then: has no effect without `if`");
  refused(R"({"format": "phone"})", "/format: is not a format that is checked; these are: date-time");
  refused(R"({"$ref": "https://example.com/other.json"})", "/$ref: must stay within the document");
  refused(R"({"$ref": "other.json#/a"})", "must stay within the document");
  refused(R"({"$ref": "#/$defs/none"})", "there is nothing in the document");
  refused(R"({"$ref": "#none"})", "there is no such $anchor");
  refused(R"({"properties": {"a": {"$id": "x"}}})", "/properties/a/$id: is supported at the top");
  refused(R"({"$defs": {"never": {"maxContains": 1}}})", "/$defs/never/maxContains");
}

TEST_CASE("a schema that is none is refused with the place") {
  const auto refused = [](const std::string& document, const char* said) {
    INFO(document);
    CHECK_THAT(refusal_of(document), Contains(said));
  };
  refused("[]", "must be a JSON object");
  refused("{", "is not JSON");
  refused(R"({"type": "text"})", "/type: must be null, boolean");
  refused(R"({"type": []})", "/type");
  refused(R"({"type": ["string", "string"]})", "names a type twice");
  refused(R"({"type": "any"})", "/type");
  refused(R"({"enum": []})", "/enum");
  refused(R"({"multipleOf": 0})", "/multipleOf: must be a number over 0");
  refused(R"({"minimum": "1"})", "/minimum: must be a number");
  refused(R"({"minLength": -1})", "/minLength: must be a whole number");
  refused(R"({"maxItems": 1.5})", "/maxItems");
  refused(R"({"required": ["a", "a"]})", "/required: holds a name twice");
  refused(R"({"required": [1]})", "/required: must be an array of names");
  refused(R"({"properties": {"a": 1}})", "/properties/a: must be a schema");
  refused(R"({"properties": {"a\u0000b": {}}})", "U+0000");
  refused(R"({"anyOf": []})", "/anyOf");
  refused(R"j({"pattern": "(?=a)"})j", "/pattern: is no regular expression of RE2");
  refused(R"({"pattern": "(a)\\1"})", "/pattern");
  refused(R"({"patternProperties": {"[": {}}})", "/patternProperties/[");
  refused(R"({"title": 1})", "/title: must be a string");
  refused(R"({"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"})",
          "is referred to by itself");
  refused(R"({"$ref": "#"})", "is referred to by itself");
  refused(R"({"allOf": [{"anyOf": [{"$ref": "#/allOf/0"}]}]})", "is referred to by itself");
}

TEST_CASE("hostile schemas meet a bound") {
  CHECK_THAT(refusal_of(std::string(70'000, ' ') + "{}"), Contains("70002 bytes; at most 65536"));
  std::string deep = "1";
  for (int i = 0; i < 70; ++i) deep = R"({"not": )" + deep + "}";
  CHECK_THAT(refusal_of(deep), Contains("nests over 64 levels"));
  auto wide = json::object();
  for (int i = 0; i < 1001; ++i) wide["properties"]["p" + std::to_string(i)] = true;
  CHECK_THAT(refusal_of(wide.dump()), Contains("one subschema too many"));
  CHECK_THAT(refusal_of(json{{"pattern", std::string(600, 'a')}}.dump()), Contains("600 bytes; at most 512"));
  CHECK_THAT(refusal_of(R"({"pattern": "((a{100}){100}){100}"})"), Contains("/pattern"));
  auto patterns = json::object();
  for (int i = 0; i < 101; ++i) patterns["properties"]["p" + std::to_string(i)]["pattern"] = "a";
  CHECK_THAT(refusal_of(patterns.dump()), Contains("one pattern too many"));
}

TEST_CASE("a schema whose check would take for ever is given up on, as a violation") {
  // 2^20 ways through the alternatives.
  auto document = json{{"$ref", "#/$defs/d0"}};
  for (int i = 0; i < 20; ++i) {
    const auto next = json{{"$ref", "#/$defs/d" + std::to_string(i + 1)}};
    document["$defs"]["d" + std::to_string(i)] = {{"anyOf", json::array({next, next})}};
  }
  document["$defs"]["d20"] = {{"type", "string"}};
  CHECK(violations_of(*made(document), 1) == list{" schema a value that needs more"});
}

TEST_CASE("an exponential regular expression is linear here") {
  const auto schema = made(R"j({"pattern": "^(a+)+$"})j");
  CHECK(violations_of(*schema, std::string(20'000, 'a') + "b") == list{" pattern string"});
}

TEST_CASE("a violation says where, the rule and the type, and never a value") {
  const auto schema = made(R"({
    "type": "object", "required": ["orderId", "total"], "additionalProperties": false,
    "properties": {
      "orderId": {"type": "string"}, "total": {"type": "number", "minimum": 0},
      "products": {"type": "array", "items": {
        "type": "object", "properties": {"sku": {"type": "string"}, "a/b": {"type": "null"}}}}
    }})");
  const json value = {{"total", -1},
                      {"products", json::array({{{"sku", 17}}, {{"sku", "a"}, {"a/b", "secret"}}, 4})},
                      {"ada@example.com", 1},
                      {"extra", "secret"}};
  const auto found = schema->validate(schema::encoded(value), "/properties");
  std::vector<std::string> texts;
  for (const auto& each : found) texts.push_back(text_of(each));
  std::sort(texts.begin(), texts.end());
  CHECK(texts ==
        list{"/properties/*: additionalProperties: expected no properties but those declared, found integer",
             "/properties/extra: additionalProperties: expected no properties but those declared, found string",
             "/properties/orderId: required: expected to be there, found absent",
             "/properties/products/0/sku: type: expected string, found integer",
             "/properties/products/1/a~1b: type: expected null, found string",
             "/properties/products/2: type: expected object, found integer",
             "/properties/total: minimum: expected at least 0, found integer"});
  for (const auto& each : texts) {
    CHECK(each.find("secret") == each.npos);
    CHECK(each.find("ada@") == each.npos);
  }
}

TEST_CASE("violations are bounded") {
  const auto schema = made(R"({"items": {"type": "string"}})");
  CHECK(violations_of(*schema, json(std::vector<int>(500, 1))).size() == schema::bounds::violations);
}

TEST_CASE("MessagePack's own types: timestamps are date-times, binary is none of JSON's types") {
  const auto at = [](const char* document, const std::string& value) { return made(document)->is_valid(value); };
  const std::string timestamp("\xd6\xff\x65\x00\x00\x00", 6);
  CHECK(at(R"({"type": "string", "format": "date-time"})", timestamp));
  CHECK_FALSE(at(R"({"type": "integer"})", timestamp));
  const std::string binary("\xc4\x01z", 3);
  CHECK_FALSE(at(R"({"type": ["string", "object", "array", "null", "number", "boolean"]})", binary));
  CHECK(made(R"({"type": "string"})")->validate(binary).front().found == "binary");
  const std::string odd_key("\x81\x01\x02", 3);
  CHECK_FALSE(at(R"({"properties": {"a": {}}})", odd_key));
  // The last of two members of one name counts, as for the event.
  const std::string twice("\x82\xa1\x61\x01\xa1\x61\xa1\x78", 8);
  CHECK_FALSE(at(R"({"properties": {"a": {"type": "integer"}}})", twice));
  CHECK(at(R"({"properties": {"a": {"type": "string"}}, "maxProperties": 1})", twice));
}

TEST_CASE("description and owner come from the document") {
  const auto one = made(R"({"title": "T", "x-kith-owner": "checkout"})");
  CHECK(one->description() == "T");
  CHECK(one->owner() == "checkout");
  CHECK(made(R"({"title": "T", "description": "D"})")->description() == "D");
}

TEST_CASE("formats") {
  const auto check = [](std::string_view format, const list& good, const list& bad) {
    for (const auto& each : good) {
      INFO(format << ": " << each);
      CHECK(schema::has_format(each, format));
    }
    for (const auto& each : bad) {
      INFO(format << ": " << each);
      CHECK_FALSE(schema::has_format(each, format));
    }
  };
  check("date-time", {"2026-01-05T08:00:00Z", "2026-01-05t08:00:00.123+02:00", "2024-02-29T23:59:60z"},
        {"2026-01-05 08:00:00Z", "2026-01-05T08:00:00", "2025-02-29T00:00:00Z", "2026-13-01T00:00:00Z",
         "2026-01-05T24:00:00Z", "2026-01-05T08:00:00.Z", ""});
  check("date", {"2026-01-31", "2000-02-29"}, {"1900-02-29", "2026-1-1", "2026-04-31", "2026-01-01T"});
  check("time", {"08:00:00Z", "08:00:00.5-11:30"}, {"08:00:00", "8:00:00Z", "08:60:00Z"});
  check("email", {"ada@example.com", "a.b+c@x.de", "ü@exämple.de"},
        {"ada", "@x.de", "a@", "a..b@x.de", ".a@x.de", "a@-x.de", "a@x..de", "a b@x.de", "a@x_y.de"});
  check("uuid", {"123e4567-e89b-12d3-a456-426614174000"},
        {"123e4567e89b12d3a456426614174000", "123e4567-e89b-12d3-a456-42661417400g"});
  check("ipv4", {"127.0.0.1", "255.255.255.255"}, {"256.0.0.1", "1.2.3", "1.2.3.4.5", "01.2.3.4", "1.2.3."});
  check("ipv6", {"::", "::1", "2001:db8::8a2e:370:7334", "1:2:3:4:5:6:7:8", "::ffff:1.2.3.4", "1::"},
        {":", "1", "1:2:3:4:5:6:7", "1::2::3", "1:2:3:4:5:6:7:8:9", "12345::", "1:2:3:4:5:6:7:", ":::"});
  check("uri", {"https://example.com/a?b=c#d", "urn:isbn:1", "mailto:a@b"},
        {"/a", "://x", "1a:b", "http://a b", "http://%zz", "ä:b"});
}
