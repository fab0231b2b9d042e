// Lists, maps, fields, macros.
#include "tests/catch.hpp"
#include "tests/profile/support/cel.hpp"

using namespace kith::tests;

TEST_CASE("CEL lists: index, concatenation, membership, size") {
  check_all({
      {"[]", "[]"},
      {"[1, 'a', null, [2.0]]", "[1, \"a\", null, [2.0]]"},
      {"[7, 8, 9][0]", "7"},
      {"[7, 8, 9][2]", "9"},
      {"[7, 8, 9][3]", "error: index 3 is out of range"},
      {"[7, 8, 9][-1]", "error: index -1 is out of range"},
      {"[7, 8, 9][dyn(1u)]", "8"},
      {"[7, 8, 9][dyn(0.0)]", "7"},
      {"[7, 8, 9][dyn(0.1)]", "error: invalid argument: a list's index is a whole number"},
      {"[7, 8, 9][dyn('0')]", "error: no such overload: \"[]\" of list and string"},
      {"[1] + [2, 3]", "[1, 2, 3]"},
      {"[] + []", "[]"},
      {"[] + [1]", "[1]"},
      {"size([])", "0"},
      {"[1, 2].size()", "2"},
      {"2 in [1, 2]", "true"},
      {"3 in [1, 2]", "false"},
      {"1 in []", "false"},
      {"'a' in ['b', 'a']", "true"},
      {"dyn(1) in dyn('a')", "error: no such overload: \"in\" of int and string"},
      {"[1 / 0]", "error: division by zero"},
      {"[1, 2] + [1 / 0]", "error: division by zero"},
      {"dyn(5)[0]", "error: no such overload: \"[]\" of int and int"},
  });
}

TEST_CASE("CEL maps: keys, fields, membership, size") {
  check_all({
      {"{}", "{}"},
      {"{'a': 1, 2: 'b', 3u: null, true: 4.5}", "{\"a\": 1, 2: \"b\", 3u: null, true: 4.5}"},
      {"{'a': 1}['a']", "1"},
      {"{'a': 1}.a", "1"},
      {"{'a': 1}['b']", "error: no such key 'b'"},
      {"{'a': 1}.b", "error: no such key 'b'"},
      {"{0: 1, 2: 2, 5: true}[5]", "true"},
      {"{0: 1, 2: 2}[1]", "error: no such key '1'"},
      {"{true: 'a'}[true]", "\"a\""},
      {"{1: 'a'}[dyn(1u)]", "\"a\""},
      {"{1u: 1.0, 2: 2.0}[dyn(2.0)]", "2.0"},
      {"{1u: 1.0, 2: 2.0}[dyn(3.1)]", "error: no such key '3.1'"},
      {"{0: 1}[dyn(b'')]", "error: no such key 'bytes'"},
      {"{'a': 1, 'a': 2}", "error: repeated key 'a'"},
      {"{true: 1, false: 2, true: 3}[true]", "error: repeated key 'true'"},
      {"{0: 1, dyn(0u): 2}", "error: repeated key '0'"},
      {"{dyn(1.0): 1}", "error: unsupported key type: double"},
      {"{dyn(null): 1}", "error: unsupported key type: null"},
      {"{dyn([1]): 1}", "error: unsupported key type: list"},
      {"{'a': 1 / 0}", "error: division by zero"},
      {"size({'a': 1})", "1"},
      {"{}.size()", "0"},
      {"'a' in {'a': 1}", "true"},
      {"'b' in {'a': 1}", "false"},
      {"has({'a': 1}.a)", "true"},
      {"has({'a': 1}.b)", "false"},
      {"has({'a': {'b': null}}.a.b)", "true"},
      {"has({}.a.b)", "error: no such key 'a'"},
      {"has(dyn([]).a)", "error: no such overload: \"has\" of list"},
      {"dyn(null).a", "error: no such overload: \"field selection\" of null"},
      {"{'a': {'b': [5]}}.a['b'][0]", "5"},
  });
  check_all_unchecked({{"{3.3: 1}", "error: unsupported key type: double"},
                       {"{null: false}[null]", "error: unsupported key type: null"},
                       {"has(1)", "refused: 1:5: has() takes one field..."},
                       {"has(a)", "refused: ..."},
                       {"has(a.b, c.d)", "refused: ..."}});
}

TEST_CASE("CEL all and exists absorb errors as && and || do") {
  check_all({
      {"[1, 2, 3].all(e, e > 0)", "true"},
      {"[1, 2, 3].all(e, e > 1)", "false"},
      {"[].all(e, e > 0)", "true"},
      {"[1, 0, -1].all(e, 1 / e > 0)", "false"},
      {"[1, 0].all(e, 1 / e > 0)", "error: division by zero"},
      {"[1, dyn('foo'), 3].all(e, e % 2 == 0)", "false"},
      {"[1, dyn('foo'), 3].all(e, e % 2 == 1)", "error: no such overload: \"%\" of string and int"},
      {"[1, 2, 3].all(e, dyn('x'))", "error: no such overload: \"all\" of string"},
      {"[1, 2, 3].exists(e, e > 2)", "true"},
      {"[1, 2, 3].exists(e, e > 3)", "false"},
      {"[].exists(e, true)", "false"},
      {"[0, 1].exists(e, 1 / e > 0)", "true"},
      {"[0, -1].exists(e, 1 / e > 0)", "error: division by zero"},
      {"{'a': 1, 'b': 2}.exists(k, k == 'b')", "true"},
      {"{'a': 1, 'b': 2}.all(k, k != 'c')", "true"},
      {"dyn(1).exists(e, true)", "error: no such overload: \"exists\" of int"},
      {"[1 / 0].exists(e, true)", "error: division by zero"},
  });
}

