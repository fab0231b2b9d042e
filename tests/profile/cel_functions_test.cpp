// Strings, conversions, times.
#include <optional>

#include "tests/catch.hpp"
#include "tests/profile/support/cel.hpp"

using namespace kith::tests;

TEST_CASE("CEL string functions count code points and match parts") {
  check_all({
      {"size('')", "0"},
      {"size('abc')", "3"},
      {"'\\u00ff\\U0001f431'.size()", "2"},
      {"size(b'\\xff\\xfe')", "2"},
      {"b'abc'.size()", "3"},
      {"'a' + 'b'", "\"ab\""},
      {"'' + ''", "\"\""},
      {"b'a' + b'\\xff'", "b\"a\\xff\""},
      {"'foobar'.startsWith('foo')", "true"},
      {"'foobar'.startsWith('bar')", "false"},
      {"''.startsWith('')", "true"},
      {"'foobar'.endsWith('bar')", "true"},
      {"'foobar'.endsWith('foo')", "false"},
      {"'foobar'.contains('ob')", "true"},
      {"'foobar'.contains('')", "true"},
      {"''.contains('')", "true"},
      {"''.contains('a')", "false"},
      {"'foobar'.matches('o+b')", "true"},
      {"'foobar'.matches('^o')", "false"},
      {"'foobar'.matches('')", "true"},
      {"matches('hubba', '^(hubba|bubba)$')", "true"},
      {"'mañana'.matches('ma.ana')", "true"},
      {"'🐱'.matches('^.$')", "true"},
      {"'ab'.matches('a' + 'b')", "true"},
      {"'ab'.matches('(' + 'b')", "error: invalid argument: the pattern is no regular expression"},
      {"'a'.matches('(')", "refused: 1:5: the pattern is no regular expression: missing ): ("},
      {"dyn(1).contains('a')", "error: no such overload: \"contains\" of int and string"},
      {"dyn(1).matches('a')", "error: no such overload: \"matches\" of int and string"},
      {"size(dyn(1))", "error: no such overload: \"size\" of int"},
      {"'a'.size() + size('bc')", "3"},
  });
}

TEST_CASE("CEL conversions to numbers") {
  check_all({
      {"int(1)", "1"},
      {"int(1u)", "1"},
      {"int(18446744073709551615u)", "error: out of the range of int"},
      {"int(1.9)", "1"},
      {"int(-7.9)", "-7"},
      {"int(11.5)", "11"},
      {"int(1e99)", "error: out of the range of int"},
      {"int(double('NaN'))", "error: out of the range of int"},
      {"int(9223372036854775807.0)", "error: out of the range of int"},
      {"int(-9223372036854775808.0)", "error: out of the range of int"},
      {"int('-987')", "-987"},
      {"int('9223372036854775808')", "error: out of the range of int"},
      {"int('1.5')", "error: invalid argument: the text is no number"},
      {"int('')", "error: invalid argument: the text is no number"},
      {"int(' 1')", "error: invalid argument: the text is no number"},
      {"int('+-1')", "error: invalid argument: the text is no number"},
      {"int(timestamp('2004-09-16T23:59:59Z'))", "1095379199"},
      {"uint(1)", "1u"},
      {"uint(-1)", "error: out of the range of uint"},
      {"uint(3.14)", "3u"},
      {"uint(-0.5)", "error: out of the range of uint"},
      {"uint(18446744073709551615.0)", "error: out of the range of uint"},
      {"uint('300')", "300u"},
      {"uint('-1')", "error: invalid argument: the text is no number"},
      {"double(1)", "1.0"},
      {"double(123u)", "123.0"},
      {"double('-0.5')", "-0.5"},
      {"double('1e3')", "1000.0"},
      {"double('NaN')", "double(\"NaN\")"},
      {"double('Infinity')", "double(\"Infinity\")"},
      {"double('-inf')", "double(\"-Infinity\")"},
      {"double('1e999')", "error: out of the range of double"},
      {"double('x')", "error: invalid argument: the text is no number"},
      {"double(9223372036854775807)", "9223372036854775808.0"},
      {"int(dyn(null))", "error: no such overload: \"int\" of null"},
      {"int(dyn(true))", "error: no such overload: \"int\" of bool"},
  });
}

