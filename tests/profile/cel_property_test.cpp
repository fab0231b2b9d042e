// Properties over random expressions and numbers, and hostile inputs.
#include <cmath>
#include <limits>
#include <rapidcheck.h>

#include "profile/cel/compare.hpp"
#include "profile/cel/limits.hpp"
#include "tests/catch.hpp"
#include "tests/profile/support/cel.hpp"

using namespace kith::tests;
using cel::value;

namespace {

/// A random expression of the grammar as text; `random` is used up.
class generator {
 public:
  explicit generator(const std::vector<unsigned>& random) : random_(random) {}

  std::string expression(int depth) {
    if (depth == 0) return leaf();
    const auto e = [this, depth] { return "(" + expression(depth - 1) + ")"; };
    switch (pick(14)) {
      case 0: return e() + " ? " + e() + " : " + e();
      case 1: return e() + " || " + e() + " || " + e();
      case 2: return e() + " && " + e();
      case 3: return e() + of({" == ", " != ", " < ", " <= ", " > ", " >= ", " in "}) + e();
      case 4: return e() + of({" + ", " - "}) + e();
      case 5: return e() + of({" * ", " / ", " % "}) + e();
      case 6: return of({"!", "-", "--", "!!"}) + e();
      case 7: return e() + ".f" + of({"", "[1]", ".g"});
      case 8: return e() + "[" + e() + "]";
      case 9: return "[" + e() + ", " + e() + "]";
      case 10: return "{" + e() + ": " + e() + "}";
      case 11: return e() + of({".all(v, ", ".exists(v, ", ".map(v, ", ".filter(v, "}) + e() + ")";
      case 12: return "has(" + e() + ".h)";
      default: return of({"size(", "int(", "string("}) + e() + ")";
    }
  }

 private:
  std::string leaf() {
    return of({"1", "-1", "2u", "0", "1.5", "-2.0e30", "'a'", "\"\\n\\\"\"", "b'\\xff'", "true", "null", "x", "[]",
               "{}", "v", "-9223372036854775808", "'ä'", ".x", "x.`a-b`"});
  }
  std::string of(std::initializer_list<const char*> choices) { return choices.begin()[pick(choices.size())]; }
  std::size_t pick(std::size_t choices) { return next_ < random_.size() ? random_[next_++] % choices : 0; }

  const std::vector<unsigned>& random_;
  std::size_t next_ = 0;
};

/// As exact as it gets: x87's long double holds every int64, uint64 and double.
long double exactly(const value& number) {
  if (number.is(cel::kind::integer)) return static_cast<long double>(number.as_integer());
  if (number.is(cel::kind::natural)) return static_cast<long double>(number.as_natural());
  return static_cast<long double>(number.as_real());
}

value number_of(int which, std::int64_t around, int nudge) {
  const double near[] = {
      0, 1, -1, 9007199254740992.0, 9223372036854775808.0, -9223372036854775808.0, 18446744073709551616.0, 1e300};
  const auto base = static_cast<std::int64_t>(1) << (static_cast<std::uint64_t>(around) % 63U);
  switch (which % 4) {
    case 0: return value::integer(base + nudge);
    case 1: return value::natural(static_cast<std::uint64_t>(base) * 2 + static_cast<std::uint64_t>(nudge));
    case 2: return value::real(static_cast<double>(base) + nudge / 4.0);
    default: return value::real(std::nextafter(near[static_cast<std::uint64_t>(around) % 8U], nudge));
  }
}

/// The largest int equals 2^63 and the largest uint 2^64 by decision; see compare.hpp.
bool is_edge(const value& number) {
  return (number.is(cel::kind::integer) && number.as_integer() == std::numeric_limits<std::int64_t>::max()) ||
         (number.is(cel::kind::natural) && number.as_natural() == std::numeric_limits<std::uint64_t>::max());
}

}  // namespace

TEST_CASE("an unparsed CEL tree parses to the same tree") {
  CHECK(rc::check([](const std::vector<unsigned>& random) {
    const auto text = generator(random).expression(3);
    const auto tree = cel::parse(text);
    RC_ASSERT(tree.has_value());
    const auto again = cel::unparse(*tree);
    const auto reparsed = cel::parse(again);
    if (!reparsed) RC_FAIL(text + " became " + again + ": " + reparsed.error().text());
    if (!cel::same(*tree, tree->root, *reparsed, reparsed->root)) RC_FAIL(text + " became " + again);
  }));
}

