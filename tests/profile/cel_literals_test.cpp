// Lexis and grammar of the language definition: literals, escapes, precedence, reserved words.
#include "tests/catch.hpp"
#include "tests/profile/support/cel.hpp"

using namespace kith::tests;

TEST_CASE("CEL numbers are read as their types and refused when they do not fit") {
  check_all({
      {"0", "0"},
      {"42", "42"},
      {"-1", "-1"},
      {"- 1", "-1"},
      {"9223372036854775807", "9223372036854775807"},
      {"-9223372036854775808", "-9223372036854775808"},
      {"9223372036854775808", "refused: 1:1: the number does not fit an int..."},
      {"-9223372036854775809", "refused: 1:1: the number does not fit an int..."},
      {"0xff", "255"},
      {"0x0", "0"},
      {"-0x55555555", "-1431655765"},
      {"0x7fffffffffffffff", "9223372036854775807"},
      {"-0x8000000000000000", "-9223372036854775808"},
      {"0x8000000000000000", "refused: ..."},
      {"0xFFFFFFFFFFFFFFFFu", "18446744073709551615u"},
      {"0u", "0u"},
      {"42U", "42u"},
      {"18446744073709551615u", "18446744073709551615u"},
      {"18446744073709551616u", "refused: 1:1: the number does not fit a uint..."},
      {"-1u", "refused: ..."},
      {"1.5", "1.5"},
      {".5", "0.5"},
      {"-2.3e+1", "-23.0"},
      {"1e3", "1000.0"},
      {"1E-3", "0.001"},
      {"6.02214e23", "6.02214e+23"},
      {"1e999", "refused: 1:1: the number does not fit a double"},
      {"1.", "refused: ..."},
      {"12abc", "refused: 1:1: a number that runs into a letter"},
      {"0x", "refused: ..."},
      {"--5", "5"},
      {"---5", "-5"},
      {"-(-5)", "5"},
      {"5--1", "6"},
      {"5 -1", "4"},
      {"true", "true"},
      {"false", "false"},
      {"null", "null"},
  });
}