TEST_CASE("CEL conversions to texts, bytes, bools") {
  check_all({
      {"string(123)", "\"123\""},
      {"string(-5)", "\"-5\""},
      {"string(876u)", "\"876\""},
      {"string(123.456)", "\"123.456\""},
      {"string(-987.654)", "\"-987.654\""},
      {"string(6.02214e23)", "\"6.02214e+23\""},
      {"string(1.38e-23)", "\"1.38e-23\""},
      {"string(1.0)", "\"1\""},
      {"string(1000000.0)", "\"1000000\""},
      {"string(5.75e-05)", "\"5.75e-05\""},
      {"string(double('NaN'))", "\"NaN\""},
      {"string(true)", "\"true\""},
      {"string('a')", "\"a\""},
      {"string(b'abc')", "\"abc\""},
      {"string(b'\\303\\277')", "\"\xc3\xbf\""},
      {"string(b'\\000\\xff')", "error: invalid argument: the bytes are no UTF-8"},
      {"string(timestamp('2009-02-13T23:31:30Z'))", "\"2009-02-13T23:31:30Z\""},
      {"string(duration('1000000s'))", "\"1000000s\""},
      {"string(duration('1.5s'))", "\"1.5s\""},
      {"bytes('\xc3\xbf')", "b\"\\xc3\\xbf\""},
      {"bytes(b'a')", "b\"a\""},
      {"bool('true')", "true"},
      {"bool('True')", "true"},
      {"bool('TRUE')", "true"},
      {"bool('t')", "true"},
      {"bool('1')", "true"},
      {"bool('false')", "false"},
      {"bool('F')", "error: ..."},
      {"bool('f')", "false"},
      {"bool('0')", "false"},
      {"bool('TrUe')", "error: ..."},
      {"bool(true)", "true"},
      {"dyn(1)", "1"},
      {"string(dyn([]))", "error: no such overload: \"string\" of list"},
  });
}

TEST_CASE("CEL timestamps and durations: texts, ranges, arithmetic") {
  check_all({
      {"timestamp('2009-02-13T23:31:30Z')", "timestamp(\"2009-02-13T23:31:30Z\")"},
      {"timestamp('2009-02-13T23:31:30.123456789+01:00')", "timestamp(\"2009-02-13T22:31:30.123456789Z\")"},
      {"timestamp('1972-01-01T10:00:20.021-05:00')", "timestamp(\"1972-01-01T15:00:20.021Z\")"},
      {"timestamp(0)", "timestamp(\"1970-01-01T00:00:00Z\")"},
      {"timestamp(-62135596800)", "timestamp(\"0001-01-01T00:00:00Z\")"},
      {"timestamp(-62135596801)", "error: out of the range of timestamp"},
      {"timestamp(253402300800)", "error: out of the range of timestamp"},
      {"timestamp('0000-01-01T00:00:00Z')", "error: out of the range of timestamp"},
      {"timestamp('10000-01-01T00:00:00Z')", "error: out of the range of timestamp"},
      {"timestamp('9999-12-31T23:59:59.999999999Z')", "timestamp(\"9999-12-31T23:59:59.999999999Z\")"},
      {"timestamp('9999-12-31T23:59:59-01:00')", "error: out of the range of timestamp"},
      {"timestamp('2009-02-29T00:00:00Z')", "error: invalid argument..."},
      {"timestamp('2000-02-29T00:00:00Z')", "timestamp(..."},
      {"timestamp('2009-02-13')", "error: invalid argument..."},
      {"timestamp('2009-02-13T23:31:30')", "error: invalid argument..."},
      {"timestamp('2009-02-13 23:31:30Z')", "error: invalid argument..."},
      {"timestamp('')", "error: invalid argument..."},
      {"duration('100s')", "duration(\"100s\")"},
      {"duration('1h30m')", "duration(\"5400s\")"},
      {"duration('-1.5s')", "duration(\"-1.5s\")"},
      {"duration('+1ms')", "duration(\"0.001s\")"},
      {"duration('1us')", "duration(\"0.000001s\")"},
      {"duration('1ns')", "duration(\"0.000000001s\")"},
      {"duration('.5s')", "duration(\"0.5s\")"},
      {"duration('0')", "duration(\"0s\")"},
      {"duration('100')", "error: invalid argument..."},
      {"duration('')", "error: invalid argument..."},
      {"duration('-')", "error: invalid argument..."},
      {"duration('s')", "error: invalid argument..."},
      {"duration('1d')", "error: invalid argument..."},
      {"duration('9223372036.854775807s')", "duration(\"9223372036.854775807s\")"},
      {"duration('9223372036.854775808s')", "error: out of the range of duration"},
      {"duration('-9223372036.854775808s')", "duration(\"-9223372036.854775808s\")"},
      {"duration('320000000000s')", "error: out of the range of duration"},
      {"duration('99999999999999999999999h')", "error: out of the range of duration"},
      {"timestamp('2009-02-13T23:00:00Z') + duration('240s')", "timestamp(\"2009-02-13T23:04:00Z\")"},
      {"duration('120s') + timestamp('2009-02-13T23:01:00Z')", "timestamp(\"2009-02-13T23:03:00Z\")"},
      {"timestamp('2009-02-13T23:00:00Z') - duration('0.5s')", "timestamp(\"2009-02-13T22:59:59.5Z\")"},
      {"timestamp('2009-02-13T23:31:00Z') - timestamp('2009-02-13T23:29:00Z')", "duration(\"120s\")"},
      {"timestamp('1969-12-31T23:59:59.5Z') - timestamp('1970-01-01T00:00:00Z')", "duration(\"-0.5s\")"},
      {"duration('600s') + duration('50s')", "duration(\"650s\")"},
      {"duration('600s') - duration('50s')", "duration(\"550s\")"},
      {"duration('9223372036s') + duration('9223372036s')", "error: out of the range of duration"},
      {"timestamp('0001-01-01T00:00:00Z') + duration('-1s')", "error: out of the range of timestamp"},
      {"timestamp('9999-12-31T23:59:59.999999999Z') + duration('1ns')", "error: out of the range of timestamp"},
      {"timestamp('9999-12-31T23:59:59Z') - timestamp('0001-01-01T00:00:00Z')", "error: out of the range of duration"},
      {"timestamp('0001-01-01T00:00:00Z') - timestamp('9999-12-31T23:59:59Z')", "error: out of the range of duration"},
      {"timestamp('1970-01-01T00:00:00Z') - duration('-9223372036.854775808s')",
       "timestamp(\"2262-04-11T23:47:16.854775808Z\")"},
      {"timestamp(timestamp('1970-01-01T00:00:01Z'))", "timestamp(\"1970-01-01T00:00:01Z\")"},
  });
}

