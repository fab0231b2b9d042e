// Arithmetic, equality and order, logic.
#include "tests/catch.hpp"
#include "tests/profile/support/cel.hpp"

using namespace kith::tests;

TEST_CASE("CEL integer arithmetic and its overflows") {
  check_all({
      {"40 + 2", "42"},
      {"42 - 50", "-8"},
      {"6 * -7", "-42"},
      {"7 / 2", "3"},
      {"-7 / 2", "-3"},
      {"7 % 2", "1"},
      {"-7 % 2", "-1"},
      {"7 % -2", "1"},
      {"1 / 0", "error: division by zero"},
      {"1 % 0", "error: modulus by zero"},
      {"9223372036854775807 + 1", "error: integer overflow"},
      {"-9223372036854775808 - 1", "error: integer overflow"},
      {"9223372036854775807 * 2", "error: integer overflow"},
      {"-9223372036854775808 / -1", "error: integer overflow"},
      {"-9223372036854775808 % -1", "error: integer overflow"},
      {"5 % -1", "0"},
      {"-(-9223372036854775808)", "error: integer overflow"},
      {"9223372036854775807 - -1", "error: integer overflow"},
      {"40u + 2u", "42u"},
      {"42u - 12u", "30u"},
      {"0u - 1u", "error: integer overflow"},
      {"18446744073709551615u + 1u", "error: integer overflow"},
      {"18446744073709551615u * 2u", "error: integer overflow"},
      {"7u / 2u", "3u"},
      {"7u % 2u", "1u"},
      {"7u / 0u", "error: division by zero"},
      {"7u % 0u", "error: modulus by zero"},
      {"-dyn(1u)", "error: no such overload: \"-\" of uint"},
  });
  check_all_unchecked({
      {"1 + 1u", "error: no such overload: \"+\" of int and uint"},
      {"1 + 1.0", "error: no such overload: \"+\" of int and double"},
      {"1 - 'a'", "error: no such overload: \"-\" of int and string"},
      {"2.0 % 1.0", "error: no such overload: \"%\" of double and double"},
      {"null + null", "error: no such overload: \"+\" of null and null"},
      {"-true", "error: no such overload: \"-\" of bool"},
      {"!1", "error: no such overload: \"!\" of int"},
      {"'a' * 2", "error: no such overload: \"*\" of string and int"},
      {"{} / {}", "error: no such overload: \"/\" of map and map"},
  });
}

TEST_CASE("CEL doubles follow IEEE 754") {
  check_all({
      {"4.25 + 15.25", "19.5"},
      {"42.0 - 12.0", "30.0"},
      {"1.5 * -2.0", "-3.0"},
      {"1.0 / 0.0", "double(\"Infinity\")"},
      {"-1.0 / 0.0", "double(\"-Infinity\")"},
      {"0.0 / 0.0", "double(\"NaN\")"},
      {"-(1.5)", "-1.5"},
      {"-0.0", "-0.0"},
      {"0.0 == -0.0", "true"},
      {"0.0 / 0.0 == 0.0 / 0.0", "false"},
      {"0.0 / 0.0 != 0.0 / 0.0", "true"},
      {"0.0 / 0.0 < 1.0", "false"},
      {"0.0 / 0.0 >= 1.0", "false"},
      {"[0.0 / 0.0] == [0.0 / 0.0]", "false"},
      {"0.0 / 0.0 in [0.0 / 0.0]", "false"},
      {"1e308 * 10.0 == double('Infinity')", "true"},
      {"0.1 + 0.2", "0.30000000000000004"},
  });
}

TEST_CASE("CEL compares numbers of different types by their value") {
  check_all({
      {"1 == 1.0", "true"},
      {"1 == 1u", "true"},
      {"1u == 1.0", "true"},
      {"1 != 1.5", "true"},
      {"-1 == 18446744073709551615u", "false"},
      {"9007199254740993 == 9007199254740992.0", "false"},
      {"9007199254740993 > 9007199254740992.0", "true"},
      {"9007199254740993u > 9007199254740992.0", "true"},
      {"9223372036854775807 == 9223372036854775808.0", "true"},
      {"9223372036854775807 < 9223372036854775808.0", "false"},
      {"9223372036854775806 < 9223372036854775808.0", "true"},
      {"9223372036854775807 < 9223372036854777856.0", "true"},
      {"18446744073709551615u == 18446744073709551616.0", "true"},
      {"-9223372036854775808 == -9223372036854775808.0", "true"},
      {"1 < 1.1", "true"},
      {"2 > 1.9", "true"},
      {"-1 < 0u", "true"},
      {"0u > -1", "true"},
      {"1u < 1.5", "true"},
      {"-0.5 < 0", "true"},
      {"-0.5 < 0u", "true"},
      {"0 > -0.5", "true"},
      {"1 < double('Infinity')", "true"},
      {"1 > double('-Infinity')", "true"},
      {"1 < double('NaN')", "false"},
      {"1 > double('NaN')", "false"},
      {"1 == double('NaN')", "false"},
      {"[1, 2u] == [1.0, 2]", "true"},
      {"{'a': 1} == {'a': 1.0}", "true"},
      {"{1: 'a'} == {1u: 'a'}", "true"},
      {"1.0 in [1, 2]", "true"},
      {"3u in [1, 2]", "false"},
      {"1u in {1: true}", "true"},
      {"1.0 in {1: true}", "true"},
      {"1.5 in {1: true}", "false"},
  });
}

