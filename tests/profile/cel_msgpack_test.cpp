// MessagePack as values, and back.
#include <nlohmann/json.hpp>

#include "profile/cel/collections.hpp"
#include "profile/cel/compare.hpp"
#include "profile/cel/msgpack_view.hpp"
#include "tests/catch.hpp"
#include "tests/profile/support/cel.hpp"

using namespace kith::tests;
using cel::value;
using nlohmann::json;

namespace {

std::string packed(const json& of) {
  std::string bytes;
  json::to_msgpack(of, bytes);
  return bytes;
}

std::string text_of(std::string_view encoded) {
  cel::arena memory;
  return cel::to_text(cel::from_msgpack(encoded, memory), memory);
}

/// With `x` as the document.
std::string over(const std::string& encoded, std::string_view text) {
  cel::arena memory;
  cel::environment names;
  names.with("x", "dyn");
  fixed_activation from;
  from.variables[0] = cel::from_msgpack(encoded, memory);
  return evaluated(text, names, from);
}

}  // namespace

TEST_CASE("MessagePack is read lazily as CEL values") {
  CHECK(text_of(packed(nullptr)) == "null");
  CHECK(text_of(packed(-5)) == "-5");
  CHECK(text_of(packed(18446744073709551615ULL)) == "18446744073709551615u");
  CHECK(text_of(packed(9223372036854775807)) == "9223372036854775807");
  CHECK(text_of(packed(1.5)) == "1.5");
  CHECK(text_of(packed("a")) == "\"a\"");
  CHECK(text_of(std::string("\xc4\x02\x00\xff", 4)) == "b\"\\x00\\xff\"");
  CHECK(text_of(packed(json::parse(R"([1, [2, {"a": true}], {}])"))) == "[1, [2, {\"a\": true}], {}]");
  CHECK(text_of(std::string("\xd6\xff\x00\x00\x00\x01", 6)) == "timestamp(\"1970-01-01T00:00:01Z\")");
  CHECK(text_of(std::string("\xd7\xff\x77\x35\x94\x00\x00\x00\x00\x00", 10)) ==
        "timestamp(\"1970-01-01T00:00:00.5Z\")");
  CHECK(text_of(std::string("\xc7\x0c\xff\x00\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff", 15)) ==
        "timestamp(\"1969-12-31T23:59:59Z\")");
  CHECK(text_of(std::string("\xd6\x05\x00\x00\x00\x01", 6)) == "error: not MessagePack that has a value here");
}

TEST_CASE("CEL over MessagePack") {
  const auto document =
      packed(json::parse(R"({"plan": "gold", "n": 3, "f": 2.5, "tags": ["a", "b"], "address": {"city": "Ulm"},
                                               "nothing": null})"));
  CHECK(over(document, "x.plan == 'gold' && x.address.city.startsWith('U')") == "true");
  CHECK(over(document, "x.n * 2") == "6");
  CHECK(over(document, "x.n < x.f") == "false");
  CHECK(over(document, "x.tags[1]") == "\"b\"");
  CHECK(over(document, "x.tags[2]") == "error: index 2 is out of range");
  CHECK(over(document, "'b' in x.tags && 'plan' in x") == "true");
  CHECK(over(document, "has(x.plan) && !has(x.plam) && has(x.address.city)") == "true");
  CHECK(over(document, "x.plam") == "error: no such key 'plam'");
  CHECK(over(document, "x.nothing.more") == "error: no such overload: \"field selection\" of null");
  CHECK(over(document, "x.tags.map(t, t + t)") == "[\"aa\", \"bb\"]");
  CHECK(over(document, "x.exists(k, k == 'f')") == "true");
  CHECK(over(document, "size(x) == 6 && x.tags == ['a', 'b'] && x.address == {'city': 'Ulm'}") == "true");
  CHECK(over(document, "x == x") == "true");
  CHECK(over(packed({1, 2, 3}), "x.all(e, e > 0) && x + [4] == [1, 2, 3, 4]") == "true");
  CHECK(over(std::string("\x82\x01\xa1z\xc3\x02", 6), "x[1] == 'z' && x[1u] == 'z' && x[1.0] == 'z' && x[true] == 2") ==
        "true");
}

TEST_CASE("MessagePack that ends early is an error where it ends, and nothing worse") {
  const auto whole = packed(json::parse(R"({"a": [1, 2, {"b": "text"}], "c": {"d": 1.5}})"));
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const auto cut = whole.substr(0, size);
    over(cut, "x.a[2].b == 'text' && x.c.d == 1.5 && x == x && x.map(k, k) == []");
    CHECK(text_of(cut) != text_of(whole));
  }
}

TEST_CASE("what CEL writes as MessagePack reads back the same") {
  for (const auto* text :
       {"null", "true", "-7", "18446744073709551615u", "1.5", "'a'", "b'\\xff'", "[1, ['a'], {}]",
        "{'a': {'b': [null]}}", "timestamp('2009-02-13T23:31:30.000000001Z')", "timestamp('0001-01-01T00:00:00Z')"}) {
    auto tree = cel::parse(text);
    REQUIRE(tree);
    REQUIRE(cel::check(*tree, {}));
    const auto program = cel::compile(*tree, {});
    fixed_activation nothing;
    cel::arena memory;
    const auto made = program->evaluate(nothing, memory);
    std::string bytes;
    kith::profile::msgpack::writer out(bytes);
    cel::write_msgpack(made, out);
    INFO(text);
    CHECK(cel::to_text(cel::from_msgpack(bytes, memory)) == cel::to_text(made));
    CHECK(cel::equal(cel::from_msgpack(bytes, memory), made, memory));
  }
}