TEST_CASE("CEL strings in every kind of quotes") {
  check_all({
      {R"("")", R"("")"},
      {R"('')", R"("")"},
      {R"('"')", R"("\"")"},
      {R"("'")", R"("'")"},
      {R"('''x''x''')", R"("x''x")"},
      {"\"\"\"a\nb\"\"\"", R"("a\nb")"},
      {"'''a\r\nb'''", R"("a\r\nb")"},
      {R"("""""")", R"("")"},
      {R"(r"\n")", R"("\\n")"},
      {R"(R'\x')", R"("\\x")"},
      {R"(r'''a'b\''')", R"("a'b\\")"},
      {R"("\a\b\f\n\r\t\v\"\'\\\?\`")", "\"\\x07\\x08\\x0c\\n\\r\\t\\x0b\\\"'\\\\?`\""},
      {R"("\x41\X42\103")", R"("ABC")"},
      {R"("\u270c")", "\"\xe2\x9c\x8c\""},
      {R"("\U0001f431")", "\"\xf0\x9f\x90\xb1\""},
      {R"("\377")", "\"\xc3\xbf\""},
      {R"("\303\277")", "\"\xc3\x83\xc2\xbf\""},
      {R"("\xFF")", "\"\xc3\xbf\""},
      {"'\xe2\x99\xa0'", "\"\xe2\x99\xa0\""},
      {R"("\ud800")", "refused: 1:2: no such code point"},
      {R"("\U00110000")", "refused: 1:2: no such code point"},
      {R"("\q")", "refused: 1:2: no such escape..."},
      {R"("\400")", "refused: 1:2: no such escape..."},
      {R"("\09")", "refused: 1:2: the escape needs 3 octal digits"},
      {R"("\x1")", "refused: 1:2: the escape needs 2 hexadecimal digits"},
      {R"("\u12")", "refused: 1:2: the escape needs 4 hexadecimal digits"},
      {"\"a", "refused: 1:1: the text is not closed; end it with \""},
      {"'a\nb'", "refused: 1:1: the text is not closed on its line..."},
      {"'a\\\nb'", "refused: ..."},
      {"'''a''", "refused: 1:1: the text is not closed; end it with '''"},
      {"\"\\\"", "refused: ..."},
  });
}

TEST_CASE("CEL bytes literals: escapes are octets, everything else is UTF-8") {
  check_all({
      {R"(b"")", R"(b"")"},
      {R"(b"abc")", R"(b"abc")"},
      {R"(B'''a''')", R"(b"a")"},
      {"b'\xc3\xbf'", R"(b"\xc3\xbf")"},
      {R"(b"\303\277")", R"(b"\xc3\xbf")"},
      {R"(b"\377")", R"(b"\xff")"},
      {R"(b"\xFF\x00")", R"(b"\xff\x00")"},
      {R"(b'\000\xff')", R"(b"\x00\xff")"},
      {R"(br"\n")", R"(b"\\n")"},
      {R"(bR'\377')", R"(b"\\377")"},
      {R"(b"\u00ff")", "refused: 1:3: \\u is for strings..."},
      {R"(b'\U000000ff')", "refused: ..."},
  });
}

TEST_CASE("CEL operators bind as the grammar says") {
  check_all({
      {"1 + 2 * 3", "7"},
      {"(1 + 2) * 3", "9"},
      {"10 - 3 - 2", "5"},
      {"100 / 10 / 5", "2"},
      {"7 % 4 * 2", "6"},
      {"-2 * 3", "-6"},
      {"!true || true", "true"},
      {"true || false && false", "true"},
      {"1 < 2 == true", "true"},
      {"1 + 1 == 2 && 2 in [2]", "true"},
      {"true ? 1 : false ? 2 : 3", "1"},
      {"false ? 1 : false ? 2 : 3", "3"},
      {"(true ? false : true) ? 1 : 2", "2"},
      {"true || false ? 1 : 2", "1"},
      {"[1, 2, 3][1]", "2"},
      {"{'a': [1, 2]}.a[0]", "1"},
      {"{'a': {'b': 5}}.a.b", "5"},
      {"-[5][0]", "-5"},
      {"![true][0]", "false"},
      {"!!true", "true"},
      {"!!!true", "false"},
      {"'abc'.size()", "3"},
      {"[1,]", "[1]"},
      {"{'a': 1,}", "{\"a\": 1}"},
      {"[\t1 ,\n2\r\f]", "[1, 2]"},
      {"1 // one\n + 2", "3"},
      {"1 // to the end", "1"},
      {"// first\n1", "1"},
  });
}

TEST_CASE("CEL refuses what the grammar does not have, and says what it has") {
  check_all({
      {"", "refused: 1:1: an expression is missing"},
      {"  ", "refused: 1:3: an expression is missing"},
      {"1 +", "refused: 1:4: the end has no place here; a value is expected"},
      {"1 1", "refused: 1:3: \"1\" has no place here; an operator or the end is expected"},
      {"(1", "refused: 1:3: the end has no place here; \")\" is expected"},
      {"[1, 2", "refused: 1:6: the end has no place here; \",\" or \"]\" is expected"},
      {"[,]", "refused: ..."},
      {"{1}", "refused: 1:3: \"}\" has no place here; \":\" is expected"},
      {"1 = 2", "refused: 1:3: a \"=\" has no place here; equality is =="},
      {"true & false", "refused: 1:6: a \"&\" has no place here; and is &&"},
      {"size('a',)", "refused: ..."},
      {"a.", "refused: ..."},
      {"1 ? 2", "refused: 1:6: the end has no place here; \":\" is expected"},
      {"true ? true ? 1 : 2 : 3", "refused: ..."},
      {"-!true", "refused: ..."},
      {"!-1", "refused: ..."},
      {"T{a: 1}", "refused: 1:1: messages (T{...}) are not supported..."},
      {"a.b.T{}", "refused: 1:1: messages..."},
      {"1{}", "refused: ..."},
      {"#", "refused: 1:1: a \"#\" has no place here"},
      {"\xff", "refused: 1:1: the expression is not UTF-8"},
      {"\xc3\xa4", "refused: 1:1: a character that has no place outside of quotes"},
      {"1;", "refused: 1:2: a \";\" has no place here; an expression has no semicolons"},
  });
  for (const std::string word : {"as", "break", "const", "continue", "else", "for", "function", "if", "import", "let",
                                 "loop", "package", "namespace", "return", "var", "void", "while"}) {
    CHECK_THAT(unchecked(word), Contains("\"" + word + "\" is reserved"));
    CHECK(unchecked("{'" + word + "': 1}." + word) == "1");
  }
  CHECK_THAT(unchecked("in"), Contains("refused: "));
  CHECK_THAT(unchecked("{'in': 1}.in"), Contains("refused: "));
}

TEST_CASE("CEL fields with odd names stand between backticks") {
  check_all({
      {"{'a-b': 1}.`a-b`", "1"},
      {"{'/api/v1': true}.`/api/v1`", "true"},
      {"{'a.b c': 2}.`a.b c`", "2"},
      {"has({'a-b': 1}.`a-b`)", "true"},
      {"has({'a-b': 1}.`b-c`)", "false"},
      {"`a`", "refused: ..."},
      {"{'a': 1}.``", "refused: ..."},
      {"{'a': 1}.`a", "refused: ..."},
      {"{'a': 1}.`a\"`", "refused: ..."},
  });
}
