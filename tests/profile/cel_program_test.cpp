// Slots, functions from outside, budgets, and looking into expressions.
#include "profile/cel/explain.hpp"
#include "tests/catch.hpp"
#include "tests/profile/support/cel.hpp"

using namespace kith::tests;
using cel::value;

namespace {

value twice(std::span<const value> arguments, cel::context& with) {
  return arguments[0].is(cel::kind::integer) ? value::integer(2 * arguments[0].as_integer())
                                             : with.keep(std::string(arguments[0].as_text()) + "!");
}

std::vector<std::string> paths_of(std::string_view text) {
  const auto tree = cel::parse(text);
  REQUIRE(tree);
  std::vector<std::string> found;
  for (const auto& each : cel::variable_paths(*tree)) found.push_back(cel::path_text(each));
  return found;
}

using texts = std::vector<std::string>;

}  // namespace

TEST_CASE("a CEL call chain is left as it is written, and can be replaced by a slot") {
  auto tree = cel::parse(R"(events("Paid").where(e, e.items.exists(i, i > 5)).within("7d").count() >= 2 && ok)");
  REQUIRE(tree);
  cel::node_id chain = 0;
  for (const auto id : cel::walk(*tree)) {
    if (tree->at(id).is(cel::node_kind::call) && tree->at(id).name == "count") chain = id;
  }
  CHECK(tree->text(chain) == R"(events("Paid").where(e, e.items.exists(i, i > 5)).within("7d").count())");
  const auto within = tree->at(chain).children.front();
  const auto where = tree->at(within).children.front();
  CHECK(tree->at(where).name == "where");
  CHECK(tree->at(where).receiver);
  REQUIRE(tree->at(where).children.size() == 3);
  const auto predicate = tree->at(where).children[2];
  CHECK(tree->at(predicate).is(cel::node_kind::comprehension));

  // The predicate alone, with its variable.
  cel::environment of_event;
  of_event.with("e", "dyn");
  REQUIRE(cel::check(*tree, predicate, of_event));
  REQUIRE(cel::compile(*tree, predicate, of_event));

  cel::environment names;
  names.with("ok", "bool");
  tree->replace(chain, 3, cel::simple(cel::type_kind::integer));
  CHECK(cel::unparse(*tree) == "$3 >= 2 && ok");
  REQUIRE(cel::check(*tree, names));
  const auto program = cel::compile(*tree, names);
  REQUIRE(program);
  fixed_activation from;
  cel::arena memory;
  from.variables[0] = value::boolean(true);
  from.slots[3] = value::integer(2);
  CHECK(program->evaluate(from, memory).is_true());
  from.slots[3] = value::integer(1);
  CHECK(program->evaluate(from, memory).is_false());
}

TEST_CASE("a slot's type is checked") {
  auto tree = cel::parse("x() == 'a'");
  REQUIRE(tree);
  tree->replace(tree->at(tree->root).children.front(), 0, cel::simple(cel::type_kind::integer));
  const auto type = cel::check(*tree, {});
  REQUIRE_FALSE(type);
  CHECK_THAT(type.error().text(), Contains("not int and string"));
}

TEST_CASE("CEL functions from outside are called with values, never with errors") {
  cel::environment names;
  names.with_function("twice(int) -> int", twice).with_function("int.twice() -> int", twice);
  names.with_function("twice(string) -> string", twice).with_function("math.twice(int) -> int", twice);
  fixed_activation nothing;
  CHECK(evaluated("twice(2) + 3.twice()", names, nothing) == "10");
  CHECK(evaluated("twice(2) + (3).twice()", names, nothing) == "10");
  CHECK(evaluated("twice('a')", names, nothing) == "\"a!\"");
  CHECK(evaluated("twice(1 / 0)", names, nothing) == "error: division by zero");
  CHECK_THAT(evaluated("twice(1.0)", names, nothing), Contains("no such overload: twice(double)"));
  names.functions.clear();
  names.functions.push_back(
      {{"math.twice", false, {cel::simple(cel::type_kind::integer)}, cel::simple(cel::type_kind::integer)}, twice});
  CHECK(evaluated("math.twice(4)", names, nothing) == "8");
  names.container = "math";
  CHECK(evaluated("twice(4)", names, nothing) == "8");
}

