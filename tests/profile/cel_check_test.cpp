// Types that are deduced, and what the checker says of what does not fit.
#include "tests/catch.hpp"
#include "tests/profile/support/cel.hpp"

using namespace kith::tests;

namespace {

cel::environment kith_names() {
  cel::environment names;
  names.with("traits", "map(string, dyn)")
      .with("computed", "map(string, dyn)")
      .with("ids", "map(string, list(string))");
  names.with("visits", "int").with("score", "double").with("name", "string").with("seen", "timestamp");
  names.with_function("events(string) -> event_query").with_function("event_query.count() -> int");
  names.with_function("in_segment(string) -> bool");
  return names;
}

void check_deduced(std::initializer_list<expectation> table, const cel::environment& names = {}) {
  for (const auto& each : table) {
    INFO(each.text);
    CHECK(deduced(each.text, names) == each.result);
  }
}

}  // namespace

TEST_CASE("CEL types of literals, lists and maps are deduced") {
  check_deduced({
      {"1", "int"},
      {"1u", "uint"},
      {"1.0", "double"},
      {"'a'", "string"},
      {"b'a'", "bytes"},
      {"true", "bool"},
      {"null", "null"},
      {"[]", "list(dyn)"},
      {"[1, 2]", "list(int)"},
      {"[1, 2.0]", "list(dyn)"},
      {"[1, dyn(2)]", "list(dyn)"},
      {"[[], [[]], [[[]]], [[[[]]]]]", "list(list(list(list(list(dyn)))))"},
      {"[[[[[]]]], [], [[[]]]]", "list(list(list(list(list(dyn)))))"},
      {"[[], [1]]", "list(list(int))"},
      {"[duration('1s'), null][0]", "duration"},
      {"[null, duration('1s')][0]", "duration"},
      {"[null, timestamp(0)]", "list(timestamp)"},
      {"{}", "map(dyn, dyn)"},
      {"{'a': 1}", "map(string, int)"},
      {"{'a': 1, 2: 3}", "map(dyn, int)"},
      {"{'a': 1, 'b': 'c'}", "map(string, dyn)"},
      {"{'a': {'b': 2.0}}.a.b", "double"},
      {"{'a': 1}['a']", "int"},
      {"[[1]][0]", "list(int)"},
      {"[1] + []", "list(int)"},
      {"[] + [1]", "list(int)"},
      {"([] + [1] + [])[0]", "int"},
      {"[].map(x, x)[0]", "dyn"},
      {"[1].map(x, string(x))", "list(string)"},
      {"[1.0].filter(x, x > 1.0)", "list(double)"},
      {"{'a': 1}.map(k, k)", "list(string)"},
      {"[1].exists(x, x > 1)", "bool"},
      {"true ? 1 : 2", "int"},
      {"true ? [] : [1]", "list(int)"},
      {"true ? dyn(1) : 2", "dyn"},
      {"type(1)", "type(int)"},
      {"dyn(1) + 2", "int"},
      {"dyn(1) + dyn(2)", "dyn"},
      {"dyn(1) == dyn(2)", "bool"},
      {"timestamp(0) - timestamp(1)", "duration"},
      {"timestamp(0) - duration('1s')", "timestamp"},
      {"size('a')", "int"},
  });
  cel::environment names;
  names.with_function("tuple(A, B) -> pair(A, B)").with_function("first(pair(A, B)) -> A");
  names.with_function("sort(list(A)) -> list(A)");
  check_deduced({{"tuple(1, 2u)", "pair(int, uint)"},
                 {"first(tuple([1.0], 'a'))", "list(double)"},
                 {"tuple(1, tuple(2u, 3.0))", "pair(int, pair(uint, double))"},
                 {"tuple(sort(dyn([])), sort([[1], []]))", "pair(list(dyn), list(list(int)))"}},
                names);
}