TEST_CASE("CEL exists_one, map and filter do not absorb errors") {
  check_all({
      {"[7].exists_one(a, a == 7)", "true"},
      {"[7, 7].exists_one(a, a == 7)", "false"},
      {"[7, 8].exists_one(a, a == 5)", "false"},
      {"[].exists_one(a, a == 7)", "false"},
      {"[2, 1, 0].exists_one(a, 4 / a == 2)", "error: division by zero"},
      {"{6: 'six', 7: 'seven'}.exists_one(k, k == 6)", "true"},
      {"[1, 2, 3].map(n, n * n)", "[1, 4, 9]"},
      {"[].map(n, n / 0)", "[]"},
      {"[2, 1, 0].map(n, 4 / n)", "error: division by zero"},
      {"[1, 2, 3].map(n, n > 1, n * 2)", "[4, 6]"},
      {"{'John': 'smart'}.map(key, key) == ['John']", "true"},
      {"[1, 2, 3].filter(i, i % 2 > 0)", "[1, 3]"},
      {"[3, 2, 1, 0].filter(n, 4 / n > 1)", "error: division by zero"},
      {"{'a': 1, 'b': 2}.filter(k, k == 'a')", "[\"a\"]"},
      {"[1].filter(n, dyn(n))", "error: no such overload: \"filter\" of int"},
      {"['a', 'b'].map(x, [x].map(y, x + y))", "[[\"aa\"], [\"bb\"]]"},
      {"[1, 2].map(x, [3, 4].map(x, x))", "[[3, 4], [3, 4]]"},
      {"[1, 2].exists(x, [2].exists(y, x == y))", "true"},
      {"[[1, 2], [3]].map(l, l.map(e, e + l.size()))", "[[3, 4], [4]]"},
      {"[1].map(a, [2].map(b, [3].map(c, [4].map(d, a + b + c + d))))[0][0][0][0]", "10"},
      {"[1].map(a, [2].map(b, [3].map(c, [4].map(d, [5].map(e, e)))))", "refused: 1:49: macros nest over 4 levels"},
      {"[1].map(a, a).map(a, a).map(a, a).map(a, a).map(a, a + 1)", "[2]"},
  });
  check_all_unchecked({{"[1].map(1, 2)", "refused: 1:9: the first argument of map() names its variable..."},
                       {"[1].all(a.b, true)", "refused: ..."},
                       {"[1].all(.a, true)", "refused: ..."}});
}

TEST_CASE("CEL names: containers, dotted variables, shadowing") {
  using cel::value;
  fixed_activation from;
  cel::environment names;
  names.with("x.y", "bool").with("y", "bool").with("a.b", "map(string, string)").with("a.b.c", "string");
  names.with("n", "int").container = "x";
  from.variables = {
      {0, value::boolean(true)}, {1, value::boolean(false)}, {3, value::string("yeah")}, {4, value::integer(7)}};
  const auto run = [&](std::string_view text) { return evaluated(text, names, from); };
  CHECK(run("y") == "true");
  CHECK(run(".y") == "false");
  CHECK(run("x.y") == "true");
  CHECK(run("a.b.c") == "\"yeah\"");
  CHECK(run("[1, 2].map(n, n)") == "[1, 2]");
  CHECK(run("[1, 2].map(n, .n)") == "[7, 7]");
  CHECK(run("[{'y': 5}].map(x, x.y)") == "[5]");
  CHECK(run("n + 1") == "8");
  CHECK(run("(n) == .n") == "true");
}

TEST_CASE("CEL type() and the types as values") {
  check_all({
      {"type(1)", "int"},
      {"type(1u)", "uint"},
      {"type(1.0)", "double"},
      {"type('')", "string"},
      {"type(b'')", "bytes"},
      {"type(true)", "bool"},
      {"type(null)", "null_type"},
      {"type([])", "list"},
      {"type({})", "map"},
      {"type(type(1))", "type"},
      {"type(int)", "type"},
      {"type(type)", "type"},
      {"type(type(1)) == type(string)", "true"},
      {"type(duration('1s')) == google.protobuf.Duration", "true"},
      {"type(timestamp('2009-01-01T00:00:00Z')) == google.protobuf.Timestamp", "true"},
      {"type(timestamp('2009-01-01T00:00:00Z'))", "google.protobuf.Timestamp"},
      {"type([]) == list && type({}) == map", "true"},
      {"type(1 / 0)", "error: division by zero"},
      {"type(dyn(1)) == int", "true"},
  });
}