TEST_CASE("a CEL evaluation that takes too many steps or too much memory is an error") {
  fixed_activation nothing;
  const auto with_steps = [&](const char* text, std::uint64_t steps) {
    return evaluated(text, {}, nothing, {steps, nullptr});
  };
  CHECK(with_steps("1 + 1 == 2", 5) == "true");
  CHECK(with_steps("1 + 1 == 2", 4) == "error: cost: the evaluation took too many steps");
}

TEST_CASE("a used-up CEL budget is not absorbed") {
  fixed_activation nothing;
  const std::string thousand =
      "[0,1,2,3,4,5,6,7,8,9].map(a, [0,1,2,3,4,5,6,7,8,9].map(b, [0,1,2,3,4,5,6,7,8,9].map(c, "
      "[0,1,2,3,4,5,6,7,8,9].map(d, a * b * c * d))))";
  const auto cost = "error: cost: the evaluation took too many steps";
  CHECK(evaluated("size(" + thousand + " + " + thousand + ") > 0 || true", {}, nothing, {20'000, nullptr}) == cost);
  CHECK(evaluated("true || size(" + thousand + ") > 0", {}, nothing) == "true");
  CHECK(evaluated(thousand + ".size() == 10", {}, nothing) == "true");
  const std::string doubled =
      "['0123456789abcdef'].map(x, x+x+x+x+x+x+x+x+x+x+x+x+x+x+x+x)"
      ".map(x, x+x+x+x+x+x+x+x+x+x+x+x+x+x+x+x).map(x, x+x+x+x+x+x+x+x+x+x+x+x+x+x+x+x)"
      ".map(x, x+x+x+x+x+x+x+x+x+x+x+x+x+x+x+x).map(x, x+x+x+x+x+x+x+x+x+x+x+x+x+x+x+x).size() == 1";
  const auto memory = "error: memory: the evaluation made values that are too large";
  CHECK(evaluated(doubled, {}, nothing) == memory);
  CHECK(evaluated(doubled + " || true", {}, nothing) == memory);
}

TEST_CASE("the boolean parts of a CEL expression") {
  auto tree = cel::parse("(a > 1 || !b) && [1].exists(x, x > 0 && b) && (b ? a > 2 : false)");
  REQUIRE(tree);
  cel::environment names;
  names.with("a", "int").with("b", "bool");
  REQUIRE(cel::check(*tree, names));
  texts found;
  for (const auto& each : cel::boolean_parts(*tree))
    found.push_back(std::to_string(each.depth) + " " + std::string(each.text));
  CHECK(found == texts{"0 (a > 1 || !b) && [1].exists(x, x > 0 && b) && (b ? a > 2 : false)", "1 a > 1 || !b",
                       "2 a > 1", "2 !b", "3 b", "1 [1].exists(x, x > 0 && b)", "1 b ? a > 2 : false", "2 b", "2 a > 2",
                       "2 false"});
  for (const auto& each : cel::boolean_parts(*tree)) CHECK(cel::compile(*tree, each.id, names));
}

TEST_CASE("the variables that a CEL expression reads, with their keys") {
  CHECK(paths_of("traits.country == 'DE' && traits[\"plan\"] in ['a'] && computed.x > 1") ==
        texts{"computed.x", "traits.country", "traits.plan"});
  CHECK(paths_of("traits.a.b['two words'].c") == texts{"traits.a.b[\"two words\"].c"});
  CHECK(paths_of("has(traits.x)") == texts{"traits.x"});
  CHECK(paths_of("traits[ids.first].b") == texts{"ids.first", "traits"});
  CHECK(paths_of("traits.items[0].sku") == texts{"traits.items"});
  CHECK(paths_of("traits.items.exists(e, e.sku == ids.x && traits.y)") == texts{"ids.x", "traits.items", "traits.y"});
  CHECK(paths_of("[1].map(traits, traits.x)") == texts{});
  CHECK(paths_of("[1].map(x, x) == x") == texts{"x"});
  CHECK(paths_of("size(traits.a) + traits.a.size()") == texts{"traits.a"});
  CHECK(paths_of("1 + 2") == texts{});
}
