// Every expression in the documentation compiles.
#include <fstream>

#include "tests/catch.hpp"
#include "tests/profile/support/segments.hpp"

using namespace kith::tests;

TEST_CASE("the expressions of docs/segments.md compile") {
  std::ifstream file(KITH_SOURCE "/docs/segments.md");
  REQUIRE(file);
  std::size_t examples = 0;
  bool within = false;
  std::string name;
  std::string expression;
  for (std::string line; std::getline(file, line);) {
    if (within && line == "```") {
      within = false;
      ++examples;
      INFO(expression);
      CHECK(problems_of({{name, expression}, {"loyal", "true"}, {"computed.spent", "1.0"}}) ==
            std::vector<std::string>{});
    } else if (within) {
      expression += line + "\n";
    } else if (line.starts_with("```cel")) {
      within = true;
      name = line == "```cel computed" ? "computed.example" : "example";
      expression.clear();
    }
  }
  CHECK_FALSE(within);
  CHECK(examples >= 10);
}