TEST_CASE("the types of CEL do not change what an expression gives, and it always gives something") {
  CHECK(rc::check([](const std::vector<unsigned>& random) {
    const auto text = generator(random).expression(3);
    cel::environment names;
    names.with("x", "dyn").with("v", "dyn");
    fixed_activation from;
    from.variables = {{0, value::integer(3)}, {1, value::string("v")}};
    const auto checked = evaluated(text, names, from);
    names.check_types = false;
    const auto free = evaluated(text, names, from);
    if (!checked.starts_with("refused: ")) RC_ASSERT(checked == free);
  }));
}

TEST_CASE("CEL numbers are ordered as their exact values are") {
  CHECK(rc::check([](int left_kind, int right_kind, std::int64_t left_near, std::int64_t right_near) {
    const auto left = number_of(left_kind & 0xff, left_near, *rc::gen::inRange(-3, 4));
    const auto right = number_of(right_kind & 0xff, *rc::gen::element(left_near, right_near), *rc::gen::inRange(-3, 4));
    RC_PRE(!is_edge(left) && !is_edge(right));
    RC_ASSERT(cel::compare_numbers(left, right) == (exactly(left) <=> exactly(right)));
    RC_ASSERT(cel::compare_numbers(right, left) == (exactly(right) <=> exactly(left)));
  }));
}

TEST_CASE("hostile CEL expressions are refused or run within their bounds") {
  const auto repeated = [](const std::string& open, const std::string& middle, const std::string& close,
                           std::size_t times) {
    std::string text;
    for (std::size_t i = 0; i < times; ++i) text += open;
    text += middle;
    for (std::size_t i = 0; i < times; ++i) text += close;
    return text;
  };
  CHECK(evaluated(repeated("(", "1", ")", 100)) == "1");
  CHECK(evaluated("size(" + repeated("[", "1", "]", 100) + ")") == "1");
  CHECK(evaluated(repeated("int(", "1", ")", 100)) == "1");
  CHECK_THAT(evaluated(repeated("(", "1", ")", 5000)), Contains("nests over 128 levels"));
  CHECK_THAT(evaluated(repeated("[", "", "]", 5000)), Contains("nests over 128 levels"));
  CHECK_THAT(evaluated(repeated("{1:", "1", "}", 3000)), Contains("nests over 128 levels"));
  CHECK_THAT(evaluated(repeated("a[", "1", "]", 3000)), Contains("nests over 128 levels"));
  CHECK(evaluated(repeated("!", "true", "", 500)) == "true");
  CHECK_THAT(evaluated(repeated("!", "true", "", 16000)), Contains("operators build on one another"));
  CHECK_THAT(evaluated(repeated("-", "x", "", 16000)), Contains("operators build on one another"));
  CHECK(evaluated(repeated("1+", "1", "", 500)) == "501");
  CHECK_THAT(evaluated(repeated("1+", "1", "", 5000)), Contains("operators build on one another"));
  CHECK(evaluated(repeated("true&&", "true", "", 1500)) == "true");
  CHECK_THAT(evaluated("x" + repeated(".a", "", "", 4000)), Contains("operators build on one another"));
  CHECK(evaluated(repeated("false?1:", "2", "", 150)) == "2");
  CHECK_THAT(evaluated(repeated("[", "[],", "", 3) + repeated("1,", "1", "", 5000) + "]]]"),
             Contains("over 4096 parts"));
  CHECK_THAT(evaluated("'" + std::string(20'000, 'a') + "'"), Contains("16384 are allowed"));
  CHECK_THAT(evaluated("1" + std::string(10'000, '0')), Contains("does not fit"));
  CHECK_THAT(evaluated("'a'.matches('" + std::string(2000, 'a') + "')"), Contains("the pattern has over 1024 bytes"));
  CHECK_THAT(evaluated("'a'.matches('((((a{100}){100}){100}){100}){100}')"), Contains("no regular expression"));
  CHECK_THAT(evaluated(std::string("1 \0 2", 5)), Contains("no place"));
}