TEST_CASE("CEL parts of timestamps and durations, with time zones") {
  check_all({
      {"timestamp('2009-02-13T23:31:30.123Z').getFullYear()", "2009"},
      {"timestamp('2009-02-13T23:31:30.123Z').getMonth()", "1"},
      {"timestamp('2009-02-13T23:31:30.123Z').getDate()", "13"},
      {"timestamp('2009-02-13T23:31:30.123Z').getDayOfMonth()", "12"},
      {"timestamp('2009-02-13T23:31:30.123Z').getDayOfYear()", "43"},
      {"timestamp('2009-02-13T23:31:30.123Z').getDayOfWeek()", "5"},
      {"timestamp('2009-02-13T23:31:30.123Z').getHours()", "23"},
      {"timestamp('2009-02-13T23:31:30.123Z').getMinutes()", "31"},
      {"timestamp('2009-02-13T23:31:30.123Z').getSeconds()", "30"},
      {"timestamp('2009-02-13T23:31:30.123Z').getMilliseconds()", "123"},
      {"timestamp('2009-02-13T23:31:30Z').getDate('+11:00')", "14"},
      {"timestamp('2009-02-13T23:31:30Z').getHours('02:00')", "1"},
      {"timestamp('2009-02-13T02:00:00Z').getDate('-02:30')", "12"},
      {"timestamp('2009-01-01T00:00:00Z').getFullYear('-09:30')", "2008"},
      {"timestamp('2009-02-13T23:31:30Z').getDayOfWeek('UTC')", "5"},
      {"timestamp('1969-12-28T00:00:00Z').getDayOfWeek()", "0"},
      {"timestamp('0001-01-01T00:00:00Z').getDayOfWeek()", "1"},
      {"timestamp('0001-01-01T00:00:00Z').getFullYear('-01:00')", "0"},
      {"timestamp('2000-12-31T00:00:00Z').getDayOfYear()", "365"},
      {"timestamp('2009-02-13T23:31:30Z').getDate('Europe/Nowhere')", "error: invalid argument: no such time zone..."},
      {"timestamp('2009-02-13T23:31:30Z').getDate('+2:00')", "error: invalid argument: no such time zone..."},
      {"timestamp('2009-02-13T23:31:30Z').getDate('+24:00')", "error: invalid argument: no such time zone..."},
      {"duration('10000s').getHours()", "2"},
      {"duration('3730s').getMinutes()", "62"},
      {"duration('3730s').getSeconds()", "3730"},
      {"duration('123.321456789s').getMilliseconds()", "321"},
      {"dyn(duration('1s')).getFullYear()", "error: no such overload: \"getFullYear\" of duration"},
  });
}

namespace {

class one_zone final : public cel::zone_source {
  std::optional<int> offset_at(std::string_view zone, std::int64_t) const noexcept override {
    return zone == "Europe/Somewhere" ? std::optional(3600) : std::nullopt;
  }
};

}  // namespace

TEST_CASE("CEL named time zones come from outside") {
  fixed_activation nothing;
  const one_zone zones;
  const cel::evaluation with{1000, &zones};
  CHECK(evaluated("timestamp('2009-02-13T23:31:30Z').getDate('Europe/Somewhere')", {}, nothing, with) == "14");
  CHECK_THAT(evaluated("timestamp('2009-02-13T23:31:30Z').getDate('Mars')", {}, nothing, with),
             Contains("no such time zone"));
}