TEST_CASE("CEL equality is deep, and false between types") {
  check_all({
      {"'a' == 'a'", "true"},
      {"'a' == 'A'", "false"},
      {"b'a' == b'a'", "true"},
      {"null == null", "true"},
      {"true != false", "true"},
      {"[] == []", "true"},
      {"[1] == [1, 2]", "false"},
      {"[[1]] == [[1]]", "true"},
      {"{} == {}", "true"},
      {"{'a': 1, 'b': 2} == {'b': 2, 'a': 1}", "true"},
      {"{'a': 1} == {'a': 2}", "false"},
      {"{'a': 1} == {'b': 1}", "false"},
      {"dyn(1) == dyn('1')", "false"},
      {"dyn([]) == dyn({})", "false"},
      {"dyn(null) == dyn(false)", "false"},
      {"dyn(1) != dyn('1')", "true"},
      {"int == int", "true"},
      {"int == uint", "false"},
      {"type(1) == int", "true"},
      {"dyn('a') in [1, 'a', null]", "true"},
      {"[1, dyn('a')] == [1, dyn(2)]", "false"},
  });
  check_all_unchecked({{"1 == '1'", "false"}, {"[1] == {}", "false"}, {"'a' in [1]", "false"}, {"null == 0", "false"}});
}

TEST_CASE("CEL order of what has one") {
  check_all({
      {"1 < 2", "true"},
      {"2 <= 2", "true"},
      {"3 > 4", "false"},
      {"4 >= 4", "true"},
      {"'a' < 'b'", "true"},
      {"'a' < 'aa'", "true"},
      {"'Z' < 'a'", "true"},
      {"'\\uffff' < '\\U0001f431'", "true"},
      {"b'\\xff' > b'a'", "true"},
      {"false < true", "true"},
      {"true <= false", "false"},
      {"duration('1s') < duration('1m')", "true"},
      {"timestamp('2009-01-01T00:00:00Z') < timestamp('2009-01-01T00:00:00.1Z')", "true"},
      {"dyn([]) < dyn([])", "error: no such overload: \"<\" of list and list"},
      {"dyn(null) < dyn(1)", "error: no such overload: \"<\" of null and int"},
      {"dyn('1') < dyn(1)", "error: no such overload: \"<\" of string and int"},
  });
}

TEST_CASE("CEL && and || do not care on which side an error is") {
  check_all({
      {"true && true", "true"},
      {"false && 1 / 0 > 0", "false"},
      {"1 / 0 > 0 && false", "false"},
      {"true && 1 / 0 > 0", "error: division by zero"},
      {"1 / 0 > 0 && true", "error: division by zero"},
      {"1 / 0 > 0 && 1 % 0 > 0", "error: division by zero"},
      {"true || 1 / 0 > 0", "true"},
      {"1 / 0 > 0 || true", "true"},
      {"false || 1 / 0 > 0", "error: division by zero"},
      {"1 / 0 > 0 || false", "error: division by zero"},
      {"1 / 0 > 0 || 1 / 0 > 0 || true", "true"},
      {"1 / 0 > 0 && true && false", "false"},
      {"dyn('x') && false", "false"},
      {"dyn('x') && true", "error: no such overload: \"&&\" of string"},
      {"dyn(1) || true", "true"},
      {"false || dyn(1)", "error: no such overload: \"||\" of int"},
      {"!(1 / 0 > 0)", "error: division by zero"},
      {"true ? 1 : 1 / 0", "1"},
      {"false ? 1 / 0 : 2", "2"},
      {"1 / 0 > 0 ? 1 : 2", "error: division by zero"},
      {"dyn(1) ? 1 : 2", "error: no such overload: \"?:\" of int"},
  });
  check_all_unchecked({{"true ? 'cows' : 17", "\"cows\""},
                       {"'horses' && false", "false"},
                       {"'horses' || 1", "error: no such overload: \"||\" of string"},
                       {"x || true", "true"},
                       {"x && false", "false"},
                       {"x", "error: no such variable 'x'"},
                       {"f_unknown(17)", "error: no such function 'f_unknown'"},
                       {"f_unknown(17) || true", "true"}});
}