TEST_CASE("CEL errors of names and types say where, what, and how to mend it") {
  const std::initializer_list<expectation> table = {
      {"visits > trait.x",
       "refused: 1:10: no such variable \"trait\"; did you mean \"traits\"? Known: traits, computed, "
       "ids, visits, score, name, seen"},
      {"zzzzzzzz",
       "refused: 1:1: no such variable \"zzzzzzzz\"; known: traits, computed, ids, visits, score, name, seen"},
      {"name == 5",
       "refused: 1:6: \"==\" needs two numbers or the same type, not string and int; write \"5\" or int(...)"},
      {"5 == name",
       "refused: 1:3: \"==\" needs two numbers or the same type, not int and string; write \"5\" or int(...)"},
      {"visits == '5'",
       "refused: 1:8: \"==\" needs two numbers or the same type, not int and string; write 5 or string(...)"},
      {"score * 2", "refused: 1:7: \"*\" needs two numbers of one type, not double and int; write 2.0 or int(...)"},
      {"visits + score",
       "refused: 1:8: \"+\" needs two numbers of one type, strings, bytes, lists, durations, or a "
       "time and a duration, not int and double; write double(...) or int(...)"},
      {"seen > '2020-01-01T00:00:00Z'",
       "refused: 1:6: \">\" needs two numbers, strings, bytes, bools, times or durations, not timestamp and string; "
       "write timestamp(\"2020-01-01T00:00:00Z\") or string(...)"},
      {"visits && true", "refused: 1:1: \"&&\" needs a bool, not int; compare it, e.g. with =="},
      {"!name", "refused: 1:2: \"!\" needs a bool, not string; compare it, e.g. with =="},
      {"visits ? 1 : 2", "refused: 1:1: \"?:\" needs a bool, not int; compare it, e.g. with =="},
      {"true ? 1 : 'a'",
       "refused: 1:6: \"?:\" needs two values of one type, not int and string; write dyn(...) around "
       "one if both are meant"},
      {"name.foo", "refused: 1:6: no such field \"foo\": a value of type string has no fields"},
      {"name[0]", "refused: 1:5: \"[]\" needs a list or a map before it, not string"},
      {"ids['a']['b']", "refused: 1:10: a list's index is an int, not string"},
      {"ids[1]", "refused: 1:5: the keys of a map(string, list(string)) are no int"},
      {"{1: 2}.a", "refused: 1:8: the keys of a map(int, int) are no strings, so \"a\" is none of them..."},
      {"'a' in name", "refused: 1:5: \"in\" needs a list or a map on its right, not string; write name.contains(...)"},
      {"1 in ids['a']",
       "refused: 1:3: \"in\" needs a value and a list or map of such values, not int and list(string)"},
      {"sise(name)", "refused: 1:1: no such function \"sise\"; did you mean \"size\"?"},
      {"in_segmet('a')", "refused: 1:1: no such function \"in_segmet\"; did you mean \"in_segment\"?"},
      {"in_segment(5)", "refused: 1:1: no such overload: in_segment(int); there is in_segment(string) -> bool"},
      {"name.startsWith(5)",
       "refused: 1:6: no such overload: string.startsWith(int); there is "
       "string.startsWith(string) -> bool"},
      {"startsWith(name, 'a')",
       "refused: 1:1: no such overload: startsWith(string, string); there is "
       "string.startsWith(string) -> bool"},
      {"[1].exists(x)", "refused: 1:5: \"exists\" is a macro with other arguments; write list.exists(x, ...)"},
      {"name.all(x, true)", "refused: 1:6: all() goes over a list or a map, not string"},
      {"{1.0: 2}", "refused: 1:2: a map's key is an int, uint, bool or string, not double"},
      {"1 + 1u", "refused: 1:3: \"+\" needs ..."},
      {"1 - -true", "refused: 1:5: \"-\" needs an int or a double, not bool"},
      {"events('a').count() > 1", "refused: 1:1: \"events\" cannot be called here"},
      {"traits.plan == 'gold'\n  && visit > 3",
       "refused: 2:6: no such variable \"visit\"; did you mean \"visits\"?..."},
      {"'\xc3\xa4\xc3\xb6' == nam", "refused: 1:9: no such variable \"nam\"; did you mean \"name\"?..."},
      {"traits.a + 1 > traits['b'] && name.size() > visits", "error: no such variable 'unset'"},
  };
  const auto names = kith_names();
  for (const auto& each : table) {
    fixed_activation nothing;
    const auto found = evaluated(each.text, names, nothing);
    const std::string_view wanted(each.result);
    INFO(each.text << "\n  gave   " << found << "\n  wanted " << wanted);
    if (wanted.ends_with("...")) CHECK(found.starts_with(wanted.substr(0, wanted.size() - 3)));
    else CHECK(found == wanted);
  }
}

TEST_CASE("CEL errors are shown with a caret") {
  auto tree = cel::parse("traits.a > 1 &&\n  nam == 'ada'");
  REQUIRE(tree);
  const auto type = cel::check(*tree, kith_names());
  REQUIRE_FALSE(type);
  CHECK(type.error().where == cel::range{18, 21});
  CHECK(type.error().line == 2);
  CHECK(type.error().column == 3);
  CHECK_THAT(type.error().text_with_caret(tree->source), Contains("\n    nam == 'ada'\n    ^~~"));
}

TEST_CASE("CEL signatures and types are read and written") {
  for (const auto* text : {"int", "list(int)", "map(string, list(dyn))", "event_query", "pair(A, int)", "timestamp"}) {
    const auto read = cel::parse_type(text);
    REQUIRE(read);
    CHECK(read->text() == text);
  }
  for (const auto* text : {"f() -> int", "f(int, list(A)) -> A", "string.f(int) -> bool", "list(A).f() -> map(A, A)",
                           "event_query.within(string) -> event_query"}) {
    const auto read = cel::parse_signature(text);
    REQUIRE(read);
    CHECK(read->text() == text);
  }
  for (const auto* text : {"", "f", "f()", "f() -> ", "f(", "(int) -> int", "f(int -> int", "f() -> int x"}) {
    INFO(text);
    CHECK_FALSE(cel::parse_signature(text));
  }
  CHECK_FALSE(cel::parse_type("list(int"));
  CHECK_FALSE(cel::parse_type("int)"));
}
