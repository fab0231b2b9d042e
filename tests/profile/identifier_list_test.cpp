// Identifiers are found and kept sorted, few or many.
#include "profile/identifier_list.hpp"

#include <algorithm>
#include <random>
#include <set>

#include "tests/catch.hpp"

using namespace kith;
using namespace kith::profile;

TEST_CASE("thousands of identifiers stay sorted, each once, in whatever order they come") {
  std::mt19937 random(3);
  for (const std::size_t most : {10U, 200U, 5000U}) {
    state of;
    of.make();
    std::set<std::string> expected;
    for (std::size_t i = 0; i < 2 * most; ++i) {
      const auto value = std::to_string(random() % most) + std::string(random() % 3, 'x');
      const auto kind = random() % 3 == 0 ? id_kind::user : id_kind::external;
      const auto type = kind == id_kind::user ? "" : random() % 2 == 0 ? "crm" : "email";
      const auto entry = identifier_list::encoded({kind, type, value});
      REQUIRE(identifier_list::contains(of, entry) == expected.contains(entry));
      identifier_list::add(of, entry);
      expected.insert(entry);
      REQUIRE(identifier_list::contains(of, entry));
    }
    std::string all;
    for (const auto& each : expected) all += each;
    CHECK(of.view(part::identifiers) == all);
    CHECK(identifier_list::valid(all));
    CHECK((of.of().large != nullptr) == (expected.size() > 200));
    // As it comes from the disk, without marks.
    state again;
    again.make();
    state_part(again, part::identifiers).assign(all);
    for (const auto& each : expected) {
      identifier_list::add(again, each);
      REQUIRE(identifier_list::contains(again, each));
    }
    CHECK(again.view(part::identifiers) == all);
  }
}
